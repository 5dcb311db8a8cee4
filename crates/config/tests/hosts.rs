//! Which zone answers for a host, and with which certificate.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Compiler, Snapshot, Source, for_proxy};

fn compile(zones: &[(&str, &str)]) -> Arc<Snapshot> {
    let mut text = String::from("listen: {http: [\":80\"]}\nzones:\n");
    for (name, hosts) in zones {
        let hosts = if hosts.is_empty() { String::new() } else { format!(", hosts: {hosts}") };
        let _ = writeln!(text, "  - {{name: {name}, origins: [\"http://127.0.0.1:1\"]{hosts}}}");
    }
    let source = Source::Text { name: "test".into(), text, folder: PathBuf::new() };
    Compiler::new(source).compile(Now::read()).expect("a good configuration")
}

fn zone<'a>(snapshot: &'a Snapshot, host: &str) -> Option<&'a str> {
    snapshot.zone_for_host(host.as_bytes()).map(|zone| &*zone.name)
}

#[test]
fn the_longest_name_wins_and_the_catch_all_comes_last() {
    let snapshot = compile(&[
        ("shop.example", ""),
        ("eu.shop.example", ""),
        ("exact.example", "[exact.example, deep.shop.example]"),
        ("all.example", "[\"*\"]"),
    ]);
    for (host, expected) in [
        ("shop.example", "shop.example"),
        ("www.shop.example", "shop.example"),
        ("a.b.c.shop.example", "shop.example"),
        ("eu.shop.example", "eu.shop.example"),
        ("www.eu.shop.example", "eu.shop.example"),
        ("deep.shop.example", "exact.example"),
        ("x.deep.shop.example", "shop.example"),
        ("exact.example", "exact.example"),
        ("www.exact.example", "all.example"),
        ("example", "all.example"),
        ("xshop.example", "all.example"),
        ("", "all.example"),
        (".", "all.example"),
        ("..shop.example", "shop.example"),
        ("127.0.0.1", "all.example"),
        ("[::1]", "all.example"),
    ] {
        assert_eq!(zone(&snapshot, host), Some(expected), "{host}");
    }
}

#[test]
fn case_and_a_final_dot_make_no_difference_and_two_dots_do() {
    let snapshot = compile(&[("Shop.Example", "")]);
    for host in ["SHOP.example", "shop.example.", "WWW.Shop.Example."] {
        assert_eq!(zone(&snapshot, host), Some("shop.example"), "{host}");
    }
    for host in [
        "shop.example..",
        "shop.exampl",
        "example",
        "shop.example:80",
        "shop.example\0",
        "\u{17f}hop.example",
    ] {
        assert_eq!(zone(&snapshot, host), None, "{host:?}");
    }
}

#[test]
fn international_names_are_found_by_their_punycode() {
    let snapshot = compile(&[("b\u{fc}cher.example", ""), ("other.example", "[\"*.M\u{dc}NCHEN.example\"]")]);
    assert_eq!(zone(&snapshot, "www.XN--BCHER-kva.example"), Some("xn--bcher-kva.example"));
    assert_eq!(zone(&snapshot, "a.xn--mnchen-3ya.example"), Some("other.example"));
    assert_eq!(zone(&snapshot, "xn--mnchen-3ya.example"), None, "`*.` is only for what is under the name");
}

#[test]
fn a_host_of_253_bytes_is_found_and_a_longer_one_belongs_to_the_catch_all() {
    let snapshot = compile(&[("shop.example", ""), ("all.example", "[\"*\"]")]);
    let longest = format!("{}.shop.example", "a.".repeat(120).trim_end_matches('.'));
    assert_eq!(longest.len(), 252);
    assert_eq!(zone(&snapshot, &format!("a{longest}")), Some("shop.example"), "253 bytes");
    assert_eq!(zone(&snapshot, &format!("a{longest}.")), Some("shop.example"), "and a dot");
    assert_eq!(zone(&snapshot, &format!("aa{longest}")), Some("all.example"), "254 bytes");
    assert_eq!(zone(&compile(&[("shop.example", "")]), &"a".repeat(70_000)), None);
}

#[test]
fn a_proxy_without_a_file_answers_for_every_host() {
    let snapshot = Compiler::new(for_proxy(":8080", "http://127.0.0.1:9000")).compile(Now::read()).unwrap();
    let zone = snapshot.zone_for_host(b"whatever.example").unwrap();
    assert_eq!(&*zone.origins.first().unwrap().label, "http://127.0.0.1:9000");
    let problems = Compiler::new(for_proxy("8080\"]", "nowhere\n")).compile(Now::read()).unwrap_err();
    let paths: Vec<&str> = problems.0.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["listen.http[0]", "zones[0].origins[0]"], "nothing escapes the quotes");
}

#[test]
fn a_name_gets_the_certificate_that_holds_for_it() {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in [("apex", "shop.example"), ("under", "*.shop.example"), ("deep", "a.b.shop.example")]
    {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join(format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
    let pair = |file: &str| format!("{{cert: {file}.pem, key: {file}.key}}");
    let text = format!(
        "listen: {{https: [\":443\"]}}\nzones:\n  - name: shop.example\n    origins: [\"http://127.0.0.1:1\"]\n    certificates: [{}, {}, {}]\n  - {{name: bare.example, origins: [\"http://127.0.0.1:1\"]}}\n",
        pair("apex"),
        pair("under"),
        pair("deep"),
    );
    let source = Source::Text { name: "test".into(), text, folder: folder.path().into() };
    let snapshot = Compiler::new(source).compile(Now::read()).unwrap();
    let shop = snapshot.zone_for_host(b"shop.example").unwrap();
    for (sni, index) in [
        ("shop.example", 0),
        ("SHOP.example.", 0),
        ("www.shop.example", 1),
        ("a.b.shop.example", 2),
        ("x.y.shop.example", 0),
    ] {
        let found = snapshot.certificate_for(sni).unwrap();
        assert!(Arc::ptr_eq(&found, &shop.certificates[index].key), "{sni}");
    }
    assert!(snapshot.certificate_for("bare.example").is_none());
    assert!(snapshot.certificate_for("nobody.example").is_none());
}
