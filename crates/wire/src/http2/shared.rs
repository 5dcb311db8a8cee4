//! What the task of a connection and the exchanges on its streams share. All of them run on one core, one at a
//! time.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use rempart_base::Now;
use rempart_flow::Fault;
use rempart_http2::{Connection, Event, StreamId};

use crate::bounds::{LINGER, LINGER_BYTES_MAX};
use crate::config::Limits;
use crate::visitor::Peer;

/// Shared by all of one connection.
#[derive(Debug)]
pub(super) struct Shared {
    state: RefCell<State>,
    pub(super) peer: Peer,
    pub(super) is_tls: bool,
}

/// What changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) protocol: Connection,
    /// Of exchanges that begin now.
    pub(super) limits: Arc<Limits>,
    /// What was asked for and nobody has taken.
    pub(super) asked: VecDeque<Asked>,
    /// Visitors that wait for a request.
    pub(super) idle: Vec<Waker>,
    /// By the streams' slots.
    seats: Vec<Seat>,
    requests: u64,
    /// Streams that are answered, while what they still upload is read away: some clients see no answer that a reset
    /// follows at once. First come, first over.
    lingering: VecDeque<Lingering>,
    /// No byte comes or goes any more.
    pub(super) is_lost: bool,
}

/// A stream that somebody has opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) id: StreamId,
    pub(super) refused: Option<Fault>,
}

/// A stream that is answered and whose visitor still sends.
#[derive(Debug)]
struct Lingering {
    id: StreamId,
    until: Instant,
    bytes_left: u64,
}

/// Who sits on a stream.
#[derive(Debug, Default)]
struct Seat {
    id: Option<StreamId>,
    waker: Option<Waker>,
    is_broken: bool,
}

impl Shared {
    pub(super) fn new(protocol: Connection, peer: Peer, limits: Arc<Limits>, is_tls: bool) -> Self {
        let state = State {
            protocol,
            limits,
            asked: VecDeque::new(),
            idle: Vec::new(),
            seats: Vec::new(),
            requests: 0,
            lingering: VecDeque::new(),
            is_lost: false,
        };
        Self { state: RefCell::new(state), peer, is_tls }
    }

    /// The state, for as long as no other code runs.
    #[inline]
    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

impl State {
    pub(super) fn has_request(&self) -> bool {
        !self.asked.is_empty()
    }

    /// How often anything was asked for.
    pub(super) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Notes what has happened, and wakes those whom it concerns; up to the first who may send again, since what it sends
    /// decides who is the next. Whether there was one.
    pub(super) fn hear(&mut self) -> bool {
        while let Some(event) = self.protocol.poll_event() {
            match event {
                Event::Head(id) => self.ask(Asked { id, refused: None }, false),
                Event::Refused(id, fault) => self.ask(Asked { id, refused: Some(fault) }, false),
                // It is reset already: only the log wants it.
                Event::Malformed(id, fault) => self.ask(Asked { id, refused: Some(fault) }, true),
                Event::Data(id) | Event::End(id) if self.lingers(id) => {}
                Event::Data(id) | Event::End(id) | Event::SendStopped(id) => self.wake(id),
                Event::Room(id) => {
                    self.wake(id);
                    return true;
                }
                Event::Reset(id, _) => {
                    self.end_lingering(|lingering| lingering.id == id);
                    if let Some(seat) = self.seat(id) {
                        seat.is_broken = true;
                    }
                    self.wake(id);
                }
                // Nobody is told anything more.
                Event::Failed => self.wake_all(),
                Event::GoAway(_) | Event::Settings | Event::Pong(_) => {}
            }
        }
        false
    }

    fn ask(&mut self, asked: Asked, is_broken: bool) {
        let id = asked.id;
        let slot = id.slot();
        if self.seats.len() <= slot {
            // At most twice as many as streams may be open.
            self.seats.resize_with(slot + 1, Seat::default);
        }
        if let Some(seat) = self.seats.get_mut(slot) {
            *seat = Seat { id: Some(id), waker: None, is_broken };
        }
        self.asked.push_back(asked);
        self.requests += 1;
        let max = self.limits.requests_per_connection_max;
        if self.requests >= max {
            self.protocol.drain();
        }
        // Who goes on all the same, and does not say that it has heard, is served no further.
        if self.requests >= max.saturating_add(self.limits.http2_streams_max.into()) {
            self.protocol.drain_heard();
        }
    }

    fn seat(&mut self, id: StreamId) -> Option<&mut Seat> {
        self.seats.get_mut(id.slot()).filter(|seat| seat.id == Some(id))
    }

    fn wake(&mut self, id: StreamId) {
        if let Some(waker) = self.seat(id).and_then(|seat| seat.waker.take()) {
            waker.wake();
        }
    }

    /// Everybody is to look again.
    pub(super) fn wake_all(&mut self) {
        self.seats.iter_mut().filter_map(|seat| seat.waker.take()).for_each(Waker::wake);
    }

    /// Who waits for something of this stream is woken when it comes.
    pub(super) fn wait(&mut self, id: StreamId, cx: &Context<'_>) {
        let Some(seat) = self.seat(id) else { return };
        match &mut seat.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Whether nothing more comes or goes on this stream.
    pub(super) fn is_broken(&mut self, id: StreamId) -> bool {
        self.is_lost || self.protocol.failure().is_some() || self.seat(id).is_none_or(|seat| seat.is_broken)
    }

    /// The next request that is worth an answer.
    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        loop {
            let asked = self.asked.pop_front()?;
            // Malformed requests are reset already: they are shown in the log all the same.
            if asked.refused.is_some() || !self.is_broken(asked.id) {
                return Some(asked);
            }
            self.release(asked.id);
        }
    }

    /// Nobody sits on this stream any longer.
    pub(super) fn release(&mut self, id: StreamId) {
        if let Some(seat) = self.seat(id) {
            *seat = Seat::default();
        }
        self.protocol.release(id);
    }

    /// The exchange on this stream is answered. What its visitor still uploads is read away for a moment.
    pub(super) fn part(&mut self, id: StreamId, is_answered: bool) {
        if !is_answered || self.protocol.is_received(id) || self.is_broken(id) {
            return self.release(id);
        }
        let until = Now::mono() + LINGER;
        self.lingering.push_back(Lingering { id, until, bytes_left: LINGER_BYTES_MAX });
        self.lingers(id);
    }

    /// Reads away what has come, if the stream is one that lingers.
    fn lingers(&mut self, id: StreamId) -> bool {
        let Some(lingering) = self.lingering.iter_mut().find(|lingering| lingering.id == id) else {
            return false;
        };
        let count = self.protocol.data(id).len();
        self.protocol.consume(id, count);
        lingering.bytes_left = lingering.bytes_left.saturating_sub(count as u64);
        let is_over = lingering.bytes_left == 0 || self.protocol.is_received(id);
        if is_over {
            self.end_lingering(|lingering| lingering.id == id);
        }
        true
    }

    /// When the first of those that linger has done so for long enough.
    pub(super) fn lingers_until(&self) -> Option<Instant> {
        self.lingering.front().map(|lingering| lingering.until)
    }

    /// Ends all that have lingered long enough.
    pub(super) fn end_lingered(&mut self, now: Instant) {
        self.end_lingering(|lingering| lingering.until <= now);
    }

    /// Ends all of them.
    pub(super) fn end_all_lingering(&mut self) {
        self.end_lingering(|_| true);
    }

    fn end_lingering(&mut self, is_over: impl Fn(&Lingering) -> bool) {
        for at in (0..self.lingering.len()).rev() {
            if self.lingering.get(at).is_some_and(&is_over)
                && let Some(over) = self.lingering.remove(at)
            {
                self.release(over.id);
            }
        }
    }

    /// While nothing is asked for, it holds no memory.
    pub(super) fn rest(&mut self) {
        self.protocol.rest();
        self.seats = Vec::new();
        self.asked = VecDeque::new();
        self.idle = Vec::new();
    }
}
