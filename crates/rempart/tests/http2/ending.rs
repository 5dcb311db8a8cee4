//! How connections and streams end, from either side.

use rustix::process::Signal;

use crate::site::Site;
use crate::stand::process::Stray;
use crate::stand::{ask, text};
use crate::visitor::{END_HEADERS, END_STREAM, HEADERS, NO_ERROR, RST_STREAM, block, frame, get};

/// The last stream of a first GOAWAY, which says that there will be another (RFC 9113 section 6.8).
const ANY: u32 = (1 << 31) - 1;

#[test]
fn a_drain_answers_all_that_was_asked_before_the_visitor_knew() {
    let mut site = Site::new("");
    let mut visitor = site.visit();
    assert_eq!(visitor.get("/before").status(), 200);
    let held = visitor.ask("/held");
    assert_eq!([site.origin.arrived(), site.origin.arrived()], ["/before", "/held"]);
    site.up.signal(Signal::TERM);
    visitor.until(|visitor| !visitor.goaways.is_empty());
    assert_eq!(visitor.goaways[0], (ANY, NO_ERROR));
    // The visitor has not seen that when it asks again.
    let late = visitor.ask("/late");
    assert_eq!(visitor.answer(late).status(), 200);
    site.origin.release();
    assert_eq!(visitor.answer(held).text(), "from the origin");
    assert_eq!(visitor.goodbye(), NO_ERROR);
    assert!(visitor.goaways.last().unwrap().0 >= held, "{:?}", visitor.goaways);
    assert!(site.up.ended().success());
}

#[test]
fn an_upgrade_loses_no_stream() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let held = visitor.ask("/held");
    assert_eq!(site.origin.arrived(), "/held");
    let old = Stray::of(site.up.edge());
    let file = site.folder.file();
    let output = ask(&["upgrade", "-c", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    visitor.until(|visitor| !visitor.goaways.is_empty());
    assert_eq!(visitor.goaways[0], (ANY, NO_ERROR));
    let late = visitor.ask("/late");
    assert_eq!(visitor.answer(late).status(), 200);
    let mut next = site.visit();
    assert_eq!(next.get("/next").status(), 200);
    site.origin.release();
    assert_eq!(visitor.answer(held).text(), "from the origin");
    assert_eq!(visitor.goodbye(), NO_ERROR);
    old.await_end();
    assert_eq!(next.get("/next").status(), 200);
    assert!(next.goaways.is_empty());
}

#[test]
fn an_idle_connection_ends_with_a_goaway() {
    let site = Site::new("keepalive_timeout_ms: 200");
    let mut visitor = site.visit();
    assert_eq!(visitor.get("/").status(), 200);
    assert_eq!(visitor.goodbye(), NO_ERROR);
    assert_eq!(visitor.goaways.last().unwrap().0, 1);
    // One that never asks has as long as a head may take.
    let site = Site::new("head_read_timeout_ms: 200");
    assert_eq!(site.visit().goodbye(), NO_ERROR);
}

/// It is reset before anybody looks at it: nobody waits for its visitor to take an answer.
#[test]
fn a_request_that_is_none_holds_nothing() {
    let site = Site::new("keepalive_timeout_ms: 200, write_idle_timeout_ms: 600000, rate_grace_ms: 600000");
    let mut visitor = site.visit();
    let stream = visitor.request(&[(":method", "GET"), (":scheme", "https")], END_STREAM);
    assert!(visitor.answer(stream).reset.is_some());
    assert_eq!(visitor.goodbye(), NO_ERROR);
}

#[test]
fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
    let site = Site::new("head_read_timeout_ms: 300");
    let start = block(&get("/never"));
    for flags in [0, END_HEADERS] {
        let mut visitor = site.visit();
        assert_eq!(visitor.get("/").status(), 200);
        // Its frame is whole and another has to follow, or half of it is missing.
        let stream = visitor.stream();
        let bytes = frame(HEADERS, flags | END_STREAM, stream, &start);
        visitor.write(if flags == 0 { &bytes } else { &bytes[..bytes.len() / 2] });
        assert_eq!(visitor.goodbye(), NO_ERROR);
    }
    assert!(!site.origin.lines().iter().any(|line| line.contains("/never")));
}

#[test]
fn a_connection_ends_after_as_many_requests_as_it_may_have() {
    let site = Site::new("requests_per_connection_max: 3");
    let mut visitor = site.visit();
    for _ in 0..3 {
        assert_eq!(visitor.get("/").status(), 200);
    }
    assert_eq!(visitor.goodbye(), NO_ERROR);
    assert_eq!(visitor.goaways.last().unwrap().0, 5);
}

#[test]
fn an_idle_connection_makes_room_and_one_with_a_stream_does_not() {
    let site = Site::with("", "budgets: {connections_max: 3}\n");
    let mut idle = site.visit();
    assert_eq!(idle.get("/").status(), 200);
    let mut busy = Vec::new();
    for number in 0..3 {
        let mut visitor = site.visit();
        let stream = visitor.ask(&format!("/held/{number}"));
        visitor.sync();
        busy.push((visitor, stream));
    }
    assert_eq!(idle.goodbye(), NO_ERROR);
    // There is none left that could go for one more.
    site.visit().until_closed();
    for (visitor, stream) in &mut busy {
        site.origin.release();
        visitor.sync();
        assert!(visitor.goaways.is_empty(), "{stream}");
    }
    for (mut visitor, stream) in busy {
        assert_eq!(visitor.answer(stream).status(), 200);
    }
}

#[test]
fn a_stream_that_the_visitor_resets_ends_the_origins_request() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let waits = visitor.ask("/watched");
    assert_eq!(site.origin.arrived(), "/watched");
    visitor.reset(waits);
    assert_eq!(site.origin.gone(), "/watched");
    // Inside of an answer, and inside of an upload.
    let flood = visitor.ask("/flood");
    visitor.until(|visitor| visitor.answers.get(&flood).is_some_and(|answer| answer.body.len() > 100_000));
    visitor.reset(flood);
    assert_eq!(site.origin.gone(), "/flood");
    let upload = visitor.post("/upload", &[("content-length", "10")]);
    visitor.data(upload, b"hello", 0);
    while site.origin.arrived() != "/upload" {}
    visitor.reset(upload);
    assert_eq!(site.origin.gone(), "/upload");
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn a_visitor_that_vanishes_ends_all_of_its_origins_requests() {
    let site = Site::new("");
    let mut visitor = site.visit();
    for number in 0..5 {
        visitor.ask(&format!("/watched/{number}"));
    }
    let flood = visitor.ask("/flood");
    visitor.until(|visitor| visitor.answers.get(&flood).is_some_and(|answer| answer.body.len() > 100_000));
    for _ in 0..6 {
        site.origin.arrived();
    }
    visitor.vanish();
    let mut gone: Vec<String> = (0..6).map(|_| site.origin.gone()).collect();
    gone.sort();
    assert_eq!(gone, ["/flood", "/watched/0", "/watched/1", "/watched/2", "/watched/3", "/watched/4"]);
    assert_eq!(site.visit().get("/after").status(), 200);
}

#[test]
fn an_answer_that_breaks_off_is_reset_and_not_ended() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let broken = visitor.get("/broken");
    assert_eq!((broken.status(), broken.is_ended), (200, false));
    assert!(broken.reset.is_some_and(|code| code != NO_ERROR), "{broken:?}");
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn an_answer_before_the_end_of_an_upload_is_whole() {
    let site = Site::new("body_bytes_max: 100000");
    let mut visitor = site.visit();
    let stream = visitor.post("/said", &[("content-length", "100001")]);
    let answer = visitor.answer(stream);
    assert_eq!((answer.status(), answer.is_ended, answer.reset), (413, true, None));
    // What was on its way is no error of the connection, whether the stream is still there or not.
    for _ in 0..10 {
        visitor.data(stream, &[b'x'; 1000], 0);
    }
    visitor.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    assert_eq!(visitor.get("/after").status(), 200);
}
