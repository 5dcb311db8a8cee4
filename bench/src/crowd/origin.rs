//! An origin that counts: one object, with a strong validator, whole or in single ranges.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::body::Body;
use crate::Outcome;

const ETAG: &str = "\"crowd-1\"";
const HEAD_BYTES_MAX: usize = 64 << 10;
const PIECE_BYTES: usize = 256 << 10;

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Requests for all of it.
    pub(crate) whole: usize,
    /// The ranges of the others.
    pub(crate) ranges: Vec<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the origin was asked {} times for all of it", self.whole)?;
        let few: Vec<_> = self.ranges.iter().take(8).map(String::as_str).collect();
        if few.is_empty() {
            Ok(())
        } else {
            write!(f, " and {} times for {}", self.ranges.len(), few.join(", "))
        }
    }
}

/// Serves on threads that end with the process. It answers nobody before it is told to begin.
pub(crate) struct Origin {
    pub(crate) port: u16,
    desk: Arc<Desk>,
}

struct Desk {
    body: Arc<Body>,
    seen: Mutex<Seen>,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Origin {
    pub(crate) fn start(body: Arc<Body>) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (seen, is_open, opened) = (Mutex::default(), Mutex::default(), Condvar::new());
        let desk = Arc::new(Desk { body, seen, is_open, opened });
        let behind = Arc::clone(&desk);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let desk = Arc::clone(&behind);
                // The peer may leave whenever it likes.
                thread::spawn(move || desk.converse(stream).ok());
            }
        });
        Ok(Self { port, desk })
    }

    /// Answers from now on.
    pub(crate) fn begin(&self) {
        *self.desk.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.desk.opened.notify_all();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.desk.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Desk {
    /// Counts a request, and waits until it may be answered.
    fn note(&self, range: Option<&str>) {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match range {
                Some(range) => seen.ranges.push(range.to_owned()),
                None => seen.whole += 1,
            }
        }
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }

    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let body = &*self.body;
        let mut input = Vec::new();
        while let Some(head) = next_head(&mut stream, &mut input)? {
            if head.starts_with("HEAD ") {
                // Rempart itself, which tries a zone that nobody visits.
                write!(stream, "HTTP/1.1 204 No Content\r\n\r\n")?;
                continue;
            }
            let range = field(&head, "range").map(str::to_owned);
            self.note(range.as_deref());
            let is_same = field(&head, "if-range").is_none_or(|tag| tag == ETAG);
            let (first, end, status) = match range.and_then(|range| part(&range, body.bytes)) {
                Some((first, end)) if is_same => (first, end, "206 Partial Content"),
                _ => (0, body.bytes, "200 OK"),
            };
            let content_range = if status.starts_with("206") {
                format!("Content-Range: bytes {first}-{}/{}\r\n", end - 1, body.bytes)
            } else {
                String::new()
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nETag: {ETAG}\r\nAccept-Ranges: bytes\r\n\
             Cache-Control: public, max-age=86400\r\n{content_range}Content-Length: {}\r\n\r\n",
                end - first
            )?;
            let mut at = first;
            while at < end {
                let piece = body.from(at, PIECE_BYTES.min(usize::try_from(end - at).unwrap_or(usize::MAX)));
                stream.write_all(piece)?;
                at += piece.len() as u64;
            }
        }
        Ok(())
    }
}

fn next_head(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Option<String>> {
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = input.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        let read = stream.read(&mut piece)?;
        if read == 0 || input.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
        input.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.split_once(':').filter(|(found, _)| found.eq_ignore_ascii_case(name));
    head.lines().find_map(value).map(|(_, value)| value.trim())
}

/// A single range, as (first, end).
fn part(range: &str, bytes: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, end) = match (first, last) {
        ("", count) => (bytes.saturating_sub(count.parse().ok()?), bytes),
        (first, "") => (first.parse().ok()?, bytes),
        (first, last) => (first.parse().ok()?, bytes.min(last.parse::<u64>().ok()?.saturating_add(1))),
    };
    (first < end).then_some((first, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_understood() {
        for (range, found) in [
            ("bytes=0-0", Some((0, 1))),
            ("bytes=5-", Some((5, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=5-99", Some((5, 10))),
            ("bytes=10-", None),
            ("bytes=1-2,4-5", None),
        ] {
            assert_eq!(part(range, 10), found, "{range}");
        }
    }
}
