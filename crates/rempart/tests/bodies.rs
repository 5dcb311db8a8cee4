//! Requests over HTTP/1 whose bodies are held for rules, of which a stage stands here that says what it sees. Over HTTP/2:
//! `http2/held.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "all of it is test code")]

mod stand;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use stand::{Folder, PATIENCE, Up, held};

/// The program before an origin that is played by hand.
struct Site {
    up: Up,
    origin: TcpListener,
    _folder: Folder,
}

impl Site {
    /// With these among the limits.
    fn new(limits: &str) -> Self {
        let folder = Folder::new();
        let origin = TcpListener::bind("127.0.0.1:0").unwrap();
        folder.write(&format!(
            "listen:\n  http: [\"127.0.0.1:0\"]\ndata_dir: ./data\nworkers: 1\nuser: root\nadmin: {{listen: off}}\n\
             log: {{access: {{to: off}}}}\nlimits: {{{limits}}}\nzones:\n  - name: a.test\n    \
             origins: [\"http://{}\"]\n    cache: {{level: bypass}}\n    test_stages: {{hold_body: true}}\n",
            origin.local_addr().unwrap()
        ));
        Self { up: folder.up(), origin, _folder: folder }
    }

    fn visit(&self) -> Peer {
        Peer::new(TcpStream::connect(self.up.http).unwrap())
    }

    /// The next connection to the origin.
    fn accept(&self) -> Peer {
        Peer::new(self.origin.accept().unwrap().0)
    }

    /// Up to now nobody has come to the origin.
    fn is_alone(&self) -> bool {
        self.origin.set_nonblocking(true).unwrap();
        let accepted = self.origin.accept();
        self.origin.set_nonblocking(false).unwrap();
        accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// Either side's end of a connection.
struct Peer(BufReader<TcpStream>);

impl Peer {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// The lines up to an empty one.
    fn head(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "it ends behind {lines:?}");
            match line.trim_end() {
                "" => return lines,
                line => lines.push(line.to_owned()),
            }
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// A chunked body, and its trailers.
    fn chunks(&mut self) -> (Vec<u8>, Vec<String>) {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return (body, self.head());
            }
            body.extend(chunk);
        }
    }

    fn chunk(&mut self) -> Vec<u8> {
        let mut size = String::new();
        self.0.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let chunk = self.bytes(size);
        if size > 0 {
            self.bytes(2);
        }
        chunk
    }

    /// The status of the next answer, which has no body.
    fn status(&mut self) -> String {
        self.head()[0].split(' ').nth(1).unwrap().to_owned()
    }

    fn answer(&mut self) {
        self.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}

fn post(more: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a.test\r\n{more}\r\n\r\n")
}

fn chunked(body: &[u8], trailers: &str) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(300) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(format!("0\r\n{trailers}\r\n").bytes());
    chunks
}

#[test]
fn a_body_is_held_up_to_its_bound_and_goes_to_the_origin_as_it_came() {
    let site = Site::new("body_inspect_bytes_max: 1000");
    let mut visitor = site.visit();
    let mut origin = None;
    for count in [1000, 1001, 50_000] {
        let body = bytes(count);
        let next = post("Content-Length: 2");
        // The next request stands behind it already.
        let all =
            [post(&format!("Content-Length: {count}")).as_bytes(), &body, next.as_bytes(), b"ok"].concat();
        visitor.send(all);
        site.up.line_with(&held(&body[..1000], count, count == 1000));
        let origin = origin.get_or_insert_with(|| site.accept());
        assert!(origin.head().contains(&format!("Content-Length: {count}")));
        assert_eq!(origin.bytes(count), body);
        origin.answer();
        assert_eq!(visitor.status(), "200");
        site.up.line_with(&held(b"ok", 2, true));
        origin.head();
        assert_eq!(origin.bytes(2), b"ok");
        origin.answer();
        assert_eq!(visitor.status(), "200");
    }
}

#[test]
fn chunks_are_held_up_to_the_same_bound_and_their_trailers_follow() {
    let site = Site::new("body_inspect_bytes_max: 1000");
    let mut visitor = site.visit();
    let mut origin = None;
    for count in [1000, 1001] {
        let body = bytes(count);
        visitor
            .send([post("Transfer-Encoding: chunked").as_bytes(), &chunked(&body, "X-Sum: 7\r\n")].concat());
        site.up.line_with(&held(&body[..1000], count, count == 1000));
        let origin = origin.get_or_insert_with(|| site.accept());
        assert!(origin.head().contains(&"Transfer-Encoding: chunked".to_owned()));
        assert_eq!(origin.chunks(), (body, vec!["X-Sum: 7".to_owned()]));
        origin.answer();
        assert_eq!(visitor.status(), "200");
    }
}

#[test]
fn what_has_no_body_is_not_waited_for() {
    let site = Site::new("");
    let mut visitor = site.visit();
    let mut origin = None;
    for head in [post("Content-Length: 0"), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_owned()] {
        visitor.send(head);
        site.up.line_with(&held(b"", 0, true));
        let origin = origin.get_or_insert_with(|| site.accept());
        origin.head();
        origin.answer();
        assert_eq!(visitor.status(), "200");
    }
}

#[test]
fn a_visitor_who_waits_for_100_gets_it_once_and_the_origin_is_not_asked_for_it() {
    let site = Site::new("");
    let mut visitor = site.visit();
    visitor.send(post("Expect: 100-continue\r\nContent-Length: 5"));
    assert_eq!(visitor.head(), ["HTTP/1.1 100 Continue"]);
    assert!(site.is_alone(), "nobody is asked for what is not there");
    visitor.send("hello");
    let mut origin = site.accept();
    let head = origin.head();
    assert!(!head.iter().any(|line| line.starts_with("Expect")), "{head:?}");
    assert_eq!(origin.bytes(5), b"hello");
    origin.send("HTTP/1.1 100 Continue\r\n\r\n");
    origin.answer();
    assert_eq!(visitor.status(), "200", "what the origin says of it is not passed on");
}

#[test]
fn a_body_that_pauses_or_comes_too_slowly_is_refused_before_anybody_is_asked() {
    let slow = "body_rate_min_bytes_per_s: 1000000, rate_grace_ms: 200";
    for limits in ["body_idle_timeout_ms: 200", slow] {
        let site = Site::new(&format!("body_inspect_timeout_ms: 600000, {limits}"));
        let mut visitor = site.visit();
        visitor.send(post("Content-Length: 1000"));
        visitor.send("hello");
        assert_eq!(visitor.status(), "408", "{limits}");
        assert!(site.is_alone());
    }
}

#[test]
fn a_body_beyond_its_own_bound_or_malformed_is_refused_before_anybody_is_asked() {
    let site = Site::new("body_bytes_max: 1000");
    for (chunks, status) in [(chunked(&bytes(1001), ""), "413"), (b"5\r\nhello\r\nx\r\n".to_vec(), "400")] {
        let mut visitor = site.visit();
        visitor.send([post("Transfer-Encoding: chunked").as_bytes(), &chunks].concat());
        assert_eq!(visitor.status(), status);
    }
    assert!(site.is_alone());
}

#[test]
fn a_stream_that_sends_a_little_and_waits_is_looked_at_as_it_is() {
    let site = Site::new("body_inspect_timeout_ms: 200");
    let mut visitor = site.visit();
    visitor.send(post("Transfer-Encoding: chunked"));
    visitor.send("5\r\nhello\r\n");
    site.up.line_with(&held(b"hello", 5, false));
    let mut origin = site.accept();
    origin.head();
    assert_eq!(origin.chunk(), b"hello");
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n");
    assert_eq!(visitor.status(), "200");
    assert_eq!(visitor.chunk(), b"yes");
    visitor.send("6\r\n world\r\n0\r\n\r\n");
    assert_eq!(origin.chunks().0, b" world");
    origin.send("2\r\nok\r\n0\r\n\r\n");
    assert_eq!(visitor.chunks().0, b"ok");
}

#[test]
fn a_visitor_who_leaves_while_its_body_is_held_costs_the_origin_nothing() {
    let site = Site::new("");
    for said in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut left = site.visit();
        left.send(post(said));
        left.send("5\r\nhello\r\n");
        drop(left);
    }
    let mut visitor = site.visit();
    visitor.send(post("X-Stays: yes\r\nContent-Length: 0"));
    let mut origin = site.accept();
    assert!(origin.head().contains(&"X-Stays: yes".to_owned()));
    origin.answer();
    assert_eq!(visitor.status(), "200");
    assert!(site.is_alone());
}

#[test]
fn what_was_held_can_be_sent_again_however_little_is_kept_for_that() {
    let site = Site::new("replay_bytes_max: 0");
    let mut visitor = site.visit();
    let body = bytes(5000);
    let put = [post("Content-Length: 5000").replace("POST", "PUT").as_bytes(), &body].concat();
    visitor.send(&put);
    let mut origin = site.accept();
    origin.head();
    assert_eq!(origin.bytes(5000), body);
    origin.answer();
    assert_eq!(visitor.status(), "200");
    visitor.send(&put);
    origin.head();
    // It closes a connection that was idle, as the request comes.
    drop(origin);
    let mut origin = site.accept();
    origin.head();
    assert_eq!(origin.bytes(5000), body);
    origin.answer();
    assert_eq!(visitor.status(), "200");
}

#[test]
fn beyond_what_the_process_may_hold_a_request_is_put_off_until_others_have_gone() {
    let site = Site::new("body_inspect_bytes_max: 1048576, body_inspect_total_bytes_max: 1048576");
    let (body, rest) = (bytes(600 << 10), bytes(100 << 10));
    let mut visitors = [site.visit(), site.visit()];
    for visitor in &mut visitors {
        visitor.send(post(&format!("Content-Length: {}", 700 << 10)));
        visitor.send(&body);
    }
    // Both wait for the rest of their bodies, and together they are too much.
    let refused = loop {
        let has_answer = |visitor: &Peer| {
            let stream = visitor.0.get_ref();
            stream.set_nonblocking(true).unwrap();
            let peeked = stream.peek(&mut [0]).is_ok();
            stream.set_nonblocking(false).unwrap();
            peeked
        };
        if let Some(refused) = visitors.iter().position(has_answer) {
            break refused;
        }
        std::thread::yield_now();
    };
    let head = visitors[refused].head();
    assert!(head[0].contains(" 503 ") && head.contains(&"Retry-After: 1".to_owned()), "{head:?}");
    let held = &mut visitors[1 - refused];
    for again in 0..3 {
        if again > 0 {
            held.send(post(&format!("Content-Length: {}", 700 << 10)));
            held.send(&body);
        }
        held.send(&rest);
        let mut origin = site.accept();
        origin.head();
        assert_eq!(origin.bytes(700 << 10), [&body[..], &rest].concat());
        // Each on a connection of its own, so that the next is accepted.
        origin.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(held.status(), "200", "what was held before is given back");
    }
}
