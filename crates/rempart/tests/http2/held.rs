//! Bodies whose beginning is held for rules, of which a stage stands here that says what it sees.

use crate::site::Site;
use crate::stand::held;
use crate::visitor::{END_STREAM, Visitor, block, find, head};

/// What a connection's window begins with (RFC 9113 section 6.9.2).
const WINDOW_BYTES: u64 = 65_535;

/// Bytes that are nowhere the same.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place| (place * 31 % 251) as u8).collect()
}

/// Sends a body as the windows allow.
fn send(visitor: &mut Visitor, stream: u32, body: &[u8], flags: u8) {
    let mut sent = 0;
    let mut pieces = body.chunks(8192).peekable();
    while let Some(piece) = pieces.next() {
        sent += piece.len() as u64;
        visitor.until(|visitor| {
            let given_back = |window| visitor.given_back.get(&window).copied().unwrap_or_default();
            sent <= WINDOW_BYTES + given_back(0) && sent <= visitor.window_bytes + given_back(stream)
        });
        visitor.data(stream, piece, if pieces.peek().is_none() { flags } else { 0 });
    }
}

#[test]
fn windows_are_given_back_so_that_the_beginning_can_come() {
    let site = Site::holding("body_inspect_bytes_max: 1000000");
    let mut visitor = site.visit();
    let body = bytes(1_200_000);
    visitor.sync();
    assert!(visitor.window_bytes < 1_000_000);
    let stream = visitor.post("/said", &[("content-length", "1200000")]);
    send(&mut visitor, stream, &body, END_STREAM);
    site.up.line_with(&held(&body[..1_000_000], 1_200_000, false));
    assert_eq!(visitor.answer(stream).status(), 200);
    assert_eq!(site.origin.whole().body, body);
}

#[test]
fn the_bound_is_exact_whether_a_length_is_said_or_not() {
    let site = Site::holding("body_inspect_bytes_max: 100000");
    let body = bytes(100_001);
    for (said, count) in [(true, 100_000), (true, 100_001), (false, 100_000), (false, 100_001)] {
        let mut visitor = site.visit();
        let body = &body[..count];
        let length = count.to_string();
        let fields = [("content-length", length.as_str())];
        let stream = visitor.post("/bound", if said { &fields } else { &[] });
        send(&mut visitor, stream, body, END_STREAM);
        let line = held(&body[..100_000], count, count == 100_000);
        site.up.line_with(&line);
        assert_eq!(visitor.answer(stream).status(), 200);
        assert_eq!(site.origin.whole().body, body);
    }
}

#[test]
fn a_stream_that_sends_a_little_and_waits_is_looked_at_as_it_is() {
    let site = Site::holding("body_inspect_timeout_ms: 200");
    let mut visitor = site.visit();
    let stream = visitor.post("/call", &[("te", "trailers")]);
    visitor.data(stream, b"hello", 0);
    site.up.line_with(&held(b"hello", 5, false));
    assert_eq!(site.origin.arrived(), "/call");
    visitor.data(stream, b" world", END_STREAM);
    assert_eq!(visitor.answer(stream).status(), 200);
    assert_eq!(site.origin.whole().body, b"hello world");
}

#[test]
fn a_visitor_who_waits_for_100_gets_it_once() {
    let site = Site::holding("");
    let mut visitor = site.visit();
    let stream = visitor.post("/expects", &[("expect", "100-continue"), ("content-length", "5")]);
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| !answer.heads.is_empty()));
    assert!(site.origin.lines().is_empty(), "the origin is not asked for what is not there");
    visitor.data(stream, b"hello", END_STREAM);
    let heads = &visitor.answer(stream).heads;
    let statuses: Vec<_> = heads.iter().map(|head| find(head, ":status").unwrap()).collect();
    assert_eq!(statuses, ["100", "200"]);
    let asked = site.origin.whole();
    assert_eq!((asked.body.as_slice(), asked.values("expect")), (&b"hello"[..], vec![]));
}

#[test]
fn trailers_go_on_behind_a_body_that_was_held_whole() {
    let site = Site::holding("");
    let mut visitor = site.visit();
    let stream = visitor.post("/upload", &[("te", "trailers")]);
    visitor.data(stream, b"hello", 0);
    let trailers = head(stream, &block(&[("x-sum", "5")]), END_STREAM);
    visitor.write(&trailers);
    site.up.line_with(&held(b"hello", 5, true));
    assert_eq!(visitor.answer(stream).status(), 200);
    let asked = site.origin.whole();
    assert_eq!((asked.body.as_slice(), asked.trailers.as_str()), (&b"hello"[..], "x-sum: 5\r\n"));
}

#[test]
fn a_visitor_who_leaves_while_its_body_is_held_costs_the_origin_nothing() {
    let site = Site::holding("");
    let mut visitor = site.visit();
    let left = visitor.post("/left", &[("content-length", "10")]);
    visitor.data(left, b"hello", 0);
    visitor.reset(left);
    let stays = visitor.post("/stays", &[("content-length", "5")]);
    visitor.data(stays, b"hello", END_STREAM);
    assert_eq!(visitor.answer(stays).status(), 200);
    assert_eq!(site.origin.lines(), ["POST /stays HTTP/1.1"]);
}

#[test]
fn a_body_that_pauses_for_too_long_is_told_so_and_others_are_held_meanwhile() {
    let site = Site::holding("body_idle_timeout_ms: 300");
    let mut visitor = site.visit();
    let pauses = visitor.post("/pauses", &[]);
    visitor.data(pauses, b"hello", 0);
    let other = visitor.post("/other", &[]);
    visitor.data(other, b"hello", END_STREAM);
    assert_eq!(visitor.answer(other).status(), 200);
    assert_eq!(visitor.answer(pauses).status(), 408);
    assert_eq!(site.origin.lines(), ["POST /other HTTP/1.1"]);
}
