//! A release: a snapshot's sources as bytes, and back, without anything else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod site;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Difference, Snapshot, load_release};
use site::{Site, held, later, one, origin, plan, port, zone};

fn load(body: &[u8], base: Option<&Snapshot>) -> Arc<Snapshot> {
    load_release(body, base, later()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Everything that can be seen of a snapshot from outside.
fn seen(snapshot: &Snapshot) -> String {
    let zones: Vec<_> = snapshot
        .zones()
        .map(|zone| {
            let origins: Vec<_> =
                zone.origins.iter().map(|o| (o.id, &o.label, &o.host_header, &o.settings)).collect();
            let certificates: Vec<_> = zone.certificates.iter().map(|c| (c.hash, &c.names)).collect();
            let cache = &zone.cache;
            format!("{} {:?} {} {origins:?} {certificates:?} {cache:?}", zone.name, zone.hosts, zone.hash)
        })
        .collect();
    format!(
        "{} {:?} {:?} {:?} {zones:#?}",
        snapshot.hash, snapshot.settings, snapshot.warnings, snapshot.held
    )
}

/// A site with a bit of everything.
fn rich() -> Site {
    let site = Site::new(
        "include: zones.d/*.yaml\nadmin: {token_file: token}\ncache: {window_bytes: 65536}\nupstream: {pending_max: 3}\ndata_dir: ../elsewhere\nrelease: {bake_ms: 5}\nzones:\n  - &first\n    name: \"b\u{fc}cher.example\"\n    origins: &origins [{url: \"http://127.0.0.1:1\", host_header: 'null'}]\n  - {name: other.example, origins: *origins, upstream: {connect_timeout_ms: 0050}, cache: {level: everything, custom_key: {header: {include: [X-A]}}}}\n",
    );
    site.write("token", "0123456789abcdef\n");
    site.certificate("a", "*.foreign.example");
    site.certificate("ca", "ca.example");
    site.write(
        "zones.d/a.yaml",
        "# a comment\nname: a.example\nhosts: [a.example, \"*.sub.example\"]\norigins:\n  - {url: \"https://127.0.0.1:2\", ca_file: ca.pem, sni: 'x.example'}\n  - {url: \"https://127.0.0.1:2\", verify: false}\ncertificates: [{cert: a.pem, key: {file: a.key}}]\n",
    );
    site.write("zones.d/new.yaml", "name: new.example\norigins: [\"nonsense \\u0000\"]\n");
    site.zone("old.example", 7);
    site
}

#[test]
fn a_release_is_loaded_where_none_of_its_files_is() {
    let site = rich();
    // The variable is set for this test alone: it is named after it, and nothing else reads it.
    let key = fs::read_to_string(site.path("zones.d/a.key")).unwrap();
    let site_text = fs::read_to_string(site.path("zones.d/a.yaml")).unwrap();
    site.write("zones.d/a.yaml", &site_text.replace("{file: a.key}", "{env: REMPART_TEST_RELEASE_KEY}"));
    // SAFETY: nextest runs each test in a process of its own; under `cargo test` no other test of this file
    // reads or writes the environment.
    unsafe { std::env::set_var("REMPART_TEST_RELEASE_KEY", key) };
    let before = site.compile(None);
    site.write("zones.d/old.example.yaml", "name: old.example\norigins: []\n");
    let snapshot = site.compile(Some(&before));
    assert_eq!(
        held(&snapshot),
        [one("new.example", false, "invalid-value"), one("old.example", true, "empty-list")]
    );
    assert_eq!(snapshot.warnings.len(), 1, "{:?}", snapshot.warnings);
    let body = snapshot.encode();
    // SAFETY: as above.
    unsafe { std::env::remove_var("REMPART_TEST_RELEASE_KEY") };
    drop(site);
    let cold = load(&body, None);
    assert_eq!(seen(&cold), seen(&snapshot));
    assert_eq!(cold.encode(), body, "the same content has the same bytes");
    assert_eq!(origin(&cold, "old.example"), port(7));
    assert_eq!(origin(&cold, "new.example"), "503");
    assert!(cold.certificate_for("a.example").is_some());
    assert!(Difference::between(&snapshot, &cold).is_empty());
    // And once more upon itself: everything is shared.
    let warm = load(&body, Some(&cold));
    assert_eq!(seen(&warm), seen(&snapshot));
    assert!(cold.zones().zip(warm.zones()).all(|(a, b)| Arc::ptr_eq(a, b)));
    assert!(Arc::ptr_eq(&cold.settings, &warm.settings));
    assert_eq!(warm.encode(), body);
}

#[test]
fn the_system_s_authorities_are_in_the_release() {
    let site = Site::new("zones:\n  - {name: a.example, origins: [\"https://origin.example\"]}\n");
    let snapshot = match site.compiler(None).compile(later()) {
        Ok(snapshot) => snapshot,
        Err(problems) => {
            // A machine without a list of authorities cannot show this.
            assert!(problems.to_string().contains("no-system-roots"), "{problems}");
            return;
        }
    };
    let body = snapshot.encode();
    assert!(body.len() > 10_000, "{}", body.len());
    assert_eq!(seen(&load(&body, None)), seen(&snapshot));
}

#[test]
fn zones_that_are_the_same_are_shared_with_the_base_wherever_they_stand() {
    let site = Site::new("include: zones.d/*.yaml\n");
    for i in 0..10 {
        site.zone(&format!("z{i}.example"), 1000 + i);
    }
    let base = load(&site.compile(None).encode(), None);
    site.zone("z3.example", 7);
    fs::remove_file(site.path("zones.d/z5.example.yaml")).unwrap();
    site.zone("a-new.example", 8);
    site.write("zones.d/z7.example.yaml", &format!("\n# moved\n\n{}", zone("z7.example", 1007)));
    let new = site.compile(None);
    let loaded = load(&new.encode(), Some(&base));
    assert_eq!(seen(&loaded), seen(&new));
    for i in [0, 1, 2, 4, 6, 7, 8, 9] {
        let host = format!("z{i}.example");
        assert!(Arc::ptr_eq(&plan(&base, &host), &plan(&loaded, &host)), "{host}");
    }
    assert_eq!(loaded.encode(), new.encode());
    let difference = Difference::between(&base, &loaded);
    assert_eq!(difference.added, ["a-new.example".into()]);
    assert_eq!(difference.changed, ["z3.example".into()]);
    assert_eq!(difference.removed, ["z5.example".into()]);
    assert!(!difference.settings);
    // Back again, as a rollback does it.
    let back = load(&base.encode(), Some(&loaded));
    assert_eq!(seen(&back), seen(&base));
    assert!(back.zone_for_host(b"a-new.example").is_none());
}

#[test]
fn other_global_settings_make_other_plans() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    let base = site.compile(None);
    site.main("include: zones.d/*.yaml\nupstream: {connect_timeout_ms: 77}\n");
    let body = site.compile(None).encode();
    let loaded = load(&body, Some(&base));
    assert_eq!(plan(&loaded, "a.example").origins[0].settings.connect_timeout.as_millis(), 77);
    assert!(Difference::between(&base, &loaded).settings);
}

#[test]
fn a_release_without_a_version_of_a_zone_takes_it_from_nowhere() {
    let site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.zone("b.example", 2);
    let base = site.compile(None);
    site.write("zones.d/a.example.yaml", "name: a.example\norigins: []\n");
    let without = site.compile(None);
    let loaded = load(&without.encode(), Some(&base));
    assert_eq!(origin(&loaded, "a.example"), "503");
    assert_eq!(seen(&loaded), seen(&without));
}

#[test]
fn the_number_is_the_store_s_and_everything_else_stays() {
    let site = rich();
    let snapshot = site.compile(None);
    let renumbered = snapshot.renumbered(41);
    assert_eq!(renumbered.number, 41);
    assert_eq!(seen(&renumbered), seen(&snapshot));
    assert!(snapshot.zones().zip(renumbered.zones()).all(|(a, b)| Arc::ptr_eq(a, b)));
    let unchanged = site.compile(Some(&renumbered));
    assert_eq!(unchanged.number, 41, "the same content is the same release");
    site.zone("old.example", 8);
    assert_eq!(site.compile(Some(&renumbered)).number, 42);
}

#[test]
fn a_release_that_is_cut_anywhere_is_refused() {
    let body = rich().compile(None).encode();
    let base = load(&body, None);
    for end in 0..body.len() {
        for base in [None, Some(&*base)] {
            let problems = load_release(&body[..end], base, later()).map(|_| ()).unwrap_err();
            assert_eq!(problems.0[0].code, "release-damaged", "cut at {end}: {problems}");
        }
    }
    let longer = [&*body, b"\0"].concat();
    assert!(load_release(&longer, None, later()).is_err());
}

#[test]
fn a_release_with_any_byte_changed_never_panics() {
    let body = rich().compile(None).encode();
    let base = load(&body, None);
    let now = Now::read();
    // Every bit of every eighth byte, each time another one: so all of them come in turn, and it stays quick.
    for at in 0..body.len() {
        let mut damaged = body.clone();
        damaged[at] ^= 1 << (at % 8);
        let _ = load_release(&damaged, Some(&base), now);
        if at % 8 == 0 {
            damaged[at] = 0xff;
            let _ = load_release(&damaged, None, now);
        }
    }
}

#[test]
fn the_bodies_of_every_case_come_back() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/compile");
    let mut seen_some = 0;
    for entry in fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let source = rempart_config::Source::File(path.clone());
        let Ok(snapshot) = rempart_config::Compiler::new(source).compile(later()) else { continue };
        let loaded = load(&snapshot.encode(), None);
        assert_eq!(seen(&loaded), seen(&snapshot), "{}", path.display());
        seen_some += 1;
    }
    assert!(seen_some >= 5, "{seen_some}");
}

#[test]
fn the_token_of_the_admin_endpoint_is_in_the_release_and_its_file_is_watched() {
    let token = |snapshot: &Snapshot| {
        snapshot.settings.admin_token.as_ref().map(|token| token.0.reveal().to_string())
    };
    let site = rich();
    let mut compiler = site.compiler(None);
    let first = compiler.compile(later()).unwrap();
    assert_eq!(token(&first).as_deref(), Some("0123456789abcdef"));
    let body = first.encode();
    site.write("token", "another-token-of-some-length");
    let second = compiler.compile(later()).unwrap();
    assert_eq!(token(&second).as_deref(), Some("another-token-of-some-length"));
    assert_eq!(token(&load(&body, Some(&second))).as_deref(), Some("0123456789abcdef"));
    assert!(!format!("{:?}", first.settings).contains("0123456789abcdef"), "it is a secret");
    site.write("token", "short");
    assert!(compiler.compile(later()).is_err());
    // A program of before can read what has no such thing in it.
    site.main("zones: [{name: a.example, origins: [\"http://127.0.0.1:1\"]}]\n");
    assert_eq!((body[0], site.compile(None).encode()[0]), (2, 1));
}

#[test]
fn what_a_zone_says_about_caching_is_part_of_its_plan() {
    let site = Site::new("include: zones.d/*.yaml\n");
    for name in ["a", "b"] {
        site.zone(&format!("{name}.example"), 1);
    }
    let before = site.compile(None);
    let text = fs::read_to_string(site.path("zones.d/a.example.yaml")).unwrap();
    site.write("zones.d/a.example.yaml", &format!("{text}cache: {{heuristic: on}}\n"));
    let after = site.compile(Some(&before));
    assert_eq!(Difference::between(&before, &after).changed, ["a.example".into()]);
    assert!(plan(&after, "a.example").cache.heuristic);
    assert!(!plan(&after, "b.example").cache.heuristic);
    assert!(Arc::ptr_eq(&plan(&before, "b.example"), &plan(&after, "b.example")));
    site.write("zones.d/a.example.yaml", &format!("{text}cache: {{heuristic: off}}\n"));
    let again = site.compile(Some(&after));
    assert_eq!(plan(&again, "a.example").hash, plan(&before, "a.example").hash, "it says nothing else");
}
