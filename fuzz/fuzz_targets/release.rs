//! A release: from bytes to a snapshot. Whatever comes in, there is a snapshot or a reason; a snapshot of it has
//! bytes of which the same snapshot is made; and a good release in which bytes were changed harms nobody.

#![no_main]

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use rempart_base::Now;
use rempart_config::{Compiler, Snapshot, Source, load_release};

const CONFIGURATION: &str = "listen: {http: [\":80\"]}
zones:
  - {name: a.example, origins: &o [\"http://127.0.0.1:1\", {url: \"https://b\", verify: false}]}
  - {name: b.example, hosts: [\"*\"], origins: *o, upstream: {pending_max: 3}}
  - {name: c.example, origins: []}
";

static BASE: LazyLock<(Arc<Snapshot>, Vec<u8>)> = LazyLock::new(|| {
    let source =
        Source::Text { name: "fuzz".into(), text: CONFIGURATION.into(), folder: PathBuf::from("/nowhere") };
    let snapshot = Compiler::new(source).compile(Now::read()).expect("it is a good configuration");
    let body = snapshot.encode();
    (snapshot, body)
});

fuzz_target!(|data: &[u8]| {
    let (base, good) = &*BASE;
    check(data, base);
    // Each three bytes change one byte of a good release.
    let mut body = good.clone();
    for change in data.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % body.len();
        body[at] ^= change[2];
    }
    check(&body, base);
});

fn check(body: &[u8], base: &Snapshot) {
    let now = Now::read();
    for base in [None, Some(base)] {
        match load_release(body, base, now) {
            Err(reasons) => assert!(reasons.has_errors(), "refused without a reason"),
            Ok(snapshot) => {
                let again = snapshot.encode();
                let loaded = load_release(&again, base, now).expect("what was encoded can be loaded");
                assert_eq!(loaded.encode(), again);
                assert_eq!(loaded.hash, snapshot.hash);
            }
        }
    }
}
