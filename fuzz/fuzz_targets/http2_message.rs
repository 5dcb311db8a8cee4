//! Any bytes as the header block of a request, a response and trailers: what is accepted has the shape that the next
//! hop relies on, HTTP/1 reads the same from it, and written again it is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_flow::{BodyLength, Fields, HeadLimits, Method, RequestHead, ResponseHead, Span};
use rempart_http1::{Parsed, encode, request};
use rempart_http2::hpack::{Decoder, Encoder};
use rempart_http2::message::{
    BlockWriter, ForbiddenTrailers, Outcome, RequestLine, RequestRules, read_request, read_response,
    read_trailers,
};

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 1024, target_bytes_max: 128, fields_max: 20 };

fuzz_target!(|input: &[u8]| {
    let Some((&choice, block)) = input.split_first() else { return };
    let ends_stream = choice & 1 != 0;
    match choice / 4 % 4 {
        0 => response(block, ends_stream, if choice & 2 != 0 { Method::Head } else { Method::Get }),
        1 => trailers(block),
        _ => request(block, ends_stream, choice & 2 != 0),
    }
});

fn check_fields(fields: &Fields) {
    assert!(fields.len() <= LIMITS.fields_max);
    for field in fields.iter() {
        assert!(!field.name.is_empty() && !field.name.iter().any(u8::is_ascii_uppercase));
        assert!(!field.name.iter().any(|byte| matches!(byte, b':' | b' ' | b'\r' | b'\n')));
        assert!(!field.value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)));
    }
}

fn request(block: &[u8], ends_stream: bool, extended_connect: bool) {
    let rules = RequestRules { limits: LIMITS, extended_connect };
    let mut head = RequestHead::default();
    let outcome = read_request(&mut Decoder::new(4096), block, ends_stream, &rules, &mut head);
    if outcome != Ok(Outcome::Complete) {
        return;
    }
    check_fields(&head.fields);
    assert!(!head.host.is_empty());
    assert!(!(ends_stream && matches!(head.body, BodyLength::Exact(1..) | BodyLength::Chunked)));
    assert_eq!(head.protocol.is_some(), head.method == Method::Connect);
    if head.protocol.is_none() {
        http1_reads_the_same(&head);
    }
    written_again_it_is_the_same(&head, ends_stream, &rules);
}

fn text(head: &RequestHead, span: Span) -> &[u8] {
    head.bytes(span)
}

fn http1_reads_the_same(head: &RequestHead) {
    let mut bytes = Vec::new();
    encode::request_line(&mut bytes, text(head, head.method_text), text(head, head.path_and_query));
    encode::fields(&mut bytes, &head.fields, |_| true);
    encode::end_of_head(&mut bytes);
    assert!(bytes.len() <= LIMITS.head_bytes_max);
    let mut again = RequestHead::default();
    assert_eq!(
        request::parse(&bytes, &LIMITS, &mut again),
        Ok(Parsed::Complete { head_bytes: bytes.len() }),
        "{}",
        bytes.escape_ascii()
    );
    assert_eq!(again.method, head.method);
    assert_eq!(text(&again, again.path), text(head, head.path));
    assert_eq!(again.query.map(|query| text(&again, query)), head.query.map(|query| text(head, query)));
    assert_eq!(text(&again, again.authority), text(head, head.authority));
    assert_eq!(text(&again, again.host), text(head, head.host));
    assert_eq!(again.expects_continue, head.expects_continue);
    if let BodyLength::Exact(_) = head.body {
        assert_eq!(again.body, head.body);
    }
    for (before, after) in head.fields.iter().zip(again.fields.iter()) {
        assert_eq!((before.name, before.value, before.known), (after.name, after.value, after.known));
        assert_eq!(before.hop_by_hop, after.hop_by_hop);
    }
    assert_eq!(head.fields.len(), again.fields.len());
}

fn written_again_it_is_the_same(head: &RequestHead, ends_stream: bool, rules: &RequestRules) {
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    for _ in 0..2 {
        let mut out = Vec::new();
        let line = RequestLine {
            method: text(head, head.method_text),
            scheme: b"https",
            authority: text(head, head.authority),
            path: text(head, head.path_and_query),
            protocol: head.protocol.map(|protocol| text(head, protocol)),
        };
        BlockWriter::request(&mut encoder, &mut out, &line).fields(&head.fields, |_| true);
        let mut again = RequestHead::default();
        let outcome = read_request(&mut decoder, &out, ends_stream, rules, &mut again);
        assert_eq!(outcome, Ok(Outcome::Complete));
        assert_eq!((again.method, again.body), (head.method, head.body));
        assert_eq!(text(&again, again.path_and_query), text(head, head.path_and_query));
        let list = |head: &RequestHead| -> Vec<(Vec<u8>, Vec<u8>)> {
            let others = head.fields.iter().filter(|field| field.name != b"host");
            others.map(|field| (field.name.into(), field.value.into())).collect()
        };
        assert_eq!(list(&again), list(head));
    }
}

fn response(block: &[u8], ends_stream: bool, method: Method) {
    let mut head = ResponseHead::default();
    let result = read_response(&mut Decoder::new(4096), block, ends_stream, &LIMITS, method, &mut head);
    if result != Ok(Ok(())) {
        return;
    }
    check_fields(&head.fields);
    assert!((100..600).contains(&head.status) && head.status != 101);
    assert!(!(ends_stream && matches!(head.body, BodyLength::Exact(1..) | BodyLength::Chunked)));
    let mut out = Vec::new();
    let mut encoder = Encoder::new(4096);
    BlockWriter::response(&mut encoder, &mut out, head.status)
        .fields(&head.fields, |field| !field.hop_by_hop);
    let mut again = ResponseHead::default();
    let result = read_response(&mut Decoder::new(4096), &out, ends_stream, &LIMITS, method, &mut again);
    assert_eq!(result, Ok(Ok(())));
    assert_eq!((again.status, again.body), (head.status, head.body));
}

fn trailers(block: &[u8]) {
    let read = |forbidden| {
        let mut fields = Fields::default();
        let result = read_trailers(&mut Decoder::new(4096), block, &LIMITS, forbidden, &mut fields);
        (result, fields)
    };
    let (refusing, fields) = read(ForbiddenTrailers::Refuse);
    let (marking, marked) = read(ForbiddenTrailers::Mark);
    if refusing == Ok(Ok(())) {
        check_fields(&fields);
        assert_eq!(marking, Ok(Ok(())));
        assert!(fields.iter().eq(marked.iter()));
    }
}
