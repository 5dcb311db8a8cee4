//! Any bytes from the peer of an HTTP/2 connection, either role: cut anywhere they come to the same events, bodies
//! and output; output is whole frames; and whatever the driver does then, nothing panics.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rempart_base::Now;
use rempart_flow::{Method, RequestHead, ResponseHead};
use rempart_http2::{
    Config, Connection, ErrorCode, Event, FRAME_HEAD_BYTES, PREFACE, PriorityField, StreamId,
};

const GET: &[u8] = b"\x82\x87\x84\x01\x09a.example";
/// How the driver's acts and the peer's bytes are told apart.
const ACTS: usize = 16;

struct Side {
    connection: Connection,
    unread: Vec<u8>,
    streams: Vec<StreamId>,
    is_server: bool,
}

impl Side {
    fn new(is_server: bool, now: Instant) -> Self {
        let config = Config {
            streams_max: 4,
            stream_window_bytes: 1000,
            connection_window_bytes: 70_000,
            ..Config::default()
        };
        let connection =
            if is_server { Connection::server(&config, now) } else { Connection::client(&config, now) };
        let mut side = Self { connection, unread: Vec::new(), streams: Vec::new(), is_server };
        side.connection.wrote(usize::MAX);
        if is_server {
            side.feed(PREFACE, now);
        }
        side.feed(b"\0\0\0\x04\0\0\0\0\0", now);
        while !is_server && side.connection.can_open() && side.streams.len() < 3 {
            side.open();
        }
        side
    }

    fn open(&mut self) {
        let Some(stream) = self.connection.open(Method::Get) else { return };
        self.head(stream, false);
        self.streams.push(stream);
    }

    fn head(&mut self, stream: StreamId, ends_stream: bool) {
        if let Some(head) = self.connection.begin_head(stream) {
            head.encoder.begin(head.out);
            head.out.extend_from_slice(GET);
            self.connection.end_head(stream, ends_stream);
        }
    }

    fn feed(&mut self, bytes: &[u8], now: Instant) {
        self.unread.extend_from_slice(bytes);
        let taken = self.connection.receive(&self.unread, now);
        self.unread.drain(..taken);
        assert!(self.unread.len() < self.connection.input_bytes_max());
    }

    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.connection.poll_event() {
            if let Event::Head(stream) | Event::Refused(stream, _) | Event::Malformed(stream, _) = event {
                if self.is_server {
                    assert!(self.connection.take_request(stream, &mut RequestHead::default()));
                    self.streams.push(stream);
                } else if matches!(event, Event::Head(_)) {
                    assert!(self.connection.take_response(stream, &mut ResponseHead::default()));
                }
            }
            events.push(event);
        }
        events
    }

    fn act(&mut self, act: u8) {
        if act & 0x80 != 0 && !self.is_server {
            self.open();
        }
        let Some(stream) = self.streams.get(usize::from(act >> 4 & 7) % self.streams.len().max(1)).copied()
        else {
            return;
        };
        let connection = &mut self.connection;
        match act & 0xf {
            0 => connection.release(stream),
            1 => connection.reset(stream, ErrorCode::CANCEL),
            2 => self.head(stream, false),
            3 => self.head(stream, true),
            4 => _ = connection.send_data(stream, &[b's'; 40_000], false),
            5 => _ = connection.send_data(stream, b"small", true),
            6 => connection.finish(stream),
            7 => connection.consume(stream, usize::MAX),
            8 => connection.consume(stream, 1),
            9 => _ = connection.begin_head(stream),
            10 => connection.abandon_head(stream),
            11 => connection.drain(),
            12 => connection.prioritise(stream, PriorityField::of(b"u=1, i")),
            13 => connection.rest(),
            14 => connection.ping(7),
            _ => connection.end_head(stream, false),
        }
    }
}

fn is_whole_frames(mut bytes: &[u8]) -> bool {
    while let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some(after) = rest.get(len..) else { return false };
        bytes = after;
    }
    bytes.is_empty()
}

fuzz_target!(|input: &[u8]| {
    let Some((acts, bytes)) = input.split_first_chunk::<ACTS>() else { return };
    let now = Now::mono();
    let is_server = acts[0] & 1 == 0;
    let (mut whole, mut cut) = (Side::new(is_server, now), Side::new(is_server, now));
    let halves = bytes.split_at(bytes.len() / 2);
    for (half, acts) in [halves.0, halves.1].into_iter().zip(acts[2..].chunks(ACTS / 2 - 1)) {
        whole.feed(half, now);
        for piece in half.chunks(usize::from(input[1]).max(1)) {
            cut.feed(piece, now);
        }
        assert_eq!(whole.events(), cut.events());
        assert_eq!(whole.connection.output(), cut.connection.output());
        assert!(whole.streams.iter().all(|s| whole.connection.data(*s) == cut.connection.data(*s)));
        for act in acts {
            whole.act(*act);
            cut.act(*act);
            assert_eq!(whole.events(), cut.events());
        }
        assert!(is_whole_frames(whole.connection.output()));
        let count = whole.connection.output().len();
        whole.connection.wrote(count);
        cut.connection.wrote(count);
    }
});
