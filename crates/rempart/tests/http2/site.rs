//! The program before an origin of HTTP/1 that notes all that reaches it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use socket2::{Domain, Socket, Type};

use crate::stand::{Folder, PATIENCE, Up};
use crate::visitor::{NAME, OWN_NAME, Visitor};

/// Everything that a test needs.
pub(crate) struct Site {
    pub(crate) up: Up,
    pub(crate) origin: Origin,
    pub(crate) folder: Folder,
    certificates: Vec<CertificateDer<'static>>,
    held: Vec<Socket>,
}

impl Site {
    /// With these lines among the limits (`keepalive_timeout_ms: 100, …`).
    pub(crate) fn new(limits: &str) -> Self {
        Self::with(limits, "")
    }

    /// With these lines in the configuration too.
    pub(crate) fn with(limits: &str, more: &str) -> Self {
        Self::at(limits, more, "", None)
    }

    /// With zones that hold bodies.
    #[cfg(feature = "fault")]
    pub(crate) fn holding(limits: &str) -> Self {
        Self::at(limits, "", "    test_stages: {hold_body: true}\n", None)
    }

    /// Before an origin to which no connection comes about, and that nobody gives up.
    pub(crate) fn before_nobody() -> Self {
        // The kernel drops who would be one too many.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting: Vec<Socket> = (0..3)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&address.into());
                socket
            })
            .collect();
        let mut site = Self::at("", "", "", Some(address));
        site.held = waiting.into_iter().chain([listener]).collect();
        site
    }

    fn at(limits: &str, more: &str, of_zones: &str, other: Option<SocketAddr>) -> Self {
        let origin = Origin::start();
        let address = other.unwrap_or(origin.address);
        let patience = if other.is_some() { 120_000 } else { 5000 };
        let folder = Folder::new();
        let certificates = [("one", vec![NAME, "second.example"]), ("other", vec!["other.example"])]
            .map(|(file, names)| certificate(&folder, file, names));
        let zone = |name: &str, hosts: &str, file: &str| {
            format!(
                "  - name: {name}\n    hosts: [{hosts}]\n    origins: [\"http://{}\"]\n    \
                 certificates: [{{cert: ./{file}.pem, key: ./{file}.key}}]\n    \
                 upstream: {{connect_timeout_ms: {patience}}}\n{of_zones}",
                address
            )
        };
        folder.write(&format!(
            "listen: {{http: [\"127.0.0.1:0\"], https: [\"127.0.0.1:0\"]}}\ndata_dir: ./data\nworkers: 1\nuser: root\n\
             admin: {{listen: off}}\nlog: {{access: {{to: ./access.log}}}}\nlimits: {{drain_timeout_ms: 20000, {limits}}}\n{more}\
             zones:\n{}{}{}",
            zone(NAME, NAME, "one"),
            zone("second.example", "second.example", "one"),
            zone("other.example", "other.example", "other"),
        ));
        Self { up: folder.up(), origin, folder, certificates: certificates.into(), held: Vec::new() }
    }

    /// A connection for the first zone.
    pub(crate) fn visit(&self) -> Visitor {
        let mut visitor = self.connect();
        visitor.begin();
        visitor
    }

    /// The same, on which nothing was said.
    pub(crate) fn connect(&self) -> Visitor {
        Visitor::connect(self.up.https.unwrap(), NAME, &self.certificates)
    }

    /// The same, without a name that TLS is asked for.
    pub(crate) fn connect_unnamed(&self) -> Visitor {
        let own = CertificateDer::from_pem_file(self.folder.data_dir().join("self-signed.pem")).unwrap();
        Visitor::connect(self.up.https.unwrap(), OWN_NAME, &[own])
    }
}

fn certificate(folder: &Folder, file: &str, names: Vec<&str>) -> CertificateDer<'static> {
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.path().join(format!("{file}.pem")), made.cert.pem()).unwrap();
    fs::write(folder.path().join(format!("{file}.key")), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// A request that has reached the origin.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Its first line and fields.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: String,
}

impl Asked {
    /// The values of a field.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// Runs as long as the test does.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    notes: Arc<Notes>,
    arrived: Receiver<String>,
    whole: Receiver<Asked>,
    gone: Receiver<String>,
    release: Sender<()>,
}

struct Notes {
    /// The heads that have come.
    heads: Mutex<Vec<String>>,
    arrived: Sender<String>,
    whole: Sender<Asked>,
    gone: Sender<String>,
    released: Mutex<Receiver<()>>,
}

impl Origin {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((tell_arrived, arrived), (tell_whole, whole), (tell_gone, gone)) =
            (channel(), channel(), channel());
        let (release, released) = channel();
        let notes = Arc::new(Notes {
            heads: Mutex::default(),
            arrived: tell_arrived,
            whole: tell_whole,
            gone: tell_gone,
            released: Mutex::new(released),
        });
        let shared = Arc::clone(&notes);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let notes = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &notes));
            }
        });
        Self { address, notes, arrived, whole, gone, release }
    }

    /// The first lines of all requests whose heads have come.
    pub(crate) fn lines(&self) -> Vec<String> {
        let heads = self.notes.heads.lock().unwrap();
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// Waits for the head of a request; its target.
    pub(crate) fn arrived(&self) -> String {
        self.arrived.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for the end of a request.
    pub(crate) fn whole(&self) -> Asked {
        self.whole.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits until a connection ended under a request for `/watched` or `/flood`; its target.
    pub(crate) fn gone(&self) -> String {
        self.gone.recv_timeout(PATIENCE).unwrap()
    }

    /// Lets one request for `/held…` be answered.
    pub(crate) fn release(&self) {
        self.release.send(()).unwrap();
    }
}

fn serve(mut stream: TcpStream, notes: &Notes) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = section(&mut reader) {
        notes.heads.lock().unwrap().push(head.clone());
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        notes.arrived.send(target.clone()).ok();
        if target.starts_with("/watched") {
            let _ = reader.read_to_end(&mut Vec::new());
            notes.gone.send(target).ok();
            return;
        }
        let Some((body, trailers)) = body(&mut reader, &head) else {
            notes.gone.send(target).ok();
            return;
        };
        if target.starts_with("/held") {
            notes.released.lock().unwrap().recv().ok();
        }
        let asked = Asked { head, body, trailers };
        let is_upgrade = target.starts_with("/talk");
        let has_sent =
            if target.starts_with("/flood") { flood(&stream) } else { answer(&stream, &target, &asked) };
        notes.whole.send(asked).ok();
        if is_upgrade {
            echo(&mut reader, &mut stream);
        }
        if !has_sent || is_upgrade {
            notes.gone.send(target).ok();
            return;
        }
    }
}

/// Lines up to an empty one.
fn section(reader: &mut impl BufRead) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let begin = text.len();
        match reader.read_until(b'\n', &mut text) {
            Ok(1..) if text[begin..] == *b"\r\n" => {
                text.truncate(begin);
                return Some(text.iter().map(|byte| char::from(*byte)).collect());
            }
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
}

/// A request's body and trailers, if they come to their end.
fn body(reader: &mut impl BufRead, head: &str) -> Option<(Vec<u8>, String)> {
    let lower = head.to_ascii_lowercase();
    let mut body = Vec::new();
    if lower.contains("transfer-encoding: chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim_end(), 16).ok()?;
            if size == 0 {
                return Some((body, section(reader)?));
            }
            let begin = body.len();
            body.resize(begin + size, 0);
            reader.read_exact(&mut body[begin..]).ok()?;
            reader.read_exact(&mut [0; 2]).ok()?;
        }
    }
    if let Some((_, length)) = lower.split_once("content-length: ") {
        body.resize(length.lines().next()?.parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some((body, String::new()))
}

fn flood(mut stream: &TcpStream) -> bool {
    let head =
        format!("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\r\n", u64::MAX / 2);
    let mut left = stream.write_all(head.as_bytes()).is_ok();
    while left {
        left = stream.write_all(&[b'x'; 64 * 1024]).is_ok();
    }
    false
}

fn echo(reader: &mut impl BufRead, stream: &mut TcpStream) {
    while let Ok(bytes @ [_, ..]) = reader.fill_buf() {
        let count = bytes.len();
        if stream.write_all(bytes).is_err() {
            return;
        }
        reader.consume(count);
    }
}

/// What proves that a key was read.
fn proof(key: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let bits: String = hash.as_ref().iter().map(|byte| format!("{byte:08b}")).collect();
    let letters = (0..bits.len()).step_by(6).map(|at| format!("{:0<6}", &bits[at..bits.len().min(at + 6)]));
    let text: String =
        letters.map(|six| char::from(LETTERS[usize::from_str_radix(&six, 2).unwrap()])).collect();
    // 20 bytes are 27 letters.
    text + "="
}

/// Answers by the target. Whether that was possible.
fn answer(mut stream: &TcpStream, target: &str, asked: &Asked) -> bool {
    let text = match target {
        "/trailers" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
                        5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 11\r\nx-more: yes\r\n\r\n"
            .to_owned(),
        "/broken" => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 9\r\n\r\nhello");
            return false;
        }
        "/large-head" => {
            let fields: String = (0..30).map(|number| format!("X-{number}: {}\r\n", "v".repeat(3000))).collect();
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok")
        }
        "/hop-by-hop" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop, keep-alive\r\nX-Hop: 1\r\n\
                          Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: trailers\r\nX-UPPER: Yes\r\n\r\nok"
            .to_owned(),
        "/until-close" => {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil close");
            return false;
        }
        "/204" => "HTTP/1.1 204 No Content\r\nX-Way: none\r\n\r\n".to_owned(),
        "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".to_owned(),
        "/206" => {
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\ncde"
                .to_owned()
        }
        _ if target.starts_with("/talk") => {
            // RFC 6455 section 4.2.2.
            let proof = match target {
                "/talk/unproven" => String::new(),
                "/talk/wrong" => format!("Sec-WebSocket-Accept: {}\r\n", proof("another key")),
                _ => format!("Sec-WebSocket-Accept: {}\r\n", proof(asked.values("sec-websocket-key")[0])),
            };
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
                 {proof}Sec-WebSocket-Protocol: chat\r\n\r\n"
            )
        }
        _ => {
            let cached =
                if target.contains(".css") { "max-age=100\r\nETag: \"1\"" } else { "no-store" };
            let priority = match target.rsplit_once("?priority=") {
                Some((_, said)) => format!("Priority: {said}\r\n"),
                None => String::new(),
            };
            let body = match target.strip_prefix("/bytes/") {
                Some(rest) => {
                    let count: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    "x".repeat(count.parse().unwrap_or(0))
                }
                None => "from the origin".to_owned(),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nCache-Control: {cached}\r\n{priority}Content-Length: {}\r\n\r\n",
                body.len()
            );
            if asked.head.starts_with("HEAD ") { head } else { head + &body }
        }
    };
    stream.write_all(text.as_bytes()).is_ok()
}
