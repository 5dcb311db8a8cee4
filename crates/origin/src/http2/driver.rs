//! The task that reads and writes for all streams of a connection.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_http2::ErrorCode;
use rempart_io::buffer::{Filled, SMALL_BYTES};
use rempart_io::{Buffer, Deadline, Stream};
use tokio::io::AsyncWrite;

use super::session::Session;
use super::state::Ended;

/// Reads in one turn, before other connections of the core have theirs.
const READS_A_TURN: usize = 8;
/// What a PING says.
const PING: u64 = u64::from_be_bytes(*b"rempart?");
/// An origin that has answered a PING and is still silent is not asked again before this time: servers of gRPC take
/// more than one PING without data in five minutes for abuse.
const PING_AGAIN_AFTER: Duration = Duration::from_secs(310);

/// Drives one connection to its end.
pub(super) struct Driver {
    session: Rc<Session>,
    stream: Stream,
    input: Buffer,
    since: Instant,
    /// When the PING went out that has not been answered.
    pinged: Option<Instant>,
    deadline: Deadline,
}

impl Driver {
    pub(super) fn new(session: Rc<Session>, stream: Stream, since: Instant) -> Self {
        let (input, deadline) = (Buffer::default(), Deadline::default());
        Self { session, stream, input, since, pinged: None, deadline }
    }

    /// Runs until the connection has ended, however that comes about.
    pub(super) async fn run(mut self) {
        let mut end = OnEnd { session: Rc::clone(&self.session), how: Ended::Closed };
        end.how = std::future::poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.session.state_mut().set_driver(cx.waker());
        if let Poll::Ready(ended) = self.poll_read(cx) {
            // A GOAWAY that says why may still go out.
            let _ = self.poll_write(cx);
            return Poll::Ready(ended);
        }
        if self.poll_write(cx).is_ready() {
            return Poll::Ready(Ended::Closed);
        }
        if self.session.state().protocol.is_done() {
            return Poll::Ready(Ended::Closed);
        }
        self.poll_silence(cx)
    }

    /// Takes what has come. Ready when nothing more will.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let bytes_max = self.session.state().protocol.input_bytes_max();
        for _ in 0..READS_A_TURN {
            match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
                Poll::Ready(Ok(Filled::Bytes)) => {
                    // What comes in bulk is taken in bulk.
                    self.input.prefer_large(self.input.len() >= SMALL_BYTES);
                    if let Some(ended) = self.take() {
                        return Poll::Ready(ended);
                    }
                }
                Poll::Ready(Ok(Filled::End) | Err(_)) => return Poll::Ready(Ended::Closed),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take(&mut self) -> Option<Ended> {
        self.pinged = None;
        let mut state = self.session.state_mut();
        let taken = state.protocol.receive(self.input.bytes(), Now::mono());
        self.input.consume(taken);
        // Of a frame that is not all there nothing is taken.
        if taken > 0 {
            self.session.dispatch(&mut state, true);
        }
        let failure = state.protocol.failure()?;
        tracing::debug!(?failure, "an origin broke HTTP/2");
        Some(Ended::Violation)
    }

    /// Writes what waits. Ready when nothing more can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.session.state_mut();
            if state.protocol.output().is_empty() {
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, state.protocol.output()) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(count)) => {
                    self.session.wrote(&mut state, count);
                    self.session.dispatch(&mut state, false);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Ready when the origin has been silent for too long. Before that it is asked whether it is there.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            let Some(at) = self.due() else {
                self.deadline.clear();
                return Poll::Pending;
            };
            self.deadline.set(at);
            if self.deadline.poll_passed(cx).is_pending() {
                return Poll::Pending;
            }
            let mut state = self.session.state_mut();
            if !state.has_begun() || self.pinged.is_some() {
                let has_begun = state.has_begun();
                state.protocol.close(if has_begun {
                    ErrorCode::NO_ERROR
                } else {
                    ErrorCode::SETTINGS_TIMEOUT
                });
                drop(state);
                let _ = self.poll_write(cx);
                return Poll::Ready(Ended::Silent);
            }
            state.protocol.ping(PING);
            self.pinged = Some(Now::mono());
            drop(state);
            if self.poll_write(cx).is_ready() {
                return Poll::Ready(Ended::Closed);
            }
        }
    }

    /// When the patience with the origin ends: with its first frame, with its answer to a PING, or with its silence.
    fn due(&self) -> Option<Instant> {
        let (settings, state) = (self.session.settings(), self.session.state());
        if !state.has_begun() {
            return Some(self.since + settings.connect_timeout);
        }
        if let Some(pinged) = self.pinged {
            return Some(pinged + settings.http2_ping_timeout);
        }
        let (since, is_calm) = state.silence()?;
        Some(since + if is_calm { PING_AGAIN_AFTER } else { settings.http2_ping_after })
    }
}

/// Tells everybody that a connection has ended, also if its driver panics or is dropped with its runtime.
struct OnEnd {
    session: Rc<Session>,
    how: Ended,
}

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.session.end(self.how);
    }
}
