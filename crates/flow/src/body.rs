//! How a message's end is found.

/// How the end of a message body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BodyLength {
    /// There is no body: the message ends with its head.
    #[default]
    None,
    /// Exactly this many bytes.
    Exact(u64),
    /// HTTP/1.1 chunks, or HTTP/2 and /3 frames without a declared length: the end marks itself, and
    /// trailers may follow.
    Chunked,
    /// A response that lasts until the connection closes (HTTP/1 only).
    UntilClose,
}

impl BodyLength {
    /// Whether not one byte of body follows the head.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Exact(0))
    }
}
