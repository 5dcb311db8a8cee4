//! Who waits for a head, and follows a body.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rempart_flow::Fault;

use super::registry::Fill;
use super::state::{Phase, State, Word};
use super::{Leader, Published};

/// Somebody who waits for a fill's head, or reads what it brings. Dropped, it has left.
#[derive(Debug)]
pub struct Reader {
    fill: Arc<Fill>,
    /// `None`: it has become the leader.
    seat: Option<usize>,
}

/// What a follower learns when the head is there.
#[derive(Debug)]
pub enum Outcome {
    /// An object: check that it is the variant asked for, then read it.
    Object(Arc<Published>),
    /// The response cannot be stored or shared: fetch for yourself, do not wait again.
    Alone,
    /// The fetch failed, and for that all get the same answer.
    Failed(Fault),
    /// The leader vanished and it is for you to go on in its place. The others keep waiting.
    Lead(Leader),
}

/// Why a reader gets nothing more from a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is at the end of what the fill brings.
    End,
    /// These bytes are no longer held, or lie before what comes: look in the store.
    Behind,
    /// The fetch failed.
    Failed,
}

impl Reader {
    pub(super) fn new(fill: &Arc<Fill>, state: &mut State) -> Self {
        let seat = state.seats.take(state.body.first);
        Self { fill: Arc::clone(fill), seat: Some(seat) }
    }

    /// Waits for the head. After [`Outcome::Lead`] this reader is none any longer: drop it.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(seat) = self.seat else { return Poll::Ready(Outcome::Alone) };
        let mut state = self.fill.lock();
        let outcome = match &state.phase {
            Phase::Said(Word::Object(published)) => Outcome::Object(Arc::clone(published)),
            Phase::Said(Word::Failed(fault)) => Outcome::Failed(*fault),
            Phase::Said(Word::Alone) | Phase::Over => Outcome::Alone,
            Phase::Led => {
                state.seats.wait(seat, cx.waker());
                return Poll::Pending;
            }
            Phase::Leaderless => {
                state.phase = Phase::Led;
                state.seats.leave(seat);
                self.seat = None;
                Outcome::Lead(Leader::new(Arc::clone(&self.fill)))
            }
        };
        Poll::Ready(outcome)
    }

    /// The bytes of the body from `at` on, as many as are there in one piece. `at` only rises: what is before it is
    /// no longer needed. Bytes that are far off are waited for: see [`Reader::progress`] before.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Bytes, Gone>> {
        let Some(seat) = self.seat else { return Poll::Ready(Err(super::Gone::Failed)) };
        let mut state = self.fill.lock();
        let before = state.seats.advance(seat, at);
        let writer = state.body.writer.moved(before, at, false);
        let read = state.body.read(at);
        if read.is_pending() {
            state.seats.wait(seat, cx.waker());
        }
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        read
    }

    /// Nobody who comes from now on joins this fill: what it brings may not be given to them. Those who have joined
    /// go on.
    pub fn disown(&self) {
        self.fill.leave();
    }

    #[cfg(test)]
    pub(super) const fn fill(&self) -> &Arc<Fill> {
        &self.fill
    }

    /// Which bytes of the body are held, and up to which they come, if that is known: (held from, written, end).
    #[must_use]
    pub fn progress(&self) -> (u64, u64, Option<u64>) {
        let body = &self.fill.lock().body;
        (body.pieces.first(), body.pieces.end(), body.end)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(seat) = self.seat else { return };
        let mut state = self.fill.lock();
        let left_at = state.seats.leave(seat).unwrap_or_default();
        let is_last = state.seats.count() == 0;
        let mut writer = state.body.writer.moved(left_at, left_at, true);
        if is_last && writer.is_none() {
            // It may not go on for nobody.
            writer = state.body.writer.wake();
        }
        let is_leaderless = matches!(state.phase, Phase::Leaderless);
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        if is_leaderless {
            self.fill.succeed();
        }
    }
}
