//! One HTTP/1 connection to an origin, and the exchange on it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use rempart_flow::{BadResponse, BodyLength, Fault, Fields, Method, ResponseHead};
use rempart_http1::chunked::{ChunkLimits, Decoder};
use rempart_http1::{HeadLimits, Parsed, encode, response};
use rempart_io::body::Front;
use rempart_io::buffer::{Filled, SMALL_BYTES};
use rempart_io::{BodyReader, Buffer, Outbox, Patience, Stream, Terms};

use crate::connect::Facts;
use crate::counts::OriginCounts;
use crate::lease::Lease;
use crate::plan::OriginPlan;
use crate::request::{Lines, Request};

/// The capacity of a head's arena that stays with an idle connection.
const HEAD_KEEP_BYTES: usize = 4096;

/// An HTTP/1 connection to an origin. Boxed, so that handing it on moves one pointer.
pub(crate) struct Http1 {
    stream: Stream,
    plan: Arc<OriginPlan>,
    _lease: Lease,
    counts: Arc<OriginCounts>,
    facts: Facts,
    is_reused: bool,
    pub(crate) idle_since: Instant,
    input: Buffer,
    outbox: Outbox,
    head: ResponseHead,
    body: BodyReader,
    scanned: usize,
    front: usize,
    send: Patience,
    receive: Patience,
    request: Sending,
    chunk_left: usize,
    answer: Answered,
    received: u64,
    is_broken: bool,
}

/// How the request's body is framed, and whether it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Chunked,
    /// `Content-Length` in the head, or a tunnel.
    Raw,
    Complete,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Nothing,
    Begun,
    Final,
}

impl Http1 {
    pub(crate) fn new(
        stream: Stream,
        plan: Arc<OriginPlan>,
        lease: Lease,
        counts: Arc<OriginCounts>,
        facts: Facts,
        now: Instant,
    ) -> Self {
        let terms = Terms::idle(plan.settings.body_idle_timeout);
        Self {
            stream,
            plan,
            _lease: lease,
            counts,
            facts,
            is_reused: false,
            idle_since: now,
            input: Buffer::default(),
            outbox: Outbox::default(),
            head: ResponseHead::default(),
            body: BodyReader::Done,
            scanned: 0,
            front: 0,
            send: Patience::new(terms),
            receive: Patience::new(terms),
            request: Sending::Complete,
            chunk_left: 0,
            answer: Answered::Final,
            received: 0,
            is_broken: false,
        }
    }

    /// What became known when it was opened.
    #[must_use]
    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether it has carried an exchange before.
    #[must_use]
    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// The origin it leads to.
    #[must_use]
    pub(crate) const fn plan(&self) -> &Arc<OriginPlan> {
        &self.plan
    }

    /// Begins a request whose body is of this length: its head waits to be sent.
    pub(crate) fn begin(&mut self, request: &impl Request, body: BodyLength) {
        self.answer = Answered::Nothing;
        self.received = 0;
        self.scanned = 0;
        let out = self.outbox.bytes_mut();
        encode::request_line(out, request.method(), request.target());
        encode::field_begin(out, b"Host");
        request.authority(out);
        encode::field_end(out);
        request.fields(&mut Lines(out));
        self.request = match body {
            BodyLength::None => Sending::Complete,
            BodyLength::Exact(bytes) => {
                encode::content_length(out, bytes);
                if bytes == 0 { Sending::Complete } else { Sending::Raw }
            }
            // A request cannot last until the close (RFC 9112 section 6.3).
            BodyLength::Chunked | BodyLength::UntilClose => {
                encode::field(out, b"Transfer-Encoding", b"chunked");
                Sending::Chunked
            }
        };
        encode::end_of_head(out);
        let idle = self.plan.settings.body_idle_timeout;
        self.send.renew(Terms::idle(idle));
        self.receive.renew(Terms::idle(self.plan.settings.response_timeout));
    }

    /// Takes up to all of a piece of the request's body. Ready with how many bytes were taken.
    ///
    /// # Errors
    /// The origin takes nothing for too long. A connection that broke is no error here: the answer may
    /// have come before, and reading tells.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        if self.is_broken || piece.is_empty() {
            return Poll::Ready(Ok(piece.len()));
        }
        let mut piece = piece;
        if self.request == Sending::Chunked {
            if self.chunk_left == 0 {
                encode::chunk_head(self.outbox.bytes_mut(), piece.len());
                self.chunk_left = piece.len();
            }
            piece = piece.get(..self.chunk_left).unwrap_or(piece);
        }
        match self.outbox.poll_send(&mut self.stream, cx, piece) {
            Poll::Ready(Ok(count)) => {
                self.send.moved(count);
                if self.request == Sending::Chunked {
                    self.chunk_left -= count.min(self.chunk_left);
                    if self.chunk_left == 0 {
                        self.outbox.bytes_mut().extend_from_slice(encode::CHUNK_END);
                    }
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(_)) => {
                self.is_broken = true;
                Poll::Ready(Ok(piece.len()))
            }
            Poll::Pending if self.is_tunnel() => Poll::Pending,
            Poll::Pending => self.send.poll_out(cx).map(|()| Err(Fault::OriginTimeout)),
        }
    }

    /// The request's body is complete.
    pub(crate) fn finish(&mut self, trailers: Option<&Fields>) {
        if self.request == Sending::Chunked {
            encode::last_chunk(self.outbox.bytes_mut(), trailers);
        }
        self.request = Sending::Complete;
    }

    /// Hands everything to the network.
    ///
    /// # Errors
    /// The origin takes nothing for too long.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let before = self.outbox.total();
        let flushed = self.outbox.poll_flush(&mut self.stream, cx);
        let sent = usize::try_from(self.outbox.total() - before).unwrap_or(usize::MAX);
        if sent > 0 || flushed.is_ready() {
            self.send.moved(sent);
        }
        match flushed {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) => {
                self.is_broken = true;
                Poll::Ready(Ok(()))
            }
            Poll::Pending if self.is_tunnel() => Poll::Pending,
            Poll::Pending => self.send.poll_out(cx).map(|()| Err(Fault::OriginTimeout)),
        }
    }

    /// Waits for the next head: interim ones, then the final one, which stays in [`Http1::head`].
    ///
    /// # Errors
    /// The origin closed, was silent for too long, or sent what is no answer.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>, method: Method) -> Poll<Result<(), Fault>> {
        let polled = self.poll_any_head(cx, method);
        // It may close what it has kept for long enough, also just now.
        if matches!(polled, Poll::Ready(Err(_))) && !(self.is_reused && self.is_unanswered()) {
            self.counts.count_failed();
        }
        polled
    }

    fn poll_any_head(&mut self, cx: &mut Context<'_>, method: Method) -> Poll<Result<(), Fault>> {
        let limits = HeadLimits {
            head_bytes_max: self.plan.settings.head_bytes_max,
            target_bytes_max: 0,
            fields_max: self.plan.settings.fields_max,
        };
        loop {
            if !self.input.is_empty() {
                let parsed =
                    response::parse_from(self.input.bytes(), self.scanned, &limits, method, &mut self.head);
                match parsed.map_err(Fault::BadResponse)? {
                    Parsed::Complete { head_bytes } => {
                        self.input.consume(head_bytes);
                        self.scanned = 0;
                        if self.head.is_interim() {
                            // The origin is at work: its time begins anew.
                            self.receive.moved(head_bytes);
                        } else {
                            self.begin_body();
                        }
                        return Poll::Ready(Ok(()));
                    }
                    Parsed::Partial => self.scanned = self.input.len(),
                }
            }
            match ready!(self.poll_fill(cx, limits.head_bytes_max + 1))? {
                Filled::Bytes => self.answer = Answered::Begun,
                Filled::End => return Poll::Ready(Err(Fault::BadResponse(self.early_end()))),
            }
        }
    }

    fn begin_body(&mut self) {
        self.answer = Answered::Final;
        let settings = &self.plan.settings;
        let limits = ChunkLimits {
            line_bytes_max: 4096,
            trailer_bytes_max: settings.head_bytes_max,
            trailer_fields_max: settings.fields_max,
        };
        self.body = BodyReader::new(self.head.body, || Decoder::for_response(limits));
        self.receive.renew(Terms::idle(settings.body_idle_timeout));
        // What is long moves in large pieces.
        if self.head.body == BodyLength::UntilClose
            || self.body.left().is_none_or(|left| left > SMALL_BYTES as u64)
        {
            self.input.prefer_large(true);
        }
    }

    const fn early_end(&self) -> BadResponse {
        match self.answer {
            Answered::Nothing => BadResponse::Empty,
            Answered::Begun | Answered::Final => BadResponse::Truncated,
        }
    }

    /// Reads once. A reset counts as an end: what it means depends on where it comes.
    fn poll_fill(&mut self, cx: &mut Context<'_>, bytes_max: usize) -> Poll<Result<Filled, Fault>> {
        let before = self.input.len();
        match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
            Poll::Ready(Ok(filled)) => {
                let came = self.input.len() - before;
                self.received += came as u64;
                // A head has its time as a whole, however many pieces it comes in.
                if self.answer == Answered::Final {
                    self.receive.moved(came);
                }
                Poll::Ready(Ok(filled))
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::OutOfMemory => {
                Poll::Ready(Err(Fault::BadResponse(BadResponse::HeadTooLarge)))
            }
            Poll::Ready(Err(_)) => {
                self.is_broken = true;
                Poll::Ready(Ok(Filled::End))
            }
            Poll::Pending if self.is_tunnel() => Poll::Pending,
            // While the request's body is on its way the origin owes no answer.
            Poll::Pending if self.request != Sending::Complete && self.answer != Answered::Final => {
                Poll::Pending
            }
            Poll::Pending => self.receive.poll_out(cx).map(|()| Err(Fault::OriginTimeout)),
        }
    }

    /// The final head of the answer.
    #[must_use]
    pub(crate) const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Waits until a piece of the answer's body is there (`Ok(true)`) or its end (`Ok(false)`).
    ///
    /// # Errors
    /// The origin broke off, was silent for too long, or sent malformed chunks.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        let polled = self.poll_piece(cx);
        if matches!(polled, Poll::Ready(Err(_))) {
            self.counts.count_failed();
        }
        polled
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        loop {
            let front = self.body.front(&mut self.input);
            match front.map_err(|error| Fault::BadResponse(error.bad_response()))? {
                Front::Data(count) => {
                    self.front = count;
                    return Poll::Ready(Ok(true));
                }
                Front::Done => {
                    self.front = 0;
                    return Poll::Ready(Ok(false));
                }
                Front::NeedMore => {}
            }
            let filled = ready!(self.poll_fill(cx, self.plan.settings.head_bytes_max))?;
            // A reset is no end of a body that lasts until the close.
            if filled == Filled::End && (!self.body.end_of_stream() || (self.is_broken && !self.is_tunnel()))
            {
                return Poll::Ready(Err(Fault::OriginBodyTruncated));
            }
        }
    }

    /// The piece that [`Http1::poll_body`] announced.
    #[must_use]
    pub(crate) fn body(&self) -> &[u8] {
        self.input.bytes().get(..self.front).unwrap_or_default()
    }

    /// Takes bytes of that piece away.
    pub(crate) fn take_body(&mut self, count: usize) {
        let count = count.min(self.front);
        self.front -= count;
        self.body.take(&mut self.input, count);
    }

    /// The answer's trailers, once the body is at its end.
    #[must_use]
    pub(crate) fn trailers(&self) -> Option<&Fields> {
        self.body.trailers()
    }

    /// Turns what follows, both ways, into bytes without meaning.
    pub(crate) fn begin_tunnel(&mut self) {
        self.body = BodyReader::UntilClose;
        self.request = Sending::Raw;
    }

    const fn is_tunnel(&self) -> bool {
        matches!(self.body, BodyReader::UntilClose) && self.head.status == 101
    }

    /// Tells the origin that nothing more comes; for a tunnel whose visitor is done.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        tokio::io::AsyncWrite::poll_shutdown(std::pin::Pin::new(&mut self.stream), cx).map(|_| ())
    }

    /// Bytes of the answer so far.
    #[must_use]
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether not one byte of an answer has come.
    #[must_use]
    pub(crate) fn is_unanswered(&self) -> bool {
        self.answer == Answered::Nothing
    }

    /// Whether another exchange may use it: request and answer are complete, both sides want it, and
    /// nothing was said too much.
    #[must_use]
    pub(crate) fn is_reusable(&self) -> bool {
        self.answer == Answered::Final
            && self.request == Sending::Complete
            && self.body.is_done()
            && self.outbox.is_empty()
            && self.input.is_empty()
            && !self.is_broken
            && !self.head.connection.close
            && self.head.body != BodyLength::UntilClose
            && self.head.status != 101
    }

    /// Makes it ready to wait.
    pub(crate) fn rest(&mut self, now: Instant) {
        self.idle_since = now;
        self.is_reused = true;
        self.front = 0;
        self.input.prefer_large(false);
        self.input.rest();
        self.head.clear(HEAD_KEEP_BYTES);
    }

    /// Serves this plan from now on. Plans with one id lead to one place over one TLS, but they may differ in
    /// everything else: the `Host` that is sent, say, since zones can share an origin.
    pub(crate) fn lead_for(&mut self, plan: &Arc<OriginPlan>) {
        if !Arc::ptr_eq(&self.plan, plan) {
            self.plan = Arc::clone(plan);
        }
    }

    /// Whether it is still open and silent.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Leaves this core. Nothing of its runtime may stay behind: a timer of a core that is stuck never fires,
    /// and one of a core that has ended panics.
    pub(crate) fn detach(&mut self) -> io::Result<()> {
        self.send.detach();
        self.receive.detach();
        self.stream.detach()
    }

    pub(crate) fn attach(&mut self) -> io::Result<()> {
        self.stream.attach()
    }
}
