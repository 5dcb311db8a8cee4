//! A bare HTTP/1.1 server: one thread, epoll, httparse. As `floor` it shows what the kernel alone costs; as
//! origin it stands behind every proxy. It answers GET with keep-alive, and nothing more.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};

/// The longest head of a request; a longer one closes the connection.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The largest number of header lines.
const HEADERS_MAX: usize = 100;
/// Marks events of the listening socket; connections are marked by their descriptor.
const LISTENER: u64 = u64::MAX;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The target as it was sent.
    pub target: &'a str,
    /// `Host`, or empty.
    pub host: &'a str,
    /// The connection that it came on, counted from 1.
    pub connection: u64,
    /// Its place on that connection, counted from 1.
    pub nth: u64,
}

/// An answer that is made once: `first`, then `block` over and over until `total` bytes are sent.
#[derive(Debug)]
pub(crate) struct Canned {
    first: Vec<u8>,
    block: Vec<u8>,
    total: usize,
}

impl Canned {
    /// 200 with the block as body, repeated until it is `body_bytes` long.
    #[must_use]
    pub(crate) fn ok(content_type: &str, block: Vec<u8>, body_bytes: usize) -> Self {
        Self::with(content_type, "", block, body_bytes)
    }

    /// The same, with these field lines, each with its line end.
    #[must_use]
    pub(crate) fn with(content_type: &str, fields: &str, block: Vec<u8>, body_bytes: usize) -> Self {
        let mut first = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{fields}Content-Length: {body_bytes}\r\n\r\n"
        )
        .into_bytes();
        let total = first.len() + body_bytes;
        // Head and body in one piece leave in one write.
        first.extend_from_slice(block.get(..body_bytes).unwrap_or(&block));
        Self { first, block, total }
    }

    /// The bytes to send next; empty at the end.
    fn at(&self, sent: usize) -> &[u8] {
        if sent < self.first.len() {
            return self.first.get(sent..).unwrap_or_default();
        }
        let from = (sent - self.first.len()).checked_rem(self.block.len()).unwrap_or(0);
        let to = self.block.len().min(from + (self.total - sent));
        self.block.get(from..to).unwrap_or_default()
    }
}

/// Serves until the process ends. `answer` gives `None` for what does not exist (404).
pub(crate) fn forever(
    listener: &TcpListener,
    mut answer: impl FnMut(&Asked<'_>) -> Option<Rc<Canned>>,
) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let missing = Rc::new(missing());
    let mut connections = Connections::default();
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut input = vec![0; HEAD_BYTES_MAX];
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            if event.data.u64() == LISTENER {
                connections.accept(listener, &epoll)?;
                continue;
            }
            let Some(slot) = connections.slot(event.data.u64()) else { continue };
            let Some(connection) = slot else { continue };
            let mut answer = |asked: &Asked<'_>| answer(asked).unwrap_or_else(|| Rc::clone(&missing));
            if connection.step(event.flags, &epoll, &mut input, &mut answer).is_err() {
                *slot = None;
            }
        }
    }
}

fn missing() -> Canned {
    let first = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    Canned { total: first.len(), first, block: Vec::new() }
}

/// Connections by descriptor, which the kernel keeps small and dense.
#[derive(Default)]
struct Connections {
    by_descriptor: Vec<Option<Connection>>,
    accepted: u64,
}

impl Connections {
    fn accept(&mut self, listener: &TcpListener, epoll: &OwnedFd) -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The visitor has gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let descriptor = usize::try_from(stream.as_raw_fd()).map_err(io::Error::other)?;
            epoll::add(epoll, &stream, EventData::new_u64(descriptor as u64), EventFlags::IN)?;
            self.accepted += 1;
            if descriptor >= self.by_descriptor.len() {
                self.by_descriptor.resize_with(descriptor + 1, || None);
            }
            if let Some(slot) = self.by_descriptor.get_mut(descriptor) {
                *slot = Some(Connection::new(stream, self.accepted));
            }
        }
    }

    fn slot(&mut self, descriptor: u64) -> Option<&mut Option<Connection>> {
        self.by_descriptor.get_mut(usize::try_from(descriptor).ok()?)
    }
}

struct Connection {
    stream: TcpStream,
    id: u64,
    answered: u64,
    /// The beginning of a head whose end has not come.
    begun: Vec<u8>,
    outgoing: VecDeque<(Rc<Canned>, usize)>,
    /// Whether the socket was full, so that we wait for room instead of requests.
    blocked: bool,
    closing: bool,
}

impl Connection {
    fn new(stream: TcpStream, id: u64) -> Self {
        let outgoing = VecDeque::new();
        Self { stream, id, answered: 0, begun: Vec::new(), outgoing, blocked: false, closing: false }
    }

    /// Reads, answers and writes as far as it goes. An error means that the connection is over.
    fn step(
        &mut self,
        ready: EventFlags,
        epoll: &OwnedFd,
        input: &mut [u8],
        answer: &mut impl FnMut(&Asked<'_>) -> Rc<Canned>,
    ) -> io::Result<()> {
        if ready.intersects(EventFlags::ERR) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if ready.intersects(EventFlags::IN | EventFlags::HUP) && !self.blocked {
            self.read(input, answer)?;
        }
        self.write()?;
        let blocked = !self.outgoing.is_empty();
        if blocked != self.blocked {
            self.blocked = blocked;
            let wanted = if blocked { EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(
                epoll,
                &self.stream,
                EventData::new_u64(u64::try_from(self.stream.as_raw_fd()).map_err(io::Error::other)?),
                wanted,
            )?;
        }
        if self.closing && !blocked {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut [u8],
        answer: &mut impl FnMut(&Asked<'_>) -> Rc<Canned>,
    ) -> io::Result<()> {
        let read = match self.stream.read(input) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => input.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.begun.is_empty() {
            let used = self.answer_all(read, answer)?;
            self.begun.extend_from_slice(read.get(used..).unwrap_or_default());
        } else {
            let mut whole = std::mem::take(&mut self.begun);
            whole.extend_from_slice(read);
            let used = self.answer_all(&whole, answer)?;
            whole.drain(..used);
            self.begun = whole;
        }
        if self.begun.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }

    /// Answers every whole request and returns how many bytes they were.
    fn answer_all(
        &mut self,
        input: &[u8],
        answer: &mut impl FnMut(&Asked<'_>) -> Rc<Canned>,
    ) -> io::Result<usize> {
        let mut used = 0;
        while let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty() && !self.closing) {
            let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
            let mut request = httparse::Request::new(&mut []);
            let head = request.parse_with_uninit_headers(rest, &mut headers).map_err(io::Error::other)?;
            let httparse::Status::Complete(head_bytes) = head else { break };
            used += head_bytes;
            if request.method != Some("GET") || named(&request, "content-length").is_some_and(|n| n != b"0") {
                return Err(io::ErrorKind::Unsupported.into());
            }
            self.answered += 1;
            self.closing =
                named(&request, "connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
            let host =
                named(&request, "host").and_then(|host| std::str::from_utf8(host).ok()).unwrap_or_default();
            let target = request.path.unwrap_or_default();
            let asked = Asked { target, host, connection: self.id, nth: self.answered };
            self.outgoing.push_back((answer(&asked), 0));
        }
        Ok(used)
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some((canned, sent)) = self.outgoing.front_mut() {
            match self.stream.write(canned.at(*sent)) {
                Ok(written) => *sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if *sent >= canned.total {
                self.outgoing.pop_front();
            }
        }
        Ok(())
    }
}

fn named<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a [u8]> {
    request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_repeats_its_block() {
        let canned = Canned::ok("text/plain", b"abc".to_vec(), 8);
        let mut sent = Vec::new();
        while sent.len() < canned.total {
            let next = canned.at(sent.len());
            assert!(!next.is_empty(), "nothing after {} of {} bytes", sent.len(), canned.total);
            sent.extend_from_slice(next);
        }
        assert_eq!(sent.len(), canned.total);
        assert!(String::from_utf8(sent).unwrap().ends_with("Content-Length: 8\r\n\r\nabcabcab"));
    }

    #[test]
    fn an_answer_within_the_block_leaves_in_one_piece() {
        let canned = Canned::ok("text/plain", b"abcdef".to_vec(), 4);
        assert_eq!(canned.at(0).len(), canned.total);
    }

    fn serving() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        std::thread::spawn(move || {
            let large = Rc::new(Canned::ok("text/plain", vec![b'x'; 1 << 20], 64 << 20));
            forever(&listener, |asked| match asked.target {
                "/large" => Some(Rc::clone(&large)),
                "/where" => {
                    let body = format!("{} {}.{}\n", asked.host, asked.connection, asked.nth);
                    Some(Rc::new(Canned::ok("text/plain", body.clone().into_bytes(), body.len())))
                }
                _ => None,
            })
        });
        stream
    }

    fn all_of(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn requests_in_one_piece_and_in_bytes_are_answered_in_order() {
        let mut stream = serving();
        stream
            .write_all(b"GET /where HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        for byte in b"GET /where HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n" {
            stream.write_all(&[*byte]).unwrap();
        }
        let text = all_of(stream);
        let places: Vec<usize> =
            ["a 1.1\n", "404 Not Found", "b 1.3\n"].map(|s| text.find(s).expect(s)).into();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn an_answer_larger_than_any_buffer_comes_whole() {
        let mut stream = serving();
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let text = all_of(stream);
        assert_eq!(text.split_once("\r\n\r\n").unwrap().1.len(), 64 << 20);
    }

    #[test]
    fn what_is_no_get_closes_the_connection() {
        let mut stream = serving();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n").unwrap();
        assert_eq!(all_of(stream), "");
    }
}
