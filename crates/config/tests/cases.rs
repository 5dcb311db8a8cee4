//! `cases/compile`: configuration in, result or every problem out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
// The lists of keys in messages are those of the program that is released.
#![cfg(not(feature = "fault"))]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::{Diagnostics, Now};
use rempart_cache::{CachePlan, CacheSettings};
use rempart_config::{Snapshot, load};
use rempart_features::rulesets::Rulesets;

#[test]
fn every_case_comes_to_what_stands_beside_it() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/compile");
    let update = std::env::var_os("UPDATE_CASES").is_some();
    // A copy, so that certificates can be made beside it and paths in messages are the same everywhere.
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&cases, copy.path());
    make_certificates(&copy.path().join("tls"));
    std::env::set_current_dir(copy.path()).unwrap();
    let mut names: Vec<PathBuf> = fs::read_dir(".").unwrap().map(|e| e.unwrap().file_name().into()).collect();
    names.retain(|name| name.extension().is_some_and(|e| e == "yaml"));
    names.sort();
    assert!(names.len() >= 25, "the cases are not where they should be");
    let mut wrong = String::new();
    for name in &names {
        let result = match load(name, june_2026()) {
            Ok(snapshot) => summary(&snapshot),
            Err(problems) => problems.to_string(),
        };
        let expected = cases.join(name).with_extension("txt");
        if update {
            fs::write(&expected, &result).unwrap();
        } else if fs::read_to_string(&expected).ok().as_deref() != Some(&result) {
            let _ = writeln!(wrong, "--- {} is not what is expected, but\n{result}", name.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// 2026-06-01, so that the certificates of the cases never expire.
fn june_2026() -> Now {
    Now { unix_ns: 1_780_272_000_000_000_000, ..Now::read() }
}

fn summary(snapshot: &Snapshot) -> String {
    let mut text = String::from("ok\n");
    let listen = &snapshot.settings.listen;
    for (kind, listeners) in [("http", &listen.http), ("https", &listen.https)] {
        for listener in listeners {
            let _ = writeln!(
                text,
                "{kind} {} proxy_protocol {:?}",
                listener.address.socket_address(),
                listener.proxy_protocol
            );
        }
    }
    if snapshot.settings.cache != CacheSettings::default() {
        let _ = writeln!(text, "{:?}", snapshot.settings.cache);
    }
    if let Some(account) = &snapshot.settings.account {
        text += "account\n";
        text += &rules(&account.rulesets);
    }
    for zone in snapshot.zones() {
        let hosts: Vec<String> = zone.hosts.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "zone {}: {}", zone.name, hosts.join(", "));
        for origin in &zone.origins {
            let tls =
                origin.tls.as_ref().map(|tls| format!(" as {:?} verify {}", tls.server_name, tls.verify));
            let host =
                origin.host_header.as_deref().map(|host| format!(" host {}", String::from_utf8_lossy(host)));
            let _ = writeln!(
                text,
                "  origin {}{}{}",
                origin.label,
                tls.unwrap_or_default(),
                host.unwrap_or_default()
            );
            if !Arc::ptr_eq(&origin.settings, &snapshot.settings.upstream) {
                let _ = writeln!(text, "    own settings: {:?}", origin.settings);
            }
        }
        if *zone.cache != CachePlan::of(&zone.name) {
            text += &different(&zone.cache);
        }
        if let Some(features) = &zone.features {
            text += &rules(&features.rulesets);
        }
        for certificate in &zone.certificates {
            let names: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  certificate for {}", names.join(", "));
        }
    }
    text + &Diagnostics(snapshot.warnings.clone()).to_string()
}

/// The rows of rules that run.
fn rules(rulesets: &Rulesets) -> String {
    let mut text = String::new();
    for phase in rulesets.phases() {
        let _ = writeln!(text, "  phase {}", phase.phase.name());
        for rule in &phase.rules {
            let log = if rule.logs { ", an event" } else { "" };
            let _ = writeln!(text, "    {} {}: {}{log}", rule.name, rule.ruleset.name, rule.action.name());
        }
    }
    text
}

/// What differs from the plan of a zone that says nothing.
fn different(plan: &CachePlan) -> String {
    let plain = format!("{:#?}", CachePlan::of("other.example"));
    let text = format!("{plan:#?}");
    let is_plain = |line: &str| line.contains("fingerprint") || plain.lines().any(|other| other == line);
    let own = text.lines().filter(|line| !is_plain(line));
    own.map(|line| format!("  {line}\n")).collect()
}

fn make_certificates(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let names = ["shop.example".to_owned(), "*.shop.example".to_owned()];
    for (name, last_year) in [("good", 2099), ("expired", 2025), ("other", 2099), ("ca", 2099)] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(names.to_vec()).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        if name == "ca" {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    fs::write(folder.join("token"), "0123456789abcdef\n").unwrap();
    fs::write(folder.join("not_pem.txt"), "nothing of the kind\n").unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
