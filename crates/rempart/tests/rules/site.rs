//! The program with rules before an origin that says what it was asked.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use serde_json::Value;

use crate::stand::{Folder, PATIENCE, Up, text};
use crate::visitor::{END_STREAM, NAME, Visitor};

/// How a visitor speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Http1,
    Http2,
}

/// Both of them: what holds for one has to hold for the other.
pub(crate) const WAYS: [Way; 2] = [Way::Http1, Way::Http2];

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The first value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Every value of a field.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let own = self.fields.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.as_str()).collect()
    }
}

/// Everything that a test needs.
pub(crate) struct Site {
    pub(crate) up: Up,
    pub(crate) origin: Origin,
    pub(crate) folder: Folder,
    certificates: Vec<CertificateDer<'static>>,
}

impl Site {
    /// A zone with these lines (`rulesets: …`), which begin at the margin.
    pub(crate) fn new(zone: &str) -> Self {
        Self::with("", zone)
    }

    /// With these lines for all zones too (`account: …`).
    pub(crate) fn with(all: &str, zone: &str) -> Self {
        Self::before(&Origin::start(), all, zone)
    }

    /// Before an origin that may be gone.
    pub(crate) fn before(origin: &Origin, all: &str, zone: &str) -> Self {
        let folder = Folder::new();
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(folder.path().join("one.pem"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("one.key"), made.signing_key.serialize_pem()).unwrap();
        let zone: String = zone.lines().map(|line| format!("    {line}\n")).collect();
        folder.write(&format!(
            "listen: {{http: [\"127.0.0.1:0\"], https: [\"127.0.0.1:0\"]}}\ndata_dir: ./data\nworkers: 1\nuser: root\n\
             admin: {{listen: off}}\nlog: {{access: {{to: ./access.log}}}}\n{all}\nzones:\n  - name: {NAME}\n    \
             hosts: [\"*\"]\n    origins: [\"http://{}\"]\n    certificates: [{{cert: ./one.pem, key: ./one.key}}]\n\
             {zone}",
            origin.address
        ));
        let up = folder.up();
        Self { up, origin: origin.clone(), folder, certificates: vec![made.cert.der().clone()] }
    }

    /// The answer to a GET.
    pub(crate) fn get(&self, way: Way, target: &str) -> Answer {
        self.ask(way, "GET", target, &[])
    }

    /// The answer to a request without a body.
    pub(crate) fn ask(&self, way: Way, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(way, method, target, fields, b"")
    }

    /// The answer to a request.
    pub(crate) fn send(
        &self,
        way: Way,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        match way {
            Way::Http1 => {
                let mut stream = TcpStream::connect(self.up.http).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                write(&mut stream, method, target, fields, body);
                read(&mut BufReader::new(stream), method).unwrap()
            }
            Way::Http2 => self.send_http2(method, target, fields, body),
        }
    }

    fn send_http2(&self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut visitor = self.visit();
        let host = fields.iter().find(|(name, _)| *name == "host").map_or(NAME, |(_, value)| value);
        let pseudo = [(":method", method), (":scheme", "https"), (":authority", host), (":path", target)];
        let others: Vec<(&str, &str)> = fields.iter().filter(|(name, _)| *name != "host").copied().collect();
        let length = body.len().to_string();
        let framing = [("content-length", length.as_str())];
        let framing: &[(&str, &str)] = if body.is_empty() { &[] } else { &framing };
        let flags = if body.is_empty() { END_STREAM } else { 0 };
        let stream = visitor.request(&[&pseudo, others.as_slice(), framing].concat(), flags);
        if !body.is_empty() {
            visitor.data(stream, body, END_STREAM);
        }
        let answer = visitor.answer(stream);
        let head = answer.heads.last().unwrap_or_else(|| panic!("there is no answer: {answer:?}"));
        let fields = head.iter().filter(|(name, _)| !name.starts_with(':')).cloned().collect();
        Answer { status: answer.status(), fields, body: answer.text() }
    }

    /// A connection of HTTP/2.
    pub(crate) fn visit(&self) -> Visitor {
        let mut visitor = Visitor::connect(self.up.https.unwrap(), NAME, &self.certificates);
        visitor.begin();
        visitor
    }

    /// A connection of HTTP/1.1.
    pub(crate) fn connect(&self) -> (TcpStream, BufReader<TcpStream>) {
        let stream = TcpStream::connect(self.up.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        (stream, reader)
    }

    /// The line of the access log of which this is so, once it is there.
    pub(crate) fn logged(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = now();
        loop {
            let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.find(&is_it) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE, "{log}");
            std::thread::yield_now();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's patience has an end")]
fn now() -> Instant {
    Instant::now()
}

/// Writes a request of HTTP/1.1.
pub(crate) fn write(
    stream: &mut TcpStream,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) {
    let host = if fields.iter().any(|(name, _)| *name == "host") { "" } else { "Host: test.example\r\n" };
    let more: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {target} HTTP/1.1\r\n{host}{more}{length}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
}

/// Reads an answer of HTTP/1.1; `None`: the connection has ended.
pub(crate) fn read(reader: &mut impl BufRead, method: &str) -> Option<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut fields: Vec<(String, String)> = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) => fields.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, fields, body: String::new() };
    if method == "HEAD" || matches!(status, 204 | 304) {
        return Some(answer);
    }
    let mut body = Vec::new();
    if let Some(length) = answer.field("content-length") {
        body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut body).unwrap();
    } else {
        reader.read_to_end(&mut body).unwrap();
    }
    answer.body = text(&body);
    Some(answer)
}

/// Answers with the head that it was sent, in the body; runs as long as the test does.
///
/// | target begins with | answer |
/// | --- | --- |
/// | `/status/NNN` | with this status |
/// | `/css…` | may be stored for 100 s, with `ETag`, `Set-Cookie: a=1` if `cookie` is in it |
/// | else | may not be stored |
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heads = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &heads));
            }
        });
        Self { address, heads }
    }

    /// One that refuses connections.
    pub(crate) fn gone() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, heads: Arc::default() }
    }

    /// The first lines of all that has come, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

fn serve(mut stream: TcpStream, heads: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((head, length)) = head(&mut reader) {
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        heads.lock().unwrap().push(head.clone());
        let target = head.split(' ').nth(1).unwrap_or_default();
        let status = target.strip_prefix("/status/").and_then(|rest| rest.get(..3)).unwrap_or("200");
        let stored = if target.starts_with("/css") {
            "Cache-Control: max-age=100\r\nETag: \"1\"\r\nLast-Modified: Mon, 02 Jan 2023 00:00:00 GMT\r\n"
        } else if status == "200" {
            "Cache-Control: no-store\r\n"
        } else {
            ""
        };
        let cookie = if target.contains("cookie") { "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" } else { "" };
        let answer = format!(
            "HTTP/1.1 {status} Said\r\nContent-Type: text/plain\r\nX-Powered-By: an origin\r\n{stored}{cookie}\
             Content-Length: {}\r\n\r\n",
            head.len()
        );
        let body = if head.starts_with("HEAD ") { "" } else { &head };
        if stream.write_all((answer + body).as_bytes()).is_err() {
            return;
        }
    }
}

/// A head, and how long the body is.
fn head(reader: &mut impl BufRead) -> Option<(String, usize)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        if line == "\r\n" {
            return Some((head, length));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
}
