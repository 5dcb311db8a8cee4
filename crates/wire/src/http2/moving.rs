//! Reading, writing and waiting: what the task of a connection does beside running its exchanges.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use rempart_base::Now;
use rempart_http2::ErrorCode;
use rempart_io::buffer::Filled;
use tokio::io::AsyncWrite;

use super::{End, Http2, Waiting};
use crate::bounds::{HALF_CLOSED, HTTP2_OUTPUT_BYTES_MAX, HTTP2_WARM, LINGER, LINGER_BYTES_MAX};

/// What is to be done when time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Nothing was asked for some time: memory is given back.
    Rest,
    /// What is still uploaded for an answer that is whole is read no longer.
    Release,
    /// Nothing was asked for too long.
    Goodbye,
    /// The visitor has gone.
    End,
}

impl Http2 {
    /// Reads what has come, once, and tells the streams. Whether anything has.
    pub fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        let shared = Rc::clone(&self.shared);
        let mut state = shared.state();
        // What comes after the end is read away by the close.
        if self.end != End::Open || state.protocol.has_ended() {
            return false;
        }
        // A visitor who takes nothing is not asked what else it wants.
        if state.protocol.output().len() > HTTP2_OUTPUT_BYTES_MAX {
            return false;
        }
        let bytes_max = state.protocol.input_bytes_max();
        match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
            Poll::Pending => return false,
            Poll::Ready(Ok(Filled::Bytes)) => {
                let taken = state.protocol.receive(self.input.bytes(), Now::mono());
                self.input.consume(taken);
                self.input.rest();
                state.hear();
            }
            Poll::Ready(Ok(Filled::End)) => {
                self.end = End::HalfClosed(Now::mono() + HALF_CLOSED);
                state.wake_all();
            }
            Poll::Ready(Err(_)) => {
                drop(state);
                self.lose();
            }
        }
        true
    }

    /// Writes what waits. Whether any of it went.
    pub fn send(&mut self, cx: &mut Context<'_>) -> bool {
        if self.end == End::Lost {
            return false;
        }
        let shared = Rc::clone(&self.shared);
        let mut state = shared.state();
        let mut moved = 0;
        let mut is_whole = true;
        while !state.protocol.output().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, state.protocol.output()) {
                Poll::Ready(Ok(count @ 1..)) => {
                    state.protocol.wrote(count);
                    moved += count;
                }
                Poll::Ready(Ok(0) | Err(_)) => {
                    drop(state);
                    self.lose();
                    return true;
                }
                Poll::Pending => {
                    is_whole = false;
                    break;
                }
            }
        }
        if moved > 0 {
            state.hear();
        }
        drop(state);
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => {
                self.lose();
                return true;
            }
            Poll::Pending => is_whole = false,
        }
        if moved > 0 || is_whole {
            self.patience.moved(moved);
        }
        if let (End::HalfClosed(until), true) = (&mut self.end, moved > 0) {
            *until = Now::mono() + HALF_CLOSED;
        }
        self.is_stalled = !is_whole;
        moved > 0
    }

    /// Nothing moves now. Ready once the connection is over: nothing is left to do on it.
    pub fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.is_over() {
                return Poll::Ready(());
            }
            self.begin_wait();
            if self.guest.poll_drained(cx).is_ready() {
                self.say_goodbye(cx);
                if self.is_over() {
                    return Poll::Ready(());
                }
            }
            if self.is_stalled && self.patience.poll_out(cx).is_ready() {
                self.lose();
                return Poll::Ready(());
            }
            let (at, due) = self.due();
            match at {
                Some(at) => self.deadline.set(at),
                None => self.deadline.clear(),
            }
            ready!(self.deadline.poll_passed(cx));
            match due {
                Due::Rest => {
                    self.waiting = Waiting::Resting;
                    self.shared.state().rest();
                }
                Due::Release => {
                    self.shared.state().end_lingered(Now::mono());
                    self.send(cx);
                }
                Due::Goodbye => {
                    self.shared.state().protocol.close(ErrorCode::NO_ERROR);
                    self.send(cx);
                    return Poll::Ready(());
                }
                Due::End => {
                    self.lose();
                    return Poll::Ready(());
                }
            }
        }
    }

    /// When something is due, and what.
    fn due(&self) -> (Option<Instant>, Due) {
        let state = self.shared.state();
        let limits = &state.limits;
        let since = |patience| self.since.map(|since| since + patience);
        let waiting = match self.waiting {
            Waiting::Nothing => (None, Due::End),
            Waiting::First => (since(limits.head_read_timeout), Due::Goodbye),
            Waiting::Next => (since(HTTP2_WARM.min(limits.keepalive_timeout)), Due::Rest),
            Waiting::Resting => (since(limits.keepalive_timeout), Due::Goodbye),
        };
        let half_closed = if let End::HalfClosed(until) = self.end { Some(until) } else { None };
        let head = self.head_since.map(|since| since + limits.head_read_timeout);
        let lingers = (state.lingers_until(), Due::Release);
        let all = [waiting, lingers, (half_closed, Due::End), (head, Due::Goodbye)];
        let earliest = all.into_iter().filter(|(at, _)| at.is_some()).min_by_key(|(at, _)| *at);
        earliest.unwrap_or((None, Due::End))
    }

    /// It is to go: after what is under way, or at once.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) {
        {
            let mut state = self.shared.state();
            if state.protocol.streams() == 0 && !self.stream.has_unread() {
                state.protocol.close(ErrorCode::NO_ERROR);
            } else {
                state.protocol.drain();
            }
        }
        // What it has to say of that.
        self.send(cx);
    }

    /// Whether nothing more can happen.
    fn is_over(&self) -> bool {
        let state = self.shared.state();
        let is_written = !self.is_stalled && state.protocol.output().is_empty();
        match self.end {
            End::Lost => true,
            End::HalfClosed(_) => state.protocol.streams() == 0 && is_written,
            End::Open => state.protocol.is_done() && is_written,
        }
    }

    /// Notes what is waited for from now on, once.
    fn begin_wait(&mut self) {
        let (is_idle, requests, is_reading_head) = {
            let state = self.shared.state();
            let is_reading_head = state.protocol.is_reading_head() || !self.input.is_empty();
            (state.protocol.streams() == 0, state.requests(), is_reading_head)
        };
        if !is_reading_head {
            self.head_since = None;
        } else if self.head_since.is_none() {
            self.head_since = Some(Now::mono());
        }
        let waiting = match is_idle {
            false => Waiting::Nothing,
            true if self.waiting == Waiting::Resting => Waiting::Resting,
            true if requests > 0 => Waiting::Next,
            true => Waiting::First,
        };
        if waiting == self.waiting && self.answered == requests && self.since.is_some() {
            return;
        }
        self.answered = requests;
        self.waiting = waiting;
        let now = Now::mono();
        self.since = Some(now);
        match waiting {
            Waiting::Nothing => self.guest.rise(),
            Waiting::First => self.guest.rest_fresh(now),
            Waiting::Next | Waiting::Resting => self.guest.rest(now),
        }
    }

    /// The network is gone. Exchanges under way see it, and end.
    fn lose(&mut self) {
        self.end = End::Lost;
        let mut state = self.shared.state();
        state.is_lost = true;
        state.wake_all();
    }

    /// From now on whoever is still under way has lost its visitor.
    pub fn abandon(&mut self) {
        let mut state = self.shared.state();
        state.end_all_lingering();
        state.is_lost = true;
        state.wake_all();
    }

    /// Closes so that the last of what was written arrives: what the visitor still sends is read away for a moment,
    /// since unread bytes would turn the close into a reset.
    pub async fn close(&mut self) {
        if self.end == End::Lost {
            return;
        }
        self.deadline.set(Now::mono() + LINGER);
        let mut budget = LINGER_BYTES_MAX;
        let mut is_shut = false;
        poll_fn(|cx| {
            if !is_shut {
                is_shut = Pin::new(&mut self.stream).poll_shutdown(cx).is_ready();
            }
            while self.end == End::Open && budget > 0 {
                let waiting = self.input.len();
                budget = budget.saturating_sub(waiting as u64);
                self.input.consume(waiting);
                match self.input.poll_fill(&mut self.stream, cx, rempart_io::buffer::SMALL_BYTES) {
                    Poll::Ready(Ok(Filled::Bytes)) => {}
                    Poll::Ready(Ok(Filled::End) | Err(_)) => self.end = End::Lost,
                    Poll::Pending => return self.deadline.poll_passed(cx),
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}
