//! One look: how much is used, what is short, and what each core is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rempart_base::Now;

use super::bounds::Bounds;
use super::gauge::{Gauge, Level, Resource};
use super::machine::{self, Machine};
use super::share::{Fair, Shares};
use crate::worker::Handle;

/// How often is looked while nothing is short…
pub const LOOK_CALM: Duration = Duration::from_millis(250);
/// …and while something is.
pub const LOOK_SHORT: Duration = Duration::from_millis(100);
/// How often the allocator is asked to give back what it keeps, while memory is short.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(2);
/// How much memory an idle connection holds is not known: at each look as many go as are a sixteenth of all.
const MEMORY_PART: u64 = 16;
/// The most idle connections of a core that go at one look.
const CLOSED_MAX: usize = 4096;

/// The budgets of the process, and how they are used.
pub struct Budgets {
    machine: Machine,
    wanted: rempart_config::Budgets,
    pub(super) bounds: Bounds,
    pub(super) workers: Arc<[Handle]>,
    pub(super) gauges: [Gauge; 3],
    shares: Shares,
    /// What had been shed when it last began.
    at_begin: Shed,
    accepts_failed: u64,
    gave_back: Option<Now>,
}

/// What was shed since the start of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Idle connections of visitors that were closed.
    pub idle_closed: u64,
    /// Idle connections to origins that were closed.
    pub origin_idle_closed: u64,
    /// New connections that were closed at once.
    pub new_refused: u64,
    /// Requests that were refused because their zone had its share.
    pub over_share: u64,
    /// How often a connection could not be accepted, most often for want of a descriptor.
    pub accepts_failed: u64,
}

/// What is to be told to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A budget is not what the configuration says.
    Clamped {
        /// Its key.
        key: &'static str,
        /// Why.
        why: String,
    },
    /// Shedding has begun, or sheds more or less than before.
    Sheds(String),
    /// It has ended.
    Ended(String),
}

impl Budgets {
    /// Budgets of a process with these workers, which are told before they begin.
    #[must_use]
    pub fn new(wanted: rempart_config::Budgets, workers: Arc<[Handle]>) -> Self {
        let machine = Machine::look(workers.len());
        let budgets = Self {
            machine,
            wanted,
            bounds: Bounds::of(wanted, &machine),
            workers,
            gauges: [Resource::Connections, Resource::Descriptors, Resource::Memory].map(Gauge::new),
            shares: Shares::default(),
            at_begin: Shed::default(),
            accepts_failed: 0,
            gave_back: None,
        };
        budgets.tell();
        budgets
    }

    /// The budgets that are not what the configuration says.
    #[must_use]
    pub fn clamped(&self) -> Vec<Change> {
        let each = self.bounds.clamped();
        each.map(|(key, why)| Change::Clamped { key, why: why.to_owned() }).collect()
    }

    /// Looks, and tells the cores. Answers with what has changed.
    pub fn look(&mut self, wanted: rempart_config::Budgets, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.wanted != wanted {
            self.wanted = wanted;
            self.bounds = Bounds::of(wanted, &self.machine);
            changes = self.clamped();
        }
        let before = self.level();
        let shed = self.shed();
        self.read(shed, now).into_iter().for_each(|text| changes.push(Change::Sheds(text)));
        match (before, self.level()) {
            (Level::Calm, Level::Calm) => {}
            (Level::Calm, Level::Idle | Level::New) => self.at_begin = shed,
            (Level::Idle | Level::New, Level::Calm) => {
                changes.push(Change::Ended(shed.since(self.at_begin).to_string()));
                self.shares.forget();
            }
            (Level::Idle | Level::New, Level::Idle | Level::New) => {}
        }
        if self.level() != Level::Calm {
            let [connections, descriptors, memory] = self.gauges;
            self.shares
                .divide(&self.workers, now.mono, |most| capacity(&connections, &descriptors, &memory, most));
            self.order();
        }
        self.tell();
        changes
    }

    /// When to look next.
    #[must_use]
    pub fn pause(&self) -> Duration {
        if self.level() == Level::Calm { LOOK_CALM } else { LOOK_SHORT }
    }

    /// The most that is shed for anything.
    #[must_use]
    pub fn level(&self) -> Level {
        self.gauges.iter().map(|gauge| gauge.level).max().unwrap_or_default()
    }

    /// Visitors' connections that are idle after an answer: now, not at the last look.
    #[must_use]
    pub fn connections_idle(&self) -> usize {
        self.workers.iter().map(|worker| worker.metrics.budget.idle.load(Ordering::Relaxed)).sum()
    }

    /// Every resource as it was seen last.
    #[must_use]
    pub const fn gauges(&self) -> &[Gauge; 3] {
        &self.gauges
    }

    /// What each zone may have, while something is short.
    #[must_use]
    pub const fn fair(&self) -> Option<&Fair> {
        self.shares.fair()
    }

    /// What was shed so far.
    #[must_use]
    pub fn shed(&self) -> Shed {
        let mut shed = Shed::default();
        for worker in self.workers.iter() {
            let budget = &worker.metrics.budget;
            shed.idle_closed += budget.idle_closed.read();
            shed.origin_idle_closed += budget.origin_idle_closed.read();
            shed.new_refused += worker.metrics.shed.read();
            shed.over_share += budget.over_share.read();
            shed.accepts_failed += budget.accept_failed.read();
        }
        shed
    }

    /// Whether the allocator should give back what it keeps.
    pub fn should_give_memory_back(&mut self, now: Now) -> bool {
        let [.., memory] = &self.gauges;
        let lately = self.gave_back.is_some_and(|then| now.mono - then.mono < GIVE_BACK_EVERY);
        let should = memory.level != Level::Calm && !lately;
        if should {
            self.gave_back = Some(now);
        }
        should
    }

    /// Reads every gauge. Answers with a text for each that is at another level now.
    fn read(&mut self, shed: Shed, now: Now) -> Vec<String> {
        let has_failed = shed.accepts_failed > self.accepts_failed;
        self.accepts_failed = shed.accepts_failed;
        let [connections, descriptors, memory] = &mut self.gauges;
        let open: usize = self.workers.iter().map(|w| w.metrics.connections.load(Ordering::Relaxed)).sum();
        // A look that fails leaves the gauge where it is.
        let files = machine::descriptors_open().map_or(descriptors.used, |open| open as u64);
        let bytes = machine::resident_bytes().unwrap_or(memory.used);
        let changes = [
            connections.read(open as u64, self.bounds.connections.max, false, now),
            descriptors.read(files, self.bounds.descriptors.max, has_failed, now),
            memory.read(bytes, self.bounds.memory_bytes.max, false, now),
        ];
        let gauges = self.gauges.iter().zip(changes);
        gauges.filter_map(|(gauge, change)| change.map(|before| gauge.says(before))).collect()
    }

    /// Orders idle connections to be closed, from each core in proportion to what it has.
    fn order(&self) {
        let [connections, descriptors, memory] = &self.gauges;
        let excess_of = |gauge: &Gauge| if gauge.level == Level::Calm { 0 } else { gauge.excess() };
        let (visitors, files) = (excess_of(connections), excess_of(descriptors));
        let of_memory = |open: u64| if memory.level == Level::Calm { 0 } else { open.div_ceil(MEMORY_PART) };
        let open = |worker: &Handle| worker.metrics.connections.load(Ordering::Relaxed) as u64;
        let all_open = self.workers.iter().map(open).sum::<u64>().max(1);
        let count = |excess: u64| usize::try_from(excess).unwrap_or(CLOSED_MAX).min(CLOSED_MAX);
        for worker in self.workers.iter() {
            let open = open(worker);
            let own = |excess: u64| excess.saturating_mul(open).div_ceil(all_open).max(of_memory(open));
            let budget = &worker.metrics.budget;
            budget.idle_to_close.store(count(own(visitors.max(files))), Ordering::Relaxed);
            budget.origin_idle_to_close.store(count(own(files)), Ordering::Relaxed);
        }
    }

    /// Tells each core what holds.
    fn tell(&self) {
        let share = self.fair().map_or(usize::MAX, |fair| fair.per_core(self.workers.len()));
        let max = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
        for worker in self.workers.iter() {
            let budget = &worker.metrics.budget;
            budget.connections_max.store(max(self.bounds.connections.max), Ordering::Relaxed);
            budget.descriptors_max.store(max(self.bounds.descriptors.max), Ordering::Relaxed);
            budget.refuses_new.store(self.level() == Level::New, Ordering::Relaxed);
            budget.share.store(share, Ordering::Relaxed);
        }
    }
}

/// How many exchanges under way what is short is enough for.
fn capacity(connections: &Gauge, descriptors: &Gauge, memory: &Gauge, most_under_way: u64) -> u64 {
    let when_short = |gauge: &Gauge, count: u64| (gauge.level != Level::Calm).then_some(count);
    let counts = [
        when_short(connections, connections.max),
        // One toward the visitor, one toward the origin.
        when_short(descriptors, descriptors.max / 2),
        // What an exchange takes is not known: more than there were when it became short are too many.
        when_short(memory, most_under_way),
    ];
    counts.into_iter().flatten().min().unwrap_or(u64::MAX)
}

impl Shed {
    const fn since(self, before: Self) -> Self {
        Self {
            idle_closed: self.idle_closed - before.idle_closed,
            origin_idle_closed: self.origin_idle_closed - before.origin_idle_closed,
            new_refused: self.new_refused - before.new_refused,
            over_share: self.over_share - before.over_share,
            accepts_failed: self.accepts_failed - before.accepts_failed,
        }
    }
}
