//! What happened on a connection, for whoever drives it.

use rempart_flow::Fault;

use crate::frame::ErrorCode;

/// One stream of one connection, until it is released. A handle of a stream that is no more is harmless: it
/// reads as empty and takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub(crate) id: u32,
    pub(crate) slot: u32,
}

impl StreamId {
    /// The number on the wire, 1 to 2³¹ − 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.id
    }

    /// Where the connection keeps it: small, dense numbers that are used again after [`release`]; an index for
    /// the driver's own list of streams.
    ///
    /// [`release`]: crate::Connection::release
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What happened. Events of released streams are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A head is complete: a server takes it with `take_request`, a client with `take_response` (once an event;
    /// interim heads come first).
    Head(StreamId),
    /// A request's head breaks a bound or is refused for another reason that has an answer. What could be read
    /// is taken with `take_request`; the driver answers and releases. A server's.
    Refused(StreamId, Fault),
    /// What should be a request or response is none (RFC 9113 section 8.1.1). The stream is reset already; for the
    /// log, what could be read of a request is taken with `take_request`.
    Malformed(StreamId, Fault),
    /// There is body to take. Told again only after [`crate::Connection::consume`].
    Data(StreamId),
    /// The body has ended by frames after its head; trailers, if any, are there. Not told if the head itself ended
    /// the stream: `is_received` says so from the beginning.
    End(StreamId),
    /// The stream is broken off: by the peer, or by us for an error of the peer's. Nothing more comes or goes.
    Reset(StreamId, Broken),
    /// The server wants no more of the request's body, and its response is whole (RFC 9113 section 8.1): a
    /// client stops sending, and reads on.
    SendStopped(StreamId),
    /// A stream whose `send_data` took less than it was given may try again; or one that asked with
    /// `wants_room`.
    Room(StreamId),
    /// The peer will accept nothing above this stream; a client opens no more. Streams above it have had their
    /// own `Reset`.
    GoAway(ErrorCode),
    /// The peer's settings changed: `can_open` and `peer_has_connect_protocol` may.
    Settings,
    /// The answer to [`crate::Connection::ping`].
    Pong(u64),
    /// The connection has failed; see [`crate::Connection::failure`]. What is queued, a GOAWAY, should still be
    /// written. No event follows.
    Failed,
}

impl Event {
    /// The stream it is about.
    #[must_use]
    pub const fn stream(self) -> Option<StreamId> {
        match self {
            Self::Head(stream)
            | Self::Refused(stream, _)
            | Self::Malformed(stream, _)
            | Self::Data(stream)
            | Self::End(stream)
            | Self::Reset(stream, _)
            | Self::SendStopped(stream)
            | Self::Room(stream) => Some(stream),
            Self::GoAway(_) | Self::Settings | Self::Pong(_) | Self::Failed => None,
        }
    }
}

/// Why a stream ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The reason, the peer's or ours.
    pub code: ErrorCode,
    /// Who says so.
    pub by: By,
    /// A client's: the server has done nothing with the request (REFUSED_STREAM, or above the last stream of its
    /// GOAWAY), so that any request can be tried again (RFC 9113 section 8.7).
    pub is_unprocessed: bool,
}

/// A side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The other side.
    Peer,
    /// This side, because of what the peer sent.
    Us,
}
