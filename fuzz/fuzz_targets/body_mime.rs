//! Any bytes as the beginning of a body: a type is a type, and what stands far behind the beginning changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::body::mime::sniff;

fuzz_target!(|body: &[u8]| {
    let Some(mime) = sniff(body) else { return };
    assert!(mime.is_ascii() && mime.split('/').filter(|part| !part.is_empty()).count() == 2);
    let beginning = body.get(..4096).unwrap_or(body);
    let longer = [beginning, &[0; 64]].concat();
    if body.len() >= 4096 {
        assert_eq!(sniff(&longer), Some(mime));
    }
});
