use rempart_flow::{BodyLength, Method, RequestHead, ResponseHead};

use super::{LIMITS, Outcome, RequestRules, block_of, get, shown, text};
use crate::hpack::{Decoder, Encoder};
use crate::message::{BlockWriter, RequestLine, read_request, read_response};

const RULES: RequestRules = RequestRules { limits: LIMITS, extended_connect: true };

/// What a head says, after it went through a writer.
fn again(head: &RequestHead, encoder: &mut Encoder, decoder: &mut Decoder) -> RequestHead {
    let mut out = Vec::new();
    let line = RequestLine {
        method: head.bytes(head.method_text),
        scheme: b"https",
        authority: head.bytes(head.authority),
        path: head.bytes(head.path_and_query),
        protocol: head.protocol.map(|protocol| head.bytes(protocol)),
    };
    BlockWriter::request(encoder, &mut out, &line).fields(&head.fields, |field| !field.hop_by_hop);
    let mut again = RequestHead::default();
    let ends_stream = head.body == BodyLength::None;
    let outcome = read_request(decoder, &out, ends_stream, &RULES, &mut again);
    assert_eq!(outcome, Ok(Outcome::Complete));
    again
}

#[test]
fn a_request_that_is_written_is_the_same() {
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let lists = [
        get(&[("cookie", "a=1"), ("cookie", "b=2"), ("x-any", "y"), ("te", "trailers")]),
        get(&[("content-length", "17"), ("authorization", "Basic YTpi"), ("x-any", "y")]),
        vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/chat?x"),
            (":authority", "h:8443"),
            ("sec-websocket-version", "13"),
        ],
    ];
    for (round, fields) in (0..6).zip(lists.iter().cycle()) {
        let mut head = RequestHead::default();
        let outcome = read_request(&mut Decoder::new(4096), &block_of(fields), false, &RULES, &mut head);
        assert_eq!(outcome, Ok(Outcome::Complete), "{round}");
        let again = again(&head, &mut encoder, &mut decoder);
        assert_eq!((again.method, again.body), (head.method, head.body));
        assert_eq!(text(&again, again.path_and_query), text(&head, head.path_and_query));
        assert_eq!(text(&again, again.authority), text(&head, head.authority));
        assert_eq!(again.protocol.is_some(), head.protocol.is_some());
        let kept: Vec<_> = shown(&head.fields).into_iter().filter(|(name, _)| *name != "te").collect();
        assert_eq!(shown(&again.fields), kept);
        let secret = again.fields.iter().find(|field| field.name == b"authorization");
        assert!(secret.is_none_or(|field| field.never_indexed));
    }
}

#[test]
fn what_never_to_index_stays_so() {
    let mut head = RequestHead::default();
    let mut block = block_of(&get(&[]));
    crate::hpack::block::field_never_indexed(&mut block, b"x-secret", b"s");
    read_request(&mut Decoder::new(4096), &block, true, &RULES, &mut head).unwrap();
    let again = again(&head, &mut Encoder::new(4096), &mut Decoder::new(4096));
    let marks: Vec<bool> = again.fields.iter().map(|field| field.never_indexed).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn fields_of_an_http1_connection_are_not_written() {
    let mut head = ResponseHead::default();
    for (name, value) in [
        ("Connection", "close"),
        ("Content-Type", "text/html"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "x"),
    ] {
        head.fields.append(name.as_bytes(), value.as_bytes());
    }
    let mut out = Vec::new();
    let mut encoder = Encoder::new(4096);
    BlockWriter::response(&mut encoder, &mut out, 502).fields(&head.fields, |_| true);
    let mut again = ResponseHead::default();
    let read = read_response(&mut Decoder::new(4096), &out, true, &LIMITS, Method::Get, &mut again);
    assert_eq!((read, again.status), (Ok(Ok(())), 502));
    assert_eq!(shown(&again.fields), [("content-type", "text/html")]);
}
