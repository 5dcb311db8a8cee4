//! Frames to feed, and what came of them.

use std::time::{Duration, Instant};

use rempart_base::Now;

use super::super::Connection;
use crate::config::Config;
use crate::event::{Event, StreamId};
use crate::frame::{ErrorCode, FrameHead, HEAD_BYTES, PREFACE, flag, kind};

pub(super) const END_STREAM: u8 = flag::END_STREAM;
pub(super) const END_HEADERS: u8 = flag::END_HEADERS;
pub(super) const BOTH: u8 = flag::END_STREAM | flag::END_HEADERS;

/// `GET https://a.example/`.
pub(super) const GET: &[u8] = b"\x82\x87\x84\x01\x09a.example";
/// `POST https://a.example/`.
pub(super) const POST: &[u8] = b"\x83\x87\x84\x01\x09a.example";
/// `POST` with `content-length: 3`.
pub(super) const POST_3: &[u8] = b"\x83\x87\x84\x01\x09a.example\x0f\x0d\x013";
/// A request without a path.
pub(super) const NO_PATH: &[u8] = b"\x82\x87\x01\x09a.example";
/// `:status: 200`.
pub(super) const OK: &[u8] = b"\x88";
/// `:status: 200`, `content-length: 3`.
pub(super) const OK_3: &[u8] = b"\x88\x0f\x0d\x013";
/// `:status: 103`.
pub(super) const EARLY: &[u8] = b"\x08\x03103";
/// `x: y`.
pub(super) const TRAILER: &[u8] = b"\0\x01x\x01y";

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { len: payload.len().try_into().unwrap(), kind, flags, stream };
    [&head.bytes(), payload].concat()
}

pub(super) fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

pub(super) fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    frame(kind::HEADERS, flags, stream, block)
}

pub(super) fn continuation(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    frame(kind::CONTINUATION, flags, stream, block)
}

pub(super) fn rst(stream: u32, code: ErrorCode) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.0.to_be_bytes())
}

pub(super) fn window_update(stream: u32, bytes: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

pub(super) fn settings(parameters: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (id, value) in parameters {
        payload.extend_from_slice(&id.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    frame(kind::SETTINGS, 0, 0, &payload)
}

pub(super) fn settings_ack() -> Vec<u8> {
    frame(kind::SETTINGS, flag::ACK, 0, b"")
}

pub(super) fn ping(payload: &[u8]) -> Vec<u8> {
    frame(kind::PING, 0, 0, payload)
}

pub(super) fn goaway(last: u32, code: ErrorCode) -> Vec<u8> {
    frame(kind::GOAWAY, 0, 0, &[last.to_be_bytes(), code.0.to_be_bytes()].concat())
}

/// A frame that came out.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Out {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        let name = name.get(usize::from(self.kind)).unwrap_or(&"?");
        let Self { flags, stream, payload, .. } = self;
        write!(f, "{name} {flags:x} on {stream}: {} bytes", payload.len())?;
        if payload.len() < 40 { write!(f, " {}", payload.escape_ascii()) } else { Ok(()) }
    }
}

pub(super) fn frames(mut bytes: &[u8]) -> Vec<Out> {
    let mut found = Vec::new();
    while let Some((head, rest)) = FrameHead::read(bytes) {
        let (payload, rest) = rest.split_at(head.len as usize);
        let FrameHead { kind, flags, stream, .. } = head;
        found.push(Out { kind, flags, stream, payload: payload.to_vec() });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
    found
}

/// What a peer is told about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Rst(u32, ErrorCode),
    Goaway(ErrorCode),
}

/// The errors among frames, in order.
pub(super) fn errors(frames: &[Out]) -> Vec<Told> {
    let code =
        |payload: &[u8], at: usize| ErrorCode(u32::from_be_bytes(payload[at..at + 4].try_into().unwrap()));
    frames
        .iter()
        .filter_map(|frame| match frame.kind {
            kind::RST_STREAM => Some(Told::Rst(frame.stream, code(&frame.payload, 0))),
            kind::GOAWAY => Some(Told::Goaway(code(&frame.payload, 4))),
            _ => None,
        })
        .collect()
}

/// A connection under test, with time that is moved by hand.
pub(super) struct Rig {
    pub(super) c: Connection,
    pub(super) now: Instant,
    unread: Vec<u8>,
}

impl Rig {
    /// A server that has said its settings and knows nothing of its client.
    pub(super) fn fresh_server(config: &Config) -> Self {
        let now = Now::mono();
        Self { c: Connection::server(config, now), now, unread: Vec::new() }
    }

    /// A server after both sides' prefaces, its output taken.
    pub(super) fn server_with(config: &Config) -> Self {
        let mut rig = Self::fresh_server(config);
        rig.feed(PREFACE);
        rig.feed(&settings(&[]));
        rig.feed(&settings_ack());
        assert!(rig.c.is_settled());
        rig.out();
        rig
    }

    pub(super) fn server() -> Self {
        Self::server_with(&Config::default())
    }

    /// A client after both sides' prefaces, its output taken.
    pub(super) fn client_with(config: &Config) -> Self {
        let now = Now::mono();
        let mut rig = Self { c: Connection::client(config, now), now, unread: Vec::new() };
        let bytes = rig.c.output().to_vec();
        rig.c.wrote(bytes.len());
        assert!(bytes.starts_with(PREFACE));
        rig.feed(&settings(&[]));
        rig.feed(&settings_ack());
        rig.out();
        rig
    }

    pub(super) fn client() -> Self {
        Self::client_with(&Config::default())
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Bytes from the peer, as a driver feeds them.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        let taken = self.c.receive(&self.unread, self.now);
        self.unread.drain(..taken);
        assert!(self.unread.len() < self.c.input_bytes_max());
    }

    /// What was written since.
    pub(super) fn out(&mut self) -> Vec<Out> {
        let bytes = self.c.output().to_vec();
        self.c.wrote(bytes.len());
        assert!(self.c.output().is_empty());
        frames(&bytes)
    }

    pub(super) fn errors(&mut self) -> Vec<Told> {
        errors(&self.out())
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.c.poll_event()).collect()
    }

    /// The one event that there is, which is of a stream.
    pub(super) fn stream(&mut self) -> StreamId {
        let events = self.events();
        let streams: Vec<_> = events.iter().filter_map(|event| event.stream()).collect();
        assert_eq!(streams.len(), 1, "{events:?}");
        streams[0]
    }

    /// A request that was received whole.
    pub(super) fn get(&mut self, id: u32) -> StreamId {
        self.feed(&headers(id, BOTH, GET));
        let stream = self.stream();
        assert_eq!(stream.number(), id);
        stream
    }

    /// A request whose body is to come.
    pub(super) fn post(&mut self, id: u32) -> StreamId {
        self.feed(&headers(id, END_HEADERS, POST));
        let stream = self.stream();
        assert_eq!(stream.number(), id);
        stream
    }

    /// A client's request that was sent.
    pub(super) fn ask(&mut self, ends_stream: bool) -> StreamId {
        let stream = self.c.open(rempart_flow::Method::Get).expect("may open");
        self.head(stream, GET, ends_stream);
        stream
    }

    /// Sends a head of bytes that are HPACK already.
    pub(super) fn head(&mut self, stream: StreamId, block: &[u8], ends_stream: bool) {
        let head = self.c.begin_head(stream).expect("may send");
        head.encoder.begin(head.out);
        head.out.extend_from_slice(block);
        self.c.end_head(stream, ends_stream);
    }

    /// Answers with an empty body and lets go.
    pub(super) fn answer(&mut self, stream: StreamId) {
        self.head(stream, OK, true);
        self.c.release(stream);
    }
}

/// One row of a table: what a peer sends, and what it is told.
pub(super) type Row<'a> = (&'a str, Vec<Vec<u8>>, Told);

/// Plays each row on a connection of its own, whole and byte by byte.
pub(super) fn play(rows: &[Row<'_>], mut rig: impl FnMut() -> Rig) {
    for (name, sent, told) in rows {
        let sent = sent.concat();
        let mut whole = rig();
        whole.feed(&sent);
        let out = whole.out();
        let mut bytewise = rig();
        for byte in &sent {
            bytewise.feed(&[*byte]);
        }
        assert_eq!(bytewise.out(), out, "{name}: it matters how it is cut");
        let errors = errors(&out);
        match told {
            Told::Nothing => assert_eq!(errors, [], "{name}"),
            one => assert_eq!(errors, std::slice::from_ref(one), "{name}"),
        }
        let fails = matches!(told, Told::Goaway(_));
        assert_eq!(whole.c.failure().is_some(), fails, "{name}: {:?}", whole.c.failure());
        assert_eq!(whole.events().last() == Some(&Event::Failed), fails, "{name}");
    }
}

#[test]
fn the_kit_reads_what_it_writes() {
    let bytes = [data(1, END_STREAM, b"abc"), ping(b"12345678")].concat();
    assert_eq!(frames(&bytes).len(), 2);
    assert_eq!(bytes.len(), 2 * HEAD_BYTES + 11);
}
