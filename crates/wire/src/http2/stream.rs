//! A stream as the edge sees it: one request and its answer; then the next one, perhaps of another stream.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rempart_flow::{BodyLength, Fault, Field, Fields, RequestHead, Scheme};
use rempart_http2::{ErrorCode, StreamId};
use rempart_io::{Patience, Terms};

use super::shared::Shared;
use super::tunnel;
use crate::bounds::{HTTP2_HEAD_KEEP_BYTES, HTTP2_PIECE_BYTES_MAX, LINGER};
use crate::config::Limits;
use crate::http1::Next;
use crate::visitor::{Moved, Peer, Prepared, Visitor};

/// A visitor on one stream of a connection.
#[derive(Debug)]
pub struct Http2Stream {
    pub(super) shared: Rc<Shared>,
    pub(super) id: Option<StreamId>,
    limits: Arc<Limits>,
    head: RequestHead,
    /// What was taken of the request's body, and how much of that was passed on.
    piece: Vec<u8>,
    passed: usize,
    trailers: Option<Fields>,
    body: Body,
    body_bytes: u64,
    receive: Patience,
    pub(super) send: Patience,
    /// The header block that is being written.
    pub(super) block: Vec<u8>,
    pub(super) answer: Answer,
    /// Bytes of the answer's body.
    pub(super) sent_body: u64,
}

/// The request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// More may come.
    Open,
    /// All of it was taken from the connection.
    Done,
    /// What comes is another protocol's, once the answer says so.
    Tunnel,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No head was sent.
    None,
    /// So many bytes are due.
    Exact(u64),
    /// Its end marks itself.
    Open,
    /// The stream is ended.
    Done,
}

impl Http2Stream {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        let limits = Arc::clone(&shared.state().limits);
        Self {
            shared,
            id: None,
            limits,
            head: RequestHead::default(),
            piece: Vec::new(),
            passed: 0,
            trailers: None,
            body: Body::Done,
            body_bytes: 0,
            receive: Patience::new(Terms::idle(LINGER)),
            send: Patience::new(Terms::idle(LINGER)),
            block: Vec::new(),
            answer: Answer::None,
            sent_body: 0,
        }
    }

    /// Waits for the next request of the connection. It never says that it is closed: the connection's task ends it.
    pub async fn next(&mut self) -> Next {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Next> {
        let shared = Rc::clone(&self.shared);
        let mut state = shared.state();
        let Some(asked) = state.take_asked() else {
            state.idle.push(cx.waker().clone());
            return Poll::Pending;
        };
        let id = asked.id;
        self.id = Some(id);
        self.reset_exchange();
        let is_readable = state.protocol.take_request(id, &mut self.head);
        self.head.scheme = if self.shared.is_tls { Scheme::Https } else { Scheme::Http };
        let is_received = state.protocol.is_received(id);
        drop(state);
        self.body = if is_received { Body::Done } else { Body::Open };
        if let Some(fault) = asked.refused {
            return Poll::Ready(Next::Refused { fault, readable: is_readable && !self.head.host.is_empty() });
        }
        if self.head.protocol.is_some() {
            match tunnel::as_upgrade(&mut self.head) {
                Ok(()) => self.body = Body::Tunnel,
                Err(fault) => return Poll::Ready(Next::Refused { fault, readable: true }),
            }
        }
        match self.head.body {
            BodyLength::Exact(bytes) if bytes > self.limits.body_bytes_max => {
                Poll::Ready(Next::Refused { fault: Fault::BodyTooLarge, readable: true })
            }
            BodyLength::Exact(_) | BodyLength::None | BodyLength::Chunked | BodyLength::UntilClose => {
                Poll::Ready(Next::Request)
            }
        }
    }

    /// Uses other limits from this request on, and for the connection's next ones.
    pub fn use_limits(&mut self, limits: &Arc<Limits>) {
        if !Arc::ptr_eq(&self.limits, limits) {
            self.limits = Arc::clone(limits);
            self.shared.state().limits = Arc::clone(limits);
            self.renew_patience();
        }
    }

    /// Ends the exchange after its answer.
    pub fn end_exchange(&mut self) {
        let Some(id) = self.id.take() else { return };
        self.shared.state().part(id, self.answer == Answer::Done);
        self.head.clear(HTTP2_HEAD_KEEP_BYTES);
        self.piece = Vec::new();
        self.trailers = None;
    }

    fn reset_exchange(&mut self) {
        self.passed = 0;
        self.piece.clear();
        self.body_bytes = 0;
        self.answer = Answer::None;
        self.block.clear();
        self.sent_body = 0;
        self.renew_patience();
    }

    fn renew_patience(&mut self) {
        let limits = &self.limits;
        let (receive, send) = (limits.body_rate_min_bytes_per_s, limits.send_rate_min_bytes_per_s);
        let terms = |idle, bytes_per_s_min| Terms { idle, bytes_per_s_min, grace: limits.rate_grace };
        self.receive.renew(terms(limits.body_idle_timeout, receive));
        self.send.renew(terms(limits.write_idle_timeout, send));
    }

    /// Takes a piece of the body from the connection.
    fn take_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        let Some(id) = self.id else { return Poll::Ready(Err(Fault::ClientGone)) };
        self.piece.clear();
        self.passed = 0;
        let mut state = self.shared.state();
        let data = state.protocol.data(id);
        if !data.is_empty() {
            let count = data.len().min(HTTP2_PIECE_BYTES_MAX);
            self.piece.extend_from_slice(data.get(..count).unwrap_or_default());
            drop(state);
            self.receive.moved(count);
            let is_over = self.body_bytes + count as u64 > self.limits.body_bytes_max;
            let is_refused = is_over && self.body == Body::Open;
            return Poll::Ready(if is_refused { Err(Fault::BodyTooLarge) } else { Ok(true) });
        }
        if state.protocol.is_received(id) {
            self.trailers = state.protocol.trailers(id).cloned();
            self.body = Body::Done;
            return Poll::Ready(Ok(false));
        }
        if state.is_broken(id) {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        state.wait(id, cx);
        drop(state);
        if self.body == Body::Tunnel {
            return Poll::Pending;
        }
        self.receive.poll_out(cx).map(|()| Err(Fault::BodyTimeout))
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        self.end_exchange();
    }
}

impl Visitor for Http2Stream {
    fn head(&self) -> &RequestHead {
        &self.head
    }

    fn peer(&self) -> &Peer {
        &self.shared.peer
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        if self.passed < self.piece.len() {
            return Poll::Ready(Ok(true));
        }
        match self.body {
            Body::Done => Poll::Ready(Ok(false)),
            // Before the other protocol has begun there is no body.
            Body::Tunnel if self.answer == Answer::None => Poll::Ready(Ok(false)),
            Body::Tunnel | Body::Open => self.take_piece(cx),
        }
    }

    fn body(&self) -> &[u8] {
        self.piece.get(self.passed..).unwrap_or_default()
    }

    fn take_body(&mut self, count: usize) {
        let count = count.min(self.piece.len() - self.passed);
        self.passed += count;
        self.body_bytes += count as u64;
        if let (Some(id), true) = (self.id, self.passed == self.piece.len() && count > 0) {
            // Only what has gone on is asked for again.
            self.shared.state().protocol.consume(id, self.piece.len());
        }
    }

    fn is_body_done(&self) -> bool {
        let is_taken = self.passed == self.piece.len();
        match self.body {
            Body::Done => is_taken,
            Body::Tunnel => self.answer == Answer::None,
            Body::Open => false,
        }
    }

    fn request_trailers(&self) -> Option<&Fields> {
        self.trailers.as_ref()
    }

    fn begin(&mut self, status: u16) {
        self.begin_block(status);
    }

    fn begin_prepared(&mut self, prepared: Prepared<'_>) {
        self.block.clear();
        self.block.extend_from_slice(prepared.http2);
        self.prioritise(prepared.priority);
    }

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.write_field(name, value);
    }

    #[inline]
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.write_field_with(name, write);
    }

    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool) {
        self.write_fields(fields, keep);
    }

    fn end(&mut self, body: BodyLength) {
        self.end_block(body);
    }

    fn end_interim(&mut self) {
        self.send_block(false);
    }

    fn end_upgrade(&mut self, _: &[u8]) {
        self.answer = Answer::Open;
        self.send_block(false);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        self.send_piece(cx, piece)
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        self.finish_answer(trailers);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        // The connection's task writes when all who can run have run.
        let Some(id) = self.id else { return Poll::Ready(Ok(())) };
        let mut state = self.shared.state();
        if self.answer == Answer::Done {
            return Poll::Ready(Ok(()));
        }
        if state.is_broken(id) {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        // Something else is waited for now; that the visitor leaves is to be heard meanwhile.
        state.wait(id, cx);
        Poll::Ready(Ok(()))
    }

    fn close_after(&mut self) {
        self.shared.state().protocol.drain();
    }

    fn abort(&mut self) {
        self.block.clear();
        let Some(id) = self.id else { return };
        if self.answer != Answer::Done {
            // RFC 9113 section 8.1: what was sent of the answer is not all of it.
            self.shared.state().protocol.reset(id, ErrorCode::INTERNAL_ERROR);
            self.answer = Answer::Done;
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(id) = self.id else { return Poll::Ready(()) };
        let mut state = self.shared.state();
        if state.is_broken(id) {
            return Poll::Ready(());
        }
        state.wait(id, cx);
        Poll::Pending
    }

    fn moved(&self) -> Moved {
        let Some(id) = self.id else { return Moved::default() };
        let rempart_http2::Moved { received, sent } = self.shared.state().protocol.moved(id);
        Moved { received, sent, sent_body: self.sent_body }
    }

    fn has_company(&self) -> bool {
        self.shared.state().protocol.streams() > 1
    }
}
