//! What one worker thread owns. Nothing in it is locked, and nothing in it is another core's.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rempart_base::{Now, RayId};
use rempart_config::Snapshot;
use rempart_origin::Origins;
use rempart_wire::Drain;

use crate::access_log::CoreLog;
use crate::metrics::{CoreMetrics, NO_ZONE, ReleaseCounters, ZoneCounters};
use crate::page::Slot;
use crate::pipeline::StageSet;
use crate::running::{self, Running};
use crate::text::SecondText;

/// One worker thread's own.
pub struct Core {
    releases: RefCell<Releases>,
    /// Where it says what it is about to run, for whoever looks from outside.
    pub slot: &'static Slot,
    /// Connections to origins.
    pub origins: Origins,
    /// The roll of visitors' connections.
    pub drain: Rc<Drain>,
    /// Counters.
    pub metrics: Arc<CoreMetrics>,
    /// The access log.
    pub log: CoreLog,
    /// This installation's token in `CDN-Loop`.
    pub loop_token: Box<[u8]>,
    /// The current second as text.
    pub second: RefCell<SecondText>,
    zones: RefCell<HashMap<Arc<str>, Rc<ZoneState>, foldhash::fast::FixedState>>,
    no_zone: Rc<ZoneState>,
    /// What the operator switched off, by zone; kept for zones that have no state, or are gone for now.
    switched: RefCell<HashMap<Arc<str>, StageSet>>,
    rays: Cell<u64>,
    ticked: Cell<Now>,
}

/// What exchanges that begin now run on.
struct Releases {
    stable: Rc<Pinned>,
    /// With the share of visitors in percent.
    canary: Option<(Rc<Pinned>, u8)>,
}

impl Releases {
    fn new(running: &Running, metrics: &CoreMetrics) -> Self {
        let pinned = |snapshot: &Arc<Snapshot>| {
            let counters = metrics.enter_release(snapshot.number);
            Rc::new(Pinned { snapshot: Arc::clone(snapshot), counters })
        };
        let canary = running.canary.as_ref().map(|canary| (pinned(&canary.snapshot), canary.percent));
        Self { stable: pinned(&running.stable), canary }
    }
}

/// A snapshot, held by this core. Exchanges count their hold on it without touching what cores share.
pub struct Pinned {
    snapshot: Arc<Snapshot>,
    /// What this core counts of it.
    pub counters: Arc<ReleaseCounters>,
}

impl std::ops::Deref for Pinned {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// What one core knows of one zone, whatever its snapshot.
pub struct ZoneState {
    /// Counters.
    pub counters: Arc<ZoneCounters>,
    /// Whose turn it is among the origins.
    turn: Cell<usize>,
    /// Stages that do not run for it.
    off: Cell<StageSet>,
}

impl ZoneState {
    fn new(name: &Arc<str>, metrics: &CoreMetrics) -> Rc<Self> {
        Rc::new(Self { counters: metrics.enter(Arc::clone(name)), turn: Cell::new(0), off: Cell::default() })
    }

    /// Stages that do not run for it.
    pub const fn off(&self) -> StageSet {
        self.off.get()
    }

    /// The next of `count` origins in turn.
    pub fn next_turn(&self, count: usize) -> usize {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn.checked_rem(count).unwrap_or(0)
    }
}

impl Core {
    /// A core that begins with these releases.
    #[must_use]
    pub fn new(
        running: &Running,
        slot: &'static Slot,
        origins: Origins,
        metrics: Arc<CoreMetrics>,
        log: CoreLog,
        loop_token: Box<[u8]>,
    ) -> Self {
        Self {
            releases: RefCell::new(Releases::new(running, &metrics)),
            slot,
            origins,
            drain: Rc::default(),
            log,
            loop_token,
            second: RefCell::default(),
            zones: RefCell::default(),
            switched: RefCell::default(),
            no_zone: ZoneState::new(&Arc::from(NO_ZONE), &metrics),
            metrics,
            // Random keys of the standard library seed the ids: they need be unique, not secret.
            ticked: Cell::new(Now::read()),
            rays: Cell::new(RandomState::new().hash_one(std::thread::current().id()) | 1),
        }
    }

    /// The release for an exchange that begins now. The exchange keeps it to its end.
    ///
    /// `visitor` finds who asks. It is called only while a canary runs, and with the stable release: whose
    /// word about a visitor is believed must not depend on what the answer decides.
    #[must_use]
    pub fn pin(&self, visitor: impl FnOnce(&Snapshot) -> IpAddr) -> Rc<Pinned> {
        let releases = self.releases.borrow();
        match &releases.canary {
            Some((canary, percent)) if running::is_chosen(visitor(&releases.stable), *percent) => {
                Rc::clone(canary)
            }
            Some(_) | None => Rc::clone(&releases.stable),
        }
    }

    /// The release for what happens before there is a request.
    #[must_use]
    pub fn stable(&self) -> Rc<Pinned> {
        Rc::clone(&self.releases.borrow().stable)
    }

    /// Swaps the releases. State of the zones that are `gone` is dropped.
    pub fn swap(&self, running: &Running, gone: &[Arc<str>]) {
        if !gone.is_empty() {
            self.zones.borrow_mut().retain(|name, _| !gone.contains(name));
            self.metrics.retain(|name| !gone.iter().any(|gone| **gone == *name));
        }
        *self.releases.borrow_mut() = Releases::new(running, &self.metrics);
    }

    /// Has these stages not run for the zone of this name, whichever release it runs on. Those that nobody
    /// may switch off go on.
    pub fn switch(&self, zone: &Arc<str>, off: StageSet) {
        let off = off.switchable();
        if off == StageSet::NONE {
            self.switched.borrow_mut().remove(zone);
        } else {
            self.switched.borrow_mut().insert(Arc::clone(zone), off);
        }
        if let Some(state) = self.zones.borrow().get(zone) {
            state.off.set(off);
        }
    }

    /// The state of a zone, made at its first exchange on this core.
    #[must_use]
    pub fn zone(&self, name: Option<&Arc<str>>) -> Rc<ZoneState> {
        let Some(name) = name else { return Rc::clone(&self.no_zone) };
        let mut zones = self.zones.borrow_mut();
        if let Some(state) = zones.get(&**name) {
            return Rc::clone(state);
        }
        let state = ZoneState::new(name, &self.metrics);
        state.off.set(self.switched.borrow().get(&**name).copied().unwrap_or_default());
        zones.insert(Arc::clone(name), Rc::clone(&state));
        state
    }

    /// An id for an exchange: a step of splitmix64, whose outputs never repeat within 2^64.
    #[must_use]
    pub fn ray(&self) -> RayId {
        let state = self.rays.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.rays.set(state);
        RayId(running::mix(state))
    }

    /// The time, and the current second's text up to date. Reads one clock: the other one is as far from it
    /// as it was at the last tick.
    pub fn now(&self) -> Now {
        let ticked = self.ticked.get();
        let now = ticked.after(Now::mono().saturating_duration_since(ticked.mono));
        self.second.borrow_mut().set(now.unix_s());
        now
    }

    /// Reads both clocks. To be called many times a second, so that a wall clock that was set is followed.
    pub fn tick(&self) {
        self.ticked.set(Now::read());
    }

    /// What is done every second or so.
    pub fn sweep(&self, now: Instant) {
        self.origins.sweep(now);
        self.metrics.origin_idle.store(self.origins.idle_count(), std::sync::atomic::Ordering::Relaxed);
    }

    /// Hands the log's lines over.
    pub fn flush_log(&self) {
        self.metrics.log_dropped.add(self.log.flush());
    }
}
