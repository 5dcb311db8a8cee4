//! What one worker thread owns. Nothing in it is locked, and nothing in it is another core's.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rempart_base::{Now, RayId};
use rempart_cache::KeyBuilder;
use rempart_config::Snapshot;
use rempart_origin::Origins;
use rempart_rules::Scratch;
use rempart_wire::Drain;

use crate::access_log::CoreLog;
use crate::cache::CacheTier;
use crate::metrics::{CoreMetrics, NO_ZONE, ReleaseCounters};
use crate::page::Slot;
use crate::pipeline::{StageId, StageSet};
use crate::rules::Plans;
use crate::rules::events::Events;
use crate::rules::trace::Trace;
use crate::running::{self, Running};
use crate::text::SecondText;
use crate::zone_state::{LEFT_OUT_FOR, ZoneState};

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
    /// What is stored, fetched and purged: the same for all cores.
    pub cache: Arc<CacheTier>,
    /// Where keys are built.
    pub keys: RefCell<KeyBuilder>,
    /// The memory of rules that run.
    pub scratch: RefCell<Scratch>,
    /// What rules have made of zones' plans.
    pub plans: RefCell<Plans>,
    /// Where it is told what rules do; an edge tells nobody.
    pub trace: Option<Trace>,
    /// What rules have decided about visitors lately.
    pub events: Events,
    /// The current second as text.
    pub second: RefCell<SecondText>,
    zones: RefCell<HashMap<Arc<str>, Rc<ZoneState>, foldhash::fast::FixedState>>,
    no_zone: Rc<ZoneState>,
    /// What the operator switched off, by zone; kept for zones that have no state, or are gone for now.
    switched_off: RefCell<HashMap<Arc<str>, StageSet>>,
    left_out: RefCell<Vec<LeftOut>>,
    /// Orders to fail.
    #[cfg(feature = "fault")]
    pub faults: crate::fault::Injected,
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

/// A stage that keeps failing for a zone, and does not run there for a while.
struct LeftOut {
    state: Rc<ZoneState>,
    zone: Arc<str>,
    stage: StageId,
    until: Instant,
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
        cache: Arc<CacheTier>,
    ) -> Self {
        Self {
            releases: RefCell::new(Releases::new(running, &metrics)),
            slot,
            origins,
            drain: Rc::new(Drain::counting(Arc::clone(&metrics.budget.idle))),
            log,
            loop_token,
            cache,
            keys: RefCell::default(),
            scratch: RefCell::default(),
            plans: RefCell::default(),
            trace: None,
            events: Events::default(),
            second: RefCell::default(),
            zones: RefCell::default(),
            switched_off: RefCell::default(),
            left_out: RefCell::default(),
            #[cfg(feature = "fault")]
            faults: crate::fault::Injected::default(),
            no_zone: Rc::new(ZoneState::new(metrics.enter(Arc::from(NO_ZONE)), StageSet::NONE)),
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

    /// Swaps the releases. State of the zones that are `gone`, sorted, is dropped.
    pub fn swap(&self, running: &Running, gone: &[Arc<str>]) {
        self.try_again(None);
        if !gone.is_empty() {
            // Tens of thousands may be gone of as many, and visitors wait meanwhile.
            let is_gone = |name: &str| gone.binary_search_by(|gone| (**gone).cmp(name)).is_ok();
            self.zones.borrow_mut().retain(|name, _| !is_gone(name));
            self.metrics.retain(|name| !is_gone(name));
        }
        self.plans.borrow_mut().clear();
        *self.releases.borrow_mut() = Releases::new(running, &self.metrics);
    }

    /// Has these stages not run for the zone of this name, whichever release it runs on. Those that nobody
    /// may switch off go on.
    pub fn switch(&self, zone: &Arc<str>, off: StageSet) {
        let off = off.switchable();
        if off == StageSet::NONE {
            self.switched_off.borrow_mut().remove(zone);
        } else {
            self.switched_off.borrow_mut().insert(Arc::clone(zone), off);
        }
        if let Some(state) = self.zones.borrow().get(zone) {
            state.switch_off(off);
        }
    }

    /// Notes that a stage whose policy is *open* has failed for a zone, and leaves it out there if it keeps
    /// failing.
    pub fn has_failed_open(&self, state: &Rc<ZoneState>, zone: &Arc<str>, stage: StageId) {
        let now = self.now();
        if !state.has_failed_too_often(stage, now.mono) {
            return;
        }
        let name = stage.name();
        tracing::warn!(
            zone = &**zone,
            stage = name,
            for_s = LEFT_OUT_FOR.as_secs(),
            "a stage keeps failing and is left out for this zone on this core"
        );
        self.metrics.incidents.leave_out(zone, name, now);
        let (state, zone, until) = (Rc::clone(state), Arc::clone(zone), now.mono + LEFT_OUT_FOR);
        self.left_out.borrow_mut().push(LeftOut { state, zone, stage, until });
    }

    /// Runs stages again that were left out until now or earlier; all of them without a moment.
    fn try_again(&self, now: Option<Instant>) {
        self.left_out.borrow_mut().retain(|left_out| {
            let is_kept = now.is_some_and(|now| now < left_out.until);
            if !is_kept {
                let (zone, stage) = (&*left_out.zone, left_out.stage.name());
                tracing::warn!(zone, stage, "a stage that was left out is tried again");
                left_out.state.try_again(left_out.stage);
                self.metrics.incidents.try_again(zone, stage);
            }
            is_kept
        });
    }

    /// The state of a zone, made at its first exchange on this core.
    #[must_use]
    pub fn zone(&self, name: Option<&Arc<str>>) -> Rc<ZoneState> {
        let Some(name) = name else { return Rc::clone(&self.no_zone) };
        let mut zones = self.zones.borrow_mut();
        if let Some(state) = zones.get(&**name) {
            return Rc::clone(state);
        }
        let switched_off = self.switched_off.borrow().get(&**name).copied().unwrap_or_default();
        let state = Rc::new(ZoneState::new(self.metrics.enter(Arc::clone(name)), switched_off));
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
        self.try_again(Some(now));
        self.origins.sweep(now);
        self.metrics.origin_idle.store(self.origins.idle_count(), std::sync::atomic::Ordering::Relaxed);
    }

    /// Hands over the log's lines, and events.
    pub fn flush_log(&self) {
        self.metrics.log_dropped.add(self.log.flush());
        let (events, dropped) = self.events.take();
        self.metrics.events_dropped.add(dropped + self.log.events(events));
    }
}
