//! What two readers could read differently reaches no origin.

use crate::site::Site;
use crate::visitor::{END_STREAM, NAME, PROTOCOL_ERROR, block, get, head};

type Head = Vec<(Vec<u8>, Vec<u8>)>;

/// A GET with one thing changed.
struct Case {
    what: String,
    fields: Head,
    /// The status; without one the stream is reset.
    status: Option<u16>,
}

fn own(fields: &[(&str, &str)]) -> Head {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// With a field more.
fn with(name: &[u8], value: &[u8]) -> Case {
    let mut fields = own(&get("/smuggled"));
    fields.push((name.to_vec(), value.to_vec()));
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    Case { what: format!("{}: {}", text(name), text(value)), fields, status: None }
}

/// With a pseudo-header field that has another value.
fn instead(name: &str, value: &[u8], status: Option<u16>) -> Case {
    let mut fields = own(&get("/smuggled"));
    fields.iter_mut().find(|(found, _)| found == name.as_bytes()).unwrap().1 = value.to_vec();
    Case { what: format!("{name}: {}", value.escape_ascii()), fields, status }
}

/// Just these fields.
fn just(fields: &[(&str, &str)]) -> Case {
    Case { what: format!("{fields:?}"), fields: own(fields), status: None }
}

fn pseudo_fields() -> Vec<Case> {
    let (method, scheme, authority) = ((":method", "GET"), (":scheme", "https"), (":authority", NAME));
    let path = (":path", "/smuggled");
    let mut cases = vec![
        just(&[scheme, authority, path]),
        just(&[method, authority, path]),
        just(&[method, scheme, authority]),
        just(&[]),
        just(&[method, method, scheme, authority, path]),
        just(&[method, scheme, scheme, authority, path]),
        just(&[method, scheme, authority, authority, path]),
        just(&[method, scheme, authority, path, path]),
        just(&[method, scheme, authority, ("x-a", "b"), path]),
        just(&[method, scheme, path, ("host", NAME), authority]),
        just(&[method, scheme, authority, path, (":status", "200")]),
        just(&[method, scheme, authority, path, (":unknown", "1")]),
        just(&[method, scheme, authority, path, (":", "1")]),
        just(&[method, scheme, authority, path, (":protocol", "websocket")]),
        // CONNECT for a tunnel has neither (RFC 9113 section 8.5).
        just(&[(":method", "CONNECT"), scheme, authority, path]),
        // Extended CONNECT has all (RFC 8441 section 4).
        just(&[(":method", "CONNECT"), (":protocol", "websocket"), authority]),
    ];
    for (value, status) in [
        (b"".as_slice(), None),
        (b"GE T", None),
        (b"GET\r\n", None),
        (b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nGET", None),
        (b"G\0T", None),
        (b"GET ", None),
        (b"TRACE", Some(405)),
    ] {
        cases.push(instead(":method", value, status));
    }
    for value in [
        b"".as_slice(),
        b"smuggled",
        b"/a b",
        b"/a\tb",
        b"/a\r\nX: y",
        b"/a\nb",
        b"/a\0b",
        b" /a",
        b"/a ",
        b"/a#b",
        b"/a\x7f",
        b"/\xff",
        b"https://other.example/a",
        b"//\\",
        b"*",
        b"/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        cases.push(instead(":path", value, None));
    }
    for value in [
        b"".as_slice(),
        b"a b",
        b"test.example\r\nX: y",
        b"user@test.example",
        b"test.example/",
        b"test.example:x",
        b"test.example, other.example",
        b"test.example\0",
        b" test.example",
        b"[::1",
    ] {
        cases.push(instead(":authority", value, None));
    }
    for value in [b"".as_slice(), b"ftp", b"https ", b"http\r\nX: y", b"https://x"] {
        cases.push(instead(":scheme", value, None));
    }
    cases
}

fn fields() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        b"".as_slice(),
        b"X-Upper",
        b"x a",
        b"x\ta",
        b"x:",
        b"x:a",
        b"x\r\ny",
        b"x\0",
        b"x\x7f",
        b"x\xff",
        b" x",
        b"x ",
        b"x\"",
        b"x(",
        b"Content-Length",
        b"transfer-Encoding",
    ] {
        cases.push(with(name, b"1"));
    }
    for value in [
        b"a\r\nb: c".as_slice(),
        b"a\rb",
        b"a\nb",
        b"a\0b",
        b" a",
        b"a ",
        b"\ta",
        b"a\t",
        b"a\r\n\r\nGET / HTTP/1.1",
        b"a\x01b",
        b"a\x7fb",
        b"\r\n",
    ] {
        cases.push(with(b"x-a", value));
        cases.push(with(b"cookie", value));
    }
    for (name, value) in [
        ("connection", "close"),
        ("connection", "keep-alive, x-a"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("transfer-encoding", ""),
        ("keep-alive", "1"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
        ("host", "other.example"),
        ("host", ""),
        ("host", "test.example:443x"),
        ("content-length", "-1"),
        ("content-length", "+1"),
        ("content-length", "0x5"),
        ("content-length", "5, 5"),
        ("content-length", "5 5"),
        ("content-length", ""),
        ("content-length", "99999999999999999999999"),
        // The stream has ended, so there are none.
        ("content-length", "5"),
    ] {
        cases.push(with(name.as_bytes(), value.as_bytes()));
    }
    let mut repeated = with(b"content-length", b"0");
    repeated.fields.push((b"content-length".to_vec(), b"0".to_vec()));
    cases.push(repeated);
    let mut hosts = with(b"host", NAME.as_bytes());
    hosts.fields.push((b"host".to_vec(), NAME.as_bytes().to_vec()));
    cases.push(hosts);
    cases
}

#[test]
fn what_is_no_request_or_could_be_two_reaches_no_origin() {
    let site = Site::new("");
    let mut wrong = Vec::new();
    // Each connection may send some of them, and serves what is right in between.
    for (round, cases) in
        [pseudo_fields(), fields()].into_iter().flatten().collect::<Vec<_>>().chunks(20).enumerate()
    {
        let mut visitor = site.visit();
        for case in cases {
            let stream = visitor.stream();
            let bytes = head(stream, &block(&case.fields), END_STREAM);
            if bytes.is_empty() {
                visitor.write(&crate::visitor::frame(1, END_STREAM | 4, stream, &[]));
            }
            visitor.write(&bytes);
            let answer = visitor.answer(stream);
            let is_right = match (answer.reset, case.status) {
                (Some(code), None) => code == PROTOCOL_ERROR,
                (None, Some(status)) => answer.status() == status,
                // What is said in words is no less refused.
                (None, None) => answer.status() == 400,
                (Some(_), Some(_)) => false,
            };
            if !is_right {
                wrong.push(format!("{}: {:?} {:?}", case.what, answer.reset, answer.heads));
            }
        }
        assert_eq!(visitor.get(&format!("/right/{round}")).status(), 200);
    }
    assert!(wrong.is_empty(), "not refused as they should be:\n{}", wrong.join("\n"));
    let reached = site.origin.lines();
    assert!(reached.iter().all(|line| line.starts_with("GET /right/")), "{reached:#?}");
}

#[test]
fn trailers_that_say_more_than_a_trailer_may_reach_no_origin() {
    let site = Site::new("");
    for (name, value) in [
        (b":path".as_slice(), b"/other".as_slice()),
        (b"X-Upper", b"1"),
        (b"x-a", b"a\r\nb: c"),
        (b"x a", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"content-length", b"5"),
        (b"host", b"other.example"),
    ] {
        let mut visitor = site.visit();
        let stream = visitor.post("/upload", &[]);
        visitor.data(stream, b"hello", 0);
        let trailers = head(stream, &block(&[(name, value)]), END_STREAM);
        visitor.write(&trailers);
        let answer = visitor.answer(stream);
        assert!(
            answer.reset == Some(PROTOCOL_ERROR) || answer.status() == 400,
            "{}: {answer:?}",
            name.escape_ascii()
        );
        assert_eq!(visitor.get("/right").status(), 200);
        assert!(
            site.origin.whole().head.starts_with("GET /right "),
            "{} came to its end",
            name.escape_ascii()
        );
    }
    // A head behind the body that does not end the stream is none either (RFC 9113 section 8.1).
    let mut visitor = site.visit();
    let stream = visitor.post("/upload", &[]);
    visitor.data(stream, b"hello", 0);
    let second = head(stream, &block(&[("x-a", "1")]), 0);
    visitor.write(&second);
    assert_eq!(visitor.answer(stream).reset, Some(PROTOCOL_ERROR));
    assert_eq!(visitor.get("/right").status(), 200);
    assert!(site.origin.whole().head.starts_with("GET /right "));
}
