//! The program before an origin that speaks HTTP/2: what visitors get, and how often the origin is asked.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "all of it is test code"
)]

#[expect(dead_code, reason = "this file needs little of it")]
#[path = "http2/visitor.rs"]
mod frames;
mod stand;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use stand::{Folder, PATIENCE, Up, logged};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// More than a stream's window.
const STORED_BYTES: usize = 1 << 20;

/// An origin of which the path says what it does.
struct Origin {
    address: SocketAddr,
    /// The heads that have come.
    heads: Receiver<http::request::Parts>,
}

impl Origin {
    fn start() -> Self {
        let (tell, told) = channel();
        let (tell_head, heads) = channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    stream.set_nodelay(true).unwrap();
                    let tell_head = tell_head.clone();
                    tokio::spawn(async move {
                        let mut builder = h2::server::Builder::new();
                        builder.enable_connect_protocol();
                        let Ok(mut connection) = builder.handshake(stream).await else { return };
                        // Streams that are refused: the first so many of this connection's `/refuse`.
                        let mut refuses = VecDeque::from([true, false, true, true]);
                        while let Some(Ok((request, respond))) = connection.accept().await {
                            let (head, body) = request.into_parts();
                            let refuse = head.uri.path() == "/refuse" && refuses.pop_front().unwrap();
                            tell_head.send(head.clone()).ok();
                            tokio::spawn(answer(head, body, respond, refuse));
                        }
                    });
                }
            });
        });
        Self { address: told.recv_timeout(PATIENCE).unwrap(), heads }
    }

    fn head(&self) -> http::request::Parts {
        self.heads.recv_timeout(PATIENCE).unwrap()
    }
}

async fn answer(
    head: http::request::Parts,
    mut body: RecvStream,
    mut respond: SendResponse<Bytes>,
    refuse: bool,
) {
    if refuse {
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    }
    let response = |status: u16| http::Response::builder().status(status).body(()).unwrap();
    match head.uri.path() {
        "/hints" => {
            respond.send_informational(response(100)).unwrap();
            let hints = http::Response::builder().status(103).header("link", "</a.css>; rel=preload");
            respond.send_informational(hints.body(()).unwrap()).unwrap();
        }
        "/alone" => {
            // gRPC's answer to a call that has failed: trailers in the place of the head.
            let failed = http::Response::builder()
                .header("grpc-status", "5")
                .header("content-type", "application/grpc");
            respond.send_response(failed.body(()).unwrap(), true).unwrap();
            return;
        }
        "/talk" if head.method == http::Method::CONNECT => {
            // RFC 8441 section 5.
            let talks = http::Response::builder().header("sec-websocket-protocol", "chat");
            let mut send = respond.send_response(talks.body(()).unwrap(), false).unwrap();
            while let Some(Ok(piece)) = body.data().await {
                body.flow_control().release_capacity(piece.len()).unwrap();
                send.send_data(piece, false).unwrap();
            }
            send.send_data(Bytes::new(), true).unwrap();
            return;
        }
        "/talk" => {
            respond.send_response(response(400), true).unwrap();
            return;
        }
        "/closed" => {
            respond.send_response(response(403), true).unwrap();
            return;
        }
        "/stored.css" => {
            let stored = http::Response::builder()
                .header("cache-control", "max-age=60")
                .header("content-type", "text/css")
                .header("content-length", STORED_BYTES);
            let mut send = respond.send_response(stored.body(()).unwrap(), false).unwrap();
            send.send_data(vec![b'x'; STORED_BYTES].into(), true).unwrap();
            return;
        }
        _ => {}
    }
    let mut send = respond.send_response(response(200), false).unwrap();
    while let Some(Ok(piece)) = body.data().await {
        body.flow_control().release_capacity(piece.len()).unwrap();
        send.send_data(piece, false).unwrap();
    }
    let mut trailers = body.trailers().await.ok().flatten().unwrap_or_default();
    trailers.insert("grpc-status", "0".parse().unwrap());
    send.send_trailers(trailers).unwrap();
}

/// The program before this origin, and its access log.
fn before(origin: &Origin, folder: &Folder) -> Up {
    before_with(origin, folder, "cache: {level: bypass}")
}

fn before_with(origin: &Origin, folder: &Folder, zone: &str) -> Up {
    folder.write(&format!(
        "listen:\n  http: [\"127.0.0.1:0\"]\n  https: [\"127.0.0.1:0\"]\ndata_dir: ./data\nworkers: 1\nuser: root\nadmin:\n  listen: off\n\
         log: {{access: {{to: ./access.log}}}}\n\
         zones:\n  - name: test.example\n    hosts: [\"*\"]\n    origins: [\"h2c://{}\"]\n    {zone}\n",
        origin.address
    ));
    folder.up()
}

/// A visitor's connection.
struct Visitor(BufReader<TcpStream>);

/// What it gets: the head's lines, the body, the trailers' lines.
#[derive(Debug, Default)]
struct Answer {
    head: Vec<String>,
    body: Vec<u8>,
    trailers: Vec<String>,
}

impl Visitor {
    fn connect(up: &Up) -> Self {
        let stream = TcpStream::connect(up.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn lines(&mut self) -> Vec<String> {
        let line = |reader: &mut BufReader<TcpStream>| {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        std::iter::from_fn(|| Some(line(&mut self.0)).filter(|line| !line.is_empty())).collect()
    }

    fn answer(&mut self) -> Answer {
        let mut answer = Answer { head: self.lines(), ..Answer::default() };
        if answer.has("transfer-encoding: chunked") {
            while let Some(piece) = self.chunk() {
                answer.body.extend_from_slice(&piece);
            }
            answer.trailers = self.lines();
        } else {
            let length = answer.head.iter().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            });
            answer.body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }

    /// `None` is the last.
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
        if len == 0 {
            return None;
        }
        let mut piece = vec![0; len + 2];
        self.0.read_exact(&mut piece).unwrap();
        piece.truncate(len);
        Some(piece)
    }
}

impl Answer {
    fn status(&self) -> &str {
        &self.head[0][9..12]
    }

    fn has(&self, line: &str) -> bool {
        self.head.iter().any(|found| found.eq_ignore_ascii_case(line))
    }
}

#[test]
fn a_call_of_grpc_streams_both_ways_and_ends_with_trailers() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let mut visitor = Visitor::connect(&up);
    visitor.send(
        "POST /svc/Method HTTP/1.1\r\nHost: test.example\r\nTE: trailers\r\nConnection: TE\r\n\
         Content-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    );
    let head = origin.head();
    assert_eq!(
        (head.headers["te"].as_bytes(), head.headers["via"].as_bytes()),
        (&b"trailers"[..], &b"1.1 rempart"[..])
    );
    assert_eq!(head.uri.to_string(), "http://test.example/svc/Method");
    for gone in ["connection", "transfer-encoding", "content-length"] {
        assert!(!head.headers.contains_key(gone), "{gone}");
    }
    // The answer to the first message is there before the second is sent.
    assert!(visitor.lines().iter().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked")));
    assert_eq!(visitor.chunk().unwrap(), b"first");
    visitor.send("6\r\nsecond\r\n0\r\nX-Sent: yes\r\n\r\n");
    assert_eq!(visitor.chunk().unwrap(), b"second");
    assert_eq!(visitor.chunk(), None);
    let mut trailers = visitor.lines();
    trailers.sort_unstable();
    assert_eq!(trailers, ["grpc-status: 0", "x-sent: yes"]);

    // One that has failed says so in its head.
    let mut visitor = Visitor::connect(&up);
    visitor.send("POST /alone HTTP/1.1\r\nHost: test.example\r\nContent-Length: 0\r\n\r\n");
    let answer = visitor.answer();
    assert!(answer.has("grpc-status: 5") && answer.body.is_empty(), "{answer:?}");
}

#[test]
fn what_the_origin_refuses_is_sent_again_once_with_its_body_whatever_the_method() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let mut visitor = Visitor::connect(&up);
    let post = "POST /refuse HTTP/1.1\r\nHost: test.example\r\nContent-Length: 4\r\n\r\nbody";
    visitor.send(post);
    let answer = visitor.answer();
    assert_eq!((answer.status(), answer.body.as_slice()), ("200", &b"body"[..]));
    assert_eq!(origin.heads.iter().take(2).count(), 2);
    visitor.send(post);
    assert_eq!(visitor.answer().status(), "521");
    assert_eq!(origin.heads.iter().take(2).count(), 2);
    visitor.send("GET /after HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(visitor.answer().status(), "200");
    assert_eq!(origin.head().uri.path(), "/after", "nothing was asked more than twice");
    let line = logged(&folder, |line| line["EdgeResponseStatus"] == 521);
    assert_eq!((&line["Fault"], &line["ClientRequestMethod"]), (&"origin-refused".into(), &"POST".into()));
}

#[test]
fn hints_and_a_body_that_is_waited_for_come_before_the_answer() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let mut visitor = Visitor::connect(&up);
    visitor.send(
        "POST /hints HTTP/1.1\r\nHost: test.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    let mut interims = vec![visitor.lines().remove(0), visitor.lines().remove(0)];
    interims.sort_unstable();
    assert_eq!(interims, ["HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints"]);
    visitor.send("body");
    assert_eq!(visitor.answer().body, b"body");
    assert_eq!(origin.head().headers["expect"], "100-continue");
}

#[test]
fn many_visitors_share_one_connection_and_much_moves_both_ways() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let len = 2 << 20;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut visitor = Visitor::connect(&up);
            scope.spawn(move || {
                visitor.send(&format!(
                    "PUT /echo HTTP/1.1\r\nHost: test.example\r\nContent-Length: {len}\r\n\r\n"
                ));
                let mut sending = visitor.0.get_ref().try_clone().unwrap();
                scope.spawn(move || sending.write_all(&vec![b'x'; len]).unwrap());
                let answer = visitor.answer();
                assert_eq!((answer.status(), answer.body.len()), ("200", len));
            });
        }
    });
    assert_eq!(origin.heads.try_iter().count(), 4);
}

#[test]
fn what_may_be_stored_is_fetched_once_for_all_and_given_from_the_store() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before_with(&origin, &folder, "cache: {level: aggressive}");
    let asking: Vec<Visitor> = (0..8)
        .map(|_| {
            let mut visitor = Visitor::connect(&up);
            visitor.send("GET /stored.css HTTP/1.1\r\nHost: test.example\r\n\r\n");
            visitor
        })
        .collect();
    for mut visitor in asking {
        assert_eq!(visitor.answer().body.len(), STORED_BYTES);
        visitor.send("GET /stored.css HTTP/1.1\r\nHost: test.example\r\n\r\n");
        let answer = visitor.answer();
        assert!(answer.has("cf-cache-status: HIT"), "{:?}", answer.head);
        assert_eq!(answer.body.len(), STORED_BYTES);
    }
    assert_eq!(origin.heads.try_iter().count(), 1);
}

/// What a browser sends for a WebSocket (RFC 6455 section 1.3 has the key and its proof).
fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn is_connect(head: &http::request::Parts) -> bool {
    let protocol = head.extensions.get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str);
    (&head.method, protocol) == (&http::Method::CONNECT, Some("websocket"))
        && head.headers["sec-websocket-version"] == "13"
        && !head.headers.contains_key("sec-websocket-key")
        && !head.headers.contains_key("upgrade")
}

#[test]
fn a_websocket_is_a_stream_to_an_origin_that_has_offered_it() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let mut visitor = Visitor::connect(&up);
    // What it offers is known when it has been spoken to.
    visitor.send("GET /first HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(visitor.answer().status(), "200");
    assert_eq!(origin.head().uri.path(), "/first");
    visitor.send(&upgrade("/talk"));
    let answer = Answer { head: visitor.lines(), ..Answer::default() };
    assert_eq!(answer.status(), "101");
    assert!(answer.has("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer:?}");
    assert!(answer.has("upgrade: websocket") && answer.has("sec-websocket-protocol: chat"), "{answer:?}");
    let head = origin.head();
    assert!(is_connect(&head), "{head:?}");
    for word in ["one", "and another"] {
        visitor.send(word);
        let mut echo = vec![0; word.len()];
        visitor.0.read_exact(&mut echo).unwrap();
        assert_eq!(echo, word.as_bytes());
    }
    visitor.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(visitor.0.read_to_end(&mut Vec::new()).unwrap(), 0);
    let line = logged(&folder, |line| line["ClientRequestPath"] == "/talk");
    assert_eq!((&line["EdgeResponseStatus"], &line["OriginResponseStatus"]), (&101.into(), &200.into()));

    // One that is not wanted is an answer like any other.
    let mut visitor = Visitor::connect(&up);
    visitor.send(&upgrade("/closed"));
    assert_eq!(visitor.answer().status(), "403");
    visitor.send("GET /after HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(visitor.answer().status(), "200");
}

#[test]
fn a_websocket_is_a_stream_on_both_sides() {
    let (origin, folder) = (Origin::start(), Folder::new());
    let up = before(&origin, &folder);
    let own = CertificateDer::from_pem_file(folder.data_dir().join("self-signed.pem")).unwrap();
    let mut visitor = frames::Visitor::connect(up.https.unwrap(), frames::OWN_NAME, &[own]);
    visitor.begin();
    assert_eq!(visitor.get("/first").status(), 200);
    assert_eq!(origin.head().uri.path(), "/first");
    let connect =
        [&[(":method", "CONNECT"), (":protocol", "websocket")], &frames::get("/talk")[1..]].concat();
    let stream = visitor.request(&[connect, vec![("sec-websocket-version", "13")]].concat(), 0);
    visitor.until(|visitor| visitor.answers.get(&stream).is_some_and(|answer| !answer.heads.is_empty()));
    let answer = &visitor.answers[&stream];
    assert_eq!((answer.status(), answer.field("sec-websocket-protocol")), (200, Some("chat")));
    assert_eq!((answer.field("sec-websocket-accept"), answer.field("upgrade")), (None, None));
    assert!(is_connect(&origin.head()));
    visitor.data(stream, b"one", 0);
    visitor.until(|visitor| visitor.answers[&stream].body == b"one");
    visitor.data(stream, b" more", frames::END_STREAM);
    let answer = visitor.answer(stream);
    assert_eq!((answer.text().as_str(), answer.is_ended, answer.reset), ("one more", true, None));
}

#[test]
fn an_origin_that_speaks_no_http2_has_a_fault_of_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
            stream.read_to_end(&mut Vec::new()).ok();
        }
    });
    let (_, heads) = channel();
    let folder = Folder::new();
    let up = before(&Origin { address, heads }, &folder);
    let mut visitor = Visitor::connect(&up);
    visitor.send("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(visitor.answer().status(), "520");
    assert_eq!(
        logged(&folder, |line| line["EdgeResponseStatus"] == 520)["FaultDetail"],
        "HTTP/2 protocol error"
    );
}
