//! Bounds of one stream, which harm no other stream of its connection.

use crate::site::Site;
use crate::visitor::{END_STREAM, Visitor, get};

#[test]
fn a_head_or_target_over_its_bound_is_told_so_on_a_connection_that_stays() {
    let site = Site::new("head_bytes_max: 8000, target_bytes_max: 1000, fields_max: 20");
    let mut visitor = site.visit();
    let long = "x".repeat(9000);
    let many: Vec<String> = (0..40).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let target = format!("/{}", "x".repeat(1000));
    for (fields, status) in [
        ([get("/head").as_slice(), &[("x-long", long.as_str())]].concat(), 431),
        ([get("/fields").as_slice(), &many].concat(), 431),
        (get(&target), 414),
        (get(&target[..1000]), 200),
    ] {
        let stream = visitor.request(&fields, END_STREAM);
        assert_eq!(visitor.answer(stream).status(), status);
    }
    assert_eq!(site.origin.lines().len(), 1);
}

#[test]
fn http2_is_offered_unless_it_may_have_no_stream() {
    for (limits, is_welcome) in [("", true), ("http2_streams_max: 1", true), ("http2_streams_max: 0", false)]
    {
        assert_eq!(Site::new(limits).connect().is_welcome(), is_welcome, "{limits}");
    }
}

#[test]
fn a_body_over_its_bound_is_told_so_on_a_connection_that_stays() {
    let site = Site::new("body_bytes_max: 1000");
    let mut visitor = site.visit();
    let stream = visitor.post("/said", &[("content-length", "1001")]);
    assert_eq!(visitor.answer(stream).status(), 413);
    let stream = visitor.post("/unsaid", &[]);
    visitor.data(stream, &[b'x'; 600], 0);
    visitor.data(stream, &[b'x'; 600], 0);
    assert_eq!(visitor.answer(stream).status(), 413);
    let stream = visitor.post("/upload", &[]);
    visitor.data(stream, &[b'x'; 1000], END_STREAM);
    assert_eq!(visitor.answer(stream).status(), 200);
    assert_eq!(site.origin.whole().body.len(), 1000);
    assert!(!site.origin.lines().iter().any(|line| line.contains("/said")), "{:?}", site.origin.lines());
}

#[test]
fn a_body_that_pauses_for_too_long_is_told_so_and_others_go_on() {
    let site = Site::new("body_idle_timeout_ms: 300");
    let mut visitor = site.visit();
    let stream = visitor.post("/pauses", &[]);
    visitor.data(stream, b"hello", 0);
    let held = visitor.ask("/held");
    assert_eq!(visitor.answer(stream).status(), 408);
    site.origin.release();
    assert_eq!(visitor.answer(held).status(), 200);
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn a_body_that_comes_too_slowly_is_told_so_and_others_go_on() {
    let site = Site::new("body_rate_min_bytes_per_s: 1000000, rate_grace_ms: 300");
    let mut visitor = site.visit();
    let stream = visitor.post("/slow", &[]);
    // It never pauses: each round trip brings some bytes.
    while visitor.answers.get(&stream).is_none_or(|answer| answer.heads.is_empty()) {
        visitor.data(stream, b"hello", 0);
        visitor.sync();
    }
    assert_eq!(visitor.answer(stream).status(), 408);
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn a_stream_that_is_not_taken_is_ended_and_others_go_on() {
    let site = Site::new("write_idle_timeout_ms: 300");
    let mut visitor = site.visit();
    visitor.takes = false;
    let stream = visitor.ask("/flood");
    // All of the connection's window is used: then it is renewed, and that of the stream is not.
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| answer.body.len() == 65535));
    visitor.send(8, 0, 0, &1_000_000_u32.to_be_bytes());
    let beside = visitor.ask("/bytes/60000");
    let answer = visitor.answer(beside);
    assert_eq!((answer.status(), answer.body.len()), (200, 60000));
    assert!(visitor.answer(stream).reset.is_some());
    assert_eq!(std::iter::repeat_with(|| site.origin.gone()).next().unwrap(), "/flood");
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn a_stream_that_is_taken_too_slowly_is_ended_and_others_go_on() {
    let site = Site::new("send_rate_min_bytes_per_s: 1000000000, rate_grace_ms: 300");
    let mut visitor = site.visit();
    visitor.takes = false;
    let stream = visitor.ask("/flood");
    visitor.send(8, 0, 0, &100_000_000_u32.to_be_bytes());
    // It never stands still: each round trip makes some room. What came in it pays for its PING.
    let came = |visitor: &Visitor| visitor.answers.get(&stream).map_or(0, |answer| answer.body.len());
    let is_reset =
        |visitor: &Visitor| visitor.answers.get(&stream).is_some_and(|answer| answer.reset.is_some());
    while !is_reset(&visitor) {
        let before = came(&visitor);
        visitor.send(8, 0, stream, &20_000_u32.to_be_bytes());
        visitor.sync();
        visitor.until(|visitor| came(visitor) > before || is_reset(visitor));
    }
    assert_eq!(site.origin.gone(), "/flood");
    assert_eq!(visitor.get("/after").status(), 200);
}
