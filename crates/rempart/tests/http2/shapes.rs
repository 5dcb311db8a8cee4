//! Bytes in other pieces, at other times and in other amounts than usual.

use std::time::Duration;

use crate::site::Site;
use crate::visitor::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM,
    SETTINGS, block, frame, get, head,
};

#[test]
fn a_connection_that_has_rested_serves_on() {
    let site = Site::new("");
    let mut visitor = site.visit();
    for _ in 0..3 {
        let first = visitor.ask("/first");
        let second = visitor.ask("/second");
        assert_eq!(visitor.answer(first).status(), 200);
        assert_eq!(visitor.answer(second).status(), 200);
        // So long after an answer it gives back what it held for another.
        visitor.is_quiet_for(Duration::from_millis(1300));
    }
    // With one stream under way it does not rest.
    let held = visitor.ask("/held");
    visitor.is_quiet_for(Duration::from_millis(1300));
    site.origin.release();
    assert_eq!(visitor.answer(held).status(), 200);
}

#[test]
fn bytes_may_come_one_by_one() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let upload = block(&[&[(":method", "POST")], &get("/upload")[1..]].concat());
    let stream = visitor.stream();
    let data = frame(DATA, END_STREAM, stream, b"hello");
    for byte in [head(stream, &upload, 0), frame(77, 0, 0, b"unknown"), data].concat() {
        visitor.write(&[byte]);
    }
    assert_eq!(visitor.answer(stream).status(), 200);
    assert_eq!(site.origin.whole().body, b"hello");
}

#[test]
fn a_head_may_come_in_pieces_of_one_byte() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let block = block(&get("/a"));
    // Not more than a head may have.
    let (start, rest) = block.split_at(block.len() - 20);
    let stream = visitor.stream();
    let mut bytes = frame(HEADERS, END_STREAM, stream, start);
    for (at, byte) in rest.iter().enumerate() {
        bytes.extend(frame(CONTINUATION, if at == 19 { END_HEADERS } else { 0 }, stream, &[*byte]));
    }
    visitor.write(&bytes);
    assert_eq!(visitor.answer(stream).status(), 200);
}

#[test]
fn a_head_may_pause_between_its_frames() {
    let site = Site::new("");
    let mut visitor = site.visit();
    assert_eq!(visitor.get("/before").status(), 200);
    let whole = block(&get("/a"));
    let stream = visitor.stream();
    visitor.send(HEADERS, END_STREAM, stream, &whole[..10]);
    // Longer than a connection that has nothing to do keeps what it need not.
    visitor.is_silent_for(Duration::from_millis(1300));
    visitor.send(CONTINUATION, END_HEADERS, stream, &whole[10..]);
    assert_eq!(visitor.answer(stream).status(), 200);
}

#[test]
fn more_streams_than_may_be_open_are_refused_and_may_come_again() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let held: Vec<u32> = (0..128).map(|number| visitor.ask(&format!("/held/{number}"))).collect();
    let more: Vec<u32> = (0..20).map(|_| visitor.ask("/more")).collect();
    for stream in &more {
        assert_eq!(visitor.answer(*stream).reset, Some(REFUSED_STREAM));
    }
    for _ in &held {
        site.origin.release();
    }
    for stream in held {
        assert_eq!(visitor.answer(stream).status(), 200);
    }
    assert_eq!(visitor.get("/more").status(), 200);
    assert_eq!(site.origin.lines().iter().filter(|line| line.contains("/more")).count(), 1);
}

#[test]
fn a_visitor_that_closes_its_side_still_gets_what_it_asked_for() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let held = visitor.ask("/held");
    let large = visitor.ask("/bytes/50000");
    assert_eq!(visitor.answer(large).body.len(), 50000);
    visitor.finish();
    site.origin.release();
    assert_eq!(visitor.answer(held).text(), "from the origin");
    visitor.until_closed();
}

#[test]
fn a_visitor_that_says_goodbye_still_gets_what_it_asked_for() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let held = visitor.ask("/held");
    visitor.send(GOAWAY, 0, 0, &[0; 8]);
    visitor.sync();
    site.origin.release();
    assert_eq!(visitor.answer(held).text(), "from the origin");
}

#[test]
fn what_does_not_begin_as_http2_ends() {
    let site = Site::new("");
    for bytes in
        [b"GET / HTTP/1.1\r\nHost: test.example\r\n\r\n".as_slice(), b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"]
    {
        let mut visitor = site.connect();
        visitor.write(bytes);
        assert_eq!(visitor.goodbye(), PROTOCOL_ERROR);
    }
    // Something else than SETTINGS comes first.
    let mut visitor = site.connect();
    visitor.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    visitor.send(6, 0, 0, &[0; 8]);
    assert_eq!(visitor.goodbye(), PROTOCOL_ERROR);
    assert!(site.origin.lines().is_empty());
}

#[test]
fn a_large_head_of_an_origin_arrives() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let answer = visitor.get("/large-head");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    let sizes: Vec<usize> =
        (0..30).map(|number| answer.field(&format!("x-{number}")).unwrap().len()).collect();
    assert_eq!(sizes, [3000; 30]);
}

#[test]
fn what_is_stored_is_given_as_it_is_asked_for() {
    let site = Site::new("");
    let mut visitor = site.visit();
    assert_eq!(visitor.get("/stored.css").field("cf-cache-status"), Some("MISS"));
    let etag = visitor.get("/stored.css").field("etag").unwrap().to_owned();
    let head = visitor.request(&[&[(":method", "HEAD")], &get("/stored.css")[1..]].concat(), END_STREAM);
    let answer = visitor.answer(head);
    assert_eq!((answer.status(), answer.field("content-length"), answer.body.len()), (200, Some("15"), 0));
    for (field, status, body) in [
        (("range", "bytes=5-7"), 206, "the"),
        (("range", "bytes=99-"), 416, ""),
        (("if-none-match", etag.as_str()), 304, ""),
        (("if-match", "\"no\""), 412, ""),
        (("x-none", "1"), 200, "from the origin"),
    ] {
        let stream = visitor.request(&[get("/stored.css").as_slice(), &[field]].concat(), END_STREAM);
        let answer = visitor.answer(stream);
        assert_eq!((answer.status(), answer.reset), (status, None), "{field:?}");
        if status < 400 {
            assert_eq!(answer.text(), body, "{field:?}");
            assert_eq!(answer.field("cf-cache-status"), Some("HIT"), "{field:?}");
        }
    }
    assert_eq!(site.origin.lines(), ["GET /stored.css HTTP/1.1"]);
}

#[test]
fn fields_of_the_origins_connection_stay_there() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let answer = visitor.get("/hop-by-hop");
    assert_eq!((answer.status(), answer.text().as_str(), answer.field("x-upper")), (200, "ok", Some("Yes")));
    for name in
        ["connection", "x-hop", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding", "te"]
    {
        assert_eq!(answer.field(name), None, "{name}");
    }
    // RFC 9113 section 8.2.1.
    assert!(answer.heads[0].iter().all(|(name, _)| !name.bytes().any(|byte| byte.is_ascii_uppercase())));
    // A length that only the end of the connection says.
    let answer = visitor.get("/until-close");
    assert_eq!((answer.text().as_str(), answer.is_ended, answer.reset), ("until close", true, None));
}

#[test]
fn settings_that_change_are_obeyed() {
    let site = Site::new("");
    let mut visitor = site.visit();
    // No table for HPACK, a window of ten bytes.
    visitor.send(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 10]);
    visitor.takes = false;
    let stream = visitor.ask("/bytes/1000");
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| answer.body.len() == 10));
    visitor.sync();
    assert_eq!(visitor.answers[&stream].body.len(), 10);
    // What is open grows with it.
    visitor.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0]);
    visitor.until(|visitor| visitor.answers[&stream].body.len() == 256);
    // And shrinks below nothing.
    visitor.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    visitor.send(8, 0, stream, &256_u32.to_be_bytes());
    visitor.sync();
    assert_eq!(visitor.answers[&stream].body.len(), 256);
    visitor.send(8, 0, stream, &744_u32.to_be_bytes());
    assert_eq!(visitor.answer(stream).body.len(), 1000);
    assert!(visitor.goaways.iter().all(|(_, code)| *code == NO_ERROR));
}
