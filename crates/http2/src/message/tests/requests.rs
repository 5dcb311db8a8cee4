use rempart_flow::{BadRequest, BodyLength, Fault, Known, Method, RequestHead, Version};

use super::{Outcome, RULES, block_of, get, good, malformed, read, refused, shown, text};
use crate::hpack::{Decoder, Encoder};
use crate::message::read_request;

use BadRequest as B;

#[test]
fn an_ordinary_request() {
    let head = good(&[
        (":method", "PUT"),
        (":path", "/a/b?c=d?e"),
        (":scheme", "https"),
        (":authority", "Shop.Example:8080"),
        ("x-a", "v 1"),
        ("empty", ""),
    ]);
    assert_eq!((head.method, text(&head, head.method_text)), (Method::Put, "PUT"));
    assert_eq!((head.version, head.body), (Version::Http2, BodyLength::None));
    assert_eq!(text(&head, head.path), "/a/b");
    assert_eq!(head.query.map(|query| text(&head, query)), Some("c=d?e"));
    assert_eq!(text(&head, head.path_and_query), "/a/b?c=d?e");
    assert_eq!(text(&head, head.authority), "Shop.Example:8080");
    assert_eq!(text(&head, head.host), "Shop.Example");
    assert_eq!(shown(&head.fields), [("host", "Shop.Example:8080"), ("x-a", "v 1"), ("empty", "")]);
}

/// Fields of an HTTP/1.1 request, read by nobody here, but written as that.
#[test]
fn fields_stand_in_the_arena_as_lines() {
    let head = good(&get(&[("cookie", "a=1"), ("cookie", "b=2"), ("x-any", "y")]));
    let lines: Vec<&[u8]> = head
        .fields
        .list()
        .iter()
        .map(|field| {
            let len = field.name.len + field.value.len + 4;
            head.bytes(rempart_flow::Span { start: field.name.start, len })
        })
        .collect();
    assert_eq!(lines, [&b"host: h\r\n"[..], b"cookie: a=1; b=2\r\n", b"x-any: y\r\n"]);
}

#[test]
fn pseudo_fields_that_are_missing_repeated_unknown_or_late() {
    let whole = get(&[("x-a", "1")]);
    for without in [":method", ":scheme", ":path"] {
        let fields: Vec<_> = whole.iter().copied().filter(|(name, _)| *name != without).collect();
        malformed(&fields, B::PseudoField);
    }
    for (name, value) in get(&[]) {
        let mut repeated = whole.clone();
        repeated.insert(4, (name, value));
        malformed(&repeated, B::PseudoField);
        let late: Vec<_> =
            whole.iter().copied().filter(|field| field.0 != name).chain([(name, value)]).collect();
        malformed(&late, B::PseudoField);
    }
    for name in [":status", ":unknown", ":", ":Path", ":protocol", ":authority "] {
        let mut unknown = whole.clone();
        unknown.insert(0, (name, "200"));
        malformed(&unknown, B::PseudoField);
    }
    malformed(&[("x", "y"); 0], B::PseudoField);
    malformed(&[("host", "h")], B::PseudoField);
}

#[test]
fn names() {
    for name in
        ["X-A", "x-A", "", "x a", "x\ta", "x\r", "x\n", "x\0", "x:", "x\u{e9}", "x(", "x\u{7f}", " x", "x "]
    {
        malformed(&get(&[(name, "1")]), B::FieldName);
    }
    for name in ["Host", "COOKIE", "Content-Length"] {
        malformed(&get(&[(name, "1")]), B::FieldName);
    }
    good(&get(&[("x!#$%&'*+-.^_`|~09az", "1")]));
}

#[test]
fn values() {
    for value in ["a\r", "a\nb", "a\0b", " a", "a ", "\ta", "a\t", " ", "\u{1}", "a\u{7f}", "a\r\nx: y"] {
        malformed(&get(&[("x-a", value)]), B::FieldValue);
        for at in 0..4 {
            let mut fields = get(&[]);
            fields[at].1 = value;
            malformed(&fields, B::FieldValue);
        }
        malformed(&get(&[("cookie", value)]), B::FieldValue);
        malformed(&get(&[("host", value)]), B::FieldValue);
    }
    let all: Vec<u8> = (0x20..0x7f).chain(0x80..=0xff).collect();
    let value = [b"a\t", all.as_slice(), b"b"].concat();
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"h"),
        (b":path", b"/"),
        (b"x", &value),
    ];
    assert_eq!(read(&fields, true, &RULES).0, Outcome::Complete);
}

#[test]
fn fields_of_a_connection() {
    for (name, value) in [
        ("connection", "close"),
        ("connection", ""),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("te", ""),
    ] {
        malformed(&get(&[(name, value)]), B::ConnectionField);
    }
    let head = good(&get(&[("te", "Trailers"), ("trailer", "x"), ("x", "y")]));
    let kept: Vec<&[u8]> = head.fields.iter().filter(|f| !f.hop_by_hop).map(|f| f.name).collect();
    assert_eq!(kept, [&b"host"[..], b"x"]);
    assert!(head.fields.has(Known::Te));
}

#[test]
fn methods() {
    let with = |method| {
        let mut fields = get(&[]);
        fields[0].1 = method;
        fields
    };
    for method in ["GE T", "G(T", "", "G\u{e9}T", "GET,", "GET/"] {
        malformed(&with(method), B::Method);
    }
    assert_eq!(good(&with("PROPFIND")).method, Method::Extension);
    assert_eq!(good(&with("get")).method, Method::Extension);
    refused(&with("TRACE"), Fault::MethodRefused);
}

#[test]
fn schemes() {
    let with = |scheme| {
        let mut fields = get(&[]);
        fields[1].1 = scheme;
        fields
    };
    good(&with("http"));
    good(&with("HTTPS"));
    for scheme in ["ftp", "", "https:", "ws"] {
        refused(&with(scheme), Fault::BadRequest(B::Target));
    }
}

#[test]
fn how_the_body_ends() {
    let body = |fields: &[_], ends_stream| {
        let (outcome, head) = read(&get(fields), ends_stream, &RULES);
        assert_eq!(outcome, Outcome::Complete);
        head.body
    };
    assert_eq!(body(&[], true), BodyLength::None);
    assert_eq!(body(&[], false), BodyLength::Chunked);
    assert_eq!(body(&[("content-length", "17")], false), BodyLength::Exact(17));
    assert_eq!(body(&[("content-length", "0")], true), BodyLength::Exact(0));
    assert_eq!(body(&[("content-length", "18446744073709551615")], false), BodyLength::Exact(u64::MAX));
    malformed(&get(&[("content-length", "1")]), B::ContentLength);
    for length in ["", "+1", "-1", "0x1", "1 1", "1,1", "1, 1", "a", "18446744073709551616"] {
        malformed(&get(&[("content-length", length)]), B::ContentLength);
    }
    malformed(&get(&[("content-length", "0"), ("content-length", "0")]), B::ContentLengthRepeated);
}

#[test]
fn cookies_are_one_field() {
    let cookies = |fields: &[_]| {
        let head = good(&get(fields));
        let list = shown(&head.fields).into_iter().skip(1);
        list.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let expected = |fields: &[(&str, &str)]| -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(cookies(&[("cookie", "a=1")]), expected(&[("cookie", "a=1")]));
    assert_eq!(
        cookies(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]),
        expected(&[("cookie", "a=1; b=2; c=3")])
    );
    assert_eq!(
        cookies(&[
            ("x", "1"),
            ("cookie", "a=1"),
            ("y", "2"),
            ("cookie", "b=2"),
            ("cookie", "c=3"),
            ("z", "3")
        ]),
        expected(&[("x", "1"), ("cookie", "a=1; b=2; c=3"), ("y", "2"), ("z", "3")])
    );
    assert_eq!(
        cookies(&[("cookie", ""), ("cookie", "a=1"), ("cookie", ""), ("cookie", "b=2")]),
        expected(&[("cookie", "a=1; b=2")])
    );
}

#[test]
fn expectations() {
    assert!(good(&get(&[("expect", "100-Continue")])).expects_continue);
    assert!(!good(&get(&[])).expects_continue);
    refused(&get(&[("expect", "x")]), Fault::ExpectationUnknown);
    refused(&get(&[("expect", "100-continue"), ("expect", "")]), Fault::ExpectationUnknown);
}

#[test]
fn a_request_that_is_none_can_be_shown() {
    for (more, fault) in [(("X", "y"), B::FieldName), (("connection", "close"), B::ConnectionField)] {
        let mut fields = get(&[more]);
        fields[3].1 = "/p?q";
        let (outcome, head) = read(&fields, true, &RULES);
        assert_eq!(outcome, Outcome::Malformed(fault));
        assert_eq!(
            (text(&head, head.method_text), text(&head, head.path), text(&head, head.host)),
            ("GET", "/p", "h")
        );
    }
    let (_, head) = read(&[(":path", "/p"), ("x", "y")], true, &RULES);
    assert!(head.method_text.is_empty());
}

/// That it is none weighs more than that it is refused, whichever comes first.
#[test]
fn malformed_comes_before_refused() {
    let mut fields = get(&[("expect", "x"), ("connection", "close")]);
    malformed(&fields, B::ConnectionField);
    fields[3].1 = "/\\";
    fields.remove(4);
    malformed(&fields, B::ConnectionField);
}

#[test]
fn never_indexed_is_remembered_and_a_head_is_reused() {
    let mut block = block_of(&get(&[]));
    crate::hpack::block::field_never_indexed(&mut block, b"x-secret", b"s");
    crate::hpack::block::field(&mut block, b"x-open", b"o");
    let mut head = RequestHead::default();
    let mut decoder = Decoder::new(4096);
    for _ in 0..2 {
        assert_eq!(read_request(&mut decoder, &block, true, &RULES, &mut head).unwrap(), Outcome::Complete);
        let marks: Vec<bool> = head.fields.iter().map(|field| field.never_indexed).collect();
        assert_eq!(marks, [false, true, false]);
    }
    let mut cookies = block_of(&get(&[("cookie", "a=1")]));
    crate::hpack::block::field_never_indexed(&mut cookies, b"cookie", b"b=2");
    read_request(&mut decoder, &cookies, true, &RULES, &mut head).unwrap();
    assert!(head.fields.iter().any(|field| field.value == b"a=1; b=2" && field.never_indexed));
    let mut encoder = Encoder::new(4096);
    let mut again = Vec::new();
    for (name, value) in get(&[("x-a", "1")]) {
        encoder.field(&mut again, name.as_bytes(), value.as_bytes());
    }
    read_request(&mut decoder, &again, true, &RULES, &mut head).unwrap();
    assert_eq!(shown(&head.fields), [("host", "h"), ("x-a", "1")]);
}

#[test]
fn a_block_that_is_none_is_the_connections_end() {
    let mut head = RequestHead::default();
    assert!(read_request(&mut Decoder::new(4096), &[0x82, 0xff], true, &RULES, &mut head).is_err());
}
