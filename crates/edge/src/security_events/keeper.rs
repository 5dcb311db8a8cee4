//! What the thread of the log has of the ring.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Ring, line};
use crate::rules::events::Event;

/// Where events are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) path: PathBuf,
    /// At least 1.
    pub(crate) slots: usize,
}

/// Writes events down, if they are to be kept.
pub(crate) struct Keeper {
    ring: Option<Ring>,
    is_failing: bool,
    /// Those that could not be written.
    lost: Arc<AtomicU64>,
}

impl Keeper {
    /// One that keeps nothing so far.
    pub(crate) const fn new(lost: Arc<AtomicU64>) -> Self {
        Self { ring: None, is_failing: false, lost }
    }

    /// Keeps events here from now on; `None`: nowhere.
    pub(crate) fn keep(&mut self, kept: Option<Kept>) {
        self.ring = kept.map(|Kept { path, slots }| Ring::new(path, slots));
    }

    /// Writes these.
    pub(crate) fn write(&mut self, events: &[Event]) {
        let Some(ring) = &mut self.ring else { return };
        let lines: Vec<Vec<u8>> = events.iter().map(line).collect();
        let outcome = ring.write(&lines);
        if outcome.is_err() {
            self.lost.fetch_add(events.len() as u64, Ordering::Relaxed);
        }
        // Said once for a row of failures.
        match (&outcome, self.is_failing) {
            (Err(error), false) => tracing::error!(%error, "security events cannot be written"),
            (Ok(()), true) => tracing::info!("security events can be written again"),
            (Err(_), true) | (Ok(()), false) => return,
        }
        self.is_failing = outcome.is_err();
    }
}
