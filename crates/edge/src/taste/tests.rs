use std::path::PathBuf;

use rempart_config::{Compiler, Source};

use super::*;
use crate::samples::Sample;

fn snapshot(zones: &str) -> Arc<Snapshot> {
    let text = format!("listen: {{http: [\":0\"]}}\nzones:\n{zones}");
    let source = Source::Text { name: "test".into(), text, folder: PathBuf::new() };
    Compiler::new(source).compile(Now::read()).unwrap()
}

fn portion() -> Portion {
    Portion {
        zones_max: 10,
        thorough_max: 5,
        samples: Vec::new(),
        answer_timeout: Duration::from_secs(20),
        until: Now::mono() + Duration::from_secs(60),
    }
}

#[test]
fn every_request_on_the_menu_is_answered_by_the_zones_own_origin() {
    let zones = "  - {name: a.example, origins: [\"https://127.0.0.1:1\"]}\n  \
                 - {name: b.example, hosts: [\"*\"], origins: [\"http://nowhere.invalid\", \"unix:/nowhere\"]}\n";
    let tasted = taste(&snapshot(zones), None, None, &portion());
    assert_eq!(tasted.spoiled, None);
    assert_eq!((tasted.checks.requests, tasted.checks.answered), (16, 16));
    assert_eq!(tasted.checks.by_status, [(200, 16)].into());
}

#[test]
fn what_is_new_is_asked_everything_and_the_rest_a_page_up_to_the_bound() {
    let list = |count: usize, changed: usize| {
        let zone = |n| {
            format!(
                "  - {{name: z{n}.example, origins: [\"http://127.0.0.1:{}\"]}}\n",
                1 + usize::from(n == changed)
            )
        };
        snapshot(&(0..count).map(zone).collect::<String>())
    };
    let (old, new) = (list(30, 30), list(31, 7));
    let difference = Difference::between(&old, &new);
    let tasted = taste(&new, Some(&old), Some(&difference), &portion());
    assert_eq!(tasted.spoiled, None);
    // Two of them thoroughly, and eight pages at most, of which the two may be left out.
    assert!((16 + 6..=16 + 8).contains(&tasted.checks.requests), "{:?}", tasted.checks);
}

#[test]
fn recent_requests_are_asked_again_and_strange_ones_spoil_nothing() {
    let sample = |text: &str| Sample { tls: false, bytes: text.as_bytes().to_vec() };
    let samples = vec![
        sample("DELETE /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"),
        sample("GET / HTTP/1.1\r\nHost: gone.example\r\nConnection: close\r\n\r\n"),
        sample("nonsense\r\n\r\n"),
    ];
    let zones = "  - {name: a.example, origins: [\"http://127.0.0.1:1\"]}\n";
    let tasted = taste(&snapshot(zones), None, None, &Portion { samples, thorough_max: 0, ..portion() });
    assert_eq!(tasted.spoiled, None);
    assert_eq!(tasted.checks.by_status, [(200, 2), (400, 1), (421, 1)].into());
}

#[test]
fn a_recent_request_that_fails_as_well_on_the_release_of_before_is_no_reason_to_refuse() {
    // It carries the token of this installation, and is taken for a loop.
    let bytes =
        b"GET / HTTP/1.1\r\nHost: a.example\r\nCDN-Loop: rempart; id=taster\r\nConnection: close\r\n\r\n";
    let samples = vec![Sample { tls: false, bytes: bytes.to_vec() }; EXCUSED_MAX + 1];
    let portion = Portion { samples, ..portion() };
    let zones = "  - {name: a.example, origins: [\"http://127.0.0.1:1\"]}\n";
    let (new, same, other) = (snapshot(zones), snapshot(zones), snapshot(&zones.replace("a.", "b.")));
    let tasted = taste(&new, Some(&same), None, &portion);
    assert_eq!(tasted.spoiled, None);
    assert_eq!(tasted.checks.by_status.get(&508), Some(&(EXCUSED_MAX as u64)), "more are not asked");
    for base in [None, Some(&other)] {
        let spoiled = taste(&new, base, None, &portion).spoiled.unwrap();
        assert_eq!(spoiled, "a recent request, GET / HTTP/1.1: it is answered with 508");
    }
}

#[test]
fn without_time_it_is_cut_short_and_says_so() {
    let zones = "  - {name: a.example, origins: [\"http://127.0.0.1:1\"]}\n";
    let tasted = taste(&snapshot(zones), None, None, &Portion { until: Now::mono(), ..portion() });
    assert!(tasted.is_cut_short && tasted.checks.requests == 0);
}
