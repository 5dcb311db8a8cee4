//! Reads HTTP/1 messages from a [`Peer`], as plainly as can be: a case's own ends must not be clever.

use crate::case::Extent;
use crate::peer::{Filled, Peer};
use crate::text::show;
use std::time::Instant;

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A message as it was read.
#[derive(Debug, Default)]
pub struct Message {
    /// The first line.
    pub line: Vec<u8>,
    /// Field lines of the head.
    pub fields: Fields,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Field lines after a chunked body.
    pub trailers: Fields,
    /// How the body's end is told.
    pub framing: Framing,
}

/// How the body's end is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// By `Content-Length`.
    Length(usize),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

impl Framing {
    /// The word that a case uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Length(_) => "length",
            Self::Chunked => "chunked",
            Self::Close => "close",
        }
    }
}

/// Why a message could not be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// The connection ended first.
    Ended,
    /// It took too long.
    Late,
    /// The bytes are not a message.
    Malformed(String),
}

/// Reads a head, and the body with it for [`Extent::Whole`] and [`Extent::Truncated`].
///
/// # Errors
/// Why there is no such message; the bytes read so far are in `peer.unread`.
pub fn receive(peer: &mut Peer, extent: Extent, no_body: bool, until: Instant) -> Result<Message, Unread> {
    let mut message = head(peer, no_body, until)?;
    match extent {
        Extent::Head | Extent::Body => {}
        Extent::Whole => body(peer, &mut message, until)?,
        Extent::Truncated => match body(peer, &mut message, until) {
            Err(Unread::Ended) => {}
            Err(other) => return Err(other),
            Ok(()) => return Err(Unread::Malformed("the message is complete".to_owned())),
        },
    }
    Ok(message)
}

/// Reads what follows a head that was read alone.
///
/// # Errors
/// As [`receive`]; what was read of the body is in the message.
pub fn body(peer: &mut Peer, message: &mut Message, until: Instant) -> Result<(), Unread> {
    match message.framing {
        Framing::None => Ok(()),
        Framing::Length(length) => take(peer, length, &mut message.body, until),
        Framing::Chunked => chunks(peer, message, until),
        Framing::Close => loop {
            message.body.append(&mut peer.unread);
            match peer.fill(until) {
                Filled::More => {}
                Filled::End => return Ok(()),
                Filled::Late => return Err(Unread::Late),
            }
        },
    }
}

fn head(peer: &mut Peer, no_body: bool, until: Instant) -> Result<Message, Unread> {
    let mut message = Message { line: line(peer, until)?, ..Message::default() };
    message.fields = fields(peer, until)?;
    message.framing = framing(&message, no_body)?;
    Ok(message)
}

fn fields(peer: &mut Peer, until: Instant) -> Result<Fields, Unread> {
    let mut fields = Vec::new();
    loop {
        let line = line(peer, until)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) else {
            return Err(Unread::Malformed(format!("a field line without a colon: {}", show(&line))));
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        fields.push((name.to_vec(), value.to_vec()));
    }
}

/// RFC 9112 section 6.3.
fn framing(message: &Message, no_body: bool) -> Result<Framing, Unread> {
    let is_response = message.line.starts_with(b"HTTP/");
    let status = message.line.get(9..12).filter(|_| is_response).unwrap_or_default();
    if no_body || status.starts_with(b"1") || status == b"204" || status == b"304" {
        return Ok(Framing::None);
    }
    let codings = values(&message.fields, "transfer-encoding");
    let lengths = values(&message.fields, "content-length");
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) if is_response => Ok(Framing::Close),
        ([], []) => Ok(Framing::None),
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        ([], [length]) => match std::str::from_utf8(length).ok().and_then(|text| text.parse().ok()) {
            Some(length) => Ok(Framing::Length(length)),
            None => Err(Unread::Malformed(format!("Content-Length {}", show(length)))),
        },
        (codings, lengths) => Err(Unread::Malformed(format!(
            "{} Transfer-Encoding and {} Content-Length fields, or an unknown coding",
            codings.len(),
            lengths.len()
        ))),
    }
}

/// All values of a field.
#[must_use]
pub fn values<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    let same = |(at, _): &&(Vec<u8>, Vec<u8>)| at.eq_ignore_ascii_case(name.as_bytes());
    fields.iter().filter(same).map(|(_, value)| value.as_slice()).collect()
}

fn chunks(peer: &mut Peer, message: &mut Message, until: Instant) -> Result<(), Unread> {
    loop {
        let head = line(peer, until)?;
        let digits = head.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(digits).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let Some(size) = size else {
            return Err(Unread::Malformed(format!("a chunk's size is {}", show(&head))));
        };
        if size == 0 {
            message.trailers = fields(peer, until)?;
            return Ok(());
        }
        take(peer, size, &mut message.body, until)?;
        let end = line(peer, until)?;
        if !end.is_empty() {
            return Err(Unread::Malformed(format!("a chunk is followed by {}", show(&end))));
        }
    }
}

/// One line, ended by CR LF, without them.
fn line(peer: &mut Peer, until: Instant) -> Result<Vec<u8>, Unread> {
    let mut looked_at = 0;
    loop {
        let rest = peer.unread.get(looked_at..).unwrap_or_default();
        if let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let mut line: Vec<u8> = peer.unread.drain(..looked_at + at + 2).collect();
            line.truncate(looked_at + at);
            return Ok(line);
        }
        looked_at = peer.unread.len().saturating_sub(1);
        more(peer, until)?;
    }
}

fn take(peer: &mut Peer, length: usize, into: &mut Vec<u8>, until: Instant) -> Result<(), Unread> {
    let want = into.len() + length;
    loop {
        let count = peer.unread.len().min(want - into.len());
        into.extend(peer.unread.drain(..count));
        if into.len() == want {
            return Ok(());
        }
        more(peer, until)?;
    }
}

fn more(peer: &mut Peer, until: Instant) -> Result<(), Unread> {
    match peer.fill(until) {
        Filled::More => Ok(()),
        Filled::End => Err(Unread::Ended),
        Filled::Late => Err(Unread::Late),
    }
}
