//! One exchange on a connection that others use too.

use std::cell::Ref;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rempart_flow::{BadResponse, BodyLength, Fault, Fields, Method, ResponseHead};
use rempart_http2::message::{BlockWriter, RequestLine};
use rempart_http2::{By, ErrorCode, HeadBlock, StreamId};
use rempart_io::{Patience, Terms};

use super::session::Session;
use super::state::{BrokenOff, Ended, State};
use crate::connect::Facts;
use crate::counts::OriginCounts;
use crate::plan::OriginPlan;
use crate::request::{Block, FieldWriter as _, Request};

/// One stream of a session.
pub(crate) struct Exchange {
    session: Rc<Session>,
    plan: Arc<OriginPlan>,
    counts: Arc<OriginCounts>,
    is_reused: bool,
    /// `None` before it has begun, or if it could not.
    stream: Option<StreamId>,
    send: Patience,
    receive: Patience,
    /// The request's body is complete.
    is_sent: bool,
    tunnel: Tunnel,
    head: ResponseHead,
    answer: Answered,
    trailers: Option<Fields>,
    received: u64,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answered {
    Nothing,
    Interim,
    Final,
    /// With its body.
    Whole,
}

/// Whether it is to carry another protocol (RFC 8441).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tunnel {
    No,
    /// It was asked for.
    Asked,
    /// Bytes without meaning, both ways: how long they may pause is not decided here.
    Open,
}

impl Exchange {
    pub(super) fn new(
        session: Rc<Session>,
        plan: Arc<OriginPlan>,
        counts: Arc<OriginCounts>,
        head: ResponseHead,
        is_reused: bool,
    ) -> Self {
        let terms = Terms::idle(plan.settings.body_idle_timeout);
        Self {
            session,
            plan,
            counts,
            is_reused,
            stream: None,
            send: Patience::new(terms),
            receive: Patience::new(Terms::idle(terms.idle)),
            is_sent: false,
            tunnel: Tunnel::No,
            head,
            answer: Answered::Nothing,
            trailers: None,
            received: 0,
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        self.session.facts()
    }

    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) const fn plan(&self) -> &Arc<OriginPlan> {
        &self.plan
    }

    pub(crate) fn counts(&self) -> &OriginCounts {
        &self.counts
    }

    /// Opens the stream. If that is not possible any more, [`Exchange::poll_head`] says so.
    pub(crate) fn begin(&mut self, request: &impl Request, body: BodyLength) {
        let settings = &self.plan.settings;
        self.send.renew(Terms::idle(settings.body_idle_timeout));
        self.receive.renew(Terms::idle(settings.response_timeout));
        let asked_for = request.protocol();
        self.tunnel = if asked_for.is_some() { Tunnel::Asked } else { Tunnel::No };
        self.is_sent = body.is_empty() && asked_for.is_none();
        let method = if asked_for.is_some() { b"CONNECT" } else { request.method() };
        let mut state = self.session.state_mut();
        self.stream = state.open(Method::from_token(method));
        let Some(stream) = self.stream else { return };
        let State { protocol, scratch, .. } = &mut *state;
        let Some(HeadBlock { encoder, out }) = protocol.begin_head(stream) else { return };
        scratch.clear();
        request.authority(scratch);
        let line = RequestLine {
            method,
            scheme: self.session.scheme(),
            authority: scratch,
            path: request.target(),
            protocol: asked_for,
        };
        let mut block = Block(BlockWriter::request(encoder, out, &line), scratch);
        request.fields(&mut block);
        if let BodyLength::Exact(bytes) = body {
            block.field_with(b"content-length", |out| {
                // To memory nothing fails.
                let _ = write!(out, "{bytes}");
            });
        }
        protocol.end_head(stream, self.is_sent);
        state.wake_driver();
    }

    /// Has what was put in written.
    pub(crate) fn flush(&self) {
        self.session.state().wake_driver();
    }

    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        let Some(stream) = self.stream else { return Poll::Pending };
        let mut state = self.session.state_mut();
        // The origin has answered without it, or never will: reading tells, and what was not taken can go elsewhere.
        if !state.protocol.can_send(stream) || state.ended().is_some() {
            return Poll::Pending;
        }
        let count = state.protocol.send_data(stream, piece, false);
        state.wake_driver();
        if count > 0 || piece.is_empty() {
            self.send.moved(count);
            return Poll::Ready(Ok(count));
        }
        state.wait(stream, cx.waker());
        drop(state);
        if self.tunnel == Tunnel::Open {
            return Poll::Pending;
        }
        self.send.poll_out(cx).map(|()| Err(Fault::OriginTimeout))
    }

    pub(crate) fn finish(&mut self, trailers: Option<&Fields>) {
        if std::mem::replace(&mut self.is_sent, true) {
            return;
        }
        let Some(stream) = self.stream else { return };
        let mut state = self.session.state_mut();
        match trailers.filter(|trailers| trailers.iter().any(|trailer| !trailer.hop_by_hop)) {
            None => state.protocol.finish(stream),
            Some(trailers) => {
                if let Some(HeadBlock { encoder, out }) = state.protocol.begin_head(stream) {
                    BlockWriter::trailers(encoder, out).fields(trailers, |trailer| !trailer.hop_by_hop);
                    state.protocol.end_head(stream, true);
                }
            }
        }
        state.wake_driver();
    }

    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let polled = self.poll_any_head(cx);
        // It may close what it has kept for long enough, also just now; and refuse what others take.
        let is_harmless = self.is_unprocessed() || (self.is_reused && self.is_unanswered());
        if matches!(polled, Poll::Ready(Err(_))) && !is_harmless {
            self.counts.count_failed();
        }
        polled
    }

    fn poll_any_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let Some(stream) = self.stream else { return Poll::Ready(Err(Fault::OriginRefused)) };
        let mut state = self.session.state_mut();
        if state.protocol.take_response(stream, &mut self.head) {
            drop(state);
            self.begin_answer();
            return Poll::Ready(Ok(()));
        }
        if let Some(fault) = self.failed(&state, stream) {
            return Poll::Ready(Err(fault));
        }
        state.wait(stream, cx.waker());
        drop(state);
        // While the request's body is on its way the origin owes no answer.
        if !self.is_sent && self.tunnel == Tunnel::No {
            return Poll::Pending;
        }
        self.receive.poll_out(cx).map(|()| Err(Fault::OriginTimeout))
    }

    fn begin_answer(&mut self) {
        // As many as it would have had in HTTP/1.
        let bytes: usize =
            self.head.fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum();
        self.received += bytes as u64;
        if self.head.is_interim() {
            // The origin is at work: its time begins anew.
            self.answer = Answered::Interim;
            self.receive.moved(bytes);
        } else {
            self.answer = Answered::Final;
            self.receive.renew(Terms::idle(self.plan.settings.body_idle_timeout));
        }
    }

    /// Why nothing more will come on this stream.
    fn failed(&self, state: &State, stream: StreamId) -> Option<Fault> {
        let closed = match self.answer {
            Answered::Nothing => Fault::BadResponse(BadResponse::Empty),
            Answered::Interim => Fault::BadResponse(BadResponse::Truncated),
            Answered::Final | Answered::Whole => Fault::OriginBodyTruncated,
        };
        match (state.broken(stream), state.ended()) {
            (Some(BrokenOff::Malformed(fault)), _) => Some(fault),
            (Some(BrokenOff::Reset(broken)), _) if broken.is_unprocessed => Some(Fault::OriginRefused),
            (Some(BrokenOff::Reset(broken)), _) if broken.by == By::Us => {
                Some(Fault::BadResponse(BadResponse::Protocol))
            }
            (Some(BrokenOff::Reset(_)), _) | (None, Some(Ended::Closed)) => Some(closed),
            (None, Some(ended @ (Ended::Silent | Ended::Violation))) => Some(ended.fault()),
            (None, None) => None,
        }
    }

    pub(crate) const fn fields_mut(&mut self) -> &mut Fields {
        &mut self.head.fields
    }

    pub(crate) const fn head(&self) -> &ResponseHead {
        &self.head
    }

    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        let Some(stream) = self.stream.filter(|_| self.answer != Answered::Whole) else {
            return Poll::Ready(Ok(false));
        };
        let mut state = self.session.state_mut();
        if !state.protocol.data(stream).is_empty() {
            return Poll::Ready(Ok(true));
        }
        if state.protocol.is_received(stream) {
            self.trailers = state.protocol.trailers(stream).cloned();
            self.answer = Answered::Whole;
            return Poll::Ready(Ok(false));
        }
        if let Some(fault) = self.failed(&state, stream) {
            return Poll::Ready(Err(fault));
        }
        state.wait(stream, cx.waker());
        drop(state);
        if self.tunnel == Tunnel::Open {
            return Poll::Pending;
        }
        self.receive.poll_out(cx).map(|()| Err(Fault::OriginTimeout))
    }

    /// Whether the final head of the answer opens the tunnel that was asked for.
    pub(crate) fn has_connected(&self) -> bool {
        self.tunnel != Tunnel::No && self.answer >= Answered::Final && self.head.status / 100 == 2
    }

    pub(crate) const fn begin_tunnel(&mut self) {
        self.tunnel = Tunnel::Open;
    }

    pub(crate) fn body(&self) -> Ref<'_, [u8]> {
        Ref::map(self.session.state(), |state| {
            self.stream.map_or(&[][..], |stream| state.protocol.data(stream))
        })
    }

    pub(crate) fn take_body(&mut self, count: usize) {
        let Some(stream) = self.stream else { return };
        let mut state = self.session.state_mut();
        state.protocol.consume(stream, count);
        state.wake_driver();
        self.received += count as u64;
        self.receive.moved(count);
    }

    pub(crate) const fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_ref()
    }

    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn is_unanswered(&self) -> bool {
        self.answer == Answered::Nothing
    }

    /// The origin has refused it, or never got it.
    pub(crate) fn is_unprocessed(&self) -> bool {
        let Some(stream) = self.stream else { return true };
        match self.session.state().broken(stream) {
            Some(BrokenOff::Reset(broken)) => {
                broken.is_unprocessed || (broken.code == ErrorCode::HTTP_1_1_REQUIRED && self.is_unanswered())
            }
            Some(BrokenOff::Malformed(_)) | None => false,
        }
    }

    /// The connection has ended in silence.
    pub(crate) fn is_dead(&self) -> bool {
        self.session.state().ended() == Some(Ended::Silent)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(stream) = self.stream {
            self.session.release(stream, std::mem::take(&mut self.head));
        }
    }
}
