//! One connection, either role: frames in (`receive` and the files beside it), events and frames out.

use std::collections::VecDeque;
use std::time::Instant;

use rempart_flow::ResponseHead;

use crate::budget::{Allowance, Bucket, Buckets, Budget};
use crate::config::Config;
use crate::event::{Event, StreamId};
use crate::flow_control::{INITIAL_WINDOW_BYTES, ReceiveWindow, SendWindow};
use crate::frame::{ErrorCode, HEAD_BYTES, MAX_31, PREFACE, kind};
use crate::hpack::{Decoder, Encoder};
use crate::message::RequestRules;
use crate::output::Output;
use crate::priority::Early;
use crate::settings::{self, FRAME_BYTES_MAX, FRAME_BYTES_MIN, PeerSettings, TABLE_BYTES};
use crate::stream::Moved;
use crate::streams::Streams;

mod body;
mod control;
mod ending;
mod heads;
mod receive;
mod sending;
#[cfg(test)]
mod tests;
mod turns;

pub use sending::HeadBlock;

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The peer broke the protocol.
    Violation(Violation),
    /// The peer is over a budget.
    Budget(Budget),
}

impl Failure {
    /// The code that the peer is told.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Violation(violation) => violation.code,
            Self::Budget(_) => ErrorCode::ENHANCE_YOUR_CALM,
        }
    }
}

/// What the peer did that ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The code of the GOAWAY that it is told.
    pub code: ErrorCode,
    /// For the log.
    pub what: &'static str,
}

impl Violation {
    pub(crate) const fn new(code: ErrorCode, what: &'static str) -> Self {
        Self { code, what }
    }

    pub(crate) const fn protocol(what: &'static str) -> Self {
        Self::new(ErrorCode::PROTOCOL_ERROR, what)
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

/// What the peer's first bytes must be (RFC 9113 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A server: the client's preface, of which so many bytes have come.
    Preface(usize),
    /// SETTINGS.
    Settings,
    /// Any frame.
    Open,
}

/// How far the end of the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// It has not begun.
    On,
    /// The peer was told that no more streams should be opened; those on their way are still served.
    Announced,
    /// Streams above this one are not served.
    Last(u32),
    /// Nothing is.
    Closed,
}

/// A frame whose payload is taken in pieces.
#[derive(Clone, Copy, Debug)]
struct Partial {
    /// Where DATA goes; `None` if nobody wants it.
    stream: Option<StreamId>,
    content: usize,
    padding: usize,
    ends_stream: bool,
}

/// A header block whose frames are not all there.
#[derive(Clone, Copy, Debug)]
struct Block {
    stream: u32,
    ends_stream: bool,
    depends_on_itself: bool,
    continuations: u32,
    /// Bytes of its frames.
    bytes: u64,
}

/// One HTTP/2 connection. See the crate's own words for how it is driven.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    rules: RequestRules,
    role: Role,
    now: Instant,
    phase: Phase,
    going: Going,
    failure: Option<Failure>,

    partial: Option<Partial>,
    block: Option<Block>,
    block_bytes: Vec<u8>,

    streams: Streams,
    /// Bytes of the heads of requests that are not released.
    head_bytes: usize,
    /// The highest number that the peer has opened a stream with.
    last_peer: u32,
    /// The highest number that we have opened a stream with.
    last_own: u32,
    /// A client's stream that was opened and whose head has not been sent.
    unsent: Option<StreamId>,
    /// Heads of responses whose memory is used again.
    spare: Vec<ResponseHead>,
    /// The last of our streams that the peer accepts.
    peer_last: Option<u32>,

    events: VecDeque<Event>,
    output: Output,
    /// Whose head is open.
    open_head: Option<StreamId>,
    decoder: Decoder,
    encoder: Encoder,

    peer: PeerSettings,
    is_settled: bool,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// What the window of a new stream is.
    stream_window: ReceiveWindow,
    buckets: Buckets,
    ping: Option<u64>,

    /// Streams that want room and whose own window is open, in no order.
    waiting: Vec<StreamId>,
    turns: u64,
    early: Early,
    /// Whether the peer speaks of priorities at all.
    has_priorities: bool,
}

impl Connection {
    /// The side that answers.
    #[must_use]
    pub fn server(config: &Config, now: Instant) -> Self {
        Self::new(config, now, Role::Server)
    }

    /// The side that asks.
    #[must_use]
    pub fn client(config: &Config, now: Instant) -> Self {
        Self::new(config, now, Role::Client)
    }

    fn new(config: &Config, now: Instant, role: Role) -> Self {
        let config = clamped(*config);
        let is_server = role == Role::Server;
        // Before our settings are acknowledged the peer may go by what a connection begins with.
        let stream_window = config.stream_window_bytes;
        let mut connection = Self {
            config,
            rules: RequestRules { limits: config.head, extended_connect: config.has_connect_protocol },
            role,
            now,
            phase: if is_server { Phase::Preface(0) } else { Phase::Settings },
            going: Going::On,
            failure: None,
            partial: None,
            block: None,
            block_bytes: Vec::new(),
            streams: Streams::new(config.streams_max),
            head_bytes: 0,
            last_peer: 0,
            last_own: 0,
            unsent: None,
            spare: Vec::new(),
            peer_last: None,
            events: VecDeque::new(),
            output: Output::default(),
            open_head: None,
            decoder: Decoder::new(config.table_bytes_max.max(TABLE_BYTES) as usize),
            encoder: Encoder::new(config.own_table_bytes_max as usize),
            peer: PeerSettings::default(),
            is_settled: false,
            send_window: SendWindow::new(INITIAL_WINDOW_BYTES),
            receive_window: ReceiveWindow::new(INITIAL_WINDOW_BYTES, config.connection_window_bytes),
            stream_window: ReceiveWindow::new(stream_window.max(INITIAL_WINDOW_BYTES), stream_window),
            buckets: Buckets::new(&config.budgets, now),
            ping: None,
            waiting: Vec::new(),
            turns: 0,
            early: Early::default(),
            has_priorities: false,
        };
        connection.begin();
        connection
    }

    /// Our preface (RFC 9113 section 3.4).
    fn begin(&mut self) {
        if self.role == Role::Client {
            self.output.raw(PREFACE);
        }
        let ours = settings::ours(&self.config, self.role == Role::Server);
        self.output.control(kind::SETTINGS, 0, 0, &[&ours]);
        if let Some(bytes) = self.receive_window.grant_all() {
            self.output.control(kind::WINDOW_UPDATE, 0, 0, &[&bytes.to_be_bytes()]);
        }
    }

    /// The most bytes that [`Connection::receive`] may need at once: a buffer before it has to hold them.
    #[must_use]
    pub const fn input_bytes_max(&self) -> usize {
        HEAD_BYTES + self.config.frame_bytes_max as usize
    }

    /// What happened next, and whose turn it is to send. To be asked after every [`Connection::receive`],
    /// [`Connection::wrote`] and round of [`Connection::send_data`], until it says nothing.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(event) = self.events.pop_front() {
            if event.stream().is_none_or(|stream| self.streams.get(stream).is_some()) {
                return Some(event);
            }
        }
        self.next_turn()
    }

    /// What is to be written.
    #[inline]
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.output.waiting()
    }

    /// The first `count` bytes of [`Connection::output`] are written.
    #[inline]
    pub fn wrote(&mut self, count: usize) {
        self.output.wrote(count);
    }

    /// Gives memory back that is not needed while nothing goes on.
    pub fn rest(&mut self) {
        self.output.rest();
        self.streams.rest();
        if self.block.is_none() {
            self.block_bytes = Vec::new();
        }
        self.spare = Vec::new();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
    }

    /// Why the connection failed, if it did. A GOAWAY that says so is in the output.
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The bytes that have moved on a stream.
    #[must_use]
    pub fn moved(&self, stream: StreamId) -> Moved {
        self.streams.get(stream).map_or_else(Moved::default, |stream| stream.moved)
    }

    /// How many streams are not released.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.count()
    }

    /// Whether the peer has acknowledged our settings.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Takes one of an allowance.
    #[inline]
    fn spend(
        &mut self,
        budget: Budget,
        of: impl FnOnce(&mut Buckets) -> &mut Bucket,
        allowance: Allowance,
    ) -> Result<(), Failure> {
        if of(&mut self.buckets).take(allowance, self.now) { Ok(()) } else { Err(Failure::Budget(budget)) }
    }

    fn is_server(&self) -> bool {
        self.role == Role::Server
    }

    fn is_closed(&self) -> bool {
        self.going == Going::Closed
    }
}

/// The configuration within what the protocol can say.
fn clamped(config: Config) -> Config {
    Config {
        stream_window_bytes: config.stream_window_bytes.clamp(1, MAX_31),
        connection_window_bytes: config.connection_window_bytes.clamp(INITIAL_WINDOW_BYTES, MAX_31),
        frame_bytes_max: config.frame_bytes_max.clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX),
        ..config
    }
}
