//! What the exchanges of one connection and its driver work on.

use std::task::Waker;
use std::time::Instant;

use rempart_base::Now;
use rempart_flow::{BadResponse, Fault, Method, ResponseHead};
use rempart_http2::{Broken, Connection as Protocol, StreamId};

use super::session::{STREAMS_MAX, UNTAKEN_BYTES_MAX};
use crate::lease::Lease;

/// What exchanges and the driver work on.
pub(super) struct State {
    pub(super) protocol: Protocol,
    pub(super) slots: Vec<Slot>,
    pub(super) driver: Option<Waker>,
    pub(super) lease: Option<Lease>,
    /// Why nothing comes or goes any more.
    pub(super) ended: Option<Ended>,
    /// It takes no more exchanges.
    pub(super) is_retired: bool,
    /// The origin has sent its first frame, SETTINGS.
    pub(super) has_begun: bool,
    pub(super) has_been_used: bool,
    pub(super) idle_since: Instant,
    /// Since when those who wait have heard nothing.
    pub(super) silent_since: Option<Instant>,
    /// The last that was heard was the answer to a PING, and nobody has asked for anything since.
    pub(super) is_calm: bool,
    pub(super) scratch: Vec<u8>,
    /// Heads whose memory the next answers use.
    pub(super) heads: Vec<ResponseHead>,
}

/// What is to be told to a stream's exchange.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) waker: Option<Waker>,
    pub(super) broken: Option<BrokenOff>,
}

/// How a stream ended early.
#[derive(Clone, Copy, Debug)]
pub(super) enum BrokenOff {
    Reset(Broken),
    Malformed(Fault),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The origin closed it, or it broke.
    Closed,
    /// The origin said nothing for too long, not even to a PING.
    Silent,
    /// The origin broke the protocol.
    Violation,
}

impl State {
    /// Whether one more exchange may begin. Until the origin has said how many streams it takes, one is sent.
    pub(super) fn takes_one_more(&self) -> bool {
        self.ended.is_none()
            && !self.is_retired
            && (self.has_begun || !self.has_been_used)
            && self.protocol.streams() < STREAMS_MAX
            && !self.is_full()
            && self.protocol.can_open()
    }

    pub(super) fn is_full(&self) -> bool {
        self.protocol.output().len() >= UNTAKEN_BYTES_MAX
    }

    /// Opens the stream of a request.
    pub(super) fn open(&mut self, method: Method) -> Option<StreamId> {
        if self.ended.is_some() {
            return None;
        }
        let stream = self.protocol.open(method)?;
        if self.slots.len() <= stream.slot() {
            self.slots.resize_with(stream.slot() + 1, Slot::default);
        }
        if self.silent_since.is_none() || self.is_calm {
            self.silent_since = Some(Now::mono());
            self.is_calm = false;
        }
        Some(stream)
    }

    /// How many streams the origin takes at once, as far as that matters.
    pub(super) fn streams_max(&self) -> usize {
        (self.protocol.peer_streams_max() as usize).min(STREAMS_MAX)
    }

    pub(super) const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Since when those who wait have heard nothing, and whether the origin is known to be there all the same.
    pub(super) const fn silence(&self) -> Option<(Instant, bool)> {
        match self.silent_since {
            Some(since) => Some((since, self.is_calm)),
            None => None,
        }
    }

    pub(super) fn broken(&self, stream: StreamId) -> Option<BrokenOff> {
        self.slots.get(stream.slot()).and_then(|slot| slot.broken)
    }

    /// Whoever has this waker is told when something happens on the stream.
    pub(super) fn wait(&mut self, stream: StreamId, waker: &Waker) {
        let Some(slot) = self.slots.get_mut(stream.slot()) else { return };
        if !slot.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            slot.waker = Some(waker.clone());
        }
    }

    pub(super) fn set_driver(&mut self, waker: &Waker) {
        if !self.driver.as_ref().is_some_and(|old| old.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    /// Has the driver write, if there is anything to write, or see that it is through.
    pub(super) fn wake_driver(&self) {
        if let Some(driver) = &self.driver
            && (!self.protocol.output().is_empty() || self.protocol.is_done())
        {
            driver.wake_by_ref();
        }
    }

    pub(super) fn wake(&self, stream: StreamId) {
        if let Some(waker) = self.slots.get(stream.slot()).and_then(|slot| slot.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    pub(super) fn break_off(&mut self, stream: StreamId, how: BrokenOff) {
        if let Some(slot) = self.slots.get_mut(stream.slot()) {
            slot.broken = Some(how);
        }
        self.wake(stream);
    }
}

impl Ended {
    /// What it is to an exchange of whose answer not one byte has come.
    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Closed => Fault::BadResponse(BadResponse::Empty),
            Self::Silent => Fault::OriginTimeout,
            Self::Violation => Fault::BadResponse(BadResponse::Protocol),
        }
    }
}
