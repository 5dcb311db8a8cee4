//! One HTTP/1 connection to an origin, and the exchange on it.

mod answer;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use rempart_flow::{BodyLength, Fault, Fields, ResponseHead};
use rempart_http1::encode;
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

    /// What is counted of its origin.
    pub(crate) fn counts(&self) -> &OriginCounts {
        &self.counts
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
