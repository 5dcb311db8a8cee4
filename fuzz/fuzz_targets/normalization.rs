//! The form of a path. Whatever is in it, the form is its own form, no longer than three times the path, and has neither
//! dots that lead elsewhere nor bytes that cannot stand in a path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_features::normalization::{Kind, is_normal, normalize};

fuzz_target!(|path: &[u8]| {
    for kind in [Kind::Rfc3986, Kind::Cloudflare] {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        normalize(path, kind, &mut once);
        normalize(&once, kind, &mut twice);
        assert_eq!(once, twice);
        assert!(once.len() <= 3 * path.len());
        if is_normal(path, kind) {
            assert_eq!(once, path);
        }
        if once.first() != Some(&b'/') {
            continue;
        }
        assert!(once.iter().all(u8::is_ascii_graphic) && !once.contains(&b'\\'));
        let dots = |segment: &[u8]| matches!(segment, b"." | b"..");
        assert!(!once.split(|byte| *byte == b'/').any(dots));
        assert!(kind == Kind::Rfc3986 || !once.windows(2).any(|pair| pair == b"//"));
    }
});
