//! HTTP/1 toward visitors: one connection, one request after the other.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::{BadRequest, BodyLength, Fault, Field, Fields, RequestHead, Scheme, Version};
use rempart_http1::chunked::{ChunkLimits, Decoder};
use rempart_http1::{HeadLimits, Parsed, encode, request};
use rempart_io::body::Front;
use rempart_io::buffer::Filled;
use rempart_io::{BodyReader, Buffer, Deadline, Outbox, Patience, Stream, Terms};
use tokio::io::AsyncWrite;

use crate::config::Limits;
use crate::drain::Guest;
use crate::visitor::{Moved, Peer, Visitor};

/// The capacity of a head's arena that stays with an idle connection.
const HEAD_KEEP_BYTES: usize = 1024;
/// How much of an unwanted body is read away so that the answer is not lost to a reset (RFC 9112 section 9.6).
const LINGER_BYTES_MAX: u64 = 256 * 1024;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(2);
/// A visitor that has closed its side may still read (RFC 9112 section 9.6), but mostly it has gone. While
/// the origin is silent, so long is waited before it counts as gone.
const HALF_CLOSED: Duration = Duration::from_secs(5);
/// How much is read beyond the bound of a head: the empty lines that are skipped before it, and one byte by
/// which the parser sees that there is more.
const BEYOND_HEAD_BYTES: usize = 5;
/// How much is read beyond the request to see whether the visitor is still there.
const READ_AHEAD_BYTES_MAX: usize = 16 * 1024;

/// A visitor's HTTP/1 connection.
#[derive(Debug)]
pub struct Http1 {
    stream: Stream,
    peer: Peer,
    limits: Arc<Limits>,
    guest: Guest,
    input: Buffer,
    outbox: Outbox,
    deadline: Deadline,
    head: RequestHead,
    body: BodyReader,
    answer: Answer,
    receive: Patience,
    send: Patience,
    scanned: usize,
    front: usize,
    body_bytes: u64,
    /// What was consumed before this exchange.
    received_before: u64,
    sent_before: u64,
    sent_seen: u64,
    sent_body: u64,
    /// How much had been sent when a half-closed visitor was last given its grace.
    silent_since_sent: Option<u64>,
    chunk_left: usize,
    aborted: bool,
    requests: u64,
    close: bool,
    input_ended: bool,
}

/// How the body of the answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// No head was sent.
    None,
    /// So many bytes are due.
    Exact(u64),
    /// Chunks.
    Chunked,
    /// Until the connection closes; a tunnel too.
    UntilClose,
}

/// What [`Http1::next`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// It does not wait yet.
    Nothing,
    /// The first byte of a head.
    Head,
    /// The end of a head.
    RestOfHead,
}

/// What the connection brings next.
#[derive(Debug)]
pub enum Next {
    /// A request: its head stands in [`Visitor::head`].
    Request,
    /// One that is refused; answer with the fault and close.
    Refused {
        /// Why.
        fault: Fault,
        /// Whether the head can be shown in the log.
        readable: bool,
    },
    /// Nothing: the visitor closed, was idle too long, or the core drains.
    Closed,
}

impl Http1 {
    /// A connection on a stream that is ready for HTTP.
    #[must_use]
    pub fn new(stream: Stream, peer: Peer, limits: Arc<Limits>, guest: Guest) -> Self {
        let mut http1 = Self {
            stream,
            peer,
            guest,
            input: Buffer::default(),
            outbox: Outbox::default(),
            deadline: Deadline::default(),
            head: RequestHead::default(),
            body: BodyReader::Done,
            answer: Answer::None,
            receive: Patience::new(Terms::idle(LINGER)),
            send: Patience::new(Terms::idle(LINGER)),
            scanned: 0,
            front: 0,
            body_bytes: 0,
            received_before: 0,
            sent_before: 0,
            sent_seen: 0,
            sent_body: 0,
            silent_since_sent: None,
            chunk_left: 0,
            aborted: false,
            requests: 0,
            close: false,
            input_ended: false,
            limits,
        };
        http1.reset_exchange();
        http1
    }

    /// Uses other limits from the next request on.
    pub fn use_limits(&mut self, limits: &Arc<Limits>) {
        if !Arc::ptr_eq(&self.limits, limits) {
            self.limits = Arc::clone(limits);
        }
    }

    /// Waits for the next request.
    pub async fn next(&mut self) -> Next {
        let mut waiting = Waiting::Nothing;
        poll_fn(|cx| self.poll_next(cx, &mut waiting)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, waiting: &mut Waiting) -> Poll<Next> {
        loop {
            if !self.input.is_empty() {
                match self.parse() {
                    Ok(true) => return Poll::Ready(Next::Request),
                    Ok(false) if self.input_ended => {
                        return Poll::Ready(self.refuse(Fault::BadRequest(BadRequest::Truncated)));
                    }
                    Ok(false) => {}
                    Err(next) => return Poll::Ready(next),
                }
            }
            // Answers of pipelined requests leave together, before we wait. As long as the visitor takes
            // them it is not idle.
            if ready!(self.poll_flush(cx)).is_err() || self.input_ended {
                return Poll::Ready(Next::Closed);
            }
            self.begin_wait(waiting);
            let bytes_max = self.limits.head_bytes_max + BEYOND_HEAD_BYTES;
            match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
                Poll::Ready(Ok(Filled::Bytes)) => {}
                Poll::Ready(Ok(Filled::End)) => self.input_ended = true,
                Poll::Ready(Err(_)) => return Poll::Ready(Next::Closed),
                Poll::Pending => return self.poll_wait(cx),
            }
        }
    }

    /// Sets the deadline of what is waited for from now on, once.
    fn begin_wait(&mut self, waiting: &mut Waiting) {
        let patience = match (*waiting, self.input.is_empty()) {
            (Waiting::Nothing, true) if self.requests == 0 => self.limits.head_read_timeout,
            (Waiting::Nothing, true) => self.limits.keepalive_timeout,
            (Waiting::Nothing | Waiting::Head, false) => self.limits.head_read_timeout,
            (Waiting::Head, true) | (Waiting::RestOfHead, _) => return,
        };
        *waiting = if self.input.is_empty() { Waiting::Head } else { Waiting::RestOfHead };
        self.deadline.set(Now::mono() + patience);
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let idle = self.input.is_empty();
        if idle && self.guest.poll_drained(cx).is_ready() {
            return Poll::Ready(Next::Closed);
        }
        ready!(self.deadline.poll_passed(cx));
        Poll::Ready(if idle { Next::Closed } else { self.refuse(Fault::HeadTimeout) })
    }

    /// Tries to read a head from what waits.
    fn parse(&mut self) -> Result<bool, Next> {
        let limits = HeadLimits {
            head_bytes_max: self.limits.head_bytes_max,
            target_bytes_max: self.limits.target_bytes_max,
            fields_max: self.limits.fields_max,
        };
        match request::parse_from(self.input.bytes(), self.scanned, &limits, &mut self.head) {
            Ok(Parsed::Partial) => {
                self.scanned = self.input.len();
                Ok(false)
            }
            Ok(Parsed::Complete { head_bytes }) => {
                self.begin_exchange(head_bytes);
                match self.head.body {
                    BodyLength::Exact(bytes) if bytes > self.limits.body_bytes_max => {
                        self.close = true;
                        Err(Next::Refused { fault: Fault::BodyTooLarge, readable: true })
                    }
                    BodyLength::Exact(_)
                    | BodyLength::None
                    | BodyLength::Chunked
                    | BodyLength::UntilClose => Ok(true),
                }
            }
            Err(refusal) => {
                if !refusal.readable {
                    self.head.clear(HEAD_KEEP_BYTES);
                }
                self.refuse(refusal.fault);
                self.head.scheme = self.scheme();
                Err(Next::Refused { fault: refusal.fault, readable: refusal.readable })
            }
        }
    }

    fn refuse(&mut self, fault: Fault) -> Next {
        self.reset_exchange();
        // Where the next message would begin is not known: all of it belongs to this one.
        self.input.consume(self.input.len());
        self.close = true;
        Next::Refused { fault, readable: false }
    }

    const fn is_tunnel(&self) -> bool {
        matches!(self.body, BodyReader::UntilClose)
    }

    const fn scheme(&self) -> Scheme {
        if self.peer.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    fn reset_exchange(&mut self) {
        self.answer = Answer::None;
        self.body = BodyReader::Done;
        self.scanned = 0;
        self.front = 0;
        self.body_bytes = 0;
        self.received_before = self.input.consumed();
        self.sent_before = self.outbox.total() + self.outbox.waiting() as u64;
        self.chunk_left = 0;
        self.sent_body = 0;
        self.silent_since_sent = None;
        let limits = &self.limits;
        let (receive, send) = (limits.body_rate_min_bytes_per_s, limits.send_rate_min_bytes_per_s);
        let terms = |idle, bytes_per_s_min| Terms { idle, bytes_per_s_min, grace: limits.rate_grace };
        self.receive.renew(terms(limits.body_idle_timeout, receive));
        self.send.renew(terms(limits.write_idle_timeout, send));
    }

    fn begin_exchange(&mut self, head_bytes: usize) {
        self.reset_exchange();
        self.input.consume(head_bytes);
        self.head.scheme = self.scheme();
        self.requests += 1;
        let limits = self.chunk_limits();
        self.body = BodyReader::new(self.head.body, || Decoder::for_request(limits));
        self.close = self.head.connection.close
            || self.guest.is_draining()
            || self.requests >= self.limits.requests_per_connection_max;
        self.deadline.clear();
    }

    fn chunk_limits(&self) -> ChunkLimits {
        ChunkLimits {
            line_bytes_max: 4096,
            trailer_bytes_max: self.limits.trailer_bytes_max,
            trailer_fields_max: self.limits.trailer_fields_max,
        }
    }

    /// Ends the exchange after its answer: whether the connection can carry another one.
    pub async fn end_exchange(&mut self) -> bool {
        if self.aborted && self.answer == Answer::UntilClose {
            self.stream.reset_on_close();
            return false;
        }
        if self.close || matches!(self.answer, Answer::Exact(1..) | Answer::UntilClose) {
            self.close_gently().await;
            return false;
        }
        true
    }

    /// Closes so that the answer arrives: what the visitor still sends is read away for a moment, since
    /// unread bytes would turn the close into a reset.
    async fn close_gently(&mut self) {
        if poll_fn(|cx| self.poll_flush(cx)).await.is_err() {
            return;
        }
        self.deadline.set(Now::mono() + LINGER);
        let mut budget = LINGER_BYTES_MAX;
        let mut shut = false;
        poll_fn(|cx| {
            if !shut {
                shut = Pin::new(&mut self.stream).poll_shutdown(cx).is_ready();
            }
            while !self.input_ended && budget > 0 {
                let waiting = self.input.len();
                budget = budget.saturating_sub(waiting as u64);
                self.input.consume(waiting);
                match self.input.poll_fill(&mut self.stream, cx, self.limits.head_bytes_max) {
                    Poll::Ready(Ok(Filled::Bytes)) => {}
                    Poll::Ready(Ok(Filled::End) | Err(_)) => self.input_ended = true,
                    Poll::Pending => return self.deadline.poll_passed(cx),
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Counts what a write took, or waits with patience.
    fn sent<T>(&mut self, poll: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T, Fault>> {
        let sent = usize::try_from(self.outbox.total() - self.sent_seen).unwrap_or(usize::MAX);
        self.sent_seen = self.outbox.total();
        // A write that is not through yet may have taken something all the same.
        if sent > 0 || poll.is_ready() {
            self.send.moved(sent);
        }
        match poll {
            Poll::Ready(Ok(done)) => Poll::Ready(Ok(done)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Fault::ClientGone)),
            Poll::Pending => self.send.poll_out(cx).map(|()| Err(Fault::ReadTooSlow)),
        }
    }
}

impl Visitor for Http1 {
    fn head(&self) -> &RequestHead {
        &self.head
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        loop {
            match self.body.front(&mut self.input).map_err(|error| Fault::BadRequest(error.bad_request()))? {
                Front::Data(count) => {
                    self.front = count;
                    let is_over = self.body_bytes + count as u64 > self.limits.body_bytes_max;
                    return Poll::Ready(if is_over && !self.is_tunnel() {
                        Err(Fault::BodyTooLarge)
                    } else {
                        Ok(true)
                    });
                }
                Front::Done => {
                    self.front = 0;
                    return Poll::Ready(Ok(false));
                }
                Front::NeedMore => {}
            }
            let before = self.input.len();
            match self.input.poll_fill(&mut self.stream, cx, self.limits.head_bytes_max) {
                Poll::Ready(Ok(Filled::Bytes)) => {
                    self.receive.moved(self.input.len() - before);
                }
                Poll::Ready(Ok(Filled::End)) => {
                    self.input_ended = true;
                    if !self.body.end_of_stream() {
                        return Poll::Ready(Err(Fault::BadRequest(BadRequest::Truncated)));
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::ClientGone)),
                Poll::Pending if self.is_tunnel() => return Poll::Pending,
                Poll::Pending => return self.receive.poll_out(cx).map(|()| Err(Fault::BodyTimeout)),
            }
        }
    }

    fn body(&self) -> &[u8] {
        self.input.bytes().get(..self.front).unwrap_or_default()
    }

    fn take_body(&mut self, count: usize) {
        let count = count.min(self.front);
        self.front -= count;
        self.body_bytes += count as u64;
        self.body.take(&mut self.input, count);
    }

    fn is_body_done(&self) -> bool {
        self.body.is_done()
    }

    fn request_trailers(&self) -> Option<&Fields> {
        self.body.trailers()
    }

    fn begin(&mut self, status: u16) {
        encode::status_line(self.outbox.bytes_mut(), status, encode::reason(status).as_bytes());
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        encode::field(self.outbox.bytes_mut(), name, value);
    }

    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool) {
        encode::fields(self.outbox.bytes_mut(), fields, keep);
    }

    fn end(&mut self, body: BodyLength) {
        let old = self.head.version == Version::Http10;
        let out = self.outbox.bytes_mut();
        self.answer = match body {
            BodyLength::None => Answer::Exact(0),
            BodyLength::Exact(bytes) => {
                encode::content_length(out, bytes);
                Answer::Exact(bytes)
            }
            // RFC 9112 section 6.1: no chunks to a visitor that may not know them.
            BodyLength::Chunked | BodyLength::UntilClose if old => Answer::UntilClose,
            BodyLength::Chunked | BodyLength::UntilClose => {
                encode::field(out, b"Transfer-Encoding", b"chunked");
                Answer::Chunked
            }
        };
        // What is left of an upload is not waited for before the connection can be used again.
        self.close |= self.answer == Answer::UntilClose || !self.body.is_done() || self.guest.is_draining();
        if self.close {
            encode::field(out, b"Connection", b"close");
        } else if old {
            encode::field(out, b"Connection", b"keep-alive");
        }
        encode::end_of_head(out);
    }

    fn end_interim(&mut self) {
        encode::end_of_head(self.outbox.bytes_mut());
    }

    fn end_upgrade(&mut self, protocol: &[u8]) {
        let out = self.outbox.bytes_mut();
        encode::field(out, b"Upgrade", protocol);
        encode::field(out, b"Connection", b"upgrade");
        encode::end_of_head(out);
        self.body = BodyReader::UntilClose;
        self.answer = Answer::UntilClose;
        self.close = true;
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        let piece = match self.answer {
            Answer::Exact(left) => piece.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(piece),
            Answer::None | Answer::Chunked | Answer::UntilClose => piece,
        };
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.answer == Answer::Chunked && self.chunk_left == 0 {
            encode::chunk_head(self.outbox.bytes_mut(), piece.len());
            self.chunk_left = piece.len();
        }
        let piece = if self.answer == Answer::Chunked {
            piece.get(..self.chunk_left).unwrap_or(piece)
        } else {
            piece
        };
        let poll = self.outbox.poll_send(&mut self.stream, cx, piece);
        let count = ready!(self.sent(poll, cx))?;
        self.sent_body += count as u64;
        match &mut self.answer {
            Answer::Exact(left) => *left -= (count as u64).min(*left),
            Answer::Chunked => {
                self.chunk_left -= count.min(self.chunk_left);
                if self.chunk_left == 0 {
                    self.outbox.bytes_mut().extend_from_slice(encode::CHUNK_END);
                }
            }
            Answer::None | Answer::UntilClose => {}
        }
        Poll::Ready(Ok(count))
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        if self.answer == Answer::Chunked {
            encode::last_chunk(self.outbox.bytes_mut(), trailers);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.outbox.is_empty() && !matches!(self.stream, Stream::Tls(_)) {
            return Poll::Ready(Ok(()));
        }
        let poll = self.outbox.poll_flush(&mut self.stream, cx);
        self.sent(poll, cx)
    }

    fn abort(&mut self) {
        // A missing last chunk or missing bytes say it, once the connection closes. A body that lasts
        // until the close has no such mark: only a reset tells.
        self.close = true;
        self.aborted = true;
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // While a body is read, reading it tells.
        if !self.body.is_done() && !self.input_ended {
            return Poll::Pending;
        }
        while !self.input_ended {
            // The next request may be here already; one buffer of it is enough to know.
            if self.input.len() >= READ_AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            match self.input.poll_fill(&mut self.stream, cx, READ_AHEAD_BYTES_MAX) {
                Poll::Ready(Ok(Filled::Bytes)) => {}
                Poll::Ready(Ok(Filled::End)) => self.input_ended = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.send.is_waiting() {
            // It has something to take, and patience with that is the sender's.
            return Poll::Pending;
        }
        let sent = self.outbox.total();
        if self.silent_since_sent.replace(sent) != Some(sent) {
            self.deadline.set(Now::mono() + HALF_CLOSED);
        }
        self.deadline.poll_passed(cx)
    }

    fn moved(&self) -> Moved {
        let sent = self.outbox.total() + self.outbox.waiting() as u64 - self.sent_before;
        let received = self.input.consumed() - self.received_before;
        Moved { received, sent, sent_body: self.sent_body }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use rempart_io::Socket;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::Drain;

    #[tokio::test(flavor = "current_thread")]
    async fn a_half_closed_visitor_has_its_grace_anew_after_every_piece() {
        let (mut visitor, ours) = tokio::net::UnixStream::pair().unwrap();
        let address = "192.0.2.1:1".parse().unwrap();
        let peer = Peer { address, local: address, tls: None };
        let guest = Rc::new(Drain::default()).enter();
        let mut http1 = Http1::new(Stream::Plain(Socket::Unix(ours)), peer, Arc::default(), guest);
        visitor.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        visitor.shutdown().await.unwrap();
        assert!(matches!(http1.next().await, Next::Request));
        http1.begin(200);
        http1.end(BodyLength::Chunked);
        for _ in 0..2 {
            poll_fn(|cx| http1.poll_send(cx, b"piece")).await.unwrap();
            poll_fn(|cx| http1.poll_flush(cx)).await.unwrap();
            poll_fn(|cx| {
                assert!(http1.poll_gone(cx).is_pending());
                // As if the grace were over.
                http1.deadline.set(Now::mono());
                Poll::Ready(())
            })
            .await;
        }
        poll_fn(|cx| http1.poll_gone(cx)).await;
    }
}
