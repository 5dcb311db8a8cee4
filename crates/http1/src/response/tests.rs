use super::*;

use BadResponse as B;

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 2048, target_bytes_max: 0, fields_max: 8 };

/// Parses the whole input, then every prefix of it followed by the whole. All have to agree.
fn parse_all_ways(input: &[u8], method: Method) -> (Result<Parsed, BadResponse>, ResponseHead) {
    let mut whole = ResponseHead::default();
    let result = parse(input, &LIMITS, method, &mut whole);
    for cut in 0..input.len() {
        let mut head = ResponseHead::default();
        let mut pieces = parse(&input[..cut], &LIMITS, method, &mut head);
        if pieces == Ok(Parsed::Partial) {
            pieces = parse_from(input, cut, &LIMITS, method, &mut head);
        }
        assert_eq!(pieces, result, "cut at {cut} of {:?}", String::from_utf8_lossy(input));
        if result.is_ok() {
            assert_eq!(format!("{head:?}"), format!("{whole:?}"));
        }
    }
    (result, whole)
}

#[track_caller]
fn good(method: Method, input: &str) -> ResponseHead {
    let (result, head) = parse_all_ways(input.as_bytes(), method);
    assert_eq!(result, Ok(Parsed::Complete { head_bytes: input.len() }), "{input:?}");
    head
}

#[track_caller]
fn bad(input: impl AsRef<[u8]>, fault: BadResponse) {
    let input = input.as_ref();
    assert_eq!(parse_all_ways(input, Method::Get).0, Err(fault), "{:?}", String::from_utf8_lossy(input));
}

/// The values of `Content-Length` that may be passed on.
fn lengths(head: &ResponseHead) -> Vec<&[u8]> {
    let kept = head.fields.iter().filter(|f| f.known == Known::ContentLength && !f.hop_by_hop);
    kept.map(|f| f.value).collect()
}

#[test]
fn status_lines() {
    for (line, version, status, reason) in [
        ("HTTP/1.1 200 OK", Version::Http11, 200, "OK"),
        ("HTTP/1.0 404 Not Found", Version::Http10, 404, "Not Found"),
        ("HTTP/1.1 100 ", Version::Http11, 100, ""),
        ("HTTP/1.1 599", Version::Http11, 599, ""),
        ("HTTP/1.1 200  two ", Version::Http11, 200, " two "),
        ("HTTP/1.1 200 \u{fc}\t", Version::Http11, 200, "\u{fc}\t"),
        ("HTTP/1.3 200 OK", Version::Http11, 200, "OK"),
    ] {
        let head = good(Method::Get, &format!("{line}\r\nX: y\r\n\r\n"));
        assert_eq!((head.version, head.status), (version, status), "{line}");
        assert_eq!(head.fields.bytes(head.reason), reason.as_bytes(), "{line}");
        assert_eq!(head.fields.len(), 1);
    }
    for line in [
        "HTTP/1.1 099 x",
        "HTTP/1.1 600 x",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.10 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "\r\nHTTP/1.1 200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 a\0b",
        "HTTP/1.1 200 a\u{7f}",
        "HTTP/1.1 200 a\rb",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200\n",
        "<html>",
    ] {
        bad(format!("{line}\r\nX: y\r\n\r\n"), B::StatusLine);
    }
}

#[test]
fn field_lines_are_as_strict_as_in_requests() {
    for fields in [
        "X: a\n",
        "X: a\rb\r\n",
        "X: a\r\n b\r\n",
        "X : a\r\n",
        ": a\r\n",
        "X\r\n",
        "X: \0\r\n",
        "X\u{e9}: a\r\n",
    ] {
        bad(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), B::FieldLine);
    }
}

#[test]
fn body_lengths() {
    use BodyLength::{Chunked, Exact, None, UntilClose};
    for (method, status, fields, expected, kept) in [
        (Method::Get, 200, "", UntilClose, &[][..]),
        (Method::Get, 200, "Content-Length: 5\r\n", Exact(5), &["5"]),
        (Method::Get, 200, "Content-Length: 5\r\nContent-Length: 5\r\n", Exact(5), &["5"]),
        (Method::Get, 200, "Transfer-Encoding: Chunked\r\n", Chunked, &[]),
        (Method::Get, 200, "Transfer-Encoding: identity\r\n", UntilClose, &[]),
        (Method::Get, 200, "Transfer-Encoding: x-strange\r\n", UntilClose, &[]),
        (Method::Head, 200, "Content-Length: 5\r\n", None, &["5"]),
        (Method::Head, 200, "Content-Length: 5\r\nContent-Length: 6\r\n", None, &[]),
        (Method::Head, 200, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", None, &[]),
        (Method::Head, 200, "Transfer-Encoding: chunked\r\n", None, &[]),
        (Method::Get, 304, "Content-Length: 5\r\n", None, &["5"]),
        (Method::Get, 304, "Content-Length: x\r\n", None, &[]),
        (Method::Get, 204, "Content-Length: 5\r\n", None, &[]),
        (Method::Get, 204, "Transfer-Encoding: chunked\r\n", None, &[]),
        (Method::Get, 103, "Content-Length: 5\r\n", None, &[]),
        (Method::Get, 101, "Content-Length: 5\r\n", None, &[]),
        (Method::Post, 205, "Content-Length: 0\r\n", Exact(0), &["0"]),
    ] {
        let head = good(method, &format!("HTTP/1.1 {status} x\r\n{fields}\r\n"));
        assert_eq!(head.body, expected, "{method:?} {status} {fields}");
        assert_eq!(
            lengths(&head),
            kept.iter().map(|s| s.as_bytes()).collect::<Vec<_>>(),
            "{status} {fields}"
        );
        assert_eq!(head.connection.close, expected == UntilClose);
    }
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: X-GZip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity, identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity;a=b\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked;a=b\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        bad(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), B::Framing);
    }
    bad("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", B::Framing);
    bad("HTTP/1.0 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", B::Framing);
}

#[test]
fn connection_options() {
    let options = |head: &str| good(Method::Get, &format!("{head}\r\n\r\n")).connection;
    let with = |close, upgrade| ConnectionOptions { close, upgrade };
    assert_eq!(options("HTTP/1.1 204 x"), with(false, false));
    assert_eq!(options("HTTP/1.0 204 x"), with(true, false));
    assert_eq!(options("HTTP/1.0 204 x\r\nConnection: keep-alive"), with(false, false));
    assert_eq!(options("HTTP/1.1 200 x\r\nConnection: keep-alive"), with(true, false), "until close");
    assert_eq!(options("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket"), with(false, true));
    let head = good(
        Method::Get,
        "HTTP/1.1 204 x\r\nConnection: transfer-encoding, set-cookie, a b, x-a\r\nSet-Cookie: s\r\nX-A: 1\r\n\r\n",
    );
    let kept: Vec<&[u8]> = head.fields.iter().filter(|f| !f.hop_by_hop).map(|f| f.name).collect();
    assert_eq!(kept, [b"Set-Cookie"], "an end-to-end field cannot be stripped by naming it");
}

#[test]
fn limits_hold_at_the_bound_and_refuse_one_past_it() {
    let fields = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
    good(Method::Get, &fields(LIMITS.fields_max));
    bad(fields(LIMITS.fields_max + 1), B::HeadTooLarge);
    let empty = fields(1).len();
    let sized = |len: usize| format!("HTTP/1.1 200 OK\r\nX: y{}\r\n\r\n", "a".repeat(len - empty));
    good(Method::Get, &sized(LIMITS.head_bytes_max));
    bad(sized(LIMITS.head_bytes_max + 1), B::HeadTooLarge);
}
