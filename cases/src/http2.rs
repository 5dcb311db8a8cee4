//! A visitor of HTTP/2, frame by frame (RFC 9113) and as plain as the one of HTTP/1: what a case asks for goes out as a
//! head and a body, and each answer is a message.

mod frames;
mod request;

use self::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_BYTES_MAX, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, block, frame, head,
};
pub use self::request::Request;
use crate::case::Extent;
use crate::message::{Fields, Framing, Message, Unread, values};
use crate::peer::{Filled, Peer};
use crate::text::show;
use rempart_http2::hpack::{Decoded, Decoder, Sink};
use std::collections::VecDeque;
use std::time::Instant;

/// What is begun with (section 3.4), our SETTINGS with it: none.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Of a stream and of a connection, unless another is said.
const WINDOW_BYTES: i64 = 65_535;
/// Fields that belong to a connection of HTTP/1 (section 8.2.2).
const OF_HTTP1: [&[u8]; 5] =
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];

/// What one connection is about.
pub struct Talk {
    decoder: Decoder,
    /// A head whose end has not come: its stream, whether that ends with it, its block.
    block: Option<(u32, bool, Vec<u8>)>,
    next_stream: u32,
    /// Those whose answers were not received, in the order in which they were asked for.
    streams: VecDeque<Stream>,
    window: i64,
    /// Of a new stream.
    initial_window: i64,
    /// Nothing more is sent.
    is_finished: bool,
}

/// One request and what came of it.
struct Stream {
    id: u32,
    is_head: bool,
    window: i64,
    /// Heads that were not received: interim ones and the final one.
    heads: VecDeque<Message>,
    /// Whether the final head was received.
    is_begun: bool,
    has_final: bool,
    body: Vec<u8>,
    trailers: Fields,
    is_ended: bool,
    /// The code of its reset.
    reset: Option<u32>,
}

impl Talk {
    /// Begins on a new connection.
    ///
    /// # Errors
    /// Says how the connection failed.
    pub fn begin(peer: &mut Peer, until: Instant) -> Result<Self, String> {
        peer.write(PREFACE, until)?;
        Ok(Self {
            decoder: Decoder::new(4096),
            block: None,
            next_stream: 1,
            streams: VecDeque::new(),
            window: WINDOW_BYTES,
            initial_window: WINDOW_BYTES,
            is_finished: false,
        })
    }

    /// Sends a request, as far as it is taken: an answer may come before its end.
    ///
    /// # Errors
    /// Says how the connection failed, or that nothing more is taken.
    pub fn ask(&mut self, peer: &mut Peer, request: &Request, until: Instant) -> Result<(), String> {
        let id = self.next_stream;
        self.next_stream += 2;
        let is_head = request.fields.first().is_some_and(|(_, method)| method == b"HEAD");
        self.streams.push_back(Stream::new(id, is_head, self.initial_window));
        let ends = if request.body.is_empty() { END_STREAM } else { 0 };
        peer.write(&head(id, &block(&request.fields), ends), until)?;
        let mut left = request.body.as_slice();
        while !left.is_empty() {
            let stream =
                self.streams.iter().find(|stream| stream.id == id).filter(|stream| !stream.is_over());
            let Some(stream) = stream else { return Ok(()) };
            let room = usize::try_from(self.window.min(stream.window)).unwrap_or(0);
            let (piece, rest) = left.split_at(left.len().min(room).min(FRAME_BYTES_MAX));
            if piece.is_empty() {
                self.more(peer, until).map_err(|unread| format!("no room for the body: {unread:?}"))?;
                continue;
            }
            peer.write(&frame(DATA, if rest.is_empty() { END_STREAM } else { 0 }, id, piece), until)?;
            self.window -= count(piece.len());
            if let Some(stream) = self.stream(id) {
                stream.window -= count(piece.len());
            }
            left = rest;
        }
        Ok(())
    }

    /// Closes the sending half.
    pub fn finish(&mut self, peer: &mut Peer) {
        self.is_finished = true;
        peer.finish();
    }

    /// Receives the next message in the order in which they were asked for, or what is left of the one whose head was
    /// received.
    ///
    /// # Errors
    /// Why there is no such message.
    pub fn receive(
        &mut self,
        peer: &mut Peer,
        extent: Extent,
        begun: Option<Message>,
        until: Instant,
    ) -> Result<Message, Unread> {
        if extent == Extent::Body {
            let message = begun.ok_or_else(|| Unread::Malformed("no head was received".to_owned()))?;
            return self.rest(peer, extent, message, until);
        }
        if self.streams.front().is_some_and(|stream| stream.is_begun) {
            self.streams.pop_front();
        }
        loop {
            let stream = self.streams.front_mut();
            let stream = stream.ok_or_else(|| Unread::Malformed("nothing was asked for".to_owned()))?;
            if let Some(message) = stream.heads.pop_front() {
                let is_final = !message.line.starts_with(b"HTTP/2 1");
                stream.is_begun = is_final;
                if extent == Extent::Head || !is_final {
                    return Ok(message);
                }
                return self.rest(peer, extent, message, until);
            }
            if let Some(code) = stream.reset {
                return Err(Unread::Malformed(format!("the stream was reset with code {code}")));
            }
            self.more(peer, until)?;
        }
    }

    /// The body and the trailers.
    fn rest(
        &mut self,
        peer: &mut Peer,
        extent: Extent,
        mut message: Message,
        until: Instant,
    ) -> Result<Message, Unread> {
        while self.streams.front().is_some_and(|stream| !stream.is_over()) {
            self.more(peer, until)?;
        }
        let Some(stream) = self.streams.pop_front() else { return Ok(message) };
        (message.body, message.trailers) = (stream.body, stream.trailers);
        let is_length_right =
            !matches!(message.framing, Framing::Length(length) if length != message.body.len());
        match (stream.reset, extent) {
            (None, Extent::Truncated) => Err(Unread::Malformed("the message is complete".to_owned())),
            (None, _) if is_length_right => Ok(message),
            (None, _) => Err(Unread::Malformed(format!("a body of {} bytes", message.body.len()))),
            (Some(_), Extent::Truncated) => Ok(message),
            (Some(_), _) => Err(Unread::Ended),
        }
    }

    /// What came and was not received, if anything did: up to now, or up to the end of the connection.
    ///
    /// # Errors
    /// Says what else has happened: the connection has ended, or has not.
    pub fn unreceived(&mut self, peer: &mut Peer, end: Option<Instant>) -> Result<Option<String>, String> {
        let is_closed = loop {
            self.take(peer, end.unwrap_or_else(|| rempart_base::Now::read().mono))
                .map_err(|what| format!("{what:?}"))?;
            let filled = match end {
                Some(until) => peer.fill(until),
                None => peer.fill_now(),
            };
            match filled {
                Filled::More => {}
                Filled::End => break true,
                Filled::Late => break false,
            }
        };
        match (is_closed, end) {
            (true, None) => return Err("the end of the connection".to_owned()),
            (false, Some(_)) => return Err("it is still open".to_owned()),
            (true, Some(_)) | (false, None) => {}
        }
        let unreceived = self.streams.iter().find_map(|stream| {
            let head = stream.heads.front().map(|head| show(&head.line));
            head.or_else(|| (!stream.body.is_empty()).then(|| show(&stream.body)))
                .or_else(|| stream.reset.map(|code| format!("a reset with code {code}")))
        });
        Ok(unreceived)
    }

    fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    /// Waits for more frames.
    fn more(&mut self, peer: &mut Peer, until: Instant) -> Result<(), Unread> {
        match peer.fill(until) {
            Filled::More => self.take(peer, until),
            Filled::End => Err(Unread::Ended),
            Filled::Late => Err(Unread::Late),
        }
    }

    /// Takes all frames that have come.
    fn take(&mut self, peer: &mut Peer, until: Instant) -> Result<(), Unread> {
        while let Some((start, _)) = peer.unread.split_first_chunk::<9>() {
            let [a, b, c, kind, flags, id @ ..] = *start;
            let (length, id) = (u32::from_be_bytes([0, a, b, c]) as usize, u32::from_be_bytes(id));
            if peer.unread.len() < 9 + length {
                return Ok(());
            }
            let payload = peer.unread.drain(..9 + length).skip(9).collect();
            let answer = self.frame(kind, flags, id, payload)?;
            if !self.is_finished {
                // Whoever has closed wants no answer.
                let _ = peer.write(&answer, until);
            }
        }
        Ok(())
    }

    /// Takes a frame. What it is to be answered with.
    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: Vec<u8>) -> Result<Vec<u8>, Unread> {
        let number = |at: usize| {
            let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes
                .map(u32::from_be_bytes)
                .ok_or_else(|| Unread::Malformed("a frame that is too short".to_owned()))
        };
        match kind {
            DATA => {
                let used = payload.len();
                if let Some(stream) = self.stream(id) {
                    stream.body.extend_from_slice(&payload);
                    stream.is_ended |= flags & END_STREAM != 0;
                }
                // Both windows are renewed at once.
                let used = u32::try_from(used).unwrap_or(0).to_be_bytes();
                let renewed =
                    [frame(WINDOW_UPDATE, 0, 0, &used), frame(WINDOW_UPDATE, 0, id, &used)].concat();
                return Ok(if payload.is_empty() { Vec::new() } else { renewed });
            }
            HEADERS => {
                self.block = Some((id, flags & END_STREAM != 0, payload));
                self.end_head(flags)?;
            }
            CONTINUATION => {
                if let Some((_, _, block)) = &mut self.block {
                    block.extend_from_slice(&payload);
                }
                self.end_head(flags)?;
            }
            RST_STREAM => {
                let code = number(0)?;
                if let Some(stream) = self.stream(id) {
                    stream.reset = Some(code);
                }
            }
            SETTINGS if flags & ACK == 0 => {
                for at in (0..payload.len()).step_by(6) {
                    let (name, value) = (number(at)? >> 16, number(at + 2)?);
                    if name == 4 {
                        let more = i64::from(value) - self.initial_window;
                        self.streams.iter_mut().for_each(|stream| stream.window += more);
                        self.initial_window = i64::from(value);
                    }
                }
                return Ok(frame(SETTINGS, ACK, 0, &[]));
            }
            PING if flags & ACK == 0 => return Ok(frame(PING, ACK, 0, &payload)),
            WINDOW_UPDATE if id == 0 => self.window += i64::from(number(0)?),
            WINDOW_UPDATE => {
                let more = i64::from(number(0)?);
                if let Some(stream) = self.stream(id) {
                    stream.window += more;
                }
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    /// If a head is whole, it is a message, or the trailers of one.
    fn end_head(&mut self, flags: u8) -> Result<(), Unread> {
        if flags & END_HEADERS == 0 {
            return Ok(());
        }
        let Some((id, ends, block)) = self.block.take() else { return Ok(()) };
        let mut fields = Collected(Vec::new());
        let decoded = self.decoder.decode(&block, &mut fields);
        decoded.map_err(|error| Unread::Malformed(format!("a header block: {error:?}")))?;
        let Some(stream) = self.stream(id) else { return Ok(()) };
        stream.head(fields.0, ends)
    }
}

impl Stream {
    const fn new(id: u32, is_head: bool, window: i64) -> Self {
        Self {
            id,
            is_head,
            window,
            heads: VecDeque::new(),
            is_begun: false,
            has_final: false,
            body: Vec::new(),
            trailers: Vec::new(),
            is_ended: false,
            reset: None,
        }
    }

    const fn is_over(&self) -> bool {
        self.is_ended || self.reset.is_some()
    }

    fn head(&mut self, mut fields: Fields, ends: bool) -> Result<(), Unread> {
        // Sections 8.2 and 8.2.2.
        let is_wrong = |name: &[u8]| name.iter().any(u8::is_ascii_uppercase) || OF_HTTP1.contains(&name);
        if let Some((name, _)) = fields.iter().find(|(name, _)| is_wrong(name)) {
            return Err(Unread::Malformed(format!("a field that HTTP/2 does not have: {}", show(name))));
        }
        self.is_ended |= ends;
        if self.has_final {
            self.trailers = fields;
            return Ok(());
        }
        let is_status = fields.first().is_some_and(|(name, _)| name == b":status");
        if !is_status {
            return Err(Unread::Malformed("a head without its status".to_owned()));
        }
        let (_, status) = fields.remove(0);
        self.has_final = !status.starts_with(b"1");
        let length =
            values(&fields, "content-length").first().map(|text| String::from_utf8_lossy(text).into_owned());
        let framing = match length.and_then(|text| text.parse().ok()) {
            _ if self.is_head || !self.has_final || status == b"304" => Framing::None,
            Some(length) => Framing::Length(length),
            None if ends => Framing::None,
            None => Framing::Chunked,
        };
        self.heads.push_back(Message {
            line: [b"HTTP/2 ", &*status].concat(),
            fields,
            framing,
            ..Message::default()
        });
        Ok(())
    }
}

struct Collected(Fields);

impl Sink for Collected {
    fn field(&mut self, field: Decoded<'_>) {
        self.0.push((field.name.to_vec(), field.value.to_vec()));
    }
}

fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
