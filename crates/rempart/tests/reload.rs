//! A change of the configuration while visitors are served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stand;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use stand::{Folder, Origin, PATIENCE, Up, ask, configuration, read, request, text};

/// One class of broken file: what is written, what becomes of it, and what must be named.
struct Broken {
    class: &'static str,
    file: String,
    becomes: Becomes,
    codes: &'static [&'static str],
}

/// What becomes of a broken file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// Nothing of it is taken: what zones share is broken.
    Refused,
    /// Only the zone with the mistake is held back.
    HeldBack,
}

/// A good file with a part of it replaced.
fn broken(class: &'static str, good: &str, from: &str, to: &str, codes: &'static [&'static str]) -> Broken {
    assert!(good.contains(from), "{class}: `{from}` is not in the good file");
    Broken { class, file: good.replace(from, to), becomes: Becomes::Refused, codes }
}

impl Broken {
    /// The mistake is in one zone alone.
    fn in_a_zone(self) -> Self {
        Self { becomes: Becomes::HeldBack, ..self }
    }
}

fn every_class(good: &str, folder: &Folder) -> Vec<Broken> {
    let zone = "  - name: test.example\n";
    let twice =
        format!("  - name: b.example\n    hosts: [\"*\"]\n    origins: [\"http://127.0.0.1:1\"]\n{zone}");
    let no_key = folder.path().join("no-such.pem").display().to_string();
    let certificate = format!("{zone}    certificates: [{{cert: {no_key}, key: {no_key}}}]\n");
    let comment = format!("# {}\n", "x".repeat(1022));
    vec![
        broken("syntax", good, "workers: 2", "workers: [2", &["yaml-syntax"]),
        broken("unknown key", good, "workers: 2", "wrokers: 2", &["unknown-key"]),
        broken("wrong type", good, "workers: 2", "workers: two", &["wrong-type"]),
        broken("duplicate host", good, zone, &twice, &["duplicate-host"]).in_a_zone(),
        broken("unreadable certificate", good, zone, &certificate, &["file-unreadable"]).in_a_zone(),
        broken("a key in a zone", good, zone, &format!("{zone}    orgins: 3\n"), &["unknown-key"])
            .in_a_zone(),
        Broken {
            class: "empty zone list",
            file: good.split_once("zones:").map_or("", |(before, _)| before).to_owned() + "zones: []\n",
            becomes: Becomes::Refused,
            codes: &["empty-list"],
        },
        Broken {
            class: "ten times the allowed size",
            file: comment.repeat(640 * 1024),
            becomes: Becomes::Refused,
            codes: &["file-too-large"],
        },
        broken(
            "several at once",
            &good.replace("workers: 2", "wrokers: 2"),
            "hosts: [\"*\"]",
            "hosts: [\"*\"]\n    orgins: 3",
            &["unknown-key", "unknown-key"],
        ),
    ]
}

#[test]
fn a_broken_file_of_each_class_is_refused_or_holds_back_its_zone_and_what_ran_goes_on() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let good = configuration(origin.address, "root");
    let data_dir = folder.data_dir();
    for Broken { class, file, becomes, codes } in every_class(&good, &folder) {
        folder.write(&file);
        let output = ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "reload"]);
        let said = match becomes {
            Becomes::Refused => text(&output.stderr),
            Becomes::HeldBack => text(&output.stdout),
        };
        assert_eq!(output.status.code(), Some(1), "{class}: {said}");
        assert_eq!(said.contains("held back: zone"), becomes == Becomes::HeldBack, "{class}: {said}");
        let mut rest = said.as_str();
        for code in codes {
            let found = rest.split_once(&format!("error[{code}]"));
            rest = found.unwrap_or_else(|| panic!("{class}: no error[{code}] in\n{said}")).1;
        }
        assert!(said.contains("to do:"), "{class}: it does not say what to do\n{said}");
        assert!(up.answer("/").ends_with("from the origin"), "{class}: what ran goes on");
    }
    folder.write(&good.replace("workers: 2", "workers: 2\nedge: {colo: ABC}"));
    let output = ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "reload"]);
    assert_eq!(output.status.code(), Some(0), "the next right one is taken: {}", text(&output.stderr));
    assert!(up.answer("/").contains("-ABC"), "and runs");
}

#[test]
fn what_takes_a_restart_is_said_until_it_is_as_it_was_at_the_start() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let _up = folder.up();
    let good = configuration(origin.address, "root");
    let data_dir = folder.data_dir();
    let reload = || text(&ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "reload"]).stdout);
    folder.write(&good.replace("workers: 2", "workers: 3"));
    let said = reload();
    assert!(said.contains("workers") && said.contains("started again"), "{said}");
    assert!(!said.contains("listen"), "{said}");
    folder.write(&good);
    let said = reload();
    assert!(!said.contains("started again"), "{said}");
}

#[test]
fn only_what_has_changed_is_a_release_of_its_own() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let _up = folder.up();
    let data_dir = folder.data_dir();
    let reload = || text(&ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "reload"]).stdout);
    for _ in 0..3 {
        assert!(reload().contains("release 1 stays"), "nothing was changed");
    }
    let changed =
        configuration(origin.address, "root").replace("workers: 2", "workers: 2\nedge: {colo: ABC}");
    folder.write(&changed);
    reload();
    let said = reload();
    assert!(said.contains("release 2 stays"), "{said}");
}

/// Two zones, whose releases bake for 40 requests.
fn blog_and_shop(blog: &str, shop: &str) -> String {
    format!(
        "listen:\n  http: [\"127.0.0.1:0\"]\ndata_dir: ./data\nworkers: 2\nuser: root\nadmin:\n  listen: off\n\
         release: {{bake_ms: 100, bake_requests_min: 40, probe: false}}\n\
         zones:\n  - {{name: blog.example, {blog}}}\n  - {{name: shop.example, {shop}}}\n"
    )
}

/// The worst of 20 answers of each of both.
fn worst_answers(up: &Up) -> [u16; 2] {
    ["blog.example", "shop.example"].map(|host| {
        let answer = |_| -> u16 {
            let mut stream = TcpStream::connect(up.http).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
            read(stream).split(' ').nth(1).unwrap().parse().unwrap()
        };
        (0..20).map(answer).max().unwrap()
    })
}

#[test]
fn a_zone_that_was_rolled_back_does_not_come_back_with_the_next_edit_of_another() {
    let origin = Origin::start();
    let alive = format!("origins: [\"http://{}\"]", origin.address);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("origins: [\"http://{gone}\"]");
    let folder = Folder::new();
    folder.write(&blog_and_shop(&alive, &alive));
    let up = folder.up();
    let data_dir = folder.data_dir();
    let ctl = |arguments: &[&str]| {
        let output = ask(&[&["ctl", "--data-dir", data_dir.to_str().unwrap()], arguments].concat());
        text(&output.stdout) + &text(&output.stderr)
    };
    assert_eq!(worst_answers(&up), [200, 200]);
    up.line_with("the bake is finished");

    folder.write(&blog_and_shop(&alive, &dead));
    ctl(&["reload"]);
    assert!(worst_answers(&up)[1] >= 500, "its origin is dead");
    up.line_with("rolled back: ");
    up.line_with("this zone is held back");
    // The shop's file stays as it is, and the blog is edited.
    let edited = format!("hosts: [blog.example, www.blog.example], {alive}");
    folder.write(&blog_and_shop(&edited, &dead));
    let said = ctl(&["reload"]);
    assert!(said.contains("zone-rolled-back") && said.contains("shop.example"), "{said}");
    assert_eq!(worst_answers(&up), [200, 200], "the outage does not come back");
    up.line_with("the bake is finished");
    assert!(ctl(&["status"]).contains("zone-rolled-back"));
    let checked = ask(&["check", folder.file().to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "what is written has no mistake");

    // Who insists gets it.
    let said = ctl(&["reload", "--force"]);
    assert!(!said.contains("zone-rolled-back"), "{said}");
    assert!(worst_answers(&up)[1] >= 500);
    up.line_with("rolled back: ");
    // Another version is taken without insisting.
    folder.write(&blog_and_shop(&edited, &format!("hosts: [shop.example], {alive}")));
    let said = ctl(&["reload"]);
    assert!(!said.contains("zone-rolled-back"), "{said}");
    assert_eq!(worst_answers(&up), [200, 200]);
    up.line_with("the bake is finished");
}

#[test]
fn no_exchange_is_lost_while_the_configuration_changes() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let up = folder.up();
    let (data_dir, http) = (folder.data_dir(), up.http);
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let visitors: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        assert!(read(request(http, "/")).ends_with("from the origin"));
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for round in 0..20 {
            let before = answered.load(Ordering::Relaxed);
            let change = format!("workers: 2\nlog: {{access: {{queue_bytes_max: {}}}}}", 1_048_576 + round);
            folder.write(&configuration(origin.address, "root").replace("workers: 2", &change));
            let output = ask(&["ctl", "--data-dir", data_dir.to_str().unwrap(), "reload"]);
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            // Each release serves somebody before the next one comes.
            while answered.load(Ordering::Relaxed) == before && visitors.iter().any(|v| !v.is_finished()) {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(answered.load(Ordering::Relaxed) >= 20);
}
