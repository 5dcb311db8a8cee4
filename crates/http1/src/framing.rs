//! Transfer codings, the same for both sides.

use rempart_flow::bytes::{is_token, trim_ows};

/// What the `Transfer-Encoding` fields of one message say, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `chunked` and nothing else.
    Chunked,
    /// Codings that are not implemented, with `chunked` last: the end of the body could be found, its
    /// content could not.
    Unknown,
    /// `chunked` is missing, not last, repeated, or has parameters; or the list does not parse.
    Invalid,
}

/// Reads the value of a `Transfer-Encoding` field (RFC 9112 section 6.1). A message with several such
/// fields is refused by the caller: some read the first of them, some the last.
pub(crate) fn coding(value: &[u8]) -> Coding {
    if value.eq_ignore_ascii_case(b"chunked") { Coding::Chunked } else { list(value) }
}

/// Whether this is one coding that nobody here has heard of: nothing like `chunked`, and none that is known to change
/// the bytes. `identity`, which RFC 2616 had, is one.
pub(crate) fn is_strange(value: &[u8]) -> bool {
    const KNOWN: [&[u8]; 7] = [b"gzip", b"x-gzip", b"compress", b"x-compress", b"deflate", b"br", b"zstd"];
    let is_known = KNOWN.iter().any(|known| value.eq_ignore_ascii_case(known));
    let is_like_chunked = value.windows(5).any(|part| part.eq_ignore_ascii_case(b"chunk"));
    is_token(value) && !is_known && !is_like_chunked
}

fn list(value: &[u8]) -> Coding {
    let (mut chunked, mut last_is_chunked) = (0, false);
    for element in value.split(|&b| b == b',') {
        let mut parts = element.splitn(2, |&b| b == b';');
        let name = trim_ows(parts.next().unwrap_or_default());
        let has_parameters = parts.next().is_some();
        last_is_chunked = name.eq_ignore_ascii_case(b"chunked");
        chunked += u32::from(last_is_chunked);
        if !is_token(name) || (last_is_chunked && has_parameters) || element.contains(&b'"') {
            return Coding::Invalid;
        }
    }
    if chunked == 1 && last_is_chunked { Coding::Unknown } else { Coding::Invalid }
}
