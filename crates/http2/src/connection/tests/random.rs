//! Any frames in any order, cut anywhere: nothing panics, windows add up, and it never matters how bytes were cut.

use super::kit::*;
use crate::config::Config;
use crate::event::{Event, StreamId};
use crate::frame::{ErrorCode, kind};
use crate::stream::Receiving;

/// A generator of numbers that is the same everywhere (xorshift).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// 0 to `below` − 1.
    pub(super) fn roll(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % below as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, of: usize) -> bool {
        self.roll(of) == 0
    }

    pub(super) fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.roll(list.len())]
    }
}

/// Small windows, so that every bound is met.
fn config() -> Config {
    Config {
        streams_max: 4,
        stream_window_bytes: 70_000,
        connection_window_bytes: 100_000,
        ..Config::default()
    }
}

/// The number of a stream: mostly one that is there or was, sometimes none that can be.
fn number(dice: &mut Dice, next: u32) -> u32 {
    match dice.roll(1000) {
        0 => 0,
        1 => 2,
        2 => next + 2,
        _ => next.saturating_sub(2 + 2 * u32::try_from(dice.roll(6)).unwrap()).max(1),
    }
}

/// A frame that is often right.
fn any_frame(dice: &mut Dice, next: &mut u32, is_server: bool) -> Vec<u8> {
    let stream = number(dice, *next);
    let flags = *dice.of::<u8>(&[&0, &1, &4, &4, &5, &5, &5]);
    let blocks: &[&[u8]] =
        if is_server { &[GET, POST, POST_3, TRAILER, NO_PATH] } else { &[OK, OK_3, EARLY, OK, TRAILER] };
    let block = dice.of(blocks);
    let content = vec![b'c'; dice.roll(20_000) % dice.of::<usize>(&[&4, &200, &20_000])];
    let content = &content[..content.len().min(16_384)];
    match dice.roll(60) {
        0..12 if is_server => {
            *next += 2;
            headers(*next - 2, flags | 4, block)
        }
        0..16 => headers(stream, flags | 4, block),
        16 => [headers(stream, flags & 1, &block[..1]), continuation(stream, 4, &block[1..])].concat(),
        17 if dice.one_in(20) => headers(stream, flags, block),
        18..36 => data(stream, flags & 1, content),
        36 => data(stream, 8 | flags & 1, &[&[3], &content[..content.len().min(100)], b"\0\0\0"].concat()),
        37 if dice.one_in(20) => data(stream, 8, &[9, 9]),
        38..40 => rst(stream, ErrorCode::CANCEL),
        40..42 => window_update(stream, u32::try_from(dice.roll(100_000)).unwrap()),
        42 => window_update(0, 10_000),
        43 => settings(&[(4, u32::try_from(dice.roll(100_000)).unwrap())]),
        44 => settings(&[(1, u32::try_from(dice.roll(5000)).unwrap()), (5, 20_000)]),
        45 => settings_ack(),
        46 if is_server => frame(0x10, 0, 0, &[&stream.to_be_bytes()[..], b"u=1, i"].concat()),
        47 => frame(kind::PRIORITY, 0, stream, b"\0\0\0\x07\0"),
        48 => frame(0xee, 0xff, stream, content),
        49 if dice.one_in(20) => continuation(stream, 4, block),
        50 if dice.one_in(20) => goaway(stream, ErrorCode::NO_ERROR),
        51 if dice.one_in(20) => vec![0xff; dice.roll(30)],
        _ => ping(b"12345678"),
    }
}

/// What a driver does between frames.
fn act(rig: &mut Rig, dice: &mut Dice, held: &mut Vec<StreamId>, is_server: bool) {
    if !is_server && rig.c.can_open() && dice.one_in(2) {
        held.push(rig.ask(dice.one_in(2)));
    }
    if held.is_empty() {
        return;
    }
    let at = dice.roll(held.len());
    let stream = held[at];
    match dice.roll(12) {
        0..3 => {
            held.remove(at);
            rig.c.release(stream);
        }
        3 => rig.c.reset(stream, ErrorCode::INTERNAL_ERROR),
        4 => {
            if let Some(head) = rig.c.begin_head(stream) {
                head.encoder.begin(head.out);
                head.out.extend_from_slice(OK);
                if dice.one_in(2) {
                    rig.c.end_head(stream, dice.one_in(2))
                } else {
                    rig.c.abandon_head(stream)
                }
            }
        }
        5 => rig.c.finish(stream),
        6..8 => {
            let piece = vec![b's'; dice.roll(30_000)];
            rig.c.send_data(stream, &piece, dice.one_in(4));
        }
        _ => {
            let there = rig.c.data(stream).len();
            rig.c.consume(stream, dice.roll(there + 2));
        }
    }
}

/// Every byte of a window is granted, due or held.
fn windows_add_up(rig: &Rig) {
    if rig.c.failure.is_some() || rig.c.partial.is_some() {
        return;
    }
    let mut held = 0;
    for stream in (0..rig.c.streams.slots()).filter_map(|slot| rig.c.streams.at(slot)) {
        let found = rig.c.streams.get(stream).unwrap();
        held += found.body.len();
        if found.receiving == Receiving::Body {
            let (left, due, size) = found.receive_window.parts();
            assert_eq!(left + i64::from(due) + i64::try_from(found.body.len()).unwrap(), i64::from(size));
            assert!(found.body.len() <= 70_000);
        }
        assert_eq!(found.is_open, !found.is_over());
        assert_eq!(found.is_open, rig.c.streams.find(found.id).is_some());
    }
    let (left, due, size) = rig.c.receive_window.parts();
    assert_eq!(left + i64::from(due) + i64::try_from(held).unwrap(), i64::from(size));
    assert!(rig.c.streams.open_count() <= 100 && rig.c.streams.count() <= 100);
}

fn play_random(seed: u64, is_server: bool, frames_max: usize) -> usize {
    let mut dice = Dice::new(seed);
    let rig = || if is_server { Rig::server_with(&config()) } else { Rig::client_with(&config()) };
    let (mut whole, mut cut) = (rig(), rig());
    let mut held: Vec<StreamId> = Vec::new();
    // The first is as it should be: nothing is idle.
    for rig in [&mut whole, &mut cut] {
        held = vec![if is_server { rig.post(1) } else { rig.ask(false) }];
    }
    let mut next = 3;
    for count in 0..frames_max {
        let frame = any_frame(&mut dice, &mut next, is_server);
        whole.feed(&frame);
        let mut rest = &frame[..];
        while !rest.is_empty() {
            let piece = (1 + dice.roll(rest.len())).min(1 + dice.roll(400));
            cut.feed(&rest[..piece]);
            rest = &rest[piece..];
        }
        if !is_server {
            next = whole.c.last_own + 2;
        }
        let events = whole.events();
        assert_eq!(cut.events(), events, "seed {seed}");
        assert_eq!(cut.c.output(), whole.c.output(), "seed {seed}");
        if dice.one_in(3) {
            whole.out();
            cut.out();
        }
        windows_add_up(&whole);
        windows_add_up(&cut);
        for event in &events {
            match event {
                Event::Head(stream) | Event::Refused(stream, _) | Event::Malformed(stream, _)
                    if is_server =>
                {
                    held.push(*stream);
                }
                _ => {}
            }
        }
        for stream in &held {
            assert_eq!(whole.c.data(*stream), cut.c.data(*stream));
            assert_eq!(whole.c.is_received(*stream), cut.c.is_received(*stream));
        }
        let mut other = held.clone();
        let seed = dice.next();
        act(&mut whole, &mut Dice::new(seed), &mut held, is_server);
        act(&mut cut, &mut Dice::new(seed), &mut other, is_server);
        assert_eq!(whole.events(), cut.events());
        if whole.c.failure().is_some() {
            return count;
        }
    }
    frames_max
}

#[test]
fn it_never_matters_how_frames_are_cut() {
    for is_server in [true, false] {
        let lengths: usize = (0..50).map(|seed| play_random(seed, is_server, 200)).sum();
        assert!(lengths > 50 * 40, "{lengths}: sequences get nowhere");
    }
}

#[test]
fn any_bytes_at_all_are_survived() {
    for seed in 0..3000 {
        let mut dice = Dice::new(seed);
        let mut rig = if dice.one_in(2) { Rig::server() } else { Rig::client() };
        for _ in 0..20 {
            let kind = u8::try_from(dice.roll(18)).unwrap();
            let flags = u8::try_from(dice.roll(256)).unwrap();
            let payload: Vec<u8> = (0..dice.roll(40)).map(|_| dice.next().to_le_bytes()[0]).collect();
            rig.feed(&frame(kind, flags, u32::try_from(dice.roll(4)).unwrap(), &payload));
            rig.events();
            windows_add_up_if_small(&rig);
        }
    }
}

fn windows_add_up_if_small(rig: &Rig) {
    let (left, due, size) = rig.c.receive_window.parts();
    assert!(left + i64::from(due) <= i64::from(size));
}
