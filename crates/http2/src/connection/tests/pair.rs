//! A client and a server of ours, with random requests, bodies, resets and cuts, until all is delivered.

use std::collections::HashMap;
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::{Method, RequestHead, ResponseHead};

use super::random::Dice;
use crate::config::Config;
use crate::connection::Connection;
use crate::event::{Event, StreamId};
use crate::frame::ErrorCode;
use crate::message::{BlockWriter, RequestLine};

/// Byte `at` of the body on a stream.
fn byte(number: u32, at: usize) -> u8 {
    (number as usize * 31 + at * 7).to_le_bytes()[0] ^ (at >> 8).to_le_bytes()[0]
}

/// One side's view of one stream.
#[derive(Default)]
struct Side {
    to_send: usize,
    sent: usize,
    has_head: bool,
    received: usize,
    is_over: bool,
    has_trailers: bool,
}

impl Side {
    fn send(&mut self, c: &mut Connection, stream: StreamId, dice: &mut Dice) {
        if !self.has_head || self.has_trailers && self.sent == self.to_send {
            return;
        }
        let piece: Vec<u8> = (self.sent..self.to_send)
            .take(1 + dice.roll(40_000))
            .map(|at| byte(stream.number(), at))
            .collect();
        let is_last = self.sent + piece.len() == self.to_send;
        let with_trailers = stream.number() % 4 == 1;
        self.sent += c.send_data(stream, &piece, is_last && !with_trailers);
        if self.sent == self.to_send && with_trailers && c.can_send(stream) {
            self.has_trailers = true;
            let head = c.begin_head(stream).unwrap();
            BlockWriter::trailers(head.encoder, head.out)
                .field(b"x-sum", self.to_send.to_string().as_bytes());
            c.end_head(stream, true);
        }
    }

    fn receive(&mut self, c: &mut Connection, stream: StreamId, dice: &mut Dice) {
        let bytes = c.data(stream);
        let count = dice.roll(bytes.len() + 1);
        for (at, found) in bytes[..count].iter().enumerate() {
            assert_eq!(*found, byte(stream.number(), self.received + at));
        }
        self.received += count;
        c.consume(stream, count);
        if c.is_received(stream) && !self.is_over {
            self.is_over = true;
            if let Some(trailers) = c.trailers(stream) {
                assert!(
                    trailers
                        .iter()
                        .any(|f| f.name == b"x-sum" && f.value == self.received.to_string().as_bytes())
                );
            }
        }
    }
}

struct Pair {
    client: Connection,
    server: Connection,
    asks: HashMap<StreamId, Side>,
    answers: HashMap<StreamId, Side>,
    /// Requests that came to nothing.
    broken: usize,
    done: usize,
}

fn deliver(
    from: &mut Connection,
    to: &mut Connection,
    unread: &mut Vec<u8>,
    dice: &mut Dice,
    now: std::time::Instant,
) {
    let count = dice.roll(from.output().len() + 1).min(1 + dice.roll(30_000));
    unread.extend_from_slice(&from.output()[..count]);
    from.wrote(count);
    let taken = to.receive(unread, now);
    unread.drain(..taken);
}

impl Pair {
    fn ask(&mut self, dice: &mut Dice) {
        let Some(stream) = self.client.open(Method::Post) else { return };
        let to_send = if dice.one_in(3) { 0 } else { dice.roll(40_000) };
        let head = self.client.begin_head(stream).unwrap();
        let path = format!("/{}", dice.roll(50));
        let line = RequestLine {
            method: b"POST",
            scheme: b"https",
            authority: b"a.example",
            path: path.as_bytes(),
            protocol: None,
        };
        BlockWriter::request(head.encoder, head.out, &line)
            .field(b"x-number", stream.number().to_string().as_bytes());
        self.client.end_head(stream, to_send == 0);
        self.asks.insert(stream, Side { to_send, has_head: to_send > 0, ..Side::default() });
    }

    fn client_events(&mut self, dice: &mut Dice) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Head(stream) => {
                    let mut head = ResponseHead::default();
                    assert!(self.client.take_response(stream, &mut head));
                    assert!(head.fields.iter().any(|f| f.value == stream.number().to_string().as_bytes()));
                }
                Event::Reset(stream, _) => {
                    self.client.release(stream);
                    self.asks.remove(&stream).unwrap();
                    self.broken += 1;
                }
                Event::Room(stream) => {
                    self.asks.get_mut(&stream).unwrap().send(&mut self.client, stream, dice);
                }
                Event::Data(_) | Event::End(_) | Event::Settings | Event::SendStopped(_) => {}
                other => panic!("{other:?} {:?}", self.client.failure()),
            }
        }
    }

    fn server_events(&mut self, dice: &mut Dice) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Head(stream) => {
                    let mut head = RequestHead::default();
                    assert!(self.server.take_request(stream, &mut head));
                    let to_send = if dice.one_in(3) { 0 } else { dice.roll(40_000) };
                    self.answers.insert(stream, Side { to_send, ..Side::default() });
                }
                Event::Reset(stream, _) => {
                    self.server.release(stream);
                    self.answers.remove(&stream).unwrap();
                }
                Event::Room(stream) => {
                    self.answers.get_mut(&stream).unwrap().send(&mut self.server, stream, dice);
                }
                Event::Data(_) | Event::End(_) | Event::Settings => {}
                other => panic!("{other:?} {:?}", self.server.failure()),
            }
        }
    }

    fn serve(&mut self, dice: &mut Dice) {
        let Self { server, answers, .. } = self;
        answers.retain(|stream, side| {
            if !side.has_head && dice.one_in(2) {
                side.has_head = true;
                let head = server.begin_head(*stream).unwrap();
                let mut block = BlockWriter::response(head.encoder, head.out, 200);
                block.field(b"x-number", stream.number().to_string().as_bytes());
                server.end_head(*stream, false);
            }
            side.receive(server, *stream, dice);
            if dice.one_in(4) {
                side.send(server, *stream, dice);
            }
            let is_answered = side.has_head && !server.can_send(*stream);
            // Now and then the rest of a request is not waited for, or all of it is dropped.
            let lets_go = is_answered && (side.is_over || dice.one_in(30)) || dice.one_in(3000);
            if lets_go {
                server.release(*stream);
            }
            !lets_go
        });
    }

    fn browse(&mut self, dice: &mut Dice) {
        let Self { client, asks, broken, done, .. } = self;
        asks.retain(|stream, side| {
            side.receive(client, *stream, dice);
            if dice.one_in(4) {
                side.send(client, *stream, dice);
            }
            if side.is_over && (!client.can_send(*stream) || dice.one_in(50)) {
                client.release(*stream);
                *done += 1;
                return false;
            }
            if dice.one_in(2000) {
                client.reset(*stream, ErrorCode::CANCEL);
                client.release(*stream);
                *broken += 1;
                return false;
            }
            true
        });
    }
}

fn talk(seed: u64) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let config = Config {
        streams_max: 8,
        stream_window_bytes: if dice.one_in(2) { 1000 } else { 100_000 },
        connection_window_bytes: 65_535,
        ..Config::default()
    };
    let mut now = Now::mono();
    let mut pair = Pair {
        client: Connection::client(&config, now),
        server: Connection::server(&config, now),
        asks: HashMap::new(),
        answers: HashMap::new(),
        broken: 0,
        done: 0,
    };
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut to_ask = 60;
    for round in 0.. {
        assert!(round < 200_000, "it never ends: {} asks, {} answers", pair.asks.len(), pair.answers.len());
        now += Duration::from_millis(1);
        if to_ask > 0 && pair.client.can_open() {
            to_ask -= 1;
            pair.ask(&mut dice);
        }
        deliver(&mut pair.client, &mut pair.server, &mut up, &mut dice, now);
        pair.server_events(&mut dice);
        pair.serve(&mut dice);
        deliver(&mut pair.server, &mut pair.client, &mut down, &mut dice, now);
        pair.client_events(&mut dice);
        pair.browse(&mut dice);
        pair.client_events(&mut dice);
        pair.server_events(&mut dice);
        let quiet = up.is_empty() && pair.client.output().is_empty() && pair.server.output().is_empty();
        if to_ask == 0 && pair.asks.is_empty() && pair.answers.is_empty() && quiet {
            break;
        }
    }
    assert_eq!((pair.client.streams(), pair.server.streams()), (0, 0));
    for side in [&pair.client, &pair.server] {
        let (left, due, size) = side.receive_window.parts();
        assert_eq!(left + i64::from(due), i64::from(size));
        assert!(side.failure().is_none());
    }
    // What one side may send is what the other has granted.
    let granted = pair.server.receive_window.parts().0;
    assert_eq!(i64::try_from(pair.client.send_window.bytes()).unwrap(), granted);
    (pair.done, pair.broken)
}

#[test]
fn everything_is_delivered() {
    let (mut done, mut broken) = (0, 0);
    for seed in 0..20 {
        let talk = talk(seed);
        done += talk.0;
        broken += talk.1;
    }
    assert!(done > 5 * broken && broken > 10, "{done} {broken}");
}
