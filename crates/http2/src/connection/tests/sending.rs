//! Heads and bodies out.

use super::kit::*;
use crate::event::Event;
use crate::frame::{ErrorCode, flag, kind};
use crate::hpack::Decoder;
use crate::message::{BlockWriter, ForbiddenTrailers, read_trailers};

#[test]
fn an_answer_leaves_in_its_order() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.head(stream, EARLY, false);
    rig.head(stream, OK, false);
    assert_eq!(rig.c.send_data(stream, b"body", false), 4);
    rig.head(stream, TRAILER, true);
    rig.c.release(stream);
    let out = rig.out();
    let said: Vec<_> = out.iter().map(|frame| (frame.kind, frame.flags, &*frame.payload)).collect();
    let wanted: [(u8, u8, &[u8]); 4] = [(1, 4, EARLY), (1, 4, OK), (0, 0, b"body"), (1, 5, TRAILER)];
    assert_eq!(said, wanted);
}

#[test]
fn a_body_is_cut_into_frames() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.head(stream, OK, false);
    let body: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    assert_eq!(rig.c.send_data(stream, &body, true), body.len());
    let out = rig.out();
    let sizes: Vec<_> = out[1..].iter().map(|frame| (frame.payload.len(), frame.flags)).collect();
    assert_eq!(sizes, [(16_384, 0), (16_384, 0), (7232, flag::END_STREAM)]);
    assert_eq!(out[1..].iter().flat_map(|frame| frame.payload.clone()).collect::<Vec<_>>(), body);
}

#[test]
fn a_large_head_is_continued_at_the_peers_size_of_frames() {
    let value = [b'v'; 30_000];
    for (frame_bytes_max, sizes) in [(16_384, vec![16_384, 13_636]), (40_000, vec![30_020])] {
        let mut rig = Rig::server();
        rig.feed(&settings(&[(5, frame_bytes_max)]));
        rig.events();
        let stream = rig.get(1);
        rig.out();
        let head = rig.c.begin_head(stream).unwrap();
        let mut block = BlockWriter::response(head.encoder, head.out, 200);
        block.field(b"x-long-header-name", &value);
        rig.c.end_head(stream, true);
        let out = rig.out();
        let total: usize = out.iter().map(|frame| frame.payload.len()).sum();
        assert_eq!((out.len(), total > 30_000), (sizes.len(), true));
        assert_eq!((out[0].kind, out[0].flags & flag::END_STREAM), (kind::HEADERS, flag::END_STREAM));
        assert!(out.iter().all(|frame| frame.payload.len() <= frame_bytes_max as usize));
        assert_eq!(out.last().unwrap().flags & flag::END_HEADERS, flag::END_HEADERS);
        assert!(out.iter().skip(1).all(|frame| frame.kind == kind::CONTINUATION));
    }
}

#[test]
fn a_head_that_is_taken_back_leaves_no_trace_in_the_table() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    let mut decoder = Decoder::new(4096);
    let mut read = |payload: &[u8]| {
        let mut fields = rempart_flow::Fields::default();
        let limits = crate::Config::default().trailers;
        let read = read_trailers(&mut decoder, payload, &limits, ForbiddenTrailers::Mark, &mut fields);
        assert_eq!(read, Ok(Ok(())));
        fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect::<Vec<_>>()
    };
    let write = |rig: &mut Rig, fields: &[(&[u8], &[u8])]| {
        let head = rig.c.begin_head(stream).unwrap();
        let mut block = BlockWriter::trailers(head.encoder, head.out);
        fields.iter().for_each(|(name, value)| block.field(name, value));
    };
    let a = (b"x-a".as_slice(), b"1".as_slice());
    let b = (b"x-b".as_slice(), b"2".as_slice());
    let owned = |fields: &[(&[u8], &[u8])]| {
        fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect::<Vec<_>>()
    };
    write(&mut rig, &[a]);
    rig.c.end_head(stream, false);
    assert_eq!(read(&rig.out()[0].payload), owned(&[a]));
    write(&mut rig, &[b, (b"x-c", b"3")]);
    // Twice: once by beginning another, once by name.
    write(&mut rig, &[b]);
    rig.c.abandon_head(stream);
    assert_eq!(rig.out(), []);
    for _ in 0..2 {
        write(&mut rig, &[a, b]);
        rig.c.end_head(stream, false);
        assert_eq!(read(&rig.out()[0].payload), owned(&[a, b]));
    }
}

#[test]
fn while_a_head_is_open_other_things_wait_behind_it() {
    let mut rig = Rig::server();
    let (first, second) = (rig.get(1), rig.get(3));
    rig.head(second, OK, false);
    rig.out();
    let head = rig.c.begin_head(first).unwrap();
    head.out.extend_from_slice(OK);
    rig.feed(&ping(b"12345678"));
    assert_eq!(rig.c.send_data(second, b"body", true), 0);
    rig.c.finish(first);
    assert_eq!(rig.events(), [Event::Room(second)], "the one that was open is taken back by the end");
    let out = rig.out();
    assert_eq!(out.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [kind::PING, kind::DATA]);
    assert_eq!(rig.c.send_data(second, b"body", true), 4);
}

#[test]
fn the_end_of_another_stream_does_not_get_lost_in_an_open_head() {
    let mut rig = Rig::server();
    let (first, second) = (rig.get(1), rig.get(3));
    rig.head(second, OK, false);
    rig.c.begin_head(first).unwrap().out.extend_from_slice(OK);
    rig.c.finish(second);
    rig.c.end_head(first, true);
    let said: Vec<_> = rig.out().iter().map(|frame| (frame.kind, frame.flags, frame.stream)).collect();
    assert_eq!(said, [(1, 4, 3), (1, 5, 1), (0, 1, 3)]);
}

#[test]
fn a_reset_takes_an_open_head_back() {
    let mut rig = Rig::server();
    let stream = rig.get(1);
    rig.c.begin_head(stream).unwrap().out.extend_from_slice(OK);
    rig.feed(&rst(1, ErrorCode::CANCEL));
    rig.c.end_head(stream, true);
    assert_eq!(rig.out(), []);
}

#[test]
fn letting_go_before_the_end_is_told_to_the_client() {
    let mut rig = Rig::server();
    let (first, second) = (rig.get(1), rig.post(3));
    rig.head(first, OK, false);
    rig.c.release(first);
    rig.answer(second);
    let wanted = [Told::Rst(1, ErrorCode::CANCEL), Told::Rst(3, ErrorCode::NO_ERROR)];
    assert_eq!((rig.errors(), rig.c.streams()), (wanted.to_vec(), 0));
}

#[test]
fn a_stream_that_has_ended_sends_no_more() {
    let mut rig = Rig::server();
    let stream = rig.post(1);
    rig.head(stream, OK, true);
    rig.out();
    assert!(rig.c.begin_head(stream).is_none() && !rig.c.can_send(stream));
    assert_eq!(rig.c.send_data(stream, b"x", true), 0);
    rig.c.finish(stream);
    assert_eq!(rig.out(), []);
    rig.feed(&data(1, END_STREAM, b"late but right"));
    assert_eq!(rig.c.data(stream), b"late but right");
    rig.c.release(stream);
    assert_eq!(rig.errors(), []);
}

#[test]
fn memory_is_given_back_while_nothing_goes_on() {
    let mut rig = Rig::server();
    for n in 0..100 {
        rig.feed(&[headers(2 * n + 1, 4, POST), data(2 * n + 1, 1, &[0; 5000])].concat());
        let stream = rig.events()[0].stream().unwrap();
        rig.c.consume(stream, 5000);
        rig.head(stream, OK, false);
        rig.c.send_data(stream, &[0; 5000], true);
        rig.c.release(stream);
        rig.out();
    }
    rig.c.rest();
    rig.get(301);
    assert_eq!((rig.errors(), rig.c.streams()), (vec![], 1));
}
