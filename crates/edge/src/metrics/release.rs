//! What one core counts of one release, whatever the zone: by this a release that is tried is compared with
//! the one before it.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

use rempart_flow::{Fault, Side};

use super::Counter;

/// How many releases a core counts at once: those that run and the last ones before them. The one that was
/// entered first is forgotten.
pub const RELEASES_MAX: usize = 8;
/// How many buckets the histogram of latencies has: see [`latency_bound_us`].
pub const RELEASE_LATENCIES: usize = 20;

/// The upper bound of a bucket, in microseconds: 64, 128, 256, and so on; the last one has none.
#[must_use]
pub const fn latency_bound_us(bucket: usize) -> Option<u64> {
    if bucket + 1 < RELEASE_LATENCIES { Some(64 << bucket) } else { None }
}

/// The bucket of a time. No search: this is done at each request.
const fn bucket_of(us: u64) -> usize {
    let bits = (u64::BITS - us.saturating_sub(1).leading_zeros()) as usize;
    let bucket = bits.saturating_sub(6);
    if bucket < RELEASE_LATENCIES { bucket } else { RELEASE_LATENCIES - 1 }
}

/// Whether the end of an exchange speaks against the release that it ran on: a 5xx, but none that visitors make
/// as they like, none for want of room, and none for a zone that is held back so that the others move on. What an
/// origin answers to a probe, which it has not expected, is its own business.
#[must_use]
pub fn speaks_against_its_release(status: u16, fault: Option<Fault>, is_probe: bool) -> bool {
    status >= 500
        && match fault {
            None => !is_probe,
            Some(Fault::ZoneHeldBack | Fault::ZoneOverShare) => false,
            Some(fault) => fault.side() != Side::Client,
        }
}

/// One core's counts of one release. Written by that core alone.
#[derive(Debug, Default)]
pub struct ReleaseCounters {
    /// Exchanges that have begun.
    begun: Counter,
    /// Exchanges that ended, by class of status: 1xx to 5xx.
    classes: [Counter; 5],
    /// Exchanges that failed: visitor's, origin's, ours.
    faults: [Counter; 3],
    /// Panics, in stages and elsewhere in exchanges.
    pub panics: Counter,
    /// Stages that used up their time.
    pub overruns: Counter,
    errors: Counter,
    latencies: [Counter; RELEASE_LATENCIES],
}

impl ReleaseCounters {
    /// Counts an exchange that begins.
    pub fn begin(&self) {
        self.begun.add(1);
    }

    /// Counts its end. What was refused because the process was short of something says nothing about the
    /// release: else visitors could have it rolled back.
    pub fn end(&self, status: u16, fault: Option<Fault>, took: Duration, is_probe: bool) {
        if fault == Some(Fault::ZoneOverShare) {
            return;
        }
        if speaks_against_its_release(status, fault, is_probe) {
            self.errors.add(1);
        }
        if let Some(class) = self.classes.get(usize::from(status / 100).wrapping_sub(1)) {
            class.add(1);
        }
        if let Some(fault) = fault {
            let [client, origin, ours] = &self.faults;
            match fault.side() {
                Side::Client => client.add(1),
                Side::Origin => origin.add(1),
                // One zone that is held back is what lets the others move on.
                Side::Ours if fault == Fault::ZoneHeldBack => {}
                Side::Ours => ours.add(1),
            }
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(counter) = self.latencies.get(bucket_of(us)) {
            counter.add(1);
        }
    }

    /// Reads everything.
    #[must_use]
    pub fn read(&self) -> ReleaseTotals {
        let [client, origin, ours] = &self.faults;
        ReleaseTotals {
            begun: self.begun.read(),
            classes: self.classes.each_ref().map(Counter::read),
            faults_client: client.read(),
            faults_origin: origin.read(),
            faults_ours: ours.read(),
            panics: self.panics.read(),
            overruns: self.overruns.read(),
            errors: self.errors.read(),
            latencies: self.latencies.each_ref().map(Counter::read),
        }
    }
}

/// What was counted of a release: of one core, or summed, or between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTotals {
    /// Exchanges that have begun.
    pub begun: u64,
    /// Exchanges that ended, by class of status: 1xx to 5xx.
    pub classes: [u64; 5],
    /// Failures that were the visitor's.
    pub faults_client: u64,
    /// Failures that were the origin's.
    pub faults_origin: u64,
    /// Failures that were ours.
    pub faults_ours: u64,
    /// Panics.
    pub panics: u64,
    /// Stages that used up their time.
    pub overruns: u64,
    /// Exchanges that ended so that it [speaks against the release](speaks_against_its_release).
    pub errors: u64,
    /// Exchanges that ended, by the time from the end of the request's head to the end of its answer: see
    /// [`latency_bound_us`].
    pub latencies: [u64; RELEASE_LATENCIES],
}

impl ReleaseTotals {
    /// Exchanges that ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.latencies.iter().sum()
    }
}

impl AddAssign for ReleaseTotals {
    fn add_assign(&mut self, other: Self) {
        let add = |to: &mut u64, of: u64| *to = to.wrapping_add(of);
        self.each(&other, add);
    }
}

impl Sub for ReleaseTotals {
    type Output = Self;

    /// What was counted since `earlier`.
    fn sub(mut self, earlier: Self) -> Self {
        self.each(&earlier, |from, of| *from = from.saturating_sub(of));
        self
    }
}

impl ReleaseTotals {
    fn each(&mut self, other: &Self, act: impl Fn(&mut u64, u64)) {
        act(&mut self.begun, other.begun);
        self.classes.iter_mut().zip(other.classes).for_each(|(to, of)| act(to, of));
        act(&mut self.faults_client, other.faults_client);
        act(&mut self.faults_origin, other.faults_origin);
        act(&mut self.faults_ours, other.faults_ours);
        act(&mut self.panics, other.panics);
        act(&mut self.overruns, other.overruns);
        act(&mut self.errors, other.errors);
        self.latencies.iter_mut().zip(other.latencies).for_each(|(to, of)| act(to, of));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_the_last_of_its_bucket() {
        for bucket in 0..RELEASE_LATENCIES {
            if let Some(bound) = latency_bound_us(bucket) {
                assert_eq!((bucket_of(bound), bucket_of(bound + 1)), (bucket, bucket + 1));
            }
        }
        assert_eq!((bucket_of(0), bucket_of(u64::MAX)), (0, RELEASE_LATENCIES - 1));
    }

    #[test]
    fn what_is_counted_is_read_summed_and_taken_apart() {
        let counters = ReleaseCounters::default();
        counters.begin();
        counters.end(200, None, Duration::from_micros(64), false);
        let earlier = counters.read();
        counters.end(500, Some(Fault::Panic), Duration::from_micros(65), false);
        counters.end(421, Some(Fault::UnknownHost), Duration::ZERO, false);
        counters.end(521, Some(Fault::OriginRefused), Duration::from_hours(24), false);
        counters.panics.add(1);
        let since = counters.read() - earlier;
        assert_eq!((since.begun, since.requests(), since.errors, since.panics), (0, 3, 2, 1));
        assert_eq!((since.faults_client, since.faults_origin, since.faults_ours), (1, 1, 1));
        assert_eq!(
            (since.latencies[0], since.latencies[1], since.latencies[RELEASE_LATENCIES - 1]),
            (1, 1, 1)
        );
        let mut sum = since;
        sum += earlier;
        assert_eq!(sum, counters.read());
    }

    #[test]
    fn what_visitors_and_shortage_and_held_back_zones_do_is_not_held_against_a_release() {
        let counters = ReleaseCounters::default();
        for (status, fault) in [
            (505, Some(Fault::VersionUnknown)),
            (501, Some(Fault::CodingUnknown)),
            (508, Some(Fault::Loop)),
            (503, Some(Fault::ZoneHeldBack)),
            (503, Some(Fault::ZoneOverShare)),
            (499, Some(Fault::ClientGone)),
            (404, None),
        ] {
            counters.end(status, fault, Duration::ZERO, false);
            assert_eq!((counters.read().errors, counters.read().faults_ours), (0, 0), "{fault:?}");
        }
        for (status, fault) in [(500, None), (500, Some(Fault::Panic)), (521, Some(Fault::OriginRefused))] {
            let before = counters.read().errors;
            counters.end(status, fault, Duration::ZERO, false);
            assert_eq!(counters.read().errors, before + 1, "{fault:?}");
            // An origin may not know HEAD; but that there is none, or that we panic, is as bad as ever.
            counters.end(status, fault, Duration::ZERO, true);
            assert_eq!(counters.read().errors, before + 1 + u64::from(fault.is_some()), "{fault:?}");
        }
    }
}
