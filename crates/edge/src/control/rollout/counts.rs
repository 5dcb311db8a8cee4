//! What the cores have counted, summed.

use std::collections::HashMap;
use std::sync::Arc;

use super::judge::Sums;
use super::pasts::ZoneCounts;
use crate::metrics::ReleaseTotals;
use crate::worker::Handle;

/// The counters of all cores at this moment.
pub(crate) struct Counting<'a> {
    workers: &'a Arc<[Handle]>,
}

impl<'a> Counting<'a> {
    /// Of these workers.
    pub(crate) const fn of(workers: &'a Arc<[Handle]>) -> Self {
        Self { workers }
    }

    /// One release, by its number, since it began to serve.
    pub(crate) fn release(&self, number: u64) -> Sums {
        let mut totals = ReleaseTotals::default();
        self.workers.iter().for_each(|worker| totals += worker.metrics.release(number));
        Sums {
            requests: totals.requests(),
            errors: totals.errors,
            ours: totals.faults_ours,
            panics: totals.panics + totals.overruns,
            latencies: totals.latencies,
            cpu_us: cpu_us(),
        }
    }

    /// Requests and errors of every zone that has traffic.
    pub(crate) fn all_zones(&self) -> ZoneCounts {
        let mut all = ZoneCounts::new();
        for (name, counters) in self.workers.iter().flat_map(|worker| worker.metrics.zones()) {
            let (requests, errors) = all.entry(name).or_default();
            *requests += counters.requests();
            *errors += counters.errors.read();
        }
        all
    }

    /// These zones, whatever the release: one walk over all that have traffic.
    pub(crate) fn zones<'n>(&self, names: impl Iterator<Item = &'n Arc<str>>) -> HashMap<Arc<str>, Sums> {
        let mut all: HashMap<Arc<str>, Sums> =
            names.map(|name| (Arc::clone(name), Sums::default())).collect();
        if all.is_empty() {
            return all;
        }
        for (name, counters) in self.workers.iter().flat_map(|worker| worker.metrics.zones()) {
            if let Some(sums) = all.get_mut(&name) {
                sums.requests += counters.requests();
                sums.errors += counters.errors.read();
            }
        }
        all
    }
}

/// CPU that this process has used, in user space and in the kernel.
fn cpu_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or(0)
}
