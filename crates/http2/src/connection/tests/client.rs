//! What RFC 9113 demands of a client that receives.

use rempart_flow::{BodyLength, Fault, Method, ResponseHead};

use super::kit::*;
use crate::config::Config;
use crate::event::{Broken, By, Event};
use crate::frame::{ErrorCode, PREFACE, flag, kind};

const PROTOCOL: Told = Told::Goaway(ErrorCode::PROTOCOL_ERROR);
const SIZE: Told = Told::Goaway(ErrorCode::FRAME_SIZE_ERROR);

const fn stream_error(code: ErrorCode) -> Told {
    Told::Rst(1, code)
}

/// A client that has asked on stream 1 and waits.
fn asking() -> Rig {
    let mut rig = Rig::client();
    rig.ask(true);
    rig.out();
    rig
}

#[test]
fn the_clients_own_preface_says_what_it_allows() {
    let mut rig = Rig::client();
    assert_eq!(rig.out(), []);
    let fresh = crate::Connection::client(&Config::default(), rig.now);
    let out = frames(fresh.output().strip_prefix(PREFACE).unwrap());
    let said: Vec<_> = crate::settings::parameters(&out[0].payload).collect();
    assert_eq!(said, [(2, 0), (4, 256 * 1024), (6, 65_536), (9, 1)]);
}

#[test]
fn a_server_may_send_what_its_role_allows() {
    let rows: &[Row<'_>] = &[
        ("6.6: a push", vec![frame(kind::PUSH_PROMISE, 4, 1, b"\0\0\0\x02\x82\x87\x84\x01\x01a")], PROTOCOL),
        ("5.1.1: a stream of the server's", vec![headers(2, BOTH, OK)], PROTOCOL),
        ("5.1: an answer to nothing", vec![headers(3, BOTH, OK)], PROTOCOL),
        ("5.1: DATA on an idle stream", vec![data(3, 0, b"x")], PROTOCOL),
        ("5.1: RST_STREAM on an idle stream", vec![rst(3, ErrorCode::CANCEL)], PROTOCOL),
        ("5.1: WINDOW_UPDATE on an idle stream", vec![window_update(3, 1)], PROTOCOL),
        ("6.5.2: ENABLE_PUSH from a server", vec![settings(&[(2, 1)])], PROTOCOL),
        ("6.5.2: which is 0", vec![settings(&[(2, 0)])], Told::Nothing),
        ("RFC 8441 3: granted", vec![settings(&[(8, 1)]), settings(&[(8, 1)])], Told::Nothing),
        ("RFC 8441 3: taken back", vec![settings(&[(8, 1)]), settings(&[(8, 0)])], PROTOCOL),
        ("RFC 9218 7.1: PRIORITY_UPDATE from a server", vec![frame(0x10, 0, 0, b"\0\0\0\x01u=1")], PROTOCOL),
        ("6.8: GOAWAY too short", vec![frame(kind::GOAWAY, 0, 0, &[0; 7])], SIZE),
        ("8.1: content before a head", vec![data(1, 0, b"x")], stream_error(ErrorCode::PROTOCOL_ERROR)),
        (
            "8.1: content after an interim head",
            vec![headers(1, 4, EARLY), data(1, 0, b"x")],
            stream_error(ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1: an interim head that ends the stream",
            vec![headers(1, BOTH, EARLY)],
            stream_error(ErrorCode::PROTOCOL_ERROR),
        ),
        ("8.1: interim, final, content, trailers", answer(), Told::Nothing),
        ("8.1.1: no status", vec![headers(1, 4, TRAILER)], stream_error(ErrorCode::PROTOCOL_ERROR)),
        (
            "8.1.1: a second head that ends nothing",
            vec![headers(1, 4, OK), headers(1, 4, OK)],
            stream_error(ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1.1: less than the length",
            vec![headers(1, 4, OK_3), data(1, 1, b"ab")],
            stream_error(ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "8.1.1: more than the length",
            vec![headers(1, 4, OK_3), data(1, 0, b"abcd")],
            stream_error(ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "5.1: HEADERS after the end",
            vec![headers(1, BOTH, OK), headers(1, BOTH, OK)],
            Told::Goaway(ErrorCode::STREAM_CLOSED),
        ),
        (
            "5.1: DATA after the end",
            vec![headers(1, BOTH, OK), data(1, 0, b"x")],
            stream_error(ErrorCode::STREAM_CLOSED),
        ),
    ];
    play(rows, asking);
}

fn answer() -> Vec<Vec<u8>> {
    vec![headers(1, 4, EARLY), headers(1, 4, OK_3), data(1, 0, b"abc"), headers(1, BOTH, TRAILER)]
}

#[test]
fn the_first_frame_of_a_server_is_settings() {
    let rows: &[Row<'_>] = &[
        ("3.4: SETTINGS", vec![settings(&[(3, 1)])], Told::Nothing),
        ("3.4: another frame", vec![ping(b"12345678")], PROTOCOL),
        ("3.4: an HTTP/1 answer", vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()], SIZE),
    ];
    play(rows, || {
        let mut rig = Rig::client();
        rig.c = crate::Connection::client(&Config::default(), rig.now);
        rig.c.wrote(usize::MAX);
        rig
    });
}

#[test]
fn an_answer_is_taken_with_all_its_parts() {
    let mut rig = Rig::client();
    let stream = rig.ask(true);
    rig.feed(&answer().concat());
    let heads = [Event::Head(stream), Event::Head(stream)];
    assert_eq!(rig.events(), [heads.as_slice(), &[Event::Data(stream), Event::End(stream)]].concat());
    let mut head = ResponseHead::default();
    assert!(rig.c.take_response(stream, &mut head) && head.status == 103 && head.is_interim());
    assert!(rig.c.take_response(stream, &mut head) && head.status == 200);
    assert_eq!(head.body, BodyLength::Exact(3));
    assert!(!rig.c.take_response(stream, &mut head));
    assert_eq!(rig.c.data(stream), b"abc");
    rig.c.consume(stream, 3);
    assert!(rig.c.is_received(stream) && rig.c.trailers(stream).is_some());
    assert!(!rig.c.can_send(stream));
    rig.c.release(stream);
    assert_eq!((rig.c.streams(), rig.errors()), (0, vec![]));
}

#[test]
fn an_answer_to_head_has_no_content() {
    for (content, told) in [(&b""[..], vec![]), (b"abc", vec![stream_error(ErrorCode::PROTOCOL_ERROR)])] {
        let mut rig = Rig::client();
        let stream = rig.c.open(Method::Head).unwrap();
        rig.head(stream, b"\x02\x04HEAD\x87\x84\x01\x01a", true);
        rig.out();
        rig.feed(&[headers(1, 4, OK_3), data(1, 1, content)].concat());
        assert_eq!(rig.errors(), told);
    }
}

#[test]
fn streams_are_opened_one_after_the_other_and_as_many_as_the_server_takes() {
    let mut rig = Rig::client();
    rig.feed(&settings(&[(3, 2)]));
    assert_eq!(rig.events(), [Event::Settings]);
    let first = rig.c.open(Method::Get).unwrap();
    assert!(!rig.c.can_open() && rig.c.open(Method::Get).is_none(), "its head has not been sent");
    assert_eq!(rig.c.send_data(first, b"x", true), 0, "a head comes first");
    rig.head(first, GET, true);
    let second = rig.ask(true);
    assert_eq!((first.number(), second.number()), (1, 3));
    assert!(!rig.c.can_open());
    rig.feed(&headers(1, BOTH, OK));
    assert!(rig.c.can_open(), "what is over counts no more, released or not");
    rig.feed(&settings(&[(3, 0)]));
    assert!(!rig.c.can_open());
}

#[test]
fn a_stream_that_was_never_sent_leaves_no_trace() {
    let mut rig = Rig::client();
    let stream = rig.c.open(Method::Get).unwrap();
    rig.c.begin_head(stream).unwrap().out.extend_from_slice(b"half");
    rig.c.release(stream);
    assert_eq!(rig.out(), []);
    assert_eq!(rig.ask(true).number(), 1);
    rig.feed(&headers(1, BOTH, OK));
    assert_eq!(rig.stream().number(), 1);
}

#[test]
fn what_the_server_has_not_looked_at_can_be_tried_again() {
    let mut rig = Rig::client();
    let streams: Vec<_> = (0..4).map(|_| rig.ask(true)).collect();
    rig.feed(&[rst(1, ErrorCode::REFUSED_STREAM), goaway(3, ErrorCode::ENHANCE_YOUR_CALM)].concat());
    let broken = |code| Broken { code, by: By::Peer, is_unprocessed: true };
    let refused = broken(ErrorCode::REFUSED_STREAM);
    let gone = broken(ErrorCode::ENHANCE_YOUR_CALM);
    let wanted = [
        Event::Reset(streams[0], refused),
        Event::Reset(streams[2], gone),
        Event::Reset(streams[3], gone),
        Event::GoAway(ErrorCode::ENHANCE_YOUR_CALM),
    ];
    assert_eq!(rig.events(), wanted);
    assert!(!rig.c.can_open() && rig.c.is_draining() && !rig.c.is_done());
    rig.feed(&headers(3, BOTH, OK));
    assert_eq!(rig.events(), [Event::Head(streams[1])], "what it accepted it answers");
    streams.iter().for_each(|stream| rig.c.release(*stream));
    assert!(rig.c.is_done());
    assert_eq!(rig.errors(), []);
}

#[test]
fn a_reset_after_the_head_is_no_refusal() {
    let mut rig = Rig::client();
    let stream = rig.ask(true);
    rig.feed(&[headers(1, 4, OK), rst(1, ErrorCode::REFUSED_STREAM)].concat());
    let broken = Broken { code: ErrorCode::REFUSED_STREAM, by: By::Peer, is_unprocessed: false };
    assert_eq!(rig.events(), [Event::Head(stream), Event::Reset(stream, broken)]);
}

#[test]
fn a_server_that_wants_no_more_of_an_upload_does_not_spoil_its_answer() {
    let mut rig = Rig::client();
    let stream = rig.ask(false);
    assert_eq!(rig.c.send_data(stream, b"first", false), 5);
    rig.feed(&[headers(1, 4, OK_3), data(1, 1, b"abc"), rst(1, ErrorCode::NO_ERROR)].concat());
    let events = rig.events();
    assert_eq!(events.last(), Some(&Event::SendStopped(stream)));
    assert_eq!(rig.c.data(stream), b"abc");
    assert!(!rig.c.can_send(stream));
    assert_eq!(rig.c.send_data(stream, b"second", true), 0);
    rig.c.consume(stream, 3);
    assert!(rig.c.is_received(stream));
    rig.c.release(stream);
    assert_eq!(rig.errors(), []);
}

#[test]
fn letting_go_of_a_request_cancels_it() {
    let mut rig = Rig::client();
    let stream = rig.ask(true);
    rig.feed(&headers(1, 4, OK));
    rig.c.release(stream);
    assert_eq!(rig.errors(), [Told::Rst(1, ErrorCode::CANCEL)]);
    rig.feed(&[data(1, 0, b"late"), headers(1, BOTH, TRAILER)].concat());
    assert_eq!(rig.errors(), []);
}

#[test]
fn interim_heads_that_nobody_takes_are_bounded() {
    let interim_max = Config::default().interim_max;
    let mut rig = asking();
    for _ in 0..interim_max {
        rig.feed(&headers(1, 4, EARLY));
    }
    assert_eq!((rig.errors(), rig.events().len()), (vec![], interim_max));
    rig.feed(&headers(1, 4, EARLY));
    assert_eq!(rig.errors(), [stream_error(ErrorCode::ENHANCE_YOUR_CALM)]);
    let events = rig.events();
    assert!(matches!(events[..], [Event::Malformed(_, Fault::BadResponse(_))]), "{events:?}");
}

#[test]
fn a_ping_comes_back_as_its_number() {
    let mut rig = Rig::client();
    rig.c.ping(42);
    let out = rig.out();
    assert_eq!((out[0].kind, &*out[0].payload), (kind::PING, 42_u64.to_be_bytes().as_slice()));
    rig.feed(&frame(kind::PING, flag::ACK, 0, &43_u64.to_be_bytes()));
    rig.feed(&frame(kind::PING, flag::ACK, 0, &42_u64.to_be_bytes()));
    rig.feed(&frame(kind::PING, flag::ACK, 0, &42_u64.to_be_bytes()));
    assert_eq!((rig.events(), rig.out()), (vec![Event::Pong(42)], vec![]));
}

#[test]
fn whether_extended_connect_is_taken_is_the_servers_word() {
    let mut rig = Rig::client();
    assert!(!rig.c.peer_has_connect_protocol());
    rig.feed(&settings(&[(8, 1)]));
    assert!(rig.c.peer_has_connect_protocol());
    let mut server = Rig::server();
    server.feed(&settings(&[(8, 1)]));
    assert!(!server.c.peer_has_connect_protocol(), "a client's says nothing");
}
