//! How streams and the connection end (RFC 9113 sections 5.4, 6.4 and 6.8).

use super::{Connection, Failure, Going};
use crate::budget::Budget;
use crate::event::{Broken, By, Event, StreamId};
use crate::frame::{ErrorCode, MAX_31, kind};
use crate::stream::{Closed, Receiving, Sending};

/// What the PING of a drain says.
pub(super) const DRAIN_PING: u64 = u64::from_be_bytes(*b"draining");

impl Connection {
    /// Breaks a stream off. It is still to be released.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        let Some(found) = self.streams.get(stream).filter(|stream| stream.is_open) else { return };
        if found.sending == Sending::Unsent {
            self.forget_unsent(stream);
        } else if !self.is_closed() {
            self.rst(stream.id, code);
        }
        self.end_broken(stream, Closed::ByUs);
    }

    /// Gives a stream back. If our side of it is not over it is broken off with CANCEL; if only the peer's is not,
    /// the peer is told that the rest is not wanted (section 8.1).
    #[inline]
    pub fn release(&mut self, stream: StreamId) {
        let Some(found) = self.streams.get(stream) else { return };
        if found.is_open {
            let wants_no_more = found.sending == Sending::Ended && self.is_server();
            self.reset(stream, if wants_no_more { ErrorCode::NO_ERROR } else { ErrorCode::CANCEL });
        }
        self.head_bytes -= self.streams.get(stream).map_or(0, |found| found.head_bytes);
        let untaken = self.streams.release(stream);
        self.credit(None, untaken);
    }

    /// Ends the connection without haste (section 6.8): the peer is told to open no more streams; what it had
    /// opened before it heard so is served. Done when [`Connection::is_done`] says so.
    pub fn drain(&mut self) {
        if self.going != Going::On {
            return;
        }
        if self.is_server() {
            self.say_goaway(MAX_31, ErrorCode::NO_ERROR);
            self.output.control(kind::PING, 0, 0, &[&DRAIN_PING.to_be_bytes()]);
            self.going = Going::Announced;
        } else {
            self.say_goaway(0, ErrorCode::NO_ERROR);
            self.going = Going::Last(0);
        }
    }

    /// The peer has heard of the drain, or should have: what it opens from now on is not served.
    pub fn drain_heard(&mut self) {
        if self.going == Going::Announced {
            self.say_goaway(self.last_peer, ErrorCode::NO_ERROR);
            self.going = Going::Last(self.last_peer);
        }
    }

    /// Ends the connection at once. No stream can do anything any more.
    pub fn close(&mut self, code: ErrorCode) {
        if self.is_closed() {
            return;
        }
        self.take_back_head();
        let last = if let Going::Last(last) = self.going { last } else { self.last_peer };
        self.say_goaway(last, code);
        self.going = Going::Closed;
        self.partial = None;
        self.block = None;
        self.block_bytes = Vec::new();
        self.waiting = Vec::new();
    }

    /// Whether a drain or the end has begun, on this side or, toward a server, on the other.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.going != Going::On || (!self.is_server() && self.peer_last.is_some())
    }

    /// Whether the connection has ended: what comes is swallowed.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.going, Going::Closed)
    }

    /// Whether a head has begun to come and has not ended.
    #[must_use]
    pub const fn is_reading_head(&self) -> bool {
        self.block.is_some()
    }

    /// Whether nothing more will happen: once the output is written, the connection can be closed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self.going {
            Going::Closed => true,
            Going::Last(_) => self.streams.count() == 0,
            Going::On | Going::Announced => {
                !self.is_server() && self.peer_last.is_some() && self.streams.count() == 0
            }
        }
    }

    /// Ends the connection for what the peer did.
    #[cold]
    pub(super) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.close(failure.code());
        self.events.push_back(Event::Failed);
    }

    /// Resets an open stream for what the peer did on it (section 5.4.2).
    #[cold]
    pub(super) fn break_off(&mut self, stream: StreamId, code: ErrorCode) -> Result<(), Failure> {
        self.break_off_silently(stream, code)?;
        self.events.push_back(Event::Reset(stream, Broken { code, by: By::Us, is_unprocessed: false }));
        Ok(())
    }

    /// The same, where another event says it.
    #[cold]
    pub(super) fn break_off_silently(&mut self, stream: StreamId, code: ErrorCode) -> Result<(), Failure> {
        self.spend(Budget::OwnResets, |b| &mut b.own_resets, self.config.budgets.own_resets)?;
        self.rst(stream.id, code);
        self.end_broken(stream, Closed::ByUs);
        Ok(())
    }

    /// Resets a stream that is not open for what the peer did on it. What follows on it is ignored.
    #[cold]
    pub(super) fn refuse(&mut self, stream: u32, code: ErrorCode) -> Result<(), Failure> {
        self.spend(Budget::OwnResets, |b| &mut b.own_resets, self.config.budgets.own_resets)?;
        self.rst(stream, code);
        self.streams.remember(stream, Closed::ByUs);
        Ok(())
    }

    /// A stream was reset, by one side or the other: nothing more comes or goes.
    pub(super) fn end_broken(&mut self, stream: StreamId, how: Closed) {
        if self.open_head == Some(stream) {
            self.take_back_head();
        }
        let Some(found) = self.streams.get_mut(stream) else { return };
        found.receiving = Receiving::Broken;
        found.sending = Sending::Broken;
        let untaken = found.drop_body();
        self.streams.close(stream, how);
        self.credit(None, untaken);
    }

    pub(super) fn rst(&mut self, stream: u32, code: ErrorCode) {
        self.output.control(kind::RST_STREAM, 0, stream, &[&code.0.to_be_bytes()]);
    }

    fn say_goaway(&mut self, last: u32, code: ErrorCode) {
        self.output.control(kind::GOAWAY, 0, 0, &[&last.to_be_bytes(), &code.0.to_be_bytes()]);
    }
}
