use super::*;

use BadRequest as B;
use rempart_flow::ConnectionOptions;

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 4096, target_bytes_max: 64, fields_max: 8 };

/// Parses the whole input, then every prefix of it followed by the whole, as it would arrive in two
/// pieces, by both entries. All have to agree.
fn parse_all_ways(input: &[u8]) -> (Result<Parsed, Refusal>, RequestHead) {
    let mut whole = RequestHead::default();
    let result = parse(input, &LIMITS, &mut whole);
    for cut in 0..input.len() {
        let mut head = RequestHead::default();
        let mut pieces = parse(&input[..cut], &LIMITS, &mut head);
        if pieces == Ok(Parsed::Partial) {
            pieces = parse_from(input, cut, &LIMITS, &mut head);
        }
        assert_eq!(pieces, result, "cut at {cut} of {:?}", String::from_utf8_lossy(input));
        if result.is_ok() {
            assert_eq!(show(&head), show(&whole));
        }
    }
    (result, whole)
}

fn show(head: &RequestHead) -> String {
    format!("{head:?}")
}

fn good(input: &str) -> RequestHead {
    let (result, head) = parse_all_ways(input.as_bytes());
    assert_eq!(result, Ok(Parsed::Complete { head_bytes: input.len() }), "{input:?}");
    head
}

#[track_caller]
fn bad(input: impl AsRef<[u8]>, fault: impl Into<Expected>) {
    let input = input.as_ref();
    let refused = parse_all_ways(input).0.map_err(|refusal| refusal.fault);
    assert_eq!(refused, Err(fault.into().0), "{:?}", String::from_utf8_lossy(input));
}

struct Expected(Fault);
impl From<Fault> for Expected {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}
impl From<B> for Expected {
    fn from(reason: B) -> Self {
        Self(Fault::BadRequest(reason))
    }
}

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

fn text(head: &RequestHead, span: Span) -> &str {
    std::str::from_utf8(head.bytes(span)).unwrap()
}

#[test]
fn an_ordinary_request() {
    let head = good("PUT /a/b?c=d?e HTTP/1.1\r\nHost: Shop.Example:8080\r\nX-A:\t v 1 \t\r\nEmpty:\r\n\r\n");
    assert_eq!((head.method, text(&head, head.method_text)), (Method::Put, "PUT"));
    assert_eq!(text(&head, head.path), "/a/b");
    assert_eq!(head.query.map(|query| text(&head, query)), Some("c=d?e"));
    assert_eq!(text(&head, head.path_and_query), "/a/b?c=d?e");
    assert_eq!(text(&head, head.authority), "Shop.Example:8080");
    assert_eq!(text(&head, head.host), "Shop.Example");
    assert_eq!((head.version, head.body), (Version::Http11, BodyLength::None));
    let fields: Vec<_> = head.fields.iter().map(|f| (f.name, f.value)).collect();
    assert_eq!(fields, [(&b"Host"[..], &b"Shop.Example:8080"[..]), (b"X-A", b"v 1"), (b"Empty", b"")]);
}

#[test]
fn what_follows_the_head_is_not_touched_and_capacity_is_reused() {
    let mut head = RequestHead::default();
    let pipelined = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    let Ok(Parsed::Complete { head_bytes }) = parse(pipelined, &LIMITS, &mut head) else { panic!() };
    assert_eq!(text(&head, head.path), "/1");
    let second = parse(&pipelined[head_bytes..], &LIMITS, &mut head);
    assert_eq!(second, Ok(Parsed::Complete { head_bytes }));
    assert_eq!((text(&head, head.path), head.fields.len()), ("/2", 1));
}

#[test]
fn two_empty_lines_before_a_request_are_skipped_and_no_third() {
    good("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    good("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    bad("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", B::RequestLine);
    bad("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", B::BareLf);
}

#[test]
fn request_lines() {
    let h = "\r\nHost: h\r\n\r\n";
    for (line, fault) in [
        ("GET  / HTTP/1.1", B::Target),
        ("GET /  HTTP/1.1", B::RequestLine),
        ("GET / HTTP/1.1 ", B::RequestLine),
        (" GET / HTTP/1.1", B::RequestLine),
        ("GET\t/ HTTP/1.1", B::Method),
        ("G(T / HTTP/1.1", B::Method),
        ("G\u{e9}T / HTTP/1.1", B::Method),
        ("\u{16}\u{3}\u{1}", B::Method),
        ("GET", B::RequestLine),
        ("GET /", B::RequestLine),
        ("GET / ", B::RequestLine),
        ("GET / http/1.1", B::RequestLine),
        ("GET / HTTP/1.1.1", B::RequestLine),
        ("GET / HTTP/11", B::RequestLine),
        ("GET / HTTP/1.", B::RequestLine),
        ("GET / HTTP/1.x", B::RequestLine),
        ("GET / HTTPS/1.1", B::RequestLine),
        ("GET /a b HTTP/1.1", B::RequestLine),
        ("GET /\r HTTP/1.1", B::BareCr),
        ("GET /\n HTTP/1.1", B::BareLf),
        ("GET / HTTP/1.1\r", B::BareCr),
        ("GET / HTTP/1.1\n", B::BareLf),
        ("PRI * HTTP/2.0", B::Preface),
    ] {
        bad(format!("{line}{h}"), fault);
    }
    bad("GET / HTTP/1.1\nHost: h\n\n", B::BareLf);
    bad(format!("GET / HTTP/2.0{h}"), Fault::VersionUnknown);
    bad(format!("GET / HTTP/0.9{h}"), Fault::VersionUnknown);
    bad(format!("GET / HTTP/3.1{h}"), Fault::VersionUnknown);
    assert_eq!(good(&format!("GET / HTTP/1.0{h}")).version, Version::Http10);
    assert_eq!(good(&format!("GET / HTTP/1.2{h}")).version, Version::Http11);
    assert_eq!(good(&format!("GET / HTTP/1.9{h}")).version, Version::Http11);
    assert_eq!(good(&format!("PROPFIND / HTTP/1.1{h}")).method, Method::Extension);
    assert_eq!(good(&format!("get / HTTP/1.1{h}")).method, Method::Extension);
}

#[test]
fn every_byte_of_a_path_and_of_a_query() {
    for byte in 0..=u8::MAX {
        let request =
            |prefix: &str| [b"GET ", prefix.as_bytes(), &[byte], b"x HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        let accepted = |prefix: &str| parse_all_ways(&request(prefix)).0.is_ok();
        let visible = byte.is_ascii_graphic();
        assert_eq!(accepted("/"), visible && !b"#\\\"<>".contains(&byte), "path {byte:#x}");
        assert_eq!(accepted("/?"), visible && byte != b'#', "query {byte:#x}");
    }
}

#[test]
fn the_four_forms_of_a_target() {
    let at = |method: &str, target: &str, host: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
    };
    for (method, target, host, path, query, next, authority) in [
        ("GET", "http://a/p?q", "a", "/p", Some("q"), "/p?q", "a"),
        ("GET", "HTTP://A:80/p", "a", "/p", None, "/p", "A:80"),
        ("GET", "https://a/", "a:443", "/", None, "/", "a"),
        ("GET", "http://a", "a", "/", None, "/", "a"),
        ("GET", "http://a?q=/", "a", "/", Some("q=/"), "/?q=/", "a"),
        ("GET", "http://[::1]:8080/x", "[::1]:8080", "/x", None, "/x", "[::1]:8080"),
        ("OPTIONS", "http://a", "a", "*", None, "*", "a"),
        ("OPTIONS", "http://a?", "a", "/", Some(""), "/?", "a"),
        ("OPTIONS", "*", "a", "*", None, "*", "a"),
        ("GET", "//b/p", "a", "//b/p", None, "//b/p", "a"),
        ("GET", "/?", "a", "/", Some(""), "/?", "a"),
    ] {
        let head = good(&at(method, target, host));
        assert_eq!(text(&head, head.path), path, "{target}");
        assert_eq!(head.query.map(|query| text(&head, query)), query, "{target}");
        assert_eq!(text(&head, head.path_and_query), next, "{target}");
        assert_eq!(text(&head, head.authority), authority, "{target}");
    }
    for (method, target, host, fault) in [
        ("GET", "*", "a", B::Target),
        ("GET", "a:80", "a", B::Target),
        ("GET", "p", "a", B::Target),
        ("GET", "?q", "a", B::Target),
        ("GET", "ftp://a/", "a", B::Target),
        ("GET", "http:/a", "a", B::Target),
        ("GET", "http:///p", "a", B::Target),
        ("GET", "http://u@a/", "a", B::Target),
        ("GET", "http://a:x/", "a", B::Target),
        ("GET", "http://a/", "b", B::HostDisagrees),
        ("GET", "http://a/", "a:8080", B::HostDisagrees),
        ("GET", "http://a:443/", "a", B::HostDisagrees),
        ("GET", "https://a:443/", "a:80", B::HostDisagrees),
    ] {
        bad(at(method, target, host), fault);
    }
    bad("GET http://a/ HTTP/1.1\r\n\r\n", B::HostMissing);
    let old = good("GET http://a/ HTTP/1.0\r\n\r\n");
    assert_eq!(text(&old, old.authority), "a");
    assert!(good("GET / HTTP/1.0\r\n\r\n").authority.is_empty());
}

#[test]
fn hosts() {
    bad("GET / HTTP/1.1\r\n\r\n", B::HostMissing);
    bad("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", B::HostRepeated);
    bad("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", B::HostRepeated);
    for host in ["", "a b", "a/b", "u@a", "a,b", "a:b", "a:65536", "[::1", "a\u{e9}"] {
        bad(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), B::HostInvalid);
        bad(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"), B::HostInvalid);
    }
}

#[test]
fn field_lines() {
    for (fields, fault) in [
        ("X: a\n", B::BareLf),
        ("X: a\n\r\n", B::BareLf),
        ("X: a\rb\r\n", B::BareCr),
        ("X: a\r\r\n", B::BareCr),
        ("X\rY: a\r\n", B::BareCr),
        ("X: a\r\n b\r\n", B::ObsFold),
        ("X: a\r\n\tb\r\n", B::ObsFold),
        ("X:\r\n b\r\n", B::ObsFold),
        ("X: a\r\n \r\n", B::ObsFold),
        ("X : a\r\n", B::FieldName),
        ("X\t: a\r\n", B::FieldName),
        (": a\r\n", B::FieldName),
        ("X\u{e9}: a\r\n", B::FieldName),
        ("X(: a\r\n", B::FieldName),
        ("X\0: a\r\n", B::FieldName),
        ("X\r\n", B::FieldLine),
        ("X a\r\n", B::FieldLine),
        ("X: a\0b\r\n", B::FieldValue),
        ("X: \u{b}a\r\n", B::FieldValue),
        ("X: a\u{7f}\r\n", B::FieldValue),
    ] {
        bad(get(fields), fault);
    }
    bad("GET / HTTP/1.1\r\n Host: h\r\n\r\n", B::ObsFold);
}

#[test]
fn every_byte_of_a_name_and_of_a_value() {
    for byte in 0..=u8::MAX {
        // Long enough that vectorised readers meet the byte in the middle of a vector, and at an end.
        for len in [0, 1, 7, 15, 31, 40] {
            let pad = vec![b'a'; len];
            let start: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n";
            let mut head = RequestHead::default();
            let name = [start, b"a", &pad, &[byte], &pad, b"b: v\r\n\r\n"].concat();
            let accepted = parse(&name, &LIMITS, &mut head).is_ok_and(|p| p != Parsed::Partial);
            let tchar = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(accepted, tchar || byte == b':', "name {byte:#x} after {len}");
            let value = [start, b"a: a", &pad, &[byte], &pad, b"b\r\n\r\n"].concat();
            let accepted = parse(&value, &LIMITS, &mut head).is_ok_and(|p| p != Parsed::Partial);
            let text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
            assert_eq!(accepted, text, "value {byte:#x} after {len}");
        }
    }
}

#[test]
fn framing() {
    let body = |fields: &str| good(&get(fields)).body;
    assert_eq!(body(""), BodyLength::None);
    assert_eq!(body("Content-Length: 0\r\n"), BodyLength::Exact(0));
    assert_eq!(body("Content-Length: 18446744073709551615\r\n"), BodyLength::Exact(u64::MAX));
    assert_eq!(body("Transfer-Encoding: \t CHUNKED \r\n"), BodyLength::Chunked);
    for length in
        ["", "+1", "-1", "0x1", "1 1", "1,1", "1, 1", "1.0", "a", "1a", "18446744073709551616", "\u{b2}"]
    {
        bad(get(&format!("Content-Length: {length}\r\n")), B::ContentLength);
    }
    for (fields, fault) in [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", B::ContentLengthRepeated),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", B::LengthAndCoding),
        ("Transfer-Encoding: chunked\r\ncontent-length: x\r\n", B::LengthAndCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", B::TransferEncoding),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", B::TransferEncoding),
    ] {
        bad(get(fields), fault);
    }
    for coding in [
        "",
        "gzip",
        "identity",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "gzip,,chunked",
        "chunked;a=b",
        "chunked;",
        "\"chunked\"",
        "xchunked",
        "chunked chunked",
        "x y, chunked",
        "gzip;a=\",\", chunked",
    ] {
        bad(get(&format!("Transfer-Encoding: {coding}\r\n")), B::TransferEncoding);
    }
    for coding in ["gzip, chunked", "gzip,CHUNKED", "identity, chunked", "gzip;q=1 , chunked"] {
        bad(get(&format!("Transfer-Encoding: {coding}\r\n")), Fault::CodingUnknown);
    }
    bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", B::CodingInHttp10);
}

#[test]
fn connection_options() {
    let options = |version: &str, fields: &str| {
        good(&format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n")).connection
    };
    let with = |close, upgrade| ConnectionOptions { close, upgrade };
    for (version, fields, expected) in [
        ("1.1", "", with(false, false)),
        ("1.0", "", with(true, false)),
        ("1.0", "Connection: Keep-Alive\r\n", with(false, false)),
        ("1.0", "Connection: keep-alive, close\r\n", with(true, false)),
        ("1.0", "Proxy-Connection: keep-alive\r\n", with(true, false)),
        ("1.1", "Proxy-Connection: close\r\n", with(false, false)),
        ("1.1", "Connection: keep-alive\r\nConnection: , ,CLOSE,\r\n", with(true, false)),
        ("1.1", "Connection: upgrade\r\n", with(false, false)),
        ("1.1", "Upgrade: websocket\r\n", with(false, false)),
        ("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n", with(false, true)),
        ("1.0", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n", with(false, false)),
        (
            "1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
            with(false, false),
        ),
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n", with(false, false)),
    ] {
        assert_eq!(options(version, fields), expected, "{version} {fields}");
    }
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
        "CDN-Loop",
    ] {
        bad(get(&format!("Connection: close, {name}\r\n")), B::ConnectionNamesEndToEnd);
    }
    for value in ["a b", "close;x", "a=b", "\u{e9}", "\"close\""] {
        bad(get(&format!("Connection: {value}\r\n")), B::FieldValue);
    }
}

#[test]
fn fields_of_one_connection_are_marked() {
    let head = good(&get(
        "Connection: x-a,X-B\r\nX-A: 1\r\nx-b: 2\r\nx-a: 3\r\nX-C: 4\r\nKeep-Alive: 5\r\nTE: trailers\r\n",
    ));
    let kept: Vec<&[u8]> = head.fields.iter().filter(|f| !f.hop_by_hop).map(|f| f.name).collect();
    assert_eq!(kept, [&b"Host"[..], b"X-C"]);
    let many = |count: usize| get(&format!("Connection: {}\r\n", vec!["x"; count].join(",")));
    good(&many(connection::OPTIONS_MAX));
    bad(many(connection::OPTIONS_MAX + 1), Fault::HeadTooLarge);
}

#[test]
fn expectations() {
    assert!(good(&get("Expect: 100-Continue\r\n")).expects_continue);
    assert!(!good(&get("")).expects_continue);
    bad(get("Expect: 100-continue, x\r\n"), Fault::ExpectationUnknown);
    bad(get("Expect: 100-continue\r\nExpect: x\r\n"), Fault::ExpectationUnknown);
    bad(get("Expect:\r\n"), Fault::ExpectationUnknown);
    assert!(!good("GET / HTTP/1.0\r\nExpect: x\r\n\r\n").expects_continue);
}

#[test]
fn limits_hold_at_the_bound_and_refuse_one_past_it() {
    let target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(len - 1));
    good(&target(LIMITS.target_bytes_max));
    bad(target(LIMITS.target_bytes_max + 1), Fault::TargetTooLong);
    bad(format!("GET /{}", "a".repeat(LIMITS.target_bytes_max)), Fault::TargetTooLong);

    let fields = |count: usize| get(&"X: y\r\n".repeat(count - 1));
    good(&fields(LIMITS.fields_max));
    bad(fields(LIMITS.fields_max + 1), Fault::HeadTooLarge);

    let sized = |len: usize| get(&format!("X: {}\r\n", "a".repeat(len - get("X: \r\n").len())));
    good(&sized(LIMITS.head_bytes_max));
    bad(sized(LIMITS.head_bytes_max + 1), Fault::HeadTooLarge);
    let (open, _) = parse_all_ways(&sized(LIMITS.head_bytes_max + 1).as_bytes()[..LIMITS.head_bytes_max - 1]);
    assert_eq!(open, Ok(Parsed::Partial));
    bad(vec![b'A'; LIMITS.head_bytes_max], Fault::HeadTooLarge);
}

#[test]
fn more_fields_than_fit_on_the_stack() {
    let limits = HeadLimits { fields_max: 200, ..HeadLimits::default() };
    for count in [16, 17, 128, 129, 200, 201] {
        let mut head = RequestHead::default();
        let result = parse(get(&"X: y\r\n".repeat(count - 1)).as_bytes(), &limits, &mut head);
        assert_eq!(result.is_ok(), count <= 200);
        assert!(result.is_err() || head.fields.len() == count);
    }
}

#[test]
fn a_refused_request_can_be_shown() {
    for (input, method, path, host) in [
        ("TRACE /p?q HTTP/1.1\r\nHost: h:1\r\n\r\n", "TRACE", "/p", "h"),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT", "", "a.example"),
        ("GET /p HTTP/1.1\r\nX : y\r\nhost: h\r\n\r\n", "GET", "/p", "h"),
        ("GET http://a/p?q HTTP/1.1\r\nHost: b\r\n\r\n", "GET", "/p", "a"),
        ("GET /p HTTP/1.1\r\nHost: a b\r\n\r\n", "GET", "/p", ""),
        ("GET /p HTTP/2.0\r\nHost: h\r\n\r\n", "GET", "/p", "h"),
    ] {
        let mut head = RequestHead::default();
        let refusal = parse(input.as_bytes(), &LIMITS, &mut head).unwrap_err();
        assert!(refusal.readable, "{input}");
        assert_eq!(text(&head, head.method_text), method);
        assert_eq!(text(&head, head.path), path, "{input}");
        assert_eq!(text(&head, head.host), host, "{input}");
    }
    bad("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", Fault::MethodRefused);
    bad("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Fault::MethodRefused);
    let long = format!("GET /{}", "a".repeat(LIMITS.target_bytes_max));
    let mut head = RequestHead::default();
    assert!(parse(long.as_bytes(), &LIMITS, &mut head).unwrap_err().readable);
    assert_eq!(head.path.len as usize, LIMITS.target_bytes_max);
    let unreadable = parse(b"\x16\x03\x01\x02", &LIMITS, &mut RequestHead::default()).unwrap_err();
    assert!(!unreadable.readable);
}
