//! Windows, both ways (RFC 9113 sections 5.2 and 6.9).

use super::kit::*;
use crate::config::Config;
use crate::event::Event;
use crate::frame::{ErrorCode, flag, kind};

/// WINDOW_UPDATEs among what was written: stream and bytes.
fn updates(rig: &mut Rig) -> Vec<(u32, u32)> {
    rig.out()
        .iter()
        .filter(|frame| frame.kind == kind::WINDOW_UPDATE)
        .map(|frame| (frame.stream, u32::from_be_bytes(frame.payload[..].try_into().unwrap())))
        .collect()
}

/// Contents of the DATA frames that were written, and whether the last ended its stream.
fn sent(rig: &mut Rig) -> (Vec<usize>, bool) {
    let out = rig.out();
    let data: Vec<_> = out.iter().filter(|frame| frame.kind == kind::DATA).collect();
    let ends = data.last().is_some_and(|frame| frame.flags & flag::END_STREAM != 0);
    (data.iter().map(|frame| frame.payload.len()).collect(), ends)
}

#[test]
fn what_was_consumed_may_come_again_by_halves() {
    let config =
        Config { stream_window_bytes: 70_000, connection_window_bytes: 100_000, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    let stream = rig.post(1);
    for _ in 0..7 {
        rig.feed(&data(1, 0, &[0; 10_000]));
    }
    assert_eq!((rig.c.data(stream).len(), updates(&mut rig)), (70_000, vec![]));
    rig.c.consume(stream, 34_999);
    assert_eq!(updates(&mut rig), []);
    rig.c.consume(stream, 1);
    assert_eq!(updates(&mut rig), [(1, 35_000)]);
    rig.c.consume(stream, 15_000);
    assert_eq!(updates(&mut rig), [(0, 50_000)]);
}

#[test]
fn a_streams_window_is_exact() {
    let config = Config { stream_window_bytes: 70_000, ..Config::default() };
    for (more, told) in [(0, vec![]), (1, vec![Told::Rst(1, ErrorCode::FLOW_CONTROL_ERROR)])] {
        let mut rig = Rig::server_with(&config);
        rig.post(1);
        (0..6).for_each(|_| rig.feed(&data(1, 0, &[0; 10_000])));
        rig.feed(&data(1, 0, &vec![0; 10_000 + more]));
        assert_eq!(rig.errors(), told);
    }
}

#[test]
fn the_connections_window_is_exact() {
    let config = Config { connection_window_bytes: 70_000, ..Config::default() };
    for (more, told) in [(0, vec![]), (1, vec![Told::Goaway(ErrorCode::FLOW_CONTROL_ERROR)])] {
        let mut rig = Rig::server_with(&config);
        rig.post(1);
        rig.post(3);
        (0..6).for_each(|_| rig.feed(&data(1, 0, &[0; 10_000])));
        rig.feed(&data(3, 0, &vec![0; 10_000 + more]));
        assert_eq!(rig.errors(), told);
    }
}

#[test]
fn padding_counts_and_is_given_back_at_once() {
    let config = Config { stream_window_bytes: 65_535, connection_window_bytes: 65_535, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    rig.post(1);
    let padded = [&[200][..], b"x", &[0; 200]].concat();
    let mut granted = (0, 0);
    for _ in 0..1000 {
        rig.feed(&data(1, flag::PADDED, &padded));
        for (stream, bytes) in updates(&mut rig) {
            if stream == 0 { granted.0 += bytes } else { granted.1 += bytes }
        }
    }
    assert!(rig.c.failure().is_none());
    let least = 1000 * 201 - 65_535;
    assert!(granted.0 >= least && granted.1 >= least && granted.0 <= 1000 * 201, "{granted:?}");
}

#[test]
fn what_nobody_takes_is_given_back_to_the_connection() {
    let config = Config { stream_window_bytes: 40_000, connection_window_bytes: 65_535, ..Config::default() };
    type End = fn(&mut Rig, crate::StreamId);
    let ends: [(&str, End); 4] = [
        ("reset by the peer", |rig, stream| rig.feed(&rst(stream.number(), ErrorCode::CANCEL))),
        ("reset by us", |rig, stream| rig.c.reset(stream, ErrorCode::CANCEL)),
        ("answered and released", |rig, stream| rig.answer(stream)),
        ("released", |rig, stream| rig.c.release(stream)),
    ];
    for (name, end) in ends {
        let mut rig = Rig::server_with(&config);
        let stream = rig.post(1);
        (0..4).for_each(|_| rig.feed(&data(1, 0, &[0; 10_000])));
        assert_eq!(updates(&mut rig), [], "{name}");
        end(&mut rig, stream);
        assert_eq!(updates(&mut rig), [(0, 40_000)], "{name}");
        rig.c.release(stream);
        // And so is what comes for it later.
        (0..4).for_each(|_| rig.feed(&data(1, 0, &[0; 10_000])));
        assert_eq!(updates(&mut rig), [(0, 40_000)], "{name}");
        assert!(rig.c.failure().is_none());
    }
}

#[test]
fn a_frame_that_is_cut_by_its_streams_end_is_given_back_whole() {
    let config = Config { connection_window_bytes: 65_535, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    let frame = data(1, 0, &[0; 16_384]);
    let stream = rig.post(1);
    (0..2).for_each(|_| rig.feed(&frame));
    rig.feed(&frame[..10_000]);
    rig.c.release(stream);
    assert_eq!(updates(&mut rig), [(0, 2 * 16_384 + 10_000 - 9)]);
    rig.feed(&frame[10_000..]);
    (0..2).for_each(|_| rig.feed(&frame));
    assert_eq!(updates(&mut rig), [(0, 16_384 - 10_000 + 9 + 2 * 16_384)]);
}

#[test]
fn no_window_is_granted_to_a_stream_that_has_ended() {
    let config = Config { stream_window_bytes: 65_535, ..Config::default() };
    let mut rig = Rig::server_with(&config);
    let stream = rig.post(1);
    (0..3).for_each(|_| rig.feed(&data(1, 0, &[0; 16_000])));
    rig.feed(&data(1, END_STREAM, b"x"));
    rig.c.consume(stream, 48_001);
    assert_eq!(updates(&mut rig), []);
}

#[test]
fn windows_smaller_than_the_first_count_once_the_client_knows() {
    let config = Config { stream_window_bytes: 1000, ..Config::default() };
    // Before the acknowledgement a client may go by the first 65,535.
    let mut rig = Rig::fresh_server(&config);
    rig.feed(&[crate::PREFACE.to_vec(), settings(&[])].concat());
    rig.out();
    rig.feed(&headers(1, END_HEADERS, POST));
    let stream = rig.events()[0].stream().unwrap();
    (0..4).for_each(|_| rig.feed(&data(1, 0, &[0; 16_000])));
    assert_eq!(rig.errors(), []);
    rig.feed(&settings_ack());
    rig.c.consume(stream, 64_000);
    assert_eq!(updates(&mut rig), [(1, 64_000)], "which leaves as much as is to be");
    rig.feed(&data(1, 0, &[0; 1000]));
    assert_eq!(rig.errors(), []);
    rig.feed(&data(1, 0, b"x"));
    assert_eq!(rig.errors(), [Told::Rst(1, ErrorCode::FLOW_CONTROL_ERROR)]);
    // A stream that begins after it knows has the small one.
    rig.feed(&[headers(3, END_HEADERS, POST), data(3, 0, &[0; 1001])].concat());
    assert_eq!(rig.errors(), [Told::Rst(3, ErrorCode::FLOW_CONTROL_ERROR)]);
}

#[test]
fn we_send_no_more_than_a_streams_window() {
    let mut rig = Rig::server();
    rig.feed(&settings(&[(4, 10)]));
    let stream = {
        rig.events();
        rig.get(1)
    };
    rig.head(stream, OK, false);
    assert_eq!(rig.c.send_data(stream, b"0123456789abcdef", true), 10);
    assert_eq!(sent(&mut rig), (vec![10], false));
    assert_eq!((rig.c.send_data(stream, b"abcdef", true), rig.events()), (0, vec![]));
    rig.feed(&window_update(1, 1));
    assert_eq!(rig.events(), [Event::Room(stream)]);
    assert_eq!(rig.c.send_data(stream, b"abcdef", true), 1);
    rig.feed(&settings(&[(4, 12)]));
    assert_eq!(rig.events(), [Event::Settings, Event::Room(stream)]);
    assert_eq!(rig.c.send_data(stream, b"bcdef", true), 2);
    assert_eq!(sent(&mut rig), (vec![1, 2], false));
    rig.feed(&window_update(1, 100));
    assert_eq!(rig.events(), [Event::Room(stream)]);
    assert_eq!(rig.c.send_data(stream, b"def", true), 3);
    assert_eq!(sent(&mut rig), (vec![3], true));
}

#[test]
fn a_window_that_settings_make_negative_is_paid_back_first() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.head(stream, OK, false);
    assert_eq!(rig.c.send_data(stream, &[0; 1000], false), 1000);
    rig.feed(&settings(&[(4, 900)]));
    assert_eq!(rig.c.send_data(stream, b"x", false), 0);
    rig.feed(&window_update(1, 100));
    assert_eq!(rig.events(), [Event::Settings]);
    rig.feed(&window_update(1, 1));
    assert_eq!(rig.events(), [Event::Room(stream)]);
    assert_eq!(rig.c.send_data(stream, b"xy", false), 1);
}

#[test]
fn we_send_no_more_than_the_connections_window() {
    let mut rig = Rig::server();
    rig.feed(&settings(&[(4, 1 << 20)]));
    rig.events();
    let (first, second) = (rig.get(1), rig.get(3));
    rig.head(first, OK, false);
    rig.head(second, OK, false);
    let mut taken = 0;
    while taken < 65_535 {
        let now = rig.c.send_data(first, &[0; 20_000], false);
        assert!(now > 0);
        taken += now;
        rig.out();
        rig.events();
    }
    assert_eq!(taken, 65_535);
    assert_eq!((rig.c.send_data(first, b"x", false), rig.c.send_data(second, b"y", true)), (0, 0));
    assert_eq!(rig.events(), []);
    rig.feed(&window_update(0, 2));
    let woken: Vec<_> = rig.events().iter().filter_map(|event| event.stream()).collect();
    assert_eq!(woken, [second, first], "who has sent little goes first");
    assert_eq!((rig.c.send_data(second, b"y", true), rig.c.send_data(first, b"xx", false)), (1, 1));
}

#[test]
fn the_end_of_a_stream_needs_no_window() {
    let mut rig = Rig::server();
    rig.feed(&settings(&[(4, 0)]));
    rig.events();
    rig.out();
    let (first, second) = (rig.get(1), rig.get(3));
    rig.head(first, OK, false);
    rig.c.finish(first);
    rig.head(second, OK, false);
    rig.head(second, TRAILER, true);
    let out = rig.out();
    let said: Vec<_> = out.iter().map(|frame| (frame.kind, frame.flags, frame.stream)).collect();
    assert_eq!(said, [(1, 4, 1), (0, 1, 1), (1, 4, 3), (1, 5, 3)]);
    assert!(!rig.c.can_send(first) && !rig.c.can_send(second));
}
