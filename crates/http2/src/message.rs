//! Messages out of header blocks, and into them (RFC 9113 section 8).
//!
//! A head is put together in the arena of its fields as HTTP/1.1 would have written it, so its bounds are the same
//! bounds, and its lines go on to an HTTP/1.1 origin in one piece.

mod collect;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod trailers;
mod write;

use rempart_flow::Known;

pub use request::{Outcome, RequestRules, read_request};
pub use response::read_response;
pub use trailers::{ForbiddenTrailers, TrailerError, read_trailers};
pub use write::{BlockWriter, RequestLine};

/// How much arena a head keeps from one message to the next. A larger head gives back the rest.
const ARENA_KEEP_BYTES: usize = 8 * 1024;

/// Whether a field is about an HTTP/1 connection, and so makes a message malformed (RFC 9113 section 8.2.2). `TE` is
/// looked at by itself: in a request it may say `trailers`.
const fn is_connection_specific(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::TransferEncoding
            | Known::Upgrade
    )
}
