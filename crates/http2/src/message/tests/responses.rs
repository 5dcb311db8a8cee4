use rempart_flow::{BadResponse, BodyLength, Method, ResponseHead, Version};

use super::{LIMITS, block_of, shown};
use crate::hpack::Decoder;
use crate::message::read_response;

fn read(
    fields: &[(&str, &str)],
    ends_stream: bool,
    method: Method,
) -> (Result<(), BadResponse>, ResponseHead) {
    let mut head = ResponseHead::default();
    let block = block_of(fields);
    let result = read_response(&mut Decoder::new(4096), &block, ends_stream, &LIMITS, method, &mut head);
    (result.unwrap(), head)
}

#[track_caller]
fn bad(fields: &[(&str, &str)], reason: BadResponse) {
    assert_eq!(read(fields, false, Method::Get).0, Err(reason), "{fields:?}");
}

#[test]
fn an_ordinary_response() {
    let (result, head) =
        read(&[(":status", "404"), ("content-type", "x"), ("trailer", "y")], false, Method::Get);
    assert_eq!((result, head.status, head.version), (Ok(()), 404, Version::Http2));
    assert_eq!(head.body, BodyLength::Chunked);
    assert_eq!(shown(&head.fields), [("content-type", "x"), ("trailer", "y")]);
    let marks: Vec<bool> = head.fields.iter().map(|field| field.hop_by_hop).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn statuses() {
    for status in ["", "20", "2000", "099", "600", "999", "+20", "2 0", "abc", "101"] {
        bad(&[(":status", status)], BadResponse::PseudoField);
    }
    bad(&[("x", "y")], BadResponse::PseudoField);
    bad(&[(":status", "200"), (":status", "200")], BadResponse::PseudoField);
    bad(&[("x", "y"), (":status", "200")], BadResponse::PseudoField);
    for name in [":path", ":method", ":scheme", ":authority", ":protocol", ":unknown"] {
        bad(&[(":status", "200"), (name, "/")], BadResponse::PseudoField);
    }
    for status in 100..600 {
        let text = status.to_string();
        let (result, head) = read(&[(":status", &text)], false, Method::Get);
        assert_eq!(result.is_ok(), status != 101);
        assert!(result.is_err() || head.status == status);
    }
}

#[test]
fn fields() {
    for (name, value) in [
        ("X", "y"),
        ("x y", "y"),
        ("", "y"),
        ("x", " y"),
        ("x", "y\r\nz: 1"),
        ("x", "\0"),
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ] {
        bad(&[(":status", "200"), (name, value)], BadResponse::FieldLine);
    }
}

#[test]
fn how_the_body_ends() {
    let body = |status, lengths: &[&'static str], ends_stream, method| {
        let mut fields = vec![(":status", status)];
        fields.extend(lengths.iter().map(|length| ("content-length", *length)));
        let (result, head) = read(&fields, ends_stream, method);
        result.map(|()| {
            let kept = head.fields.iter().filter(|field| !field.hop_by_hop).count();
            (head.body, kept)
        })
    };
    use BodyLength::{Chunked, Exact, None};
    use Method::{Connect, Get, Head};
    for (status, lengths, ends_stream, method, expected) in [
        ("200", &[][..], true, Get, Ok((None, 0))),
        ("200", &[], false, Get, Ok((Chunked, 0))),
        ("200", &["5"], false, Get, Ok((Exact(5), 1))),
        ("200", &["5", "5"], false, Get, Ok((Exact(5), 1))),
        ("200", &["0"], true, Get, Ok((Exact(0), 1))),
        ("200", &["5"], true, Get, Err(BadResponse::Framing)),
        ("200", &["5", "6"], false, Get, Err(BadResponse::Framing)),
        ("200", &["x"], false, Get, Err(BadResponse::Framing)),
        ("200", &["x", "5"], false, Get, Err(BadResponse::Framing)),
        ("200", &["5, 5"], false, Get, Err(BadResponse::Framing)),
        ("200", &["5"], true, Head, Ok((None, 1))),
        ("200", &["5", "6"], true, Head, Ok((None, 0))),
        ("304", &["5"], true, Get, Ok((None, 1))),
        ("304", &["5"], false, Get, Ok((None, 1))),
        ("204", &["5"], true, Get, Ok((None, 0))),
        ("103", &["5"], false, Get, Ok((None, 0))),
        ("103", &[], true, Get, Err(BadResponse::Framing)),
        ("200", &["5"], false, Connect, Ok((Chunked, 0))),
        ("200", &[], true, Connect, Ok((None, 0))),
        ("404", &["5"], false, Connect, Ok((Exact(5), 1))),
    ] {
        assert_eq!(body(status, lengths, ends_stream, method), expected, "{status} {lengths:?} {method:?}");
    }
}
