//! What a connection may do, and what its peer may.

use rempart_flow::HeadLimits;

use crate::budget::Budgets;

/// The bounds of one connection. `Default` has the safe values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Streams that the peer may have open at once (RFC 9113 section 5.1.2), those counted whose end it has not
    /// taken yet. One more is refused, and so is one while twice as many exchanges have not been released.
    pub streams_max: u32,
    /// Bytes of body that a stream holds until they are consumed, at most 2³¹ − 1.
    pub stream_window_bytes: u32,
    /// Bytes of body that all streams together hold, 65,535 (which every connection begins with) to 2³¹ − 1.
    pub connection_window_bytes: u32,
    /// The longest frame that the peer may send, 16,384 to 16,777,215 bytes of payload.
    pub frame_bytes_max: u32,
    /// The dynamic table that the peer may use for its heads (RFC 7541 section 4.2).
    pub table_bytes_max: u32,
    /// The dynamic table that is used for our heads, if the peer allows as much.
    pub own_table_bytes_max: u32,
    /// Bounds of one head, decoded.
    pub head: HeadLimits,
    /// Bytes of the heads of all requests that are not released: header compression makes large heads out of few
    /// bytes. A stream with which there would be more is refused, but for the first.
    pub heads_bytes_max: usize,
    /// Bounds of one section of trailers, decoded.
    pub trailers: HeadLimits,
    /// Bytes of one header block before it is decoded. A head within `head` is never larger; what is larger than
    /// `head` and within this is answered as too large, and beyond it the connection ends.
    pub block_bytes_max: usize,
    /// Interim responses of one stream that wait to be taken; a client's.
    pub interim_max: usize,
    /// Whether extended CONNECT is offered (RFC 8441); a server's.
    pub has_connect_protocol: bool,
    /// What the peer may waste.
    pub budgets: Budgets,
}

impl Default for Config {
    fn default() -> Self {
        let head = HeadLimits::default();
        Self {
            streams_max: 128,
            stream_window_bytes: 256 * 1024,
            connection_window_bytes: 1024 * 1024,
            frame_bytes_max: 16_384,
            table_bytes_max: 4096,
            own_table_bytes_max: 4096,
            head,
            heads_bytes_max: 1024 * 1024,
            trailers: HeadLimits { head_bytes_max: 8 * 1024, target_bytes_max: 0, fields_max: 32 },
            block_bytes_max: 2 * head.head_bytes_max,
            interim_max: 16,
            has_connect_protocol: true,
            budgets: Budgets::default(),
        }
    }
}
