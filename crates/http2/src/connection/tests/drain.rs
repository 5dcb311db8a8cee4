//! The end of a connection in peace (RFC 9113 section 6.8).

use super::kit::*;
use crate::event::Event;
use crate::frame::{ErrorCode, flag, kind};

#[test]
fn a_drain_loses_no_stream() {
    let mut rig = Rig::server();
    let first = rig.get(1);
    rig.c.drain();
    rig.c.drain();
    let out = rig.out();
    assert_eq!(out.len(), 2);
    assert_eq!((out[0].kind, &*out[0].payload), (kind::GOAWAY, b"\x7f\xff\xff\xff\0\0\0\0".as_slice()));
    assert_eq!((out[1].kind, out[1].flags), (kind::PING, 0));
    // What was under way before the client heard of it is served.
    let second = rig.get(3);
    assert!(rig.c.is_draining() && !rig.c.is_done());
    rig.feed(&frame(kind::PING, flag::ACK, 0, &out[1].payload));
    assert_eq!(rig.out()[0].payload, b"\0\0\0\x03\0\0\0\0");
    // What comes later is not, and is no error either.
    rig.feed(
        &[headers(5, 4, POST), data(5, 0, b"x"), headers(5, BOTH, TRAILER), window_update(5, 1)].concat(),
    );
    assert_eq!((rig.out(), rig.events()), (vec![], vec![]));
    rig.answer(first);
    assert!(!rig.c.is_done());
    rig.answer(second);
    assert!(rig.c.is_done() && rig.c.failure().is_none());
}

#[test]
fn the_table_is_kept_right_by_requests_that_are_not_served() {
    let mut rig = Rig::server();
    let first = rig.get(1);
    rig.c.drain();
    let ping = rig.out().pop().unwrap();
    rig.feed(&frame(kind::PING, flag::ACK, 0, &ping.payload));
    rig.feed(&headers(3, BOTH, &[GET, b"\x40\x01x\x01y"].concat()));
    rig.feed(&headers(5, BOTH, &[GET, b"\xbe"].concat()));
    rig.answer(first);
    assert!(rig.c.failure().is_none() && rig.c.is_done());
}

#[test]
fn a_close_says_how_far_it_came() {
    let mut rig = Rig::server();
    let stream = rig.get(7);
    rig.c.close(ErrorCode::NO_ERROR);
    assert_eq!(rig.out()[0].payload, b"\0\0\0\x07\0\0\0\0");
    assert!(rig.c.is_done() && rig.c.failure().is_none() && !rig.c.can_send(stream));
    rig.feed(&[headers(9, BOTH, GET), ping(b"12345678")].concat());
    rig.c.release(stream);
    assert_eq!((rig.out(), rig.events()), (vec![], vec![]));
}

#[test]
fn a_clients_goaway_is_told_and_its_streams_are_served() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.feed(&goaway(0, ErrorCode::NO_ERROR));
    assert_eq!(rig.events(), [Event::GoAway(ErrorCode::NO_ERROR)]);
    rig.answer(stream);
    assert_eq!(rig.out().len(), 1);
    assert!(rig.c.failure().is_none());
}

#[test]
fn a_goaway_never_takes_a_word_back() {
    let mut rig = Rig::client();
    let streams = [rig.ask(true), rig.ask(true)];
    rig.feed(&goaway(0x7fff_ffff, ErrorCode::NO_ERROR));
    assert_eq!(rig.events(), [Event::GoAway(ErrorCode::NO_ERROR)]);
    assert!(!rig.c.can_open());
    rig.feed(&goaway(1, ErrorCode::NO_ERROR));
    assert!(matches!(rig.events()[..], [Event::Reset(gone, _), Event::GoAway(_)] if gone == streams[1]));
    rig.feed(&goaway(3, ErrorCode::NO_ERROR));
    assert_eq!(rig.events(), [Event::GoAway(ErrorCode::NO_ERROR)]);
}

#[test]
fn a_client_that_drains_opens_no_more_and_finishes_what_it_has() {
    let mut rig = Rig::client();
    let stream = rig.ask(true);
    rig.c.drain();
    assert!(!rig.c.can_open() && !rig.c.is_done());
    rig.feed(&headers(1, BOTH, OK));
    assert_eq!(rig.events(), [Event::Head(stream)]);
    rig.c.release(stream);
    assert!(rig.c.is_done());
    assert_eq!(rig.errors(), [Told::Goaway(ErrorCode::NO_ERROR)]);
}
