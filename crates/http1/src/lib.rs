//! Room 2: HTTP/1.x, both sides, as a pure codec: bytes in, messages out. No sockets, no clock, no
//! policy.
//!
//! What it lets through has one reading only. RFC 9110 and RFC 9112 leave a recipient free to repair
//! some malformed messages; an intermediary that repairs is one half of a smuggling attack, so here
//! everything that two parsers could read differently is refused. What is right is read in one pass; what
//! is not is read again, slowly, to say what is wrong with it.
//!
//! A head is copied once into the arena of its `Fields`; everything else is a range into that copy.

pub mod chunked;
mod connection;
pub mod encode;
mod fields;
mod framing;
pub mod request;
pub mod response;
mod scan;

use rempart_flow::Fault;
pub use rempart_flow::HeadLimits;

/// What an attempt to read a head came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head stands in the first `head_bytes` of the input; the body follows.
    Complete {
        /// Bytes of input that the head took, with empty lines skipped before it.
        head_bytes: usize,
    },
    /// Right so far, but not at its end. Read more and parse again from the start of the head.
    Partial,
}

/// A refused request. The connection has to be closed after its answer: where the next message would
/// begin is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub fault: Fault,
    /// Whether the method stands in the head, and target and host as far as they could be read, so that
    /// the log can show them. Nothing else in the head of a refused request means anything.
    pub readable: bool,
}

/// How much arena a head keeps from one message to the next. A larger head gives back the rest.
const ARENA_KEEP_BYTES: usize = 8 * 1024;
