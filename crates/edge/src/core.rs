//! What one worker thread owns. Nothing in it is locked, and nothing in it is another core's.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rempart_base::{Now, RayId};
use rempart_config::Snapshot;
use rempart_origin::Origins;
use rempart_wire::Drain;

use crate::access_log::CoreLog;
use crate::metrics::{CoreMetrics, NO_ZONE, ZoneCounters};
use crate::text::SecondText;

/// One worker thread's own.
pub struct Core {
    snapshot: RefCell<Rc<Pinned>>,
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
    rays: Cell<u64>,
    ticked: Cell<Now>,
}

/// A snapshot, held by this core. Exchanges count their hold on it without touching what cores share.
pub struct Pinned(Arc<Snapshot>);

impl std::ops::Deref for Pinned {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// What one core knows of one zone, whatever its snapshot.
pub struct ZoneState {
    /// Counters.
    pub counters: Arc<ZoneCounters>,
    /// Whose turn it is among the origins.
    turn: Cell<usize>,
}

impl ZoneState {
    fn new(name: &Arc<str>, metrics: &CoreMetrics) -> Rc<Self> {
        Rc::new(Self { counters: metrics.enter(Arc::clone(name)), turn: Cell::new(0) })
    }

    /// The next of `count` origins in turn.
    pub fn next_turn(&self, count: usize) -> usize {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn.checked_rem(count).unwrap_or(0)
    }
}

impl Core {
    /// A core that begins with this snapshot.
    #[must_use]
    pub fn new(
        snapshot: Arc<Snapshot>,
        origins: Origins,
        metrics: Arc<CoreMetrics>,
        log: CoreLog,
        loop_token: Box<[u8]>,
    ) -> Self {
        Self {
            snapshot: RefCell::new(Rc::new(Pinned(snapshot))),
            origins,
            drain: Rc::default(),
            log,
            loop_token,
            second: RefCell::default(),
            zones: RefCell::default(),
            no_zone: ZoneState::new(&Arc::from(NO_ZONE), &metrics),
            metrics,
            // Random keys of the standard library seed the ids: they need be unique, not secret.
            ticked: Cell::new(Now::read()),
            rays: Cell::new(RandomState::new().hash_one(std::thread::current().id()) | 1),
        }
    }

    /// The snapshot for an exchange that begins now. The exchange keeps it to its end.
    #[must_use]
    pub fn pin(&self) -> Rc<Pinned> {
        Rc::clone(&self.snapshot.borrow())
    }

    /// Swaps the snapshot. State of the zones that are `gone` is dropped.
    pub fn swap(&self, snapshot: Arc<Snapshot>, gone: &[Arc<str>]) {
        if !gone.is_empty() {
            self.zones.borrow_mut().retain(|name, _| !gone.contains(name));
            self.metrics.retain(|name| !gone.iter().any(|gone| **gone == *name));
        }
        *self.snapshot.borrow_mut() = Rc::new(Pinned(snapshot));
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
        zones.insert(Arc::clone(name), Rc::clone(&state));
        state
    }

    /// An id for an exchange: a step of splitmix64, whose outputs never repeat within 2^64.
    #[must_use]
    pub fn ray(&self) -> RayId {
        let state = self.rays.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.rays.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RayId(mixed ^ (mixed >> 31))
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
