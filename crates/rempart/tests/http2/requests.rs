//! What is asked and answered.

use crate::site::Site;
use crate::stand::logged;
use crate::visitor::{
    END_STREAM, NAME, PROTOCOL_ERROR, SETTINGS, Visitor, WINDOW_UPDATE, block, find, get, head,
};

#[test]
fn requests_of_one_batch_are_all_answered() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let mut batch = Vec::new();
    let streams: Vec<u32> = (0..60)
        .map(|number| {
            let stream = visitor.stream();
            batch.extend(head(stream, &block(&get(&format!("/bytes/{number}"))), END_STREAM));
            stream
        })
        .collect();
    visitor.write(&batch);
    for (number, stream) in streams.into_iter().enumerate() {
        let answer = visitor.answer(stream);
        assert_eq!((answer.status(), answer.body.len()), (200, number));
        assert_eq!(answer.field("content-length"), Some(number.to_string().as_str()));
    }
}

#[test]
fn a_hundred_streams_for_one_cold_object_ask_the_origin_once() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let mut batch = Vec::new();
    let streams: Vec<u32> = (0..100)
        .map(|_| {
            let stream = visitor.stream();
            batch.extend(head(stream, &block(&get("/held.css")), END_STREAM));
            stream
        })
        .collect();
    visitor.write(&batch);
    visitor.sync();
    assert_eq!(site.origin.arrived(), "/held.css");
    site.origin.release();
    for stream in streams {
        let answer = visitor.answer(stream);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "from the origin"));
    }
    assert_eq!(site.origin.lines(), ["GET /held.css HTTP/1.1"]);
}

#[test]
fn trailers_pass_both_ways() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let answer = visitor.get("/trailers");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "hello world"));
    let trailers = answer.trailers.as_ref().unwrap();
    assert_eq!((find(trailers, "x-sum"), find(trailers, "x-more")), (Some("11"), Some("yes")));

    let stream = visitor.post("/upload", &[("te", "trailers")]);
    visitor.data(stream, b"hello", 0);
    let trailers = head(stream, &block(&[("x-sum", "5")]), END_STREAM);
    visitor.write(&trailers);
    assert_eq!(visitor.answer(stream).status(), 200);
    let asked =
        std::iter::repeat_with(|| site.origin.whole()).find(|asked| asked.head.starts_with("POST ")).unwrap();
    assert_eq!((asked.body.as_slice(), asked.trailers.as_str()), (b"hello".as_slice(), "x-sum: 5\r\n"));
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let stream = visitor.request(&[&[(":method", "HEAD")], &get("/page")[1..]].concat(), END_STREAM);
    let answer = visitor.answer(stream);
    assert_eq!((answer.status(), answer.field("content-length"), answer.body.len()), (200, Some("15"), 0));
    let answer = visitor.get("/204");
    assert_eq!((answer.status(), answer.field("content-length"), answer.body.len()), (204, None, 0));
    assert_eq!(answer.field("x-way"), Some("none"));
    let stream =
        visitor.request(&[get("/304").as_slice(), &[("if-none-match", "\"1\"")]].concat(), END_STREAM);
    let answer = visitor.answer(stream);
    assert_eq!((answer.status(), answer.field("etag"), answer.body.len()), (304, Some("\"1\""), 0));
    let stream = visitor.request(&[get("/206").as_slice(), &[("range", "bytes=2-4")]].concat(), END_STREAM);
    let answer = visitor.answer(stream);
    assert_eq!((answer.status(), answer.text().as_str()), (206, "cde"));
    assert_eq!(answer.field("content-range"), Some("bytes 2-4/9"));
}

/// What was sent of two answers once the connection's window is renewed, for which both wait.
fn shares_of(visitor: &mut Visitor, paths: [&str; 2]) -> [usize; 2] {
    // All of the connection's window is used, and the streams' own never are.
    visitor.send(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    visitor.takes = false;
    let first = visitor.ask("/bytes/65535");
    assert_eq!(visitor.answer(first).body.len(), 65535);
    let streams = paths.map(|path| visitor.ask(path));
    visitor.until(|visitor| streams.iter().all(|stream| visitor.answers.contains_key(stream)));
    visitor.sync();
    visitor.send(WINDOW_UPDATE, 0, 0, &60_000_u32.to_be_bytes());
    let share = |visitor: &Visitor, at: usize| visitor.answers[&streams[at]].body.len();
    visitor.until(|visitor| share(visitor, 0) + share(visitor, 1) == 60_000);
    [share(visitor, 0), share(visitor, 1)]
}

#[test]
fn what_the_origin_says_of_priority_is_obeyed_of_stored_answers_too() {
    let site = Site::new("");
    let stored = ["/bytes/100000.css?priority=u=5", "/bytes/100000.css?priority=u=1"];
    let mut visitor = site.visit();
    for path in stored {
        assert_eq!(visitor.get(path).field("cf-cache-status"), Some("MISS"));
    }
    let mut visitor = site.visit();
    assert_eq!(visitor.get(stored[1]).field("cf-cache-status"), Some("HIT"));
    for paths in [stored, ["/bytes/100000?priority=u=5", "/bytes/100000?priority=u=1"]] {
        assert_eq!(shares_of(&mut site.visit(), paths), [0, 60_000], "{paths:?}");
        let [first, second] = paths;
        assert_eq!(shares_of(&mut site.visit(), [second, first]), [60_000, 0], "{paths:?}");
    }
}

#[test]
fn another_name_is_served_on_a_connection_if_its_certificate_is_the_same() {
    let site = Site::new("");
    let mut visitor = site.visit();
    for (name, status) in [("second.example", 200), ("other.example", 421), (NAME, 200)] {
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", name), (":path", "/name")];
        let stream = visitor.request(&fields, END_STREAM);
        assert_eq!(visitor.answer(stream).status(), status, "{name}");
    }
    let hosts: Vec<String> = (0..2).map(|_| site.origin.whole().values("host").join(", ")).collect();
    assert_eq!(hosts, ["second.example", NAME]);
    assert_eq!(site.origin.lines().len(), 2);
}

#[test]
fn who_asks_tls_for_no_name_is_not_misdirected() {
    let site = Site::new("");
    // An address is no name that TLS asks for; whoever looks at no certificate can come so.
    let mut visitor = site.connect_unnamed();
    visitor.begin();
    for name in [NAME, "other.example"] {
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", name), (":path", "/name")];
        let stream = visitor.request(&fields, END_STREAM);
        assert_eq!(visitor.answer(stream).status(), 200, "{name}");
    }
}

#[test]
fn what_the_origin_is_told_is_what_was_asked() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let more = [("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2"), ("accept", "*/*")];
    let stream = visitor.request(&[get("/as%20it?is=%2F").as_slice(), &more].concat(), END_STREAM);
    assert_eq!(visitor.answer(stream).status(), 200);
    let asked = site.origin.whole();
    assert!(asked.head.starts_with("GET /as%20it?is=%2F HTTP/1.1\r\n"), "{}", asked.head);
    assert_eq!(asked.values("cookie"), ["a=1; b=2"]);
    assert_eq!((asked.values("x-a"), asked.values("host")), (vec!["b"], vec![NAME]));
    assert_eq!(asked.values("x-forwarded-proto"), ["https"]);
    assert!(asked.values("transfer-encoding").is_empty() && asked.values("content-length").is_empty());
    // An unknown length is chunked to HTTP/1, a known one stays.
    for (more, framing) in [(vec![], "transfer-encoding"), (vec![("content-length", "5")], "content-length")]
    {
        let stream = visitor.post("/upload", &more);
        visitor.data(stream, b"he", 0);
        visitor.data(stream, b"llo", END_STREAM);
        assert_eq!(visitor.answer(stream).status(), 200);
        let asked = site.origin.whole();
        assert_eq!((asked.body.as_slice(), asked.values(framing).len()), (b"hello".as_slice(), 1));
        assert_eq!(asked.values("transfer-encoding").len() + asked.values("content-length").len(), 1);
    }
}

#[test]
fn a_body_of_another_length_than_was_said_is_no_request() {
    let site = Site::new("");
    let mut visitor = site.visit();
    for (length, body) in [("5", b"four".as_slice()), ("3", b"four"), ("0", b"four")] {
        let stream = visitor.post("/upload", &[("content-length", length)]);
        visitor.data(stream, body, END_STREAM);
        assert_eq!(visitor.answer(stream).reset, Some(PROTOCOL_ERROR), "{length}");
    }
    // Its end comes with the trailers.
    let stream = visitor.post("/upload", &[("content-length", "5")]);
    visitor.data(stream, b"four", 0);
    let trailers = head(stream, &block(&[("x-sum", "4")]), END_STREAM);
    visitor.write(&trailers);
    assert_eq!(visitor.answer(stream).reset, Some(PROTOCOL_ERROR));
    assert_eq!(visitor.get("/after").status(), 200);
    // What has no body by its length is whole before a byte that should not be there has come.
    let mut asked = site.origin.whole();
    if asked.values("content-length") == ["0"] {
        assert!(asked.body.is_empty());
        asked = site.origin.whole();
    }
    assert!(asked.head.starts_with("GET /after "), "an upload came to its end: {asked:?}");
}

fn connect<'a>(path: &'a str, protocol: &'a str) -> Vec<(&'a str, &'a str)> {
    [&[(":method", "CONNECT"), (":protocol", protocol)], &get(path)[1..]].concat()
}

#[test]
fn a_websocket_is_a_tunnel_once_the_origin_agrees() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let stream = visitor.request(&connect("/talk", "websocket"), 0);
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| !answer.heads.is_empty()));
    let answer = &visitor.answers[&stream];
    assert_eq!((answer.status(), answer.field("sec-websocket-protocol")), (200, Some("chat")));
    for name in ["upgrade", "connection", "sec-websocket-accept", "content-length", "transfer-encoding"] {
        assert_eq!(answer.field(name), None);
    }
    let asked = site.origin.whole();
    assert!(asked.head.starts_with("GET /talk HTTP/1.1\r\n"), "{}", asked.head);
    assert_eq!((asked.values("upgrade"), asked.values("sec-websocket-key").len()), (vec!["websocket"], 1));
    for piece in [b"one".as_slice(), b"two"] {
        visitor.data(stream, piece, 0);
    }
    visitor.until(|visitor| visitor.answers[&stream].body == b"onetwo");
    assert_eq!(visitor.get("/beside").status(), 200);
    visitor.data(stream, b"three", END_STREAM);
    let answer = visitor.answer(stream);
    assert_eq!((answer.text().as_str(), answer.reset), ("onetwothree", None));
    assert_eq!(site.origin.gone(), "/talk");
}

#[test]
fn a_websocket_whose_origin_has_not_read_the_key_is_none() {
    let site = Site::new("");
    let mut visitor = site.visit();
    for path in ["/talk/wrong", "/talk/unproven"] {
        let stream = visitor.request(&connect(path, "websocket"), 0);
        assert_eq!(visitor.answer(stream).status(), 520, "{path}");
        assert_eq!(site.origin.gone(), path);
        let line = logged(&site.folder, |line| line["ClientRequestPath"] == path);
        assert_eq!(line["FaultDetail"], "protocol change without the proof that the key was read");
    }
    assert_eq!(visitor.get("/after").status(), 200);
}

#[test]
fn the_log_tells_of_a_websocket_as_its_visitor_saw_it() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let stream = visitor.request(&connect("/talk", "websocket"), 0);
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| !answer.heads.is_empty()));
    visitor.data(stream, b"bye", END_STREAM);
    assert_eq!(visitor.answer(stream).text(), "bye");
    let line = logged(&site.folder, |line| line["ClientRequestPath"] == "/talk");
    let said = ["ClientRequestMethod", "ClientRequestProtocol", "EdgeResponseStatus", "OriginResponseStatus"];
    assert_eq!(said.map(|name| line[name].to_string()), ["\"CONNECT\"", "\"HTTP/2\"", "200", "101"]);
}

#[test]
fn an_origin_that_ignores_a_websocket_opens_no_tunnel() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let stream = visitor.request(&connect("/page", "websocket"), 0);
    assert_eq!(visitor.answer(stream).status(), 520);
    let stream = visitor.request(&connect("/page", "other"), 0);
    assert_eq!(visitor.answer(stream).status(), 400);
    assert_eq!(visitor.get("/after").status(), 200);
    assert_eq!(site.origin.lines(), ["GET /page HTTP/1.1", "GET /after HTTP/1.1"]);
}
