//! A program with an admin endpoint, before an origin that answers when the test says so, and its visitors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::Pid;
use serde_json::{Value, json};

use crate::stand::{self, Folder, PATIENCE, Up, ask, text};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Of the zone test.example, as `printf %s test.example | sha256sum | cut -c1-32` says.
pub(crate) const ZONE: &str = "b26ff30fdec0fbd1cbd7d5ccf740a2de";

/// An origin that answers when the test says so.
pub(crate) struct Origin(pub(crate) TcpListener);

/// A request that has come to the origin.
pub(crate) struct Asked {
    pub(crate) stream: TcpStream,
    pub(crate) head: String,
}

impl Origin {
    pub(crate) fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// The next request.
    pub(crate) fn asked(&self) -> Asked {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(lines.read_line(&mut head).unwrap(), 0, "the request ends early: {head}");
        }
        Asked { stream, head }
    }

    /// Whether nobody asks: only when the visitor has its answer already.
    pub(crate) fn assert_not_asked(&self) {
        self.0.set_nonblocking(true).unwrap();
        assert!(self.0.accept().is_err(), "the origin was asked");
        self.0.set_nonblocking(false).unwrap();
    }
}

impl Asked {
    pub(crate) fn say(&mut self, bytes: &str) -> &mut Self {
        self.stream.write_all(bytes.as_bytes()).unwrap();
        self
    }

    /// Answers with what is stored, and is called so.
    pub(crate) fn answer(mut self, body: &str) {
        let length = body.len();
        self.say(&format!("{HEAD}Content-Length: {length}\r\n\r\n{body}"));
    }
}

pub(crate) const HEAD: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\nCache-Tag: blue, Green\r\nConnection: close\r\n";

/// A visitor with a connection of its own.
pub(crate) struct Visitor {
    pub(crate) stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn asks(address: SocketAddr, target: &str) -> Self {
        Self::says(address, "GET", target)
    }

    pub(crate) fn says(address: SocketAddr, method: &str, target: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n")
            .unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "the answer ends early: {head}");
        }
        head
    }

    /// So many bytes of the body.
    pub(crate) fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        text(&bytes)
    }

    /// What is left of an answer.
    pub(crate) fn answer_rest(mut self) -> String {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        text(&rest)
    }

    pub(crate) fn answer(mut self) -> Answer {
        let head = self.head();
        let mut body = Vec::new();
        self.stream.read_to_end(&mut body).unwrap();
        Answer { head, body: text(&body) }
    }
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn cache_status(&self) -> &str {
        self.field("cf-cache-status").unwrap_or("")
    }
}

/// A program with an admin endpoint, before an origin.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) origin: Origin,
    pub(crate) up: Up,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with("admin: {listen: \"127.0.0.1:0\", token_file: token}\n")
    }

    pub(crate) fn with(settings: &str) -> Self {
        let (folder, origin) = (Folder::new(), Origin::start());
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        folder.write(&format!(
            "listen: {{http: [\"127.0.0.1:0\"]}}\ndata_dir: ./data\nworkers: 2\nuser: root\n{settings}\
             zones:\n  - {{name: test.example, hosts: [\"*\"], origins: [\"http://{}\"]}}\n  \
             - {{name: other.example, origins: [\"http://{}\"]}}\n",
            origin.0.local_addr().unwrap(),
            origin.0.local_addr().unwrap(),
        ));
        let up = folder.up();
        Self { folder, origin, up }
    }

    pub(crate) fn visit(&self, target: &str) -> Visitor {
        Visitor::asks(self.up.http, target)
    }

    /// Asks for what must be stored already.
    pub(crate) fn hit(&self, target: &str) -> String {
        let answer = self.visit(target).answer();
        assert_eq!(answer.cache_status(), "HIT", "{answer:?}");
        self.origin.assert_not_asked();
        answer.body
    }

    /// Asks for what must be fetched, and is then stored.
    pub(crate) fn miss(&self, target: &str, body: &str) {
        let visitor = self.visit(target);
        self.origin.asked().answer(body);
        let answer = visitor.answer();
        assert_eq!((answer.cache_status(), &*answer.body), ("MISS", body), "{answer:?}");
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        admin(self.up.edge(), self.up.http)
    }

    pub(crate) fn api(&self, body: &str) -> (u16, Value) {
        let (status, head, body) = call(self.admin(), "POST", ZONE, Some(&format!("Bearer {TOKEN}")), body);
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{head}{body}")))
    }

    pub(crate) fn purge(&self, body: &Value) {
        let (status, answer) = self.api(&body.to_string());
        let expected = json!({"result": {"id": ZONE}, "success": true, "errors": [], "messages": []});
        assert_eq!((status, &answer), (200, &expected), "{body}");
    }

    pub(crate) fn ctl(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let data_dir = self.folder.data_dir();
        let before = ["ctl", "--data-dir", data_dir.to_str().unwrap(), "purge"];
        let output = ask(&[&before, arguments].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }
}

/// Where an edge has its admin endpoint: the listening socket that is none of the visitors'.
pub(crate) fn admin(edge: Pid, http: SocketAddr) -> SocketAddr {
    let folder = format!("/proc/{}/fd", edge.as_raw_nonzero());
    let links =
        std::fs::read_dir(folder).unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let inodes: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listening = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut ports = listening
        .filter(|fields| fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]))
        .map(|fields| u16::from_str_radix(fields[1].split(':').nth(1).unwrap(), 16).unwrap());
    let port = ports.find(|port| *port != http.port()).unwrap();
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn call(
    admin: SocketAddr,
    method: &str,
    zone: &str,
    auth: Option<&str>,
    body: &str,
) -> (u16, String, String) {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let auth = auth.map(|auth| format!("Authorization: {auth}\r\n")).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} /client/v4/zones/{zone}/purge_cache HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n{auth}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let answer = stand::read(stream);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

/// What names the object /css/x.css?v=1 of these tests, in each way.
pub(crate) fn every_way() -> [Value; 5] {
    [
        json!({"purge_everything": true}),
        json!({"files": ["https://test.example/css/x.css?v=1"]}),
        json!({"hosts": ["test.example"]}),
        json!({"prefixes": ["test.example/css"]}),
        json!({"tags": ["GREEN"]}),
    ]
}

pub(crate) const TARGET: &str = "/css/x.css?v=1";
