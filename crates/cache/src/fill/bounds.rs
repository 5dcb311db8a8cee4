//! How much fills may hold, and what kind of body becomes what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::registry::Shared;
use crate::config::CacheSettings;
use crate::object::{Bodies, Body};

/// Bounds of fills, in bytes if not said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A slice of a large object; what is not larger is stored in one entry.
    pub slice_bytes: u64,
    /// What is larger is not stored.
    pub object_bytes_max: u64,
    /// What has no strong validator, or no known length, is stored in one entry up to this.
    pub whole_bytes_max: u64,
    /// How far the fill of a large object may be ahead of its fastest reader (of its slowest, if nothing of it
    /// is stored).
    pub window_bytes: u64,
    /// A fill whose readers have all gone goes on if no more than this is left.
    pub abandoned_bytes_max: u64,
    /// What all fills may hold together that is not in the store.
    pub bytes_max: u64,
    /// How many may be under way.
    pub fills_max: u64,
    /// How many fetches for several visitors that are too large to be stored may begin at one origin.
    pub detached_per_origin_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            slice_bytes: 1 << 20,
            object_bytes_max: 8 << 30,
            whole_bytes_max: 16 << 20,
            window_bytes: 4 << 20,
            abandoned_bytes_max: 16 << 20,
            bytes_max: 256 << 20,
            fills_max: 65_536,
            detached_per_origin_max: 64,
        }
    }
}

impl From<&CacheSettings> for Bounds {
    fn from(settings: &CacheSettings) -> Self {
        Self {
            slice_bytes: u64::from(settings.slice_bytes),
            object_bytes_max: settings.object_bytes_max,
            whole_bytes_max: settings.whole_bytes_max.min(settings.object_bytes_max),
            window_bytes: settings.window_bytes,
            abandoned_bytes_max: settings.whole_bytes_max,
            bytes_max: settings.fill_bytes_max,
            fills_max: settings.fills_max as u64,
            detached_per_origin_max: u32::try_from(settings.detached_max).unwrap_or(u32::MAX),
        }
    }
}

/// What fills have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Under way, and found by who comes.
    pub fills: u64,
    /// Bytes that they hold or have reserved.
    pub bytes: u64,
    /// Too large to be stored, and under way.
    pub detached: u64,
    /// Begun so far.
    pub begun: u64,
    /// Visitors so far who waited for another's.
    pub collapsed: u64,
    /// Refused so far, because too many are under way or too much is held.
    pub full: u64,
    /// Broken off so far, because nobody read any longer.
    pub abandoned: u64,
}

/// What comes after the head.
#[derive(Clone, Copy, Debug)]
pub struct Coming {
    /// At which byte of the whole body it begins: 0, unless it is a range.
    pub first: u64,
    /// How many bytes come, if that is known.
    pub bytes: Option<u64>,
    /// How long the whole body is, if that is known.
    pub total: Option<u64>,
    /// Whether the response has a strong validator.
    pub has_strong_validator: bool,
    /// Of which origin: for the bound of those that are not stored.
    pub origin: u64,
}

/// How a body is brought, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All of it is held until it is stored in one entry. Of unknown length, it may yet turn out too large:
    /// then it is `Detached`.
    Whole,
    /// In slices, each of which is stored when it is complete.
    Sliced,
    /// Not stored: it flows to the readers that are there, at the pace of the slowest.
    Detached,
}

impl Coming {
    /// How this is brought.
    #[must_use]
    pub fn manner(&self, bounds: &Bounds) -> Manner {
        let is_part = self.is_part();
        match (self.bytes, self.total) {
            (_, Some(total)) if total > bounds.object_bytes_max => Manner::Detached,
            (Some(_), Some(total))
                if self.has_strong_validator && (is_part || total > bounds.slice_bytes) =>
            {
                Manner::Sliced
            }
            _ if is_part => Manner::Detached,
            (Some(bytes), _) if bytes > bounds.whole_bytes_max => Manner::Detached,
            _ => Manner::Whole,
        }
    }

    /// The bodies that the object is to be published with. If they are in slices, the object is stored as soon as it
    /// is published; else when it [is whole](super::Finished::is_whole).
    #[must_use]
    pub fn bodies(&self, bounds: &Bounds) -> Bodies {
        match (self.manner(bounds), self.total) {
            (Manner::Sliced, Some(bytes)) => Bodies::of(Body::Sliced { bytes }),
            _ => Bodies::default(),
        }
    }

    /// Whether it is not the whole body.
    pub(super) fn is_part(&self) -> bool {
        self.first != 0 || self.bytes != self.total
    }

    /// One past its last byte, if that is known.
    pub(super) fn end(&self) -> Option<u64> {
        self.bytes.map(|bytes| self.first.saturating_add(bytes))
    }
}

/// What is reserved at the pace of readers is at most one in so many of all: slow readers of large bodies, however
/// many, leave the rest to what does not wait for them.
const PACED_PART: u64 = 2;

/// A part of what all fills may hold together; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    shared: Arc<Shared>,
    bytes: u64,
    is_paced: bool,
}

impl Reserved {
    pub(super) const fn nothing(shared: Arc<Shared>) -> Self {
        Self { shared, bytes: 0, is_paced: false }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From now on it is held for as long as readers like.
    pub(super) fn pace(&mut self) {
        if !self.is_paced {
            self.is_paced = true;
            count(&self.shared.paced_bytes, i64::try_from(self.bytes).unwrap_or(i64::MAX));
        }
    }

    /// Makes it so large, if so much is free. Making it smaller always succeeds.
    pub(super) fn resize(&mut self, bytes: u64) -> bool {
        let max = self.shared.bounds.bytes_max;
        let is_free = !self.is_paced || change(&self.shared.paced_bytes, self.bytes, bytes, max / PACED_PART);
        if !is_free {
            return false;
        }
        if !change(&self.shared.bytes, self.bytes, bytes, max) {
            if self.is_paced {
                change(&self.shared.paced_bytes, bytes, self.bytes, u64::MAX);
            }
            return false;
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.resize(0);
    }
}

/// Takes one number out of a sum and puts another in; not if that makes it more than `max`.
fn change(sum: &AtomicU64, from: u64, to: u64, max: u64) -> bool {
    if to <= from {
        sum.fetch_sub(from - to, Ordering::Relaxed);
        return true;
    }
    let more = |held: u64| held.checked_add(to - from).filter(|sum| *sum <= max);
    sum.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// Counts one more or one less in a number that all cores share.
pub(super) fn count(counter: &AtomicU64, by: i64) {
    if by < 0 {
        counter.fetch_sub(by.unsigned_abs(), Ordering::Relaxed);
    } else {
        counter.fetch_add(by.unsigned_abs(), Ordering::Relaxed);
    }
}
