//! A mistake in one zone holds back that zone, and no other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod site;

use std::fs;
use std::sync::Arc;

use rempart_config::{Difference, RefusedZone, Snapshot, load};
use site::{Site, held, later, one, origin, plan, port, zone};

#[test]
fn of_200_zones_each_mistake_holds_back_its_own_zone_and_the_others_move_on() {
    let site = Site::new("include: zones.d/*.yaml\n");
    for i in 0..200 {
        site.zone(&format!("zone-{i}.example"), 1000 + i);
    }
    site.certificate("good", "zone-9.example");
    let tls =
        |port| format!("{}certificates: [{{cert: good.pem, key: good.key}}]\n", zone("zone-9.example", port));
    site.write("zones.d/zone-9.example.yaml", &tls(1009));
    let before = site.compile(None);
    assert_eq!(held(&before), []);
    for i in 0..200 {
        site.zone(&format!("zone-{i}.example"), 2000 + i);
    }
    site.write("zones.d/zone-3.example.yaml", "name: zone-3.example\norigins: [\"http://not a host\"]\n");
    site.write("zones.d/zone-5.example.yaml", "name: zone-5.example\norigins: [\"http://\n");
    site.write("zones.d/zone-7.example.yaml", "name: zone-7.example\n\torigins: {\n");
    site.write("zones.d/zone-9.example.yaml", &tls(2009));
    site.write("zones.d/good.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    fs::remove_file(site.path("zones.d/zone-11.example.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", site.path("zones.d/zone-11.example.yaml")).unwrap();
    let file = fs::File::create(site.path("zones.d/zone-13.example.yaml")).unwrap();
    file.set_len(rempart_config::files::CONFIG_BYTES_MAX + 1).unwrap();
    let after = site.compile(Some(&before));
    assert_eq!(
        held(&after),
        [
            one("zone-11.example", true, "include-unresolved"),
            one("zone-13.example", true, "file-too-large"),
            one("zone-3.example", true, "invalid-value"),
            one("zone-5.example", true, "yaml-syntax"),
            one("zone-7.example", true, "yaml-syntax"),
            one("zone-9.example", true, "certificate-invalid"),
        ]
    );
    assert_eq!(after.zones().len(), 200);
    for i in 0..200_u16 {
        let host = format!("www.zone-{i}.example");
        let expected = if [3, 5, 7, 9, 11, 13].contains(&i) { 1000 + i } else { 2000 + i };
        assert_eq!(origin(&after, &host), port(expected), "{host}");
    }
    assert!(after.certificate_for("zone-9.example").is_some(), "with the certificate that it had");
    let line = |zone: &str| after.held.iter().find(|held| *held.zone == *zone).unwrap().line;
    assert_eq!(line("zone-3.example"), 2);
    let difference = Difference::between(&before, &after);
    assert_eq!((difference.added.len(), difference.changed.len(), difference.removed.len()), (0, 194, 0));
    let check = load(&site.path("rempart.yaml"), later()).unwrap_err().to_string();
    for code in
        ["invalid-value", "yaml-syntax", "certificate-invalid", "include-unresolved", "file-too-large"]
    {
        assert!(check.contains(code), "{code}: {check}");
    }
}

#[test]
fn a_list_of_zones_loses_only_the_zone_with_the_mistake() {
    let list = |second: &str| {
        format!(
            "zones:\n  - {{name: a.example, origins: [\"http://127.0.0.1:1\"]}}\n  - {second}\n  - name: c.example\n    origins: [\"http://127.0.0.1:3\"]\n"
        )
    };
    for in_main in [true, false] {
        let site = Site::new("include: zones.d/*.yaml\n");
        let write = |text: &str| match in_main {
            true => site.main(text),
            false => site.write("zones.d/all.yaml", text),
        };
        write(&list("{name: b.example, origins: [\"http://127.0.0.1:2\"]}"));
        let before = site.compile(None);
        for (mistake, code) in [
            ("{name: b.example, origins: []}", "empty-list"),
            ("{name: b.example, origins: [\"http://127.0.0.1:8\"], colour: red}", "unknown-key"),
            ("{name: b.example, name: b.example, origins: [\"http://127.0.0.1:8\"]}", "duplicate-key"),
            ("{name: b.example, origins: !tag [\"http://127.0.0.1:8\"]}", "yaml-unsupported"),
            // Without a name it may be any zone: what stood in this file and stands nowhere now is kept.
            ("{nam: b.example, origins: [\"http://127.0.0.1:8\"]}", "missing-key unknown-key"),
            ("just a text", "wrong-type"),
        ] {
            write(&list(mistake));
            let after = site.compile(Some(&before));
            let found = held(&after);
            assert_eq!(found, [one("b.example", true, code)], "{mistake}");
            assert_eq!(after.zones().len(), 3, "{mistake}");
            assert_eq!(origin(&after, "b.example"), port(2), "{mistake}");
            assert_eq!(after.hash, before.hash, "{mistake}: what runs is the same");
            assert!(Arc::ptr_eq(&plan(&before, "c.example"), &plan(&after, "c.example")));
        }
    }
}

#[test]
fn a_zone_that_never_had_a_version_answers_503_on_the_hosts_that_can_be_read() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("good.example", 1);
    site.write(
        "zones.d/new.yaml",
        "name: new.example\nhosts: [new.example, \"bad host\", other.example]\norigins: []\n",
    );
    site.write("zones.d/plain.yaml", "name: plain.example\norigins: [nonsense]\n");
    site.write("zones.d/unreadable.yaml", "{");
    let snapshot = site.compile(None);
    let file = site.path("zones.d/unreadable.yaml").display().to_string();
    let mut expected = vec![
        one("new.example", false, "invalid-value empty-list"),
        one("plain.example", false, "invalid-value"),
        one(&file, false, "yaml-syntax"),
    ];
    expected.sort();
    assert_eq!(held(&snapshot), expected);
    for host in ["new.example", "other.example", "plain.example", "www.plain.example"] {
        assert_eq!(origin(&snapshot, host), "503", "{host}");
    }
    assert_eq!(origin(&snapshot, "good.example"), port(1));
    assert!(snapshot.zone_for_host(b"www.new.example").is_none());
    // It comes alive with its first good version.
    site.write("zones.d/plain.yaml", &zone("plain.example", 7));
    let after = site.compile(Some(&snapshot));
    assert_eq!(origin(&after, "www.plain.example"), port(7));
    assert_eq!(Difference::between(&snapshot, &after).changed, ["plain.example".into()]);
}

#[test]
fn a_mistake_in_what_zones_share_refuses_everything() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    let before = site.compile(None);
    for (main, code) in [
        ("include: zones.d/*.yaml\nworkers: 0\n", "out-of-range"),
        ("include: zones.d/*.yaml\nupstreem: {}\n", "unknown-key"),
        ("include: zones.d/*.yaml\nlimits: {\n", "yaml-syntax"),
        ("include: [zones.d/*.yaml, absent.yaml]\n", "include-unresolved"),
        ("include: [zones.d/*.yaml, absent.d/*]\n", "include-unresolved"),
        ("include: zones.d/*.yaml\nzones: {name: b.example}\n", "wrong-type"),
        ("include: zones.d/*.yaml\ndata_dir: ./a\ndata_dir: ./b\n", "duplicate-key"),
        // A second list of zones would be a mistake of the whole, not of a zone.
        (
            "zones: [{name: b.example, origins: [\"http://b\"]}]\nzones: [{name: c.example, origins: [\"http://c\"]}]\n",
            "duplicate-key",
        ),
    ] {
        site.main(main);
        let said = site.refuse(Some(&before));
        assert!(said.contains(code), "{main}: {said}");
    }
}

#[test]
fn no_zones_are_never_all_zones() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    let before = site.compile(None);
    for (main, code) in [
        ("", "no-zones"),
        ("zones: []\n", "empty-list"),
        ("zones:\n", "wrong-type"),
        ("include: zones.d/*.yaml\nzones: []\n", "empty-list"),
        ("include: []\n", "empty-list"),
        ("include: zones.d/*.yml\n", "no-zones"),
    ] {
        site.main(main);
        for base in [None, Some(&before)] {
            let said = site.refuse(base);
            assert!(said.contains(code), "{main}: {said}");
        }
    }
    site.main("include: zones.d/*.yaml\n");
    site.write("zones.d/a.example.yaml", "zones: []\n");
    let after = site.compile(Some(&before));
    assert_eq!(held(&after), [one("a.example", true, "empty-list")]);
    assert!(site.refuse(None).contains("empty-list"), "nothing could run");
}

#[test]
fn an_empty_list_is_told_apart_from_an_absent_one_everywhere() {
    let site = Site::new("");
    let zones = "zones: [{name: a.example, origins: [\"http://a\"]}]\n";
    site.main(zones);
    site.compile(None);
    for (key, written) in [
        ("trusted_proxies", format!("trusted_proxies: []\n{zones}")),
        ("include", format!("include: []\n{zones}")),
        ("zones", "zones: []\n".into()),
    ] {
        site.main(&written);
        let said = site.refuse(None);
        assert!(said.contains("empty-list") && said.contains(&format!("at:       {key}\n")), "{said}");
    }
    for key in ["http", "https"] {
        site.write(
            "rempart.yaml",
            &format!("listen: {{http: [\":80\"], https: [\":443\"]}}\n{zones}")
                .replace(if key == "http" { "[\":80\"]" } else { "[\":443\"]" }, "[]"),
        );
        assert!(site.refuse(None).contains(&format!("at:       listen.{key}\n")));
    }
    for key in ["hosts", "origins", "certificates"] {
        let origins = if key == "origins" { "" } else { "origins: [\"http://a\"], " };
        site.main(&format!("zones: [{{name: a.example, {origins}{key}: []}}]\n"));
        let said = site.refuse(None);
        assert!(
            said.contains("empty-list") && said.contains(&format!("at:       zones[0].{key}\n")),
            "{said}"
        );
    }
}

#[test]
fn a_host_and_a_name_stay_with_the_zone_that_serves_them() {
    let site = Site::new("include: zones.d/*.yaml\n");
    let write = |file: &str, name: &str, hosts: &str, port: u16| {
        site.write(&format!("zones.d/{file}.yaml"), &format!("{}hosts: [{hosts}]\n", zone(name, port)));
    };
    write("m", "m.example", "m.example, shared.example", 1);
    write("z", "z.example", "z.example", 2);
    let before = site.compile(None);
    // Both neighbours in the order of the files want the host; one of them has a version of before.
    write("a", "a.example", "a.example, shared.example", 3);
    write("z", "z.example", "z.example, shared.example", 4);
    write("n", "m.example", "n.example", 5);
    write("m", "m.example", "m.example, shared.example", 6);
    let after = site.compile(Some(&before));
    assert_eq!(
        held(&after),
        [
            one("a.example", false, "duplicate-host"),
            one("m.example", false, "duplicate-zone"),
            one("z.example", true, "duplicate-host"),
        ]
    );
    assert_eq!(origin(&after, "shared.example"), port(6), "it stays, and moves on");
    assert_eq!(origin(&after, "a.example"), "503", "what nobody else has");
    assert_eq!(origin(&after, "z.example"), port(2), "its version of before");
    assert!(after.zone_for_host(b"n.example").is_none());
    // Without a snapshot before, the first in the order of the files has it.
    let cold = site.compile(None);
    assert_eq!(origin(&cold, "shared.example"), port(3));
    assert_eq!((origin(&cold, "m.example"), origin(&cold, "z.example")), ("503".into(), "503".into()));
    // A host that is given up may be taken in the same change.
    fs::remove_file(site.path("zones.d/n.yaml")).unwrap();
    write("z", "z.example", "z.example", 2);
    write("m", "m.example", "m.example", 6);
    let after = site.compile(Some(&before));
    assert_eq!(held(&after), []);
    assert_eq!(origin(&after, "shared.example"), port(3));
}

#[test]
fn a_zone_that_is_held_back_keeps_its_hosts_from_those_that_would_take_them() {
    let site = Site::new("include: zones.d/*.yaml\n");
    let write = |name: &str, hosts: &str, port: &str| {
        site.write(
            &format!("zones.d/{name}.yaml"),
            &format!("name: {name}\nhosts: [{hosts}]\norigins: [\"http://127.0.0.1:{port}\"]\n"),
        );
    };
    write("a", "a.example, x.example", "1");
    write("b", "b.example, y.example", "2");
    write("c", "c.example", "3");
    let before = site.compile(None);
    // Each gives a host to the next, and the first has a mistake: so none may take what it is given.
    write("a", "a.example", "no port");
    write("b", "b.example, x.example", "5");
    write("c", "c.example, y.example", "6");
    let after = site.compile(Some(&before));
    assert_eq!(
        held(&after),
        [one("a", true, "invalid-value"), one("b", true, "duplicate-host"), one("c", true, "duplicate-host")]
    );
    for (host, expected) in [("x.example", 1), ("y.example", 2), ("b.example", 2), ("c.example", 3)] {
        assert_eq!(origin(&after, host), port(expected), "{host}");
    }
    assert_eq!(after.hash, before.hash);
    write("a", "a.example", "4");
    let after = site.compile(Some(&after));
    assert_eq!(held(&after), []);
    assert_eq!((origin(&after, "x.example"), origin(&after, "y.example")), (port(5), port(6)));
}

#[test]
fn a_zone_that_is_held_back_follows_the_global_settings() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.certificate("a", "a.example");
    site.write(
        "zones.d/a.example.yaml",
        &format!("{}certificates: [{{cert: a.pem, key: a.key}}]\n", zone("a.example", 1)),
    );
    let before = site.compile(None);
    fs::remove_file(site.path("zones.d/a.pem")).unwrap();
    site.main("include: zones.d/*.yaml\nupstream: {connect_timeout_ms: 77}\n");
    let after = site.compile(Some(&before));
    assert_eq!(held(&after), [one("a.example", true, "file-unreadable")]);
    let plan = plan(&after, "a.example");
    assert_eq!(plan.origins[0].settings.connect_timeout.as_millis(), 77);
    assert_eq!(plan.certificates.len(), 1, "as it was");
}

#[test]
fn with_no_zone_that_could_run_everything_is_refused() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.write("zones.d/a.yaml", "name: a.example\norigins: []\n");
    site.write("zones.d/b.yaml", "{");
    let said = site.refuse(None);
    assert!(said.contains("empty-list") && said.contains("yaml-syntax"), "{said}");
}

#[test]
fn five_thousand_zones_that_claim_one_host_are_all_named() {
    const ZONES: usize = 5000;
    let mut main = String::from("zones:\n");
    for i in 0..ZONES {
        main.push_str(&format!(
            "  - {{name: z{i}.example, hosts: [z{i}.example, shared.example], origins: [\"http://127.0.0.1:{}\"]}}\n",
            1000 + i
        ));
    }
    let site = Site::new(&main);
    let snapshot = site.compile(None);
    assert_eq!(snapshot.held.len(), ZONES - 1);
    assert_eq!(origin(&snapshot, "shared.example"), port(1000));
    assert_eq!(origin(&snapshot, "z4999.example"), "503");
    let check = load(&site.path("rempart.yaml"), later()).unwrap_err();
    assert!(check.0.iter().any(|found| found.code == "too-many-problems"), "the list has a bound");
}

#[test]
fn a_version_that_was_rolled_back_is_held_back_until_the_zone_changes() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("blog.example", 1);
    site.zone("shop.example", 2);
    let good = site.compile(None);
    site.zone("shop.example", 3);
    let worse = site.compile(Some(&good));
    let refused = RefusedZone {
        name: "shop.example".into(),
        plan_hash: plan(&worse, "shop.example").hash,
        why: "9 of 9 answers are 5xx".into(),
    };
    let compile = |base: Option<&Arc<Snapshot>>| {
        let mut compiler = site.compiler(base).refusing([refused.clone()].into_iter());
        compiler.compile(later()).unwrap()
    };
    let is_held = [one("shop.example", true, "zone-rolled-back")];
    // Another is edited: it moves on, and the outage does not come back.
    site.zone("blog.example", 4);
    let after = compile(Some(&good));
    assert_eq!(held(&after), is_held);
    assert_eq!((origin(&after, "blog.example"), origin(&after, "shop.example")), (port(4), port(2)));
    let said = after.held[0].diagnostics.to_string();
    assert!(said.contains("9 of 9 answers are 5xx") && said.contains("--force"), "{said}");
    assert!(after.held[0].file.ends_with("zones.d/shop.example.yaml") && after.held[0].line == 1);
    let again = compile(Some(&after));
    assert_eq!((again.hash, held(&again)), (after.hash, is_held.to_vec()));
    assert_eq!(again.encode(), after.encode(), "the same release, however often it is compiled");
    // Another version of it is taken, and so is the one that runs.
    for other in [5, 2] {
        site.zone("shop.example", other);
        let changed = compile(Some(&after));
        assert_eq!((held(&changed), origin(&changed, "shop.example")), (vec![], port(other)));
    }
    site.zone("shop.example", 3);
    assert_eq!(held(&compile(Some(&worse))), [], "a person has put it in force");
    let first = compile(None);
    assert_eq!(
        (held(&first), origin(&first, "shop.example")),
        (vec![], port(3)),
        "there is no other version"
    );
    let insisted = site.compile(Some(&after));
    assert_eq!((held(&insisted), origin(&insisted, "shop.example")), (vec![], port(3)));
    assert!(load(&site.path("rempart.yaml"), later()).is_ok(), "what is written has no mistake");
}
