//! What RFC 9113 demands of a server that receives, with code and scope.

use rempart_flow::{BodyLength, Method, RequestHead};

use super::kit::*;
use crate::config::Config;
use crate::event::{Broken, By, Event};
use crate::frame::{ErrorCode, PREFACE, flag, kind};
use crate::stream::Moved;

const PROTOCOL: Told = Told::Goaway(ErrorCode::PROTOCOL_ERROR);
const SIZE: Told = Told::Goaway(ErrorCode::FRAME_SIZE_ERROR);
const FLOW: Told = Told::Goaway(ErrorCode::FLOW_CONTROL_ERROR);
const CLOSED: Told = Told::Goaway(ErrorCode::STREAM_CLOSED);
const COMPRESSION: Told = Told::Goaway(ErrorCode::COMPRESSION_ERROR);

const fn stream_error(stream: u32, code: ErrorCode) -> Told {
    Told::Rst(stream, code)
}

#[test]
fn a_connection_begins_with_its_preface_and_settings() {
    let rows: &[Row<'_>] = &[
        ("3.4: preface and SETTINGS", vec![PREFACE.to_vec(), settings(&[])], Told::Nothing),
        ("3.4: another protocol", vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()], PROTOCOL),
        ("3.4: a preface with one byte wrong", vec![b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r ".to_vec()], PROTOCOL),
        ("3.4: no SETTINGS first", vec![PREFACE.to_vec(), ping(b"12345678")], PROTOCOL),
        ("3.4: only an acknowledgement", vec![PREFACE.to_vec(), settings_ack()], PROTOCOL),
        ("3.4: a request first", vec![PREFACE.to_vec(), headers(1, BOTH, GET)], PROTOCOL),
        ("4.2: SETTINGS too long", vec![PREFACE.to_vec(), vec![0, 0x40, 1, 4, 0, 0, 0, 0, 0]], SIZE),
    ];
    play(rows, || {
        let mut rig = Rig::fresh_server(&Config::default());
        rig.out();
        rig
    });
}

#[test]
fn the_servers_own_preface_says_what_it_allows() {
    let mut rig = Rig::fresh_server(&Config::default());
    let out = rig.out();
    assert_eq!((out[0].kind, out[0].flags, out[0].stream), (kind::SETTINGS, 0, 0));
    let said: Vec<_> = crate::settings::parameters(&out[0].payload).collect();
    assert_eq!(said, [(3, 128), (4, 256 * 1024), (6, 65_536), (8, 1), (9, 1)]);
    assert_eq!((out[1].kind, out[1].stream), (kind::WINDOW_UPDATE, 0));
    assert_eq!(out[1].payload, (1024 * 1024 - 65_535_u32).to_be_bytes());
    assert_eq!(out.len(), 2);
}

#[test]
fn frames_have_their_size_and_their_place() {
    let rows: &[Row<'_>] = &[
        ("4.1: unknown kinds are ignored", vec![frame(0xfe, 0xff, 7, b"any")], Told::Nothing),
        ("4.1: unknown flags are ignored", vec![frame(kind::PING, 0xfe, 0, b"12345678")], Told::Nothing),
        ("4.1: the reserved bit is ignored", vec![headers(0x8000_0001, BOTH, GET)], Told::Nothing),
        ("4.2: a frame as long as is allowed", vec![frame(0xfe, 0, 0, &[0; 16_384])], Told::Nothing),
        ("4.2: and one byte more", vec![frame(0xfe, 0, 0, &[0; 16_385])], SIZE),
        ("4.2: DATA too long", vec![headers(1, END_HEADERS, POST), data(1, 0, &[0; 16_385])], SIZE),
        ("4.2: HEADERS too long", vec![headers(1, BOTH, &[0; 16_385])], SIZE),
        ("6.1: DATA on stream 0", vec![data(0, 0, b"x")], PROTOCOL),
        ("6.2: HEADERS on stream 0", vec![headers(0, BOTH, GET)], PROTOCOL),
        ("6.3: PRIORITY on stream 0", vec![frame(kind::PRIORITY, 0, 0, b"\0\0\0\x01\0")], PROTOCOL),
        (
            "6.3: PRIORITY on an idle stream",
            vec![frame(kind::PRIORITY, 0, 3, b"\0\0\0\x01\0")],
            Told::Nothing,
        ),
        (
            "6.3: PRIORITY of a wrong length",
            vec![headers(1, END_HEADERS, POST), frame(kind::PRIORITY, 0, 1, b"\0\0\0\0")],
            stream_error(1, ErrorCode::FRAME_SIZE_ERROR),
        ),
        ("6.3: the same on an idle stream", vec![frame(kind::PRIORITY, 0, 1, b"\0\0\0\0")], SIZE),
        ("a stream that depends on itself", vec![frame(kind::PRIORITY, 0, 1, b"\0\0\0\x01\0")], PROTOCOL),
        ("6.4: RST_STREAM on stream 0", vec![rst(0, ErrorCode::CANCEL)], PROTOCOL),
        ("6.4: RST_STREAM on an idle stream", vec![rst(1, ErrorCode::CANCEL)], PROTOCOL),
        ("6.4: RST_STREAM of a wrong length", vec![headers(1, BOTH, GET), frame(3, 0, 1, b"\0\0\0")], SIZE),
        ("6.5: SETTINGS on a stream", vec![frame(kind::SETTINGS, 0, 1, b"")], PROTOCOL),
        ("6.5: SETTINGS of a wrong length", vec![frame(kind::SETTINGS, 0, 0, b"\0\x03\0\0\0")], SIZE),
        ("6.5: an acknowledgement with content", vec![frame(4, flag::ACK, 0, b"\0\x03\0\0\0\x01")], SIZE),
        ("6.6: PUSH_PROMISE from a client", vec![frame(5, 4, 1, b"\0\0\0\x02\x82")], PROTOCOL),
        ("6.7: PING on a stream", vec![frame(kind::PING, 0, 1, b"12345678")], PROTOCOL),
        ("6.7: PING of a wrong length", vec![ping(b"1234567")], SIZE),
        ("6.7: PING of a wrong length", vec![ping(b"123456789")], SIZE),
        ("6.8: GOAWAY on a stream", vec![frame(kind::GOAWAY, 0, 1, &[0; 8])], PROTOCOL),
        ("6.8: GOAWAY too short", vec![frame(kind::GOAWAY, 0, 0, &[0; 7])], SIZE),
        (
            "6.8: GOAWAY with words",
            vec![frame(kind::GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0good bye")],
            Told::Nothing,
        ),
        ("6.9: WINDOW_UPDATE of a wrong length", vec![frame(8, 0, 0, b"\0\0\0\x01\0")], SIZE),
        ("6.9: WINDOW_UPDATE on an idle stream", vec![window_update(1, 1)], PROTOCOL),
        ("6.10: CONTINUATION out of nothing", vec![continuation(1, END_HEADERS, GET)], PROTOCOL),
        ("6.10: CONTINUATION on stream 0", vec![continuation(0, END_HEADERS, GET)], PROTOCOL),
        (
            "6.10: CONTINUATION after a whole block",
            vec![headers(1, BOTH, GET), continuation(1, END_HEADERS, b"")],
            PROTOCOL,
        ),
        (
            "6.10: one block in pieces",
            vec![headers(1, 1, &GET[..3]), continuation(1, 4, &GET[3..])],
            Told::Nothing,
        ),
        ("6.10: of another stream", vec![headers(1, 1, &GET[..3]), continuation(3, 4, &GET[3..])], PROTOCOL),
        ("6.10: a frame between", vec![headers(1, 1, &GET[..3]), ping(b"12345678")], PROTOCOL),
        ("6.10: an unknown frame between", vec![headers(1, 1, &GET[..3]), frame(0xfe, 0, 0, b"")], PROTOCOL),
        ("6.10: DATA between", vec![headers(1, 1, &GET[..3]), data(1, 0, b"")], PROTOCOL),
        ("4.3: no HPACK", vec![headers(1, BOTH, b"\x80")], COMPRESSION),
        ("4.3: half a field", vec![headers(1, BOTH, &GET[..5])], COMPRESSION),
    ];
    play(rows, Rig::server);
}

#[test]
fn padding_is_within_its_frame() {
    let padded = |flags, payload: &[u8]| vec![headers(1, END_HEADERS, POST), data(1, flags | 8, payload)];
    let rows: &[Row<'_>] = &[
        ("6.1: DATA with padding", padded(0, b"\x02abc\0\0"), Told::Nothing),
        ("6.1: nothing but padding", padded(END_STREAM, b"\x02\0\0"), Told::Nothing),
        ("6.1: nothing but its length", padded(0, b"\0"), Told::Nothing),
        ("6.1: one too many", padded(0, b"\x03\0\0"), PROTOCOL),
        ("6.1: no length of padding", padded(0, b""), SIZE),
        (
            "6.2: HEADERS with padding",
            vec![headers(1, BOTH | 8, &[b"\x02", GET, b"\0\0"].concat())],
            Told::Nothing,
        ),
        ("6.2: one too many", vec![headers(1, BOTH | 8, &[&[15][..], GET].concat())], PROTOCOL),
        ("6.2: no length of padding", vec![headers(1, BOTH | 8, b"")], SIZE),
        ("6.2: with priority", vec![headers(1, BOTH | 0x20, &[b"\0\0\0\0\0", GET].concat())], Told::Nothing),
        ("6.2: with half a priority", vec![headers(1, BOTH | 0x20, b"\0\0\0\0")], SIZE),
        (
            "6.2: with padding and priority",
            vec![headers(1, BOTH | 0x28, &[b"\x01\0\0\0\0\0", GET, b"\0"].concat())],
            Told::Nothing,
        ),
        (
            "a stream that depends on itself",
            vec![headers(1, BOTH | 0x20, &[b"\0\0\0\x01\0", GET].concat())],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
    ];
    play(rows, Rig::server);
}

#[test]
fn streams_take_what_their_state_allows() {
    let cancel = ErrorCode::CANCEL;
    let rows: &[Row<'_>] = &[
        ("5.1: DATA on an idle stream", vec![data(1, 0, b"x")], PROTOCOL),
        ("5.1.1: an even number", vec![headers(2, BOTH, GET)], PROTOCOL),
        ("5.1.1: numbers may skip", vec![headers(5, BOTH, GET), headers(9, BOTH, GET)], Told::Nothing),
        ("5.1.1: a number below the last", vec![headers(5, BOTH, GET), headers(3, BOTH, GET)], PROTOCOL),
        (
            "5.1.1: DATA on a skipped one",
            vec![headers(5, BOTH, GET), data(3, 0, b"x")],
            stream_error(3, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1.1: WINDOW_UPDATE on a skipped one",
            vec![headers(5, BOTH, GET), window_update(3, 1)],
            Told::Nothing,
        ),
        (
            "5.1: half-closed (remote): DATA",
            vec![headers(1, BOTH, GET), data(1, 0, b"x")],
            stream_error(1, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: half-closed (remote): HEADERS",
            vec![headers(1, BOTH, GET), headers(1, BOTH, TRAILER)],
            stream_error(1, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: half-closed (remote): WINDOW_UPDATE",
            vec![headers(1, BOTH, GET), window_update(1, 1)],
            Told::Nothing,
        ),
        ("5.1: half-closed (remote): RST_STREAM", vec![headers(1, BOTH, GET), rst(1, cancel)], Told::Nothing),
        (
            "5.1: DATA after the end by DATA",
            vec![headers(1, END_HEADERS, POST), data(1, END_STREAM, b"x"), data(1, 0, b"y")],
            stream_error(1, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: closed by RST_STREAM: DATA",
            vec![headers(1, END_HEADERS, POST), rst(1, cancel), data(1, 0, b"x")],
            stream_error(1, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: closed by RST_STREAM: HEADERS",
            vec![headers(1, END_HEADERS, POST), rst(1, cancel), headers(1, BOTH, TRAILER)],
            stream_error(1, ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: closed by RST_STREAM: what is always allowed",
            vec![
                headers(1, END_HEADERS, POST),
                rst(1, cancel),
                window_update(1, 1),
                rst(1, cancel),
                frame(kind::PRIORITY, 0, 1, b"\0\0\0\0\0"),
            ],
            Told::Nothing,
        ),
        (
            "6.4: RST_STREAM with an unknown code",
            vec![headers(1, BOTH, GET), rst(1, ErrorCode(999))],
            Told::Nothing,
        ),
        (
            "6.9: WINDOW_UPDATE of nothing on a stream",
            vec![headers(1, BOTH, GET), window_update(1, 0)],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        ("6.9: WINDOW_UPDATE of nothing", vec![window_update(0, 0)], PROTOCOL),
        (
            "6.9.1: a stream's window too large",
            vec![headers(1, BOTH, GET), window_update(1, 0x7fff_ffff - 65_534)],
            stream_error(1, ErrorCode::FLOW_CONTROL_ERROR),
        ),
        ("6.9.1: as large as can be", vec![window_update(0, 0x7fff_ffff - 65_535)], Told::Nothing),
        ("6.9.1: the connection's window too large", vec![window_update(0, 0x7fff_ffff - 65_534)], FLOW),
        ("8.1: trailers", vec![headers(1, 4, POST), headers(1, BOTH, TRAILER)], Told::Nothing),
        (
            "8.1: trailers that end nothing",
            vec![headers(1, 4, POST), headers(1, 4, TRAILER)],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1: a pseudo-header field in trailers",
            vec![headers(1, 4, POST), headers(1, BOTH, GET)],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        ("8.1.1: no path", vec![headers(1, BOTH, NO_PATH)], stream_error(1, ErrorCode::PROTOCOL_ERROR)),
        ("8.1.1: length and DATA agree", vec![headers(1, 4, POST_3), data(1, 1, b"abc")], Told::Nothing),
        (
            "8.1.1: in several frames, and trailers",
            vec![headers(1, 4, POST_3), data(1, 0, b"ab"), data(1, 0, b"c"), headers(1, BOTH, TRAILER)],
            Told::Nothing,
        ),
        (
            "8.1.1: more than the length",
            vec![headers(1, 4, POST_3), data(1, 0, b"ab"), data(1, 0, b"cd")],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1.1: less than the length",
            vec![headers(1, 4, POST_3), data(1, END_STREAM, b"ab")],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1.1: trailers before the length",
            vec![headers(1, 4, POST_3), data(1, 0, b"ab"), headers(1, BOTH, TRAILER)],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1.1: a length and no body",
            vec![headers(1, BOTH, POST_3)],
            stream_error(1, ErrorCode::PROTOCOL_ERROR),
        ),
    ];
    play(rows, Rig::server);
}

#[test]
fn settings_have_values_that_mean_something() {
    let rows: &[Row<'_>] = &[
        ("6.5.2: unknown ones are ignored", vec![settings(&[(0xff, 1), (0, 0)])], Told::Nothing),
        ("6.5.2: ENABLE_PUSH", vec![settings(&[(2, 0), (2, 1)])], Told::Nothing),
        ("6.5.2: ENABLE_PUSH is 2", vec![settings(&[(2, 2)])], PROTOCOL),
        ("6.5.2: the largest window", vec![settings(&[(4, 0x7fff_ffff)])], Told::Nothing),
        ("6.5.2: a window too large", vec![settings(&[(4, 0x8000_0000)])], FLOW),
        ("6.5.2: frames too small", vec![settings(&[(5, 16_383)])], PROTOCOL),
        (
            "6.5.2: the smallest and largest frames",
            vec![settings(&[(5, 16_384), (5, 0xff_ffff)])],
            Told::Nothing,
        ),
        ("6.5.2: frames too large", vec![settings(&[(5, 0x100_0000)])], PROTOCOL),
        ("RFC 8441: not 0 or 1", vec![settings(&[(8, 2)])], PROTOCOL),
        ("RFC 9218: not 0 or 1", vec![settings(&[(9, 2)])], PROTOCOL),
        (
            "6.9.2: a change makes a window too large",
            vec![headers(1, BOTH, GET), window_update(1, 1), settings(&[(4, 0x7fff_ffff)])],
            FLOW,
        ),
    ];
    play(rows, Rig::server);
}

#[test]
fn priorities_of_today_are_checked_too() {
    let update =
        |on: u32, of: u32, field: &[u8]| vec![frame(0x10, 0, on, &[&of.to_be_bytes(), field].concat())];
    let rows: &[Row<'_>] = &[
        ("RFC 9218 7.1: before its stream", update(0, 1, b"u=1"), Told::Nothing),
        ("RFC 9218 7.1: words that say nothing", update(0, 1, b"=;,\xff"), Told::Nothing),
        ("RFC 9218 7.1: on a stream", update(1, 1, b"u=1"), PROTOCOL),
        ("RFC 9218 7.1: for stream 0", update(0, 0, b"u=1"), PROTOCOL),
        ("RFC 9218 7.1: for a push that is none", update(0, 2, b"u=1"), PROTOCOL),
        ("RFC 9218 7.1: too short", vec![frame(0x10, 0, 0, b"\0\0\0")], SIZE),
    ];
    play(rows, Rig::server);
}

#[test]
fn settings_and_pings_are_acknowledged() {
    let mut rig = Rig::server();
    rig.feed(
        &[settings(&[(3, 5)]), ping(b"whatever"), frame(kind::PING, flag::ACK, 0, b"whatever")].concat(),
    );
    let out = rig.out();
    assert_eq!(out.len(), 2);
    assert_eq!((out[0].kind, out[0].flags, out[0].payload.len()), (kind::SETTINGS, flag::ACK, 0));
    assert_eq!(
        (out[1].kind, out[1].flags, &*out[1].payload),
        (kind::PING, flag::ACK, b"whatever".as_slice())
    );
}

#[test]
fn a_request_is_taken_with_its_body_and_trailers() {
    let mut rig = Rig::server();
    rig.feed(
        &[headers(1, 4, POST_3), data(1, 8, b"\x01ab\0"), data(1, 0, b"c"), headers(1, 5, TRAILER)].concat(),
    );
    let events = rig.events();
    let stream = events[0].stream().unwrap();
    assert_eq!(events, [Event::Head(stream), Event::Data(stream), Event::End(stream)]);
    let mut head = RequestHead::default();
    assert!(rig.c.take_request(stream, &mut head));
    assert!(!rig.c.take_request(stream, &mut RequestHead::default()));
    assert_eq!((head.method, head.body), (Method::Post, BodyLength::Exact(3)));
    assert_eq!(head.bytes(head.host), b"a.example");
    assert_eq!(rig.c.data(stream), b"abc");
    rig.c.consume(stream, 2);
    assert!(!rig.c.is_received(stream));
    rig.c.consume(stream, 99);
    assert!(rig.c.is_received(stream));
    let trailers = rig.c.trailers(stream).unwrap();
    assert_eq!(trailers.iter().map(|f| (f.name, f.value)).collect::<Vec<_>>(), [(&b"x"[..], &b"y"[..])]);
    rig.answer(stream);
    assert_eq!(rig.c.streams(), 0);
    assert!(rig.c.trailers(stream).is_none() && rig.c.data(stream).is_empty());
    let out = rig.out();
    assert_eq!((out.len(), out[0].kind, out[0].flags, out[0].stream), (1, kind::HEADERS, BOTH, 1));
}

#[test]
fn the_bytes_of_an_exchange_are_counted() {
    let mut rig = Rig::server();
    rig.feed(&[headers(1, 1, &GET[..3]), continuation(1, 4, &GET[3..])].concat());
    let first = rig.stream();
    assert_eq!(rig.c.moved(first), Moved { received: 2 * 9 + GET.len() as u64, sent: 0 });
    rig.feed(&[headers(3, 4, POST), data(3, 8, b"\x01ab\0"), headers(3, 5, TRAILER)].concat());
    let second = rig.events()[0].stream().unwrap();
    assert_eq!(rig.c.moved(second).received, (3 * 9 + POST.len() + 4 + TRAILER.len()) as u64);
    for (stream, len) in [(first, 0), (second, 40_000)] {
        let before = rig.c.output().len();
        rig.head(stream, OK, false);
        rig.c.send_data(stream, &vec![0; len], len > 0);
        rig.c.finish(stream);
        assert_eq!(rig.c.moved(stream).sent, (rig.c.output().len() - before) as u64);
    }
}

#[test]
fn data_is_told_again_only_after_some_was_consumed() {
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.feed(&[data(1, 0, b"a"), data(1, 0, b"b")].concat());
    assert_eq!(rig.events(), [Event::Data(stream)]);
    rig.feed(&data(1, 0, b"c"));
    assert_eq!(rig.events(), []);
    rig.c.consume(stream, 1);
    rig.feed(&data(1, END_STREAM, b"d"));
    assert_eq!(rig.events(), [Event::Data(stream), Event::End(stream)]);
    assert_eq!(rig.c.data(stream), b"bcd");
}

#[test]
fn one_stream_more_than_allowed_is_refused() {
    let config = Config { streams_max: 2, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    let first = rig.get(1);
    rig.get(3);
    rig.feed(&headers(5, BOTH, GET));
    assert_eq!(rig.errors(), [Told::Rst(5, ErrorCode::REFUSED_STREAM)]);
    assert_eq!(rig.events(), []);
    rig.answer(first);
    assert_eq!(rig.errors(), []);
    rig.get(7);
    assert_eq!(rig.errors(), []);
}

#[test]
fn streams_that_nobody_releases_are_bounded() {
    let config = Config { streams_max: 2, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    for id in [1, 3, 5, 7] {
        rig.feed(&[headers(id, BOTH, GET), rst(id, ErrorCode::CANCEL)].concat());
    }
    let held: Vec<_> = rig.events().iter().filter_map(|event| event.stream()).collect();
    assert_eq!(rig.errors(), []);
    rig.feed(&headers(9, BOTH, GET));
    assert_eq!(rig.errors(), [Told::Rst(9, ErrorCode::REFUSED_STREAM)]);
    held.iter().for_each(|stream| rig.c.release(*stream));
    rig.get(11);
    assert_eq!(rig.errors(), []);
}

#[test]
fn answers_that_the_client_does_not_take_count_as_open() {
    let config = Config { streams_max: 3, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    for id in [1, 3, 5] {
        let stream = rig.get(id);
        rig.answer(stream);
    }
    assert_eq!(rig.c.streams(), 0);
    let first = rig.c.output().len() / 3;
    rig.feed(&headers(7, BOTH, GET));
    assert_eq!(rig.events(), []);
    rig.c.wrote(first - 1);
    rig.feed(&headers(9, BOTH, GET));
    assert_eq!(rig.events(), []);
    rig.c.wrote(1);
    let stream = rig.get(11);
    let refused = |id| Told::Rst(id, ErrorCode::REFUSED_STREAM);
    let output = rig.c.output().to_vec();
    assert_eq!(errors(&frames(&output)), [refused(7), refused(9)]);
    rig.answer(stream);
    assert_eq!(rig.out().len(), 5);
}

#[test]
fn heads_that_are_not_released_are_bounded_together() {
    let large = [GET, b"\0\x01x\x7f\x61", &[b'v'; 224]].concat();
    let config = Config { heads_bytes_max: 700, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    for id in [1, 3] {
        rig.feed(&headers(id, BOTH, &large));
    }
    let first = rig.events()[0].stream().unwrap();
    assert!(rig.c.take_request(first, &mut RequestHead::default()));
    rig.feed(&headers(5, BOTH, &large));
    assert_eq!((rig.events(), rig.errors()), (vec![], vec![Told::Rst(5, ErrorCode::REFUSED_STREAM)]));
    rig.answer(first);
    rig.feed(&headers(7, BOTH, &large));
    assert_eq!((rig.events().len(), rig.errors()), (1, vec![]));
}

#[test]
fn one_head_alone_is_never_too_much_for_all_of_them() {
    let config = Config { heads_bytes_max: 1, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    let stream = rig.get(1);
    rig.feed(&headers(3, BOTH, GET));
    assert_eq!(rig.errors(), [Told::Rst(3, ErrorCode::REFUSED_STREAM)]);
    rig.answer(stream);
    rig.get(5);
}

#[test]
fn a_block_for_a_stream_that_is_closed_still_fills_the_table() {
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.c.reset(stream, ErrorCode::CANCEL);
    assert_eq!(rig.errors(), [Told::Rst(1, ErrorCode::CANCEL)]);
    // `x: y` goes into the table by trailers that nobody reads, and comes back by number.
    rig.feed(&headers(1, BOTH, b"\x40\x01x\x01y"));
    rig.feed(&headers(3, BOTH, &[GET, b"\xbe"].concat()));
    assert_eq!(rig.errors(), []);
    let stream = rig.stream();
    let mut head = RequestHead::default();
    rig.c.take_request(stream, &mut head);
    assert!(head.fields.iter().any(|field| (field.name, field.value) == (b"x", b"y")));
}

#[test]
fn what_was_under_way_when_we_reset_a_stream_is_no_error() {
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.c.reset(stream, ErrorCode::CANCEL);
    rig.c.release(stream);
    assert_eq!(rig.errors(), [Told::Rst(1, ErrorCode::CANCEL)]);
    let late = [data(1, 0, b"x"), window_update(1, 0), headers(1, BOTH, TRAILER), rst(1, ErrorCode::CANCEL)];
    rig.feed(&late.concat());
    assert_eq!((rig.errors(), rig.events()), (vec![], vec![]));
}

#[test]
fn headers_on_a_stream_that_both_ended_end_the_connection() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.answer(stream);
    rig.out();
    rig.feed(&headers(1, BOTH, GET));
    assert_eq!(rig.errors(), [CLOSED]);
}

#[test]
fn a_reset_is_told_and_nothing_more_comes_or_goes() {
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.feed(&[data(1, 0, b"abc"), rst(1, ErrorCode::CANCEL)].concat());
    let broken = Broken { code: ErrorCode::CANCEL, by: By::Peer, is_unprocessed: false };
    assert_eq!(rig.events(), [Event::Data(stream), Event::Reset(stream, broken)]);
    assert!(rig.c.data(stream).is_empty() && !rig.c.is_received(stream) && !rig.c.can_send(stream));
    assert!(rig.c.begin_head(stream).is_none());
    assert_eq!(rig.c.send_data(stream, b"x", true), 0);
    rig.c.finish(stream);
    rig.c.release(stream);
    assert_eq!((rig.out(), rig.c.streams()), (vec![], 0));
}

#[test]
fn what_is_malformed_is_told_for_the_log() {
    let mut rig = Rig::server();
    rig.feed(&headers(1, BOTH, NO_PATH));
    let events = rig.events();
    assert!(matches!(events[..], [Event::Malformed(..)]), "{events:?}");
    let stream = events[0].stream().unwrap();
    let mut head = RequestHead::default();
    assert!(rig.c.take_request(stream, &mut head));
    assert_eq!(head.bytes(head.method_text), b"GET");
    rig.c.release(stream);
    assert_eq!((rig.errors(), rig.c.streams()), (vec![Told::Rst(1, ErrorCode::PROTOCOL_ERROR)], 0));
}

#[test]
fn what_is_too_large_can_be_answered() {
    let config = Config {
        head: rempart_flow::HeadLimits { head_bytes_max: 200, ..Config::default().head },
        ..Config::default()
    };
    let mut rig = Rig::server_with(&config);
    let large = [GET, b"\0\x01x\x7f\x61", &[b'v'; 224]].concat();
    rig.feed(&headers(1, END_HEADERS, &large));
    let events = rig.events();
    assert!(matches!(events[..], [Event::Refused(_, rempart_flow::Fault::HeadTooLarge)]), "{events:?}");
    rig.answer(events[0].stream().unwrap());
    let out = rig.out();
    assert_eq!((out[0].kind, out[0].flags), (kind::HEADERS, BOTH));
    assert_eq!(errors(&out), [Told::Rst(1, ErrorCode::NO_ERROR)], "the rest of the request is not wanted");
}

#[test]
fn after_a_failure_nothing_goes_and_all_input_is_swallowed() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.feed(&data(0, 0, b""));
    assert_eq!(rig.out().last().unwrap().payload, [0, 0, 0, 1, 0, 0, 0, 1], "the last stream and the code");
    assert!(rig.c.is_done() && rig.c.begin_head(stream).is_none());
    assert_eq!(rig.c.send_data(stream, b"x", true), 0);
    rig.feed(&[0xff; 100]);
    rig.c.release(stream);
    rig.c.close(ErrorCode::NO_ERROR);
    assert_eq!((rig.out(), rig.events().last()), (vec![], Some(&Event::Failed)));
}
