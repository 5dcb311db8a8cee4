use rempart_flow::{BadRequest, BodyLength, Fault, Method};

use super::{LIMITS, Outcome, RULES, RequestRules, get, good, malformed, read, refused, shown, text};

use BadRequest as B;

const EXTENDED: RequestRules = RequestRules { limits: LIMITS, extended_connect: true };

fn to<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "https"), (":authority", "h"), (":path", path)]
}

#[test]
fn paths() {
    for (method, path) in [
        ("GET", ""),
        ("GET", "a"),
        ("GET", "*"),
        ("GET", "?q"),
        ("OPTIONS", "*?"),
        ("OPTIONS", "**"),
        ("GET", "http://h/"),
        ("GET", "h:443"),
        ("GET", "\\a"),
    ] {
        malformed(&to(method, path), B::Target);
    }
    for (method, path, expected, query) in [
        ("OPTIONS", "*", "*", None),
        ("OPTIONS", "/*", "/*", None),
        ("GET", "//b/p", "//b/p", None),
        ("GET", "/?", "/", Some("")),
        ("GET", "/?a/b", "/", Some("a/b")),
        ("GET", "/a?\\<>\"", "/a", Some("\\<>\"")),
    ] {
        let head = good(&to(method, path));
        assert_eq!(text(&head, head.path), expected);
        assert_eq!(head.query.map(|query| text(&head, query)), query);
        assert_eq!(text(&head, head.path_and_query), path);
    }
}

/// Whatever is accepted is what HTTP/1.1 accepts; and what would end its target or its line is an attempt.
#[test]
fn every_byte_of_a_path_and_of_a_query() {
    for byte in 0..=u8::MAX {
        let outcome = |start: &[u8]| {
            let path = [start, &[byte], b"x"].concat();
            let fields: [(&[u8], &[u8]); 4] =
                [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"h"), (b":path", &path)];
            read(&fields, true, &RULES).0
        };
        let expected = |right| match byte {
            _ if right => Outcome::Complete,
            0..=8 | 10..=31 | 127 => Outcome::Malformed(B::FieldValue),
            b'\t' | b' ' | b'#' => Outcome::Malformed(B::Target),
            _ => Outcome::Refused(Fault::BadRequest(B::Target)),
        };
        let visible = byte.is_ascii_graphic();
        assert_eq!(outcome(b"/"), expected(visible && !b"#\\\"<>".contains(&byte)), "path {byte:#x}");
        assert_eq!(outcome(b"/?"), expected(visible && byte != b'#'), "query {byte:#x}");
    }
}

#[test]
fn authorities() {
    let with =
        |authority| [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", "/")];
    for authority in ["u@h", "u:p@h", "@h", "@"] {
        malformed(&with(authority), B::HostInvalid);
    }
    for authority in ["", "a b", "h:", "h:65536", "h/", "h,h", "a..b", "[::1", "*.example", "h\u{e9}"] {
        refused(&with(authority), Fault::BadRequest(B::HostInvalid));
    }
    for (authority, host) in [("h:8443", "h"), ("[::1]:443", "[::1]"), ("H.", "H.")] {
        let head = good(&with(authority));
        assert_eq!((text(&head, head.authority), text(&head, head.host)), (authority, host));
    }
}

#[test]
fn authority_and_host() {
    for (authority, host) in [("h", "h"), ("h", "H:443"), ("h:443", "h"), ("h:1", "H:1")] {
        let head = good(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", authority),
            (":path", "/"),
            ("host", host),
        ]);
        assert_eq!(shown(&head.fields), [("host", authority)], "one, and it is the authority");
    }
    for (authority, host) in
        [("h", "i"), ("h", "h:80"), ("h", ""), ("h", "u@h"), ("h", "h,h"), ("", "h"), ("a b", "h")]
    {
        malformed(
            &[
                (":method", "GET"),
                (":scheme", "https"),
                (":authority", authority),
                (":path", "/"),
                ("host", host),
            ],
            B::HostDisagrees,
        );
    }
    malformed(&get(&[("host", "h"), ("host", "h")]), B::HostRepeated);
    let alone = |hosts: &[(&'static str, &'static str)]| {
        let mut fields = vec![(":method", "GET"), (":scheme", "https"), (":path", "/"), ("x", "y")];
        fields.extend_from_slice(hosts);
        fields
    };
    let head = good(&alone(&[("host", "h:1")]));
    assert_eq!((text(&head, head.authority), text(&head, head.host)), ("h:1", "h"));
    malformed(&alone(&[("host", "h"), ("host", "h")]), B::HostRepeated);
    malformed(&alone(&[("host", "u@h")]), B::HostInvalid);
    refused(&alone(&[("host", "a b")]), Fault::BadRequest(B::HostInvalid));
    refused(&alone(&[("host", "")]), Fault::BadRequest(B::HostInvalid));
    refused(&alone(&[]), Fault::BadRequest(B::HostMissing));
}

#[test]
fn connect() {
    refused(&[(":method", "CONNECT"), (":authority", "a:443")], Fault::MethodRefused);
    refused(&[(":method", "CONNECT"), (":authority", "a:443"), ("x", "y")], Fault::MethodRefused);
    for more in [(":path", "/"), (":scheme", "https"), (":authority", "b:1")] {
        malformed(&[(":method", "CONNECT"), (":authority", "a:443"), more], B::PseudoField);
    }
    malformed(&[(":method", "CONNECT")], B::PseudoField);
    malformed(&[(":method", "CONNECT"), ("host", "a:443")], B::PseudoField);
}

#[test]
fn extended_connect_is_for_those_to_whom_it_was_announced() {
    let socket = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat?x"),
        (":authority", "h"),
        ("sec-websocket-version", "13"),
    ];
    malformed(&socket, B::PseudoField);
    let (outcome, head) = read(&socket, false, &EXTENDED);
    assert_eq!((outcome, head.method, head.body), (Outcome::Complete, Method::Connect, BodyLength::Chunked));
    assert_eq!(head.protocol.map(|protocol| text(&head, protocol)), Some("websocket"));
    assert_eq!((text(&head, head.path), text(&head, head.host)), ("/chat", "h"));
    for without in [":scheme", ":path", ":authority"] {
        let fields: Vec<_> = socket.into_iter().filter(|(name, _)| *name != without).collect();
        assert_eq!(read(&fields, false, &EXTENDED).0, Outcome::Malformed(B::PseudoField), "{without}");
    }
    let changed = |name: &str, value: &'static str| {
        let fields = socket.map(|field| if field.0 == name { (field.0, value) } else { field });
        read(&fields, false, &EXTENDED).0
    };
    assert_eq!(changed(":method", "GET"), Outcome::Malformed(B::PseudoField));
    assert_eq!(changed(":protocol", ""), Outcome::Malformed(B::FieldValue));
    assert_eq!(changed(":protocol", "a b"), Outcome::Malformed(B::FieldValue));
    assert_eq!(changed(":path", "chat"), Outcome::Malformed(B::Target));
    let with_length = [socket.as_slice(), &[("content-length", "1")]].concat();
    assert_eq!(read(&with_length, false, &EXTENDED).0, Outcome::Malformed(B::ContentLength));
}
