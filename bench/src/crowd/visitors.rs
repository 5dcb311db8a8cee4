//! Visitors by the thousand on one thread, each of which checks every byte.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use super::body::Body;
use crate::Outcome;

/// Nobody may hear nothing for so long.
const SILENCE_S_MAX: i64 = 60;
/// How far readers abreast may be apart, in bytes.
const APART_BYTES: u64 = 1 << 20;
/// What may wait in the socket of somebody whose pace counts.
const SOCKET_BYTES: usize = 256 << 10;
const HEAD_BYTES_MAX: usize = 16 << 10;
const PIECE_BYTES: usize = 256 << 10;

/// How a visitor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it comes.
    Free,
    /// Not far before the slowest of those who read so.
    Abreast,
    /// It reads up to here, and waits until it is told to go on.
    Pauses {
        /// In bytes.
        at: u64,
    },
}

/// All of them.
pub(crate) struct Crowd {
    port: u16,
    body: Arc<Body>,
    epoll: OwnedFd,
    visitors: Vec<Visitor>,
    /// How many have not come to their end or their pause.
    reading: usize,
    events: Vec<Event>,
    piece: Vec<u8>,
}

struct Visitor {
    stream: TcpStream,
    head: Vec<u8>,
    /// `None` before the end of the head.
    at: Option<u64>,
    pace: Pace,
    /// What events call it.
    number: u64,
    is_armed: bool,
}

/// How a visitor stands after it has read.
#[derive(PartialEq, Eq)]
enum Stand {
    /// It waits for more.
    Waits,
    /// It has what it wanted, for now or for good.
    Done,
    /// It is too far ahead of others.
    Ahead,
}

impl Crowd {
    pub(crate) fn new(port: u16, body: Arc<Body>) -> Self {
        #[expect(clippy::expect_used, reason = "without epoll nothing here works")]
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
        let (visitors, events, piece) = (Vec::new(), Vec::with_capacity(1024), vec![0; PIECE_BYTES]);
        Self { port, body, epoll, visitors, reading: 0, events, piece }
    }

    /// One more, who asks now.
    pub(crate) fn ask(&mut self, pace: Pace) -> Outcome<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /large.bin HTTP/1.1\r\nHost: crowd.test\r\nConnection: close\r\n\r\n")?;
        if pace != Pace::Free {
            // What waits in sockets does not count: the server is to see them abreast.
            rustix::net::sockopt::set_socket_recv_buffer_size(&stream, SOCKET_BYTES)?;
        }
        stream.set_nonblocking(true)?;
        let number = self.visitors.len() as u64;
        epoll::add(&self.epoll, &stream, EventData::new_u64(number), EventFlags::IN)?;
        self.visitors.push(Visitor { stream, head: Vec::new(), at: None, pace, number, is_armed: true });
        self.reading += 1;
        Ok(())
    }

    /// Those who pause go on.
    pub(crate) fn go_on(&mut self) -> Outcome<()> {
        for visitor in &mut self.visitors {
            if matches!(visitor.pace, Pace::Pauses { .. }) {
                visitor.pace = Pace::Free;
                self.reading += 1;
                visitor.arm(&self.epoll, true)?;
            }
        }
        Ok(())
    }

    /// Reads what is there. False once nobody goes on.
    pub(crate) fn step(&mut self) -> Outcome<bool> {
        if self.reading == 0 {
            return Ok(false);
        }
        self.events.clear();
        let patience = Timespec { tv_sec: SILENCE_S_MAX, tv_nsec: 0 };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&patience)) {
            Ok(0) => {
                return Err(format!("{} visitors hear nothing for {SILENCE_S_MAX} s", self.reading).into());
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let slowest = self.slowest_abreast();
        for event in &self.events {
            let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(visitor) = self.visitors.get_mut(number) else { continue };
            let stand = visitor
                .read(&self.body, &mut self.piece, slowest)
                .map_err(|error| format!("visitor {number} at {:?}: {error}", visitor.at))?;
            match stand {
                Stand::Waits => {}
                Stand::Ahead => visitor.arm(&self.epoll, false)?,
                Stand::Done => {
                    self.reading -= 1;
                    visitor.arm(&self.epoll, false)?;
                }
            }
        }
        self.let_on()?;
        Ok(true)
    }

    /// Wakes those abreast whom the slowest has caught up with.
    fn let_on(&mut self) -> Outcome<()> {
        let Some(slowest) = self.slowest_abreast() else { return Ok(()) };
        for visitor in &mut self.visitors {
            let at = visitor.at.unwrap_or_default();
            let is_ahead = at >= slowest + APART_BYTES;
            if visitor.pace == Pace::Abreast && !visitor.is_armed && at < self.body.bytes && !is_ahead {
                visitor.arm(&self.epoll, true)?;
            }
        }
        Ok(())
    }

    /// Where the slowest of those abreast is; `None` if all have ended, or none reads so.
    fn slowest_abreast(&self) -> Option<u64> {
        let abreast = self.visitors.iter().filter(|visitor| visitor.pace == Pace::Abreast);
        abreast.map(|visitor| visitor.at.unwrap_or_default()).filter(|at| *at < self.body.bytes).min()
    }
}

impl Visitor {
    /// Whether what comes for it is heard of.
    fn arm(&mut self, epoll: &OwnedFd, is_armed: bool) -> io::Result<()> {
        self.is_armed = is_armed;
        if is_armed {
            epoll::add(epoll, &self.stream, EventData::new_u64(self.number), EventFlags::IN)?;
        } else {
            epoll::delete(epoll, &self.stream)?;
        }
        Ok(())
    }

    fn read(&mut self, body: &Body, piece: &mut [u8], slowest: Option<u64>) -> io::Result<Stand> {
        loop {
            let room = match (self.at, self.pace) {
                (Some(at), Pace::Pauses { at: until }) if at >= until => return Ok(Stand::Done),
                (Some(at), Pace::Abreast) if slowest.is_some_and(|slowest| at >= slowest + APART_BYTES) => {
                    return Ok(Stand::Ahead);
                }
                _ => piece.len(),
            };
            let read = match self.stream.read(piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Stand::Waits),
                Err(error) => return Err(error),
            };
            self.take(body, piece.get(..read).unwrap_or_default())?;
            if self.at == Some(body.bytes) {
                return Ok(Stand::Done);
            }
        }
    }

    fn take(&mut self, body: &Body, read: &[u8]) -> io::Result<()> {
        let mut rest = read;
        if self.at.is_none() {
            self.head.extend_from_slice(read);
            let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") else {
                let is_long = self.head.len() > HEAD_BYTES_MAX;
                return if is_long { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) };
            };
            if !self.head.starts_with(b"HTTP/1.1 200 ") {
                let text = String::from_utf8_lossy(&self.head).into_owned();
                return Err(io::Error::other(text));
            }
            let of_body = self.head.len() - (end + 4);
            rest = read.get(read.len().saturating_sub(of_body)..).unwrap_or_default();
            self.head = Vec::new();
            self.at = Some(0);
        }
        while !rest.is_empty() {
            let at = self.at.unwrap_or_default();
            let expected = body.from(at, rest.len());
            if expected.is_empty() || !rest.starts_with(expected) {
                return Err(io::Error::other(format!("wrong bytes in the {} from {at} on", rest.len())));
            }
            rest = rest.get(expected.len()..).unwrap_or_default();
            self.at = Some(at + expected.len() as u64);
        }
        Ok(())
    }
}
