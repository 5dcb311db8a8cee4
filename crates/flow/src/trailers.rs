//! Trailers (RFC 9110 section 6.5).

use crate::known::Known;

/// RFC 9110 section 6.5.1 forbids trailers that frame, route, modify, authenticate, or say how the content
/// is to be read. Every name that this program looks at does one of these, but for `ETag`, which section
/// 8.8.3 expects there.
#[must_use]
pub fn is_only_in_heads(known: Known, name: &[u8]) -> bool {
    let starts =
        |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let known_elsewhere = OTHER_PREFIXES.iter().any(|prefix| starts(prefix));
    known != Known::ETag && (known != Known::Other || known_elsewhere)
}

const OTHER_PREFIXES: &[&[u8]] = &[
    b"access-control-",
    b"cf-",
    b"max-forwards",
    b"proxy-",
    b"strict-transport-security",
    b"www-authenticate",
    b"x-forwarded-",
];
