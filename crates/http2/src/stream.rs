//! One stream (RFC 9113 section 5.1).

use std::collections::VecDeque;

use rempart_flow::{Fields, Method, RequestHead, ResponseHead};

use crate::flow_control::{ReceiveWindow, SendWindow};
use crate::priority::Priority;

/// Memory that a stream's place keeps for the next one: heads, and a body's buffer.
pub(crate) const KEEP_BYTES: usize = 8 * 1024;

/// What may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiving {
    /// A client: interim heads and the final one.
    Head,
    /// DATA and trailers.
    Body,
    /// Nothing: the peer has ended it ("half-closed (remote)").
    Ended,
    /// Nothing: it was reset.
    Broken,
}

/// What may still go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// A client: the request's head has not been sent; the peer knows nothing of the stream.
    Unsent,
    /// Heads, DATA, trailers.
    Open,
    /// Nothing: we have ended it ("half-closed (local)").
    Ended,
    /// Nothing: it was reset.
    Broken,
}

/// How a stream was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Both sides ended it.
    Ended,
    /// The peer reset it.
    ByPeer,
    /// We reset it; frames that were under way are no error.
    ByUs,
}

/// Bytes of one stream: HEADERS, CONTINUATION and DATA, with their frames' heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// From the peer.
    pub received: u64,
    /// To the peer, what waits in the output counted.
    pub sent: u64,
}

/// A body on its way in: bounded by the stream's window and the connection's.
#[derive(Debug, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    start: usize,
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        // What is consumed makes way before memory grows.
        if self.start > 0 && self.bytes.len() + piece.len() > self.bytes.capacity() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(piece);
    }

    pub(crate) fn consume(&mut self, count: usize) -> usize {
        let count = count.min(self.len());
        self.start += count;
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        count
    }

    /// Drops what waits. Returns how much it was.
    fn clear(&mut self) -> usize {
        let count = self.len();
        self.bytes.clear();
        self.start = 0;
        count
    }
}

/// One stream, from its first head until it is released.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its number; 0 while the place is free.
    pub(crate) id: u32,
    /// Whether the protocol still knows it: it is in the index and counts as open.
    pub(crate) is_open: bool,
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,

    /// A server: the request, until it is taken.
    pub(crate) request: RequestHead,
    pub(crate) has_request: bool,
    /// Bytes of the request's head, wherever it is now.
    pub(crate) head_bytes: usize,
    /// A client: heads of responses, until they are taken.
    pub(crate) responses: VecDeque<ResponseHead>,
    /// A client: what was asked.
    pub(crate) method: Method,

    /// Bytes of all its frames that came, and that went.
    pub(crate) moved: Moved,
    pub(crate) body: Body,
    /// Bytes of body that must still come, if the head said how many there are.
    pub(crate) body_left: Option<u64>,
    pub(crate) trailers: Fields,
    pub(crate) has_trailers: bool,
    /// `Event::Data` stands for all that has come since the last byte was consumed.
    pub(crate) is_data_told: bool,
    pub(crate) receive_window: ReceiveWindow,

    pub(crate) send_window: SendWindow,
    pub(crate) priority: Priority,
    /// Whether that is the peer's word, or the site's.
    pub(crate) is_prioritised: bool,
    /// Bytes of body that were sent.
    pub(crate) sent: u64,
    /// Bytes of its turn that it may still send.
    pub(crate) turn: usize,
    /// When it last sent something, counted in turns.
    pub(crate) served: u64,
    /// It has more to send than it could.
    pub(crate) wants_room: bool,
    /// It stands in the list of those that wait for room and whose window is open.
    pub(crate) is_listed: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            id: 0,
            is_open: false,
            receiving: Receiving::Ended,
            sending: Sending::Ended,
            request: RequestHead::default(),
            has_request: false,
            head_bytes: 0,
            responses: VecDeque::new(),
            method: Method::default(),
            moved: Moved::default(),
            body: Body::default(),
            body_left: None,
            trailers: Fields::default(),
            has_trailers: false,
            is_data_told: false,
            receive_window: ReceiveWindow::new(0, 0),
            send_window: SendWindow::new(0),
            priority: Priority::default(),
            is_prioritised: false,
            sent: 0,
            turn: 0,
            served: 0,
            wants_room: false,
            is_listed: false,
        }
    }
}

impl Stream {
    /// Whether nothing more can come and nothing go.
    pub(crate) const fn is_over(&self) -> bool {
        !matches!(self.receiving, Receiving::Head | Receiving::Body)
            && matches!(self.sending, Sending::Ended | Sending::Broken)
    }

    /// Begins a new stream in this place.
    pub(crate) fn begin(&mut self, id: u32, receive_window: ReceiveWindow, send_window: SendWindow) {
        // Field by field: the memory of heads and bodies stays where it is.
        self.id = id;
        self.is_open = true;
        self.has_request = false;
        self.head_bytes = 0;
        self.moved = Moved::default();
        self.body_left = None;
        self.is_data_told = false;
        self.receive_window = receive_window;
        self.send_window = send_window;
        self.priority = Priority::default();
        self.is_prioritised = false;
        self.sent = 0;
        self.turn = 0;
        self.served = 0;
        self.wants_room = false;
        self.is_listed = false;
    }

    /// Frees the place. Returns the bytes of body that nobody took.
    pub(crate) fn end(&mut self) -> usize {
        self.id = 0;
        self.is_open = false;
        self.wants_room = false;
        self.responses.clear();
        if self.has_trailers {
            self.trailers.clear(0);
            self.has_trailers = false;
        }
        let untaken = self.body.clear();
        if self.body.bytes.capacity() > KEEP_BYTES {
            self.body = Body::default();
        }
        untaken
    }

    /// Drops what has come of the body. Returns how much it was.
    pub(crate) fn drop_body(&mut self) -> usize {
        self.body.clear()
    }

    /// Swaps the request with an old head of whoever takes it.
    pub(crate) fn take_request(&mut self, head: &mut RequestHead) -> bool {
        if !self.has_request {
            return false;
        }
        self.has_request = false;
        std::mem::swap(&mut self.request, head);
        self.request.clear(KEEP_BYTES);
        true
    }
}
