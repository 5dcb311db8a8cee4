//! Each budget at its bound and one past it; and those who come nowhere near.

use std::time::Duration;

use super::kit::*;
use crate::budget::{Allowance, Budget, Budgets};
use crate::config::Config;
use crate::connection::Failure;
use crate::frame::{ErrorCode, flag, kind};

const FEW: Allowance = Allowance { burst: 5, per_s: 1 };

/// A server whose every allowance is five, settings aside, of which the prefaces took some.
fn tight() -> Rig {
    let budgets = Budgets {
        peer_resets: FEW,
        own_resets: FEW,
        refused_streams: FEW,
        pings: FEW,
        settings: Allowance { burst: 7, per_s: 1 },
        priorities: FEW,
        empty_frames: FEW,
        window_updates: FEW,
        strange_frames: FEW,
        large_heads: FEW,
        continuations_max: 5,
        control_bytes_max: 16 * 1024,
    };
    Rig::server_with(&Config { budgets, streams_max: 10, block_bytes_max: 100, ..Config::default() })
}

/// Feeds what `step` makes of numbers until the connection fails. Returns how many were taken before, and why it
/// failed.
fn until_it_fails(rig: &mut Rig, mut step: impl FnMut(&mut Rig, u32)) -> (u32, Budget) {
    for n in 0..100_000 {
        step(rig, n);
        if let Some(failure) = rig.c.failure() {
            assert_eq!(rig.errors().last(), Some(&Told::Goaway(ErrorCode::ENHANCE_YOUR_CALM)));
            let Failure::Budget(budget) = failure else { panic!("{failure:?}") };
            return (n, budget);
        }
        release_all(rig);
    }
    panic!("it never fails");
}

fn release_all(rig: &mut Rig) {
    for stream in rig.events().iter().filter_map(|event| event.stream()) {
        rig.c.release(stream);
    }
}

fn id(n: u32) -> u32 {
    2 * n + 1
}

#[test]
fn each_budget_is_exact() {
    type Step = fn(&mut Rig, u32);
    let floods: &[(Budget, u32, Step)] = &[
        (Budget::PeerResets, 5, |rig, n| {
            rig.feed(&[headers(id(n), BOTH, GET), rst(id(n), ErrorCode::CANCEL)].concat());
        }),
        (Budget::OwnResets, 5, |rig, n| {
            rig.feed(&[headers(id(n), 4, POST), headers(id(n), 4, TRAILER)].concat())
        }),
        (Budget::OwnResets, 5, |rig, n| rig.feed(&headers(id(n), BOTH, NO_PATH))),
        (Budget::OwnResets, 5, |rig, n| {
            rig.feed(&[headers(id(n), BOTH, GET), data(id(n), 0, b"x")].concat())
        }),
        (Budget::Pings, 5, |rig, _| rig.feed(&ping(b"12345678"))),
        (Budget::Pings, 5, |rig, _| rig.feed(&frame(kind::PING, flag::ACK, 0, b"12345678"))),
        (Budget::Settings, 5, |rig, _| rig.feed(&settings(&[]))),
        (Budget::Settings, 5, |rig, _| rig.feed(&settings_ack())),
        (Budget::Settings, 5, |rig, _| rig.feed(&goaway(0, ErrorCode::NO_ERROR))),
        (Budget::Priorities, 5, |rig, _| rig.feed(&frame(kind::PRIORITY, 0, 3, b"\0\0\0\0\0"))),
        (Budget::Priorities, 5, |rig, _| rig.feed(&frame(0x10, 0, 0, b"\0\0\0\x01u=1"))),
        (Budget::WindowUpdates, 5, |rig, _| rig.feed(&window_update(0, 1))),
        (Budget::StrangeFrames, 5, |rig, _| rig.feed(&frame(0xfe, 0, 0, b""))),
    ];
    for (budget, bound, step) in floods {
        assert_eq!(until_it_fails(&mut tight(), step), (*bound, *budget));
    }
}

#[test]
fn frames_on_streams_that_have_ended_are_strange() {
    type Step = fn(&mut Rig, u32);
    let floods: &[Step] = &[
        |rig, _| rig.feed(&rst(1, ErrorCode::CANCEL)),
        |rig, _| rig.feed(&data(1, 0, b"x")),
        |rig, _| rig.feed(&headers(1, BOTH, TRAILER)),
    ];
    for step in floods {
        let mut rig = tight();
        let stream = rig.post(1);
        rig.c.reset(stream, ErrorCode::CANCEL);
        assert_eq!(until_it_fails(&mut rig, step), (5, Budget::StrangeFrames));
    }
}

#[test]
fn data_without_content_is_bounded_unless_it_ends_something() {
    for payload in [&b""[..], b"\x02\0\0"] {
        let mut rig = tight();
        rig.post(1);
        let flags = if payload.is_empty() { 0 } else { flag::PADDED };
        let flood = until_it_fails(&mut rig, |rig, _| rig.feed(&data(1, flags, payload)));
        assert_eq!(flood, (5, Budget::EmptyFrames));
    }
    let mut rig = tight();
    for n in 0..100 {
        let stream = rig.post(id(n));
        rig.feed(&data(id(n), END_STREAM, b""));
        rig.events();
        rig.answer(stream);
        assert_eq!(rig.errors(), []);
    }
}

#[test]
fn streams_above_the_bound_are_a_budget_of_their_own() {
    let mut rig = tight();
    let held: Vec<_> = (0..10).map(|n| rig.get(id(n))).collect();
    let flood = until_it_fails(&mut rig, |rig, n| rig.feed(&headers(id(10 + n), BOTH, GET)));
    assert_eq!((flood, held.len()), ((5, Budget::RefusedStreams), 10));
}

#[test]
fn continuations_are_bounded_in_number_and_bytes() {
    let mut rig = tight();
    rig.feed(&headers(1, END_STREAM, &GET[..5]));
    let flood = until_it_fails(&mut rig, |rig, _| rig.feed(&continuation(1, 0, b"a")));
    assert_eq!(flood, (5, Budget::Continuations));
    for (bytes, fails) in [(100, false), (101, true)] {
        let mut rig = tight();
        let block = [GET, b"\0\x01x\x53", &[b'v'; 83]].concat();
        let block: Vec<u8> = block.into_iter().chain([0x30]).take(bytes).collect();
        rig.feed(&headers(1, END_STREAM, &block[..50]));
        rig.feed(&continuation(1, 0, &block[50..]));
        assert_eq!(rig.c.failure(), fails.then_some(Failure::Budget(Budget::HeaderBlock)), "{bytes}");
    }
}

#[test]
fn empty_continuations_are_bounded_across_blocks() {
    let flood = until_it_fails(&mut tight(), |rig, n| {
        rig.feed(&headers(id(n), END_STREAM, GET));
        rig.feed(&continuation(id(n), 0, b""));
        rig.feed(&continuation(id(n), END_HEADERS, b""));
        if let Some(stream) = rig.events().first().and_then(|event| event.stream()) {
            rig.answer(stream);
        }
    });
    assert_eq!(flood, (5, Budget::EmptyFrames));
}

#[test]
fn a_peer_that_does_not_read_its_acknowledgements_is_cut_off() {
    let bytes = 17 * 50;
    let pings = Allowance { burst: 1000, per_s: 0 };
    let budgets = Budgets { pings, control_bytes_max: bytes, ..Budgets::default() };
    let mut rig = Rig::server_with(&Config { budgets, ..Config::default() });
    let flood = until_it_fails(&mut rig, |rig, _| rig.feed(&ping(b"12345678")));
    assert_eq!(flood, (50, Budget::Untaken));
    let mut rig = Rig::server_with(&Config { budgets, ..Config::default() });
    for _ in 0..1000 {
        rig.feed(&ping(b"12345678"));
        assert_eq!(rig.out().len(), 1);
    }
}

#[test]
fn time_fills_what_was_spent_up_to_the_burst() {
    let mut rig = tight();
    (0..5).for_each(|_| rig.feed(&ping(b"12345678")));
    rig.pass(Duration::from_secs(2));
    (0..2).for_each(|_| rig.feed(&ping(b"12345678")));
    assert!(rig.c.failure().is_none());
    rig.pass(Duration::from_secs(3600));
    assert_eq!(until_it_fails(&mut rig, |rig, _| rig.feed(&ping(b"12345678"))), (5, Budget::Pings));
}

#[test]
fn answers_fill_what_resets_took() {
    let mut rig = tight();
    for n in 0..1000 {
        rig.feed(&[headers(id(2 * n), BOTH, GET), rst(id(2 * n), ErrorCode::CANCEL)].concat());
        release_all(&mut rig);
        let stream = rig.get(id(2 * n + 1));
        rig.answer(stream);
        rig.out();
    }
    assert!(rig.c.failure().is_none());
}

#[test]
fn a_page_that_is_left_may_cancel_all_its_images() {
    let mut rig = Rig::server();
    for page in 0..20 {
        for n in 0..100 {
            rig.feed(&headers(id(100 * page + n), BOTH, GET));
        }
        for n in 0..100 {
            rig.feed(&rst(id(100 * page + n), ErrorCode::CANCEL));
        }
        release_all(&mut rig);
        rig.pass(Duration::from_secs(5));
    }
    assert_eq!(rig.errors(), []);
}

#[test]
fn a_download_that_is_acknowledged_frame_by_frame_is_no_flood() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.head(stream, OK, false);
    for _ in 0..20_000 {
        assert_eq!(rig.c.send_data(stream, &[0; 1000], false), 1000);
        rig.c.wrote(usize::MAX);
        rig.feed(&[window_update(1, 500), window_update(0, 500), ping(b"measure!")].concat());
        rig.feed(&[window_update(1, 500), window_update(0, 500)].concat());
    }
    assert!(rig.c.failure().is_none());
}

#[test]
fn tiny_windows_earn_no_more_window_updates() {
    let mut rig = tight();
    rig.feed(&settings(&[(4, 0)]));
    rig.events();
    let stream = rig.get(1);
    rig.head(stream, OK, false);
    assert_eq!(rig.c.send_data(stream, &[0; 1000], true), 0);
    let flood = until_it_fails(&mut rig, |rig, _| {
        rig.c.wrote(usize::MAX);
        rig.feed(&window_update(1, 1));
        while rig.c.failure().is_none() && rig.c.poll_event().is_some() {
            assert_eq!(rig.c.send_data(stream, &[0; 1000], true), 1);
        }
    });
    assert_eq!(flood, (5, Budget::WindowUpdates));
}

#[test]
fn a_stream_of_small_messages_is_no_flood() {
    // gRPC, or WebSocket: small frames each way, each acknowledged at once, a PING for each batch.
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.head(stream, OK, false);
    for _ in 0..20_000 {
        rig.feed(&[data(1, 0, b"ask"), ping(b"measure!")].concat());
        rig.c.consume(stream, 3);
        assert_eq!(rig.c.send_data(stream, b"answer", false), 6);
        rig.feed(&[window_update(1, 6), window_update(0, 6)].concat());
        rig.events();
        rig.c.wrote(usize::MAX);
    }
    assert!(rig.c.failure().is_none());
}

#[test]
fn heads_that_are_too_large_are_answered_a_few_times() {
    let budgets = Budgets { large_heads: FEW, ..Budgets::default() };
    let mut rig = Rig::server_with(&Config { budgets, ..Config::default() });
    let large = [GET, b"\0\x01x\x7f\xf1\xa1\x04", &[b'y'; 70_000]].concat();
    let (first, rest) = large.split_at(16_000);
    let (taken, budget) = until_it_fails(&mut rig, |rig, n| {
        let id = 2 * n + 1;
        rig.feed(&headers(id, END_STREAM, first));
        let mut pieces = rest.chunks(16_000).peekable();
        while let Some(piece) = pieces.next() {
            rig.feed(&continuation(id, if pieces.peek().is_none() { END_HEADERS } else { 0 }, piece));
        }
    });
    assert_eq!((taken, budget), (5, Budget::LargeHeads));
}

#[test]
fn what_ends_a_connection_leaves_no_stream_that_nobody_was_told_of() {
    // An index of no entry, a block that ends inside of a field.
    for block in [b"\x80".as_slice(), b"\x82\x40"] {
        let mut rig = Rig::server();
        rig.feed(&headers(1, BOTH, block));
        assert!(rig.c.failure().is_some());
        assert_eq!(rig.c.streams(), 0, "{block:?}");
    }
    let mut rig = tight();
    let mut told = Vec::new();
    for n in 0..10 {
        rig.feed(&headers(2 * n + 1, BOTH, NO_PATH));
        told.extend(std::iter::from_fn(|| rig.c.poll_event()).filter_map(crate::event::Event::stream));
    }
    assert!(rig.c.failure().is_some());
    told.into_iter().for_each(|stream| rig.c.release(stream));
    assert_eq!(rig.c.streams(), 0);
}

#[test]
fn a_few_bytes_that_stand_for_very_many_end_the_connection_at_once() {
    // A value of 4,000 bytes in the table, and then so many references to it.
    for (references, is_bomb) in [(16, false), (60, false), (100, true), (10_000, true)] {
        let mut rig = Rig::server();
        let entry = [GET, b"\x40\x01x\x7f\xa1\x1e", &[b'y'; 4000]].concat();
        rig.feed(&headers(1, BOTH, &[&entry, b"\xbe".repeat(references).as_slice()].concat()));
        let failure = rig.c.failure();
        assert_eq!(
            failure == Some(Failure::Budget(Budget::HeaderBlock)),
            is_bomb,
            "{references}: {failure:?}"
        );
        assert_eq!(rig.c.streams(), usize::from(!is_bomb));
    }
}
