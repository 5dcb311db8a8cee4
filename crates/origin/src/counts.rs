//! What is counted of each origin, by core.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::lease::Shared;
use crate::plan::OriginPlan;

/// An origin that nobody has asked for so long is forgotten, with its counts.
pub(crate) const FORGET_AFTER: Duration = Duration::from_secs(120);

/// What one core counts about its connections. Only that core writes.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were opened.
    pub opened: AtomicU64,
    /// Of those, on which HTTP/2 is spoken.
    pub opened_http2: AtomicU64,
    /// Exchanges that got a connection that was open already.
    pub reused: AtomicU64,
    /// Connections that could not be opened.
    pub failed: AtomicU64,
    origins: Mutex<Vec<Arc<OriginCounts>>>,
}

/// What one core counts of one origin.
#[derive(Debug)]
pub struct OriginCounts {
    /// Its address and settings, hashed: the same on every core.
    pub id: u64,
    /// Its URL.
    pub label: Box<str>,
    asked: AtomicU64,
    failed: AtomicU64,
    shared: Arc<Shared>,
}

impl Counters {
    /// Enters an origin.
    pub(crate) fn enter(&self, plan: &OriginPlan, shared: &Arc<Shared>) -> Arc<OriginCounts> {
        let counts = Arc::new(OriginCounts {
            id: plan.id,
            label: plan.label.clone(),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            shared: Arc::clone(shared),
        });
        self.origins.lock().push(Arc::clone(&counts));
        counts
    }

    /// Forgets one that was entered.
    pub(crate) fn forget(&self, counts: &Arc<OriginCounts>) {
        self.origins.lock().retain(|other| !Arc::ptr_eq(other, counts));
    }

    /// Every origin that was asked lately.
    #[must_use]
    pub fn origins(&self) -> Vec<Arc<OriginCounts>> {
        self.origins.lock().clone()
    }
}

impl OriginCounts {
    /// Exchanges that were to begin on a connection to it.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Connections that could not be opened, and exchanges that it did not answer, or not to the end. A kept
    /// connection that it had closed before it was asked again is none of them.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Connections to it of the whole process, idle and busy.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open()
    }

    pub(crate) fn count_asked(&self) {
        self.asked.add(1);
    }

    /// A connection may have gone to another core meanwhile, so this is one locked step; it is rare.
    pub(crate) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds to a counter that only this core writes: a plain store, no locked instruction.
pub(crate) trait SingleWriter {
    /// Adds.
    fn add(&self, count: u64);
}

impl SingleWriter for AtomicU64 {
    fn add(&self, count: u64) {
        self.store(self.load(Ordering::Relaxed) + count, Ordering::Relaxed);
    }
}
