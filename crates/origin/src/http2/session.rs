//! One connection that all exchanges of a core share.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_flow::{HeadLimits, ResponseHead};
use rempart_http2::{Config, Connection as Protocol, ErrorCode, Event, StreamId};
use rempart_io::Stream;
use tokio::task::spawn_local;

use super::driver::Driver;
use super::exchange::Exchange;
use super::sessions::{Sessions, Speaks};
use super::state::{BrokenOff, Ended, Slot, State};
use crate::connect::Facts;
use crate::counts::OriginCounts;
use crate::lease::Lease;
use crate::plan::{OriginPlan, Upstream};

/// Streams of one connection at once, however many more the origin takes: what is lost on the way of one holds up
/// all others (TCP delivers in order), and one core's memory for an origin has to have a bound.
pub(crate) const STREAMS_MAX: usize = 128;
/// Bytes of an answer that wait for their visitor: as many as in an HTTP/1 connection's buffer.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The window of all streams together. They hold half of it at most; the other half may be on its way back, since a
/// window is granted anew by halves. If it were less, some visitors who read nothing could stop the answers of all
/// others.
const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES * 128;
/// Heads of answers whose memory a connection keeps for the next ones, and how much of it.
const HEADS_MAX: usize = 16;
const HEAD_KEEP_BYTES: usize = 4096;
/// Bytes that the origin has not taken, beyond which it gets no more requests: heads do not wait for windows.
pub(super) const UNTAKEN_BYTES_MAX: usize = 256 * 1024;

/// One connection.
pub(crate) struct Session {
    state: RefCell<State>,
    facts: Facts,
    /// The bounds that it was opened with.
    settings: Arc<Upstream>,
    /// What `:scheme` says: how the connection is secured, whatever the visitor's is.
    scheme: &'static [u8],
    since: Instant,
    sessions: Rc<Sessions>,
}

impl Session {
    /// Begins one on a stream on which HTTP/2 is spoken.
    pub(crate) fn start(
        stream: Stream,
        facts: Facts,
        plan: &Arc<OriginPlan>,
        lease: Lease,
        sessions: &Rc<Sessions>,
    ) -> Rc<Self> {
        let now = Now::mono();
        let state = State {
            protocol: Protocol::client(&config(&plan.settings), now),
            slots: Vec::new(),
            driver: None,
            lease: Some(lease),
            ended: None,
            is_retired: false,
            has_begun: false,
            has_been_used: false,
            idle_since: now,
            silent_since: None,
            is_calm: false,
            scratch: Vec::new(),
            heads: Vec::new(),
        };
        let session = Rc::new(Self {
            state: RefCell::new(state),
            facts,
            settings: Arc::clone(&plan.settings),
            scheme: if plan.tls.is_some() { b"https" } else { b"http" },
            since: now,
            sessions: Rc::clone(sessions),
        });
        sessions.add(&session);
        spawn_local(Driver::new(Rc::clone(&session), stream, now).run());
        session
    }

    /// An exchange on it, if it takes one more now. It is to begin before anything else is waited for.
    pub(crate) fn exchange(
        self: &Rc<Self>,
        plan: &Arc<OriginPlan>,
        counts: &Arc<OriginCounts>,
    ) -> Option<Box<Exchange>> {
        let mut state = self.state.borrow_mut();
        if !self.fits(&plan.settings) || !state.takes_one_more() {
            return None;
        }
        let is_reused = std::mem::replace(&mut state.has_been_used, true);
        let head = state.heads.pop().unwrap_or_default();
        drop(state);
        let (plan, counts) = (Arc::clone(plan), Arc::clone(counts));
        Some(Box::new(Exchange::new(Rc::clone(self), plan, counts, head, is_reused)))
    }

    /// Zones that share an origin may have other bounds for its answers.
    fn fits(&self, settings: &Arc<Upstream>) -> bool {
        let bounds = |of: &Upstream| (of.head_bytes_max, of.fields_max, of.interim_max);
        Arc::ptr_eq(&self.settings, settings) || bounds(&self.settings) == bounds(settings)
    }

    /// What became known when it was opened.
    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) const fn settings(&self) -> &Arc<Upstream> {
        &self.settings
    }

    pub(super) const fn scheme(&self) -> &'static [u8] {
        self.scheme
    }

    pub(super) fn state(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    pub(super) fn state_mut(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// Whether the origin has said how many streams it takes.
    pub(super) fn has_begun(&self) -> bool {
        self.state().has_begun
    }

    /// Whether the origin takes extended CONNECT (RFC 8441), as far as it has said.
    pub(super) fn takes_connect(&self) -> bool {
        self.state().protocol.peer_has_connect_protocol()
    }

    /// Whether it still takes exchanges, now or when others end.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state();
        state.ended.is_none() && !state.is_retired && !state.protocol.is_draining()
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Since when nobody uses it.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.protocol.streams() == 0 && state.ended.is_none()).then_some(state.idle_since)
    }

    /// How long it may idle.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        let idle_timeout = self.settings.idle_timeout;
        self.idle_since().is_some_and(|since| now.saturating_duration_since(since) >= idle_timeout)
    }

    /// Gives memory back, if nobody uses it.
    pub(super) fn rest(&self) {
        let mut state = self.state.borrow_mut();
        if state.protocol.streams() == 0 {
            state.protocol.rest();
            (state.slots, state.scratch, state.heads) = (Vec::new(), Vec::new(), Vec::new());
        }
    }

    /// It takes no more exchanges, and closes when those that it has are through.
    pub(crate) fn retire(&self) {
        let mut state = self.state.borrow_mut();
        state.is_retired = true;
        state.protocol.drain();
        state.wake_driver();
    }

    /// Gives a stream back, and the head of its answer.
    pub(super) fn release(&self, stream: StreamId, mut head: ResponseHead) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        state.protocol.release(stream);
        if state.heads.len() < HEADS_MAX {
            head.clear(HEAD_KEEP_BYTES);
            state.heads.push(head);
        }
        if let Some(slot) = state.slots.get_mut(stream.slot()) {
            *slot = Slot::default();
        }
        let is_idle = state.protocol.streams() == 0;
        if is_idle {
            state.idle_since = Now::mono();
            state.silent_since = None;
        }
        state.wake_driver();
        let lease = state.lease.as_ref().map(|lease| Arc::clone(lease.shared()));
        drop(state);
        if is_idle && lease.is_some_and(|shared| self.sessions.is_superfluous(self, &shared)) {
            self.retire();
        }
        self.sessions.freed();
    }

    /// So much is written: who waits because too much was not may go on.
    pub(super) fn wrote(&self, state: &mut State, count: usize) {
        let was_full = state.is_full();
        state.protocol.wrote(count);
        if was_full && !state.is_full() {
            self.sessions.has_room();
        }
    }

    /// Tells everybody what has happened. `has_come` is whether it was told by the origin.
    pub(super) fn dispatch(&self, state: &mut State, has_come: bool) {
        let (mut has_changed, mut has_pong, mut has_more) = (false, false, false);
        while let Some(event) = state.protocol.poll_event() {
            let is_pong = matches!(event, Event::Pong(_));
            has_pong |= is_pong;
            has_more |= !is_pong;
            match event {
                Event::Reset(stream, broken) => {
                    if broken.code == ErrorCode::HTTP_1_1_REQUIRED {
                        self.sessions.speaks(Speaks::Http1Only);
                        state.is_retired = true;
                        state.protocol.drain();
                    }
                    state.break_off(stream, BrokenOff::Reset(broken));
                }
                Event::Malformed(stream, fault) => state.break_off(stream, BrokenOff::Malformed(fault)),
                Event::Settings | Event::GoAway(_) => has_changed = true,
                Event::Pong(_) | Event::Failed => {}
                Event::Head(stream)
                | Event::Refused(stream, _)
                | Event::Data(stream)
                | Event::End(stream)
                | Event::SendStopped(stream)
                | Event::Room(stream) => state.wake(stream),
            }
        }
        if has_come {
            has_changed |= !std::mem::replace(&mut state.has_begun, true);
            state.is_calm = has_pong && !has_more;
            state.silent_since = (state.protocol.streams() > 0).then(Now::mono);
        }
        if has_changed {
            self.sessions.said(state.streams_max());
        }
    }

    /// Nothing comes or goes any more. What has come is still there for those who want it.
    pub(super) fn end(&self, ended: Ended) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(ended);
        let lease = state.lease.take();
        let wakers: Vec<Waker> = state.slots.iter_mut().filter_map(|slot| slot.waker.take()).collect();
        let has_begun = state.has_begun;
        drop(state);
        drop(lease);
        wakers.into_iter().for_each(Waker::wake);
        self.sessions.remove(self, (!has_begun).then(|| ended.fault()));
    }
}

fn config(settings: &Upstream) -> Config {
    let head = HeadLimits {
        head_bytes_max: settings.head_bytes_max,
        target_bytes_max: 0,
        fields_max: settings.fields_max,
    };
    Config {
        // Nothing is pushed: we say so.
        streams_max: u32::try_from(STREAMS_MAX).unwrap_or(u32::MAX),
        stream_window_bytes: STREAM_WINDOW_BYTES,
        connection_window_bytes: CONNECTION_WINDOW_BYTES,
        head,
        trailers: head,
        block_bytes_max: settings.head_bytes_max.saturating_mul(2),
        // The final head waits with them.
        interim_max: settings.interim_max + 1,
        ..Config::default()
    }
}
