//! A core's connections to one origin, and those who wait for a stream of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_flow::Fault;
use tokio::sync::Notify;

use super::exchange::Exchange;
use super::session::Session;
use crate::counts::OriginCounts;
use crate::lease::Shared;
use crate::plan::{Offer, OriginPlan};

/// A connection is not taken from a core for another before it has been of some use to it.
const HAND_OVER_AFTER: Duration = Duration::from_secs(1);

/// An idle connection gives its memory back after so long.
const REST_AFTER: Duration = Duration::from_secs(1);

/// What an origin that may speak HTTP/2 has turned out to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// HTTP/1.1 was all it wanted.
    Http1,
    /// It has demanded HTTP/1.1 where HTTP/2 was spoken (HTTP_1_1_REQUIRED): it is not asked again.
    Http1Only,
    /// HTTP/2.
    Http2,
}

/// All of one core's connections to one origin.
#[derive(Default)]
pub(crate) struct Sessions {
    list: RefCell<Vec<Rc<Session>>>,
    speaks: Cell<Speaks>,
    /// Connections that are being opened.
    opening: Cell<usize>,
    /// Exchanges that wait for a stream, or open a connection for themselves.
    waiting: Cell<usize>,
    /// Those of them that wait for the right to open a connection.
    waiting_for_lease: Cell<usize>,
    /// How many streams a connection takes, as the origin has said last.
    streams_max: Cell<Option<usize>>,
    failures: Cell<(u64, Option<Fault>)>,
    changed: Notify,
    /// Idle connections that this core keeps.
    idle_max: usize,
}

/// What one who wants a stream is to do next.
pub(crate) enum Turn {
    /// Begin.
    Go(Box<Exchange>),
    /// Open an HTTP/1 connection.
    Http1,
    /// Open a connection.
    Open,
    /// Wait until something changes.
    Wait,
    /// Give up: so ended the opening that it waited for.
    Failed(Fault),
}

impl Sessions {
    pub(crate) fn new(idle_max: usize) -> Self {
        Self { idle_max, ..Self::default() }
    }

    /// An exchange on one of them, if one can begin now. The first that has room is taken, so that those behind it can
    /// come to rest.
    pub(crate) fn take(
        &self,
        plan: &Arc<OriginPlan>,
        counts: &Arc<OriginCounts>,
        shared: &Shared,
    ) -> Option<Box<Exchange>> {
        let list = self.list.borrow();
        if self.is_wanted_elsewhere(shared) {
            let now = Now::mono();
            list.iter().filter(|session| session.age(now) >= HAND_OVER_AFTER).for_each(|old| old.retire());
        }
        list.iter().find_map(|session| session.exchange(plan, counts))
    }

    /// The same for who has just come: those who wait already go first.
    pub(crate) fn take_at_once(
        &self,
        plan: &Arc<OriginPlan>,
        counts: &Arc<OriginCounts>,
        shared: &Shared,
    ) -> Option<Box<Exchange>> {
        if self.waiting.get() > 0 { None } else { self.take(plan, counts, shared) }
    }

    /// The same for who wants another protocol on it.
    pub(crate) fn take_for_tunnel(
        &self,
        plan: &Arc<OriginPlan>,
        counts: &Arc<OriginCounts>,
    ) -> Option<Box<Exchange>> {
        if self.waiting.get() > 0 {
            return None;
        }
        let list = self.list.borrow();
        list.iter()
            .filter(|session| session.takes_connect())
            .find_map(|session| session.exchange(plan, counts))
    }

    /// What one is to do who has waited since so many had failed, and has opened one in vain or not.
    pub(crate) fn turn(
        &self,
        plan: &Arc<OriginPlan>,
        counts: &Arc<OriginCounts>,
        shared: &Shared,
        since: u64,
        has_tried: bool,
    ) -> Turn {
        if let Some(taken) = self.take(plan, counts, shared) {
            return Turn::Go(taken);
        }
        if self.speaks.get().is_http1() {
            return Turn::Http1;
        }
        let is_alone = self.opening.get() == 0 && self.is_empty();
        match self.failures.get() {
            (failures, Some(fault)) if failures > since && is_alone => return Turn::Failed(fault),
            _ => {}
        }
        if (is_alone || !has_tried) && self.wants_another() { Turn::Open } else { Turn::Wait }
    }

    /// Whether one more connection is to be opened for those who wait. One at a time, until it is known that one is not
    /// enough: the first may turn out to take all of them.
    fn wants_another(&self) -> bool {
        let list = self.list.borrow();
        let open = || list.iter().filter(|session| session.is_open());
        let coming = self.opening.get() + open().filter(|session| !session.has_begun()).count();
        match self.streams_max.get() {
            // It takes none for now.
            Some(0) => open().next().is_none() && coming == 0,
            Some(max) if self.speaks.get() == Speaks::Http2 => {
                coming == 0 || coming.saturating_mul(max) < self.waiting.get()
            }
            Some(_) | None => coming == 0,
        }
    }

    /// Waits until something has changed.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many connections have failed to open so far.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures.get().0
    }

    /// What the origin speaks.
    pub(crate) const fn spoken(&self) -> Speaks {
        self.speaks.get()
    }

    /// What it is offered.
    pub(crate) fn offer(&self, offer: Offer) -> Offer {
        if self.speaks.get() == Speaks::Http1Only { Offer::Http1 } else { offer }
    }

    /// The origin has shown what it speaks.
    pub(crate) fn speaks(&self, speaks: Speaks) {
        if self.speaks.get() != Speaks::Http1Only {
            self.speaks.set(speaks);
        }
        self.changed.notify_waiters();
    }

    /// A connection could not be opened, or was of no use.
    pub(crate) fn failed(&self, fault: Fault) {
        self.failures.set((self.failures.get().0 + 1, Some(fault)));
    }

    /// One waits, as long as the answer lives. `None`: so many do already.
    pub(crate) fn enter(&self, waiting_max: usize) -> Option<Counted<'_>> {
        (self.waiting.get() < waiting_max).then(|| Counted::new(&self.waiting))
    }

    /// One waits for the right to open a connection.
    pub(crate) fn wait_for_lease(&self) -> Counted<'_> {
        Counted::new(&self.waiting_for_lease)
    }

    /// A connection is being opened, as long as the answer lives; then those who wait look again.
    pub(crate) fn open(&self) -> Opening<'_> {
        Opening { _counted: Counted::new(&self.opening), changed: &self.changed }
    }

    pub(super) fn add(&self, session: &Rc<Session>) {
        self.list.borrow_mut().push(Rc::clone(session));
    }

    /// One has ended. If it has been of no use, it says why.
    pub(super) fn remove(&self, session: &Session, useless: Option<Fault>) {
        if let Ok(mut list) = self.list.try_borrow_mut() {
            list.retain(|other| !std::ptr::eq(&raw const **other, session));
        }
        if let Some(fault) = useless {
            self.failed(fault);
        }
        self.changed.notify_waiters();
    }

    /// The origin has said how many streams a connection takes, or that one takes no more.
    pub(super) fn said(&self, streams_max: usize) {
        self.streams_max.set(Some(streams_max));
        self.changed.notify_waiters();
    }

    /// One takes exchanges again.
    pub(super) fn has_room(&self) {
        self.changed.notify_waiters();
    }

    /// A stream has come free.
    pub(super) fn freed(&self) {
        self.changed.notify_one();
    }

    /// Whether an idle one is not to be kept: others wait for the right to have it, or enough are idle.
    pub(super) fn is_superfluous(&self, session: &Session, shared: &Shared) -> bool {
        let settings = session.settings();
        settings.idle_timeout.is_zero()
            || settings.idle_connections_max == 0
            || self.is_wanted_elsewhere(shared)
            || self.idle_count() > self.idle_max
    }

    /// Whether another core, or an exchange that needs HTTP/1, waits for the right to open a connection.
    fn is_wanted_elsewhere(&self, shared: &Shared) -> bool {
        shared.waiting() > self.waiting_for_lease.get()
    }

    /// Closes those that idle for too long; the others give their memory back. How many stay idle.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let mut idle_count = 0;
        for (session, since) in self.idle() {
            if session.is_stale(now) {
                session.retire();
                continue;
            }
            idle_count += 1;
            if now.saturating_duration_since(since) >= REST_AFTER {
                session.rest();
            }
        }
        idle_count
    }

    /// How many are idle.
    pub(crate) fn idle_count(&self) -> usize {
        self.list.borrow().iter().filter(|one| one.is_open() && one.idle_since().is_some()).count()
    }

    /// The idle ones, and since when they are.
    pub(crate) fn idle(&self) -> impl Iterator<Item = (Rc<Session>, Instant)> {
        let idle: Vec<_> = self
            .list
            .borrow()
            .iter()
            .filter(|session| session.is_open())
            .filter_map(|session| session.idle_since().map(|since| (Rc::clone(session), since)))
            .collect();
        idle.into_iter()
    }

    /// Whether none takes exchanges, now or later.
    pub(crate) fn is_empty(&self) -> bool {
        !self.list.borrow().iter().any(|session| session.is_open())
    }

    /// Whether nobody has anything to do with it.
    pub(crate) fn is_unused(&self) -> bool {
        self.list.borrow().is_empty() && self.opening.get() == 0 && self.waiting.get() == 0
    }
}

impl Speaks {
    pub(crate) const fn is_http1(self) -> bool {
        matches!(self, Self::Http1 | Self::Http1Only)
    }
}

/// One that counts for as long as it lives.
pub(crate) struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A connection on its way.
pub(crate) struct Opening<'a> {
    _counted: Counted<'a>,
    changed: &'a Notify,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        // Nobody runs before the count has fallen: this is one thread.
        self.changed.notify_waiters();
    }
}
