//! The body of a purge over the API. Whatever is in it, it is refused with a code or names something: an object that
//! is called so is gone after the purge.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_cache::purge::{Purge, Purged, Purges, What};
use rempart_cache::{CachePlan, plan};
use rempart_edge::purging::ask::{Ask, ITEMS_MAX, URLS_MAX};

fuzz_target!(|body: &[u8]| {
    let ask = match Ask::read(body) {
        Ok(ask) => ask,
        Err(wrong) => return assert!(wrong.code != 0 && !wrong.message.is_empty()),
    };
    assert!(!ask.what.is_empty() && ask.what.len() <= 1 + URLS_MAX + 3 * ITEMS_MAX);
    let zone = CachePlan::of("a.example");
    assert_ne!(zone.zone_id, plan::ZoneId([0; 16]));
    for what in ask.what {
        let purges = Purges::default();
        let (host, path, tags): (&[u8], Vec<u8>, Vec<Box<[u8]>>) = match &what {
            What::Everything => (b"a.example", b"/".to_vec(), Vec::new()),
            What::Url(host, path) => (host, path.to_vec(), Vec::new()),
            What::Host(host) => (host, b"/x".to_vec(), Vec::new()),
            What::Prefix(host, path) => (host, [path, &b"/x?y"[..]].concat(), Vec::new()),
            What::Tag(tag) => (b"a.example", b"/".to_vec(), vec![tag.to_ascii_uppercase().into()]),
        };
        let object = purges.stamp(&purges.begin(), &zone, host, &path, &tags);
        purges.purge(&[Purge::of(&zone, what, ask.soft)]).expect("one purge fits");
        let expected = if ask.soft { Purged::Soft } else { Purged::Hard };
        assert_eq!(purges.check(&object), expected);
    }
});
