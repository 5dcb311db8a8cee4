//! Purges: by sequence. An object carries the sequence that was read when its fetch began, and is gone if a
//! younger purge names its zone, host, prefix, URL or tag.
//!
//! What a visitor pays: one load while nothing was purged since the object was last looked at; otherwise one
//! load for each of its names, from a table of fixed size in which each purge has left its number. Only if
//! such a number is younger than the object, the purges themselves are looked through, under a lock: a purge
//! that shares its place in the table with another's name takes nothing that it does not name.
//!
//! What is remembered of a purge goes when a sweep over the store has passed all that it could touch
//! ([`Purges::sweep`]), and is bounded until then ([`NAMES_MAX`], [`INVALIDATED_MAX`]).

pub mod log;
mod names;
mod stamp;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod underway;
mod what;

use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

pub use self::log::Refused;
use self::log::{Folder, Log};
use self::names::Hashing;
pub use self::names::SEGMENTS_MAX;
pub use self::stamp::Stamp;
pub use self::sweep::Sweep;
use self::table::{By, Table};
pub use self::table::{INVALIDATED_MAX, NAMES_MAX, ZONE_INVALIDATED_MAX};
pub use self::underway::Begun;
use self::underway::Underway;
pub use self::what::{TAG_BYTES_MAX, URL_BYTES_MAX, What};
use crate::key;
use crate::plan::{CachePlan, ZoneId};

/// One purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Whose.
    pub zone: ZoneId,
    /// What.
    pub what: What,
    /// Only made stale.
    pub soft: bool,
}

impl Purge {
    /// A purge in the words of the zone's key: where that leaves out a query or the host, so does the purge, and
    /// reaches what is stored for all of them.
    #[must_use]
    pub fn of(plan: &CachePlan, what: What, soft: bool) -> Self {
        let host = |host: Box<[u8]>| plan.host(&host).into();
        let what = match what {
            What::Url(name, url) => What::Url(host(name), key::url(&url, plan).into()),
            What::Host(name) => What::Host(host(name)),
            What::Prefix(name, path) => What::Prefix(host(name), path),
            What::Everything | What::Tag(_) => what,
        };
        Self { zone: plan.zone_id, what, soft }
    }
}

/// How a purge touches an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Not at all.
    No,
    /// It is stale.
    Soft,
    /// It is gone.
    Hard,
}

/// As many purges are remembered as may be: a sweep makes room. Nothing was purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// How it is with the purges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The youngest purge's number.
    pub sequence: u64,
    /// Purges so far, each name for itself.
    pub purged: u64,
    /// What unsafe requests have invalidated so far.
    pub invalidated: u64,
    /// Names that are remembered now, at most [`NAMES_MAX`] and [`INVALIDATED_MAX`], and parts of zones.
    pub names: u64,
    /// Sweeps that came to their end.
    pub sweeps: u64,
    /// Purges up to this one are forgotten: nothing is left that they touch.
    pub retired: u64,
}

/// All purges that may still touch something. One for a process, shared by all cores.
#[derive(Debug)]
pub struct Purges {
    /// Everything up to this number is in the table.
    sequence: AtomicU64,
    /// Everything up to this number is forgotten. What was fetched before it counts as purged.
    retired: AtomicU64,
    table: Table,
    hashing: Hashing,
    underway: Underway,
    /// Numbers are given one after the other. How much requests of each zone have invalidated since the last sweep.
    order: Mutex<HashMap<ZoneId, u64, RandomState>>,
    /// The number of the youngest purge that any process has written to the log, in memory that they share.
    tide: &'static AtomicU64,
    /// How much of that is in the table.
    caught_up: AtomicU64,
    log: Mutex<Option<Log>>,
    /// Held by whoever writes; others only read the log, and wait for no disk.
    writer: Mutex<()>,
    folder: Option<Folder>,
    purged: AtomicU64,
    invalidated: AtomicU64,
    sweeps: AtomicU64,
}

/// The tide of those who have no log.
static STILL: AtomicU64 = AtomicU64::new(0);

impl Default for Purges {
    fn default() -> Self {
        Self::after(0)
    }
}

impl Purges {
    /// No purges yet; the first one's number is higher than this.
    #[must_use]
    pub fn after(sequence: u64) -> Self {
        Self {
            sequence: AtomicU64::new(sequence),
            retired: AtomicU64::new(sequence),
            table: Table::default(),
            hashing: Hashing::default(),
            underway: Underway::default(),
            order: Mutex::default(),
            tide: &STILL,
            caught_up: AtomicU64::new(0),
            log: Mutex::new(None),
            writer: Mutex::new(()),
            folder: None,
            purged: AtomicU64::new(0),
            invalidated: AtomicU64::new(0),
            sweeps: AtomicU64::new(0),
        }
    }

    /// To be called before a request for something that may be stored goes out, and before the object that a
    /// request is to validate is [checked](Purges::check): purges from then on count against what it brings.
    /// To be kept until that is in the store.
    pub fn begin(&self) -> Begun {
        self.underway.begin(&self.sequence)
    }

    /// The stamp of an object whose fetch began then. Host, path and query are the request's.
    #[must_use]
    pub fn stamp(
        &self,
        begun: &Begun,
        plan: &CachePlan,
        host: &[u8],
        path_and_query: &[u8],
        tags: &[Box<[u8]>],
    ) -> Stamp {
        let url = key::url(path_and_query, plan);
        Stamp::new(begun.seq, self.hashing.of_object(plan.zone_id, plan.host(host), &url, tags))
    }

    /// The stamp of an object that a 304 has confirmed; `begun` was there before the validation went out. It
    /// is not stale by a purge before that any more. `None`: it is gone meanwhile, and must not be stored.
    #[must_use]
    pub fn renew(&self, begun: &Begun, old: &Stamp) -> Option<Stamp> {
        match self.check(old) {
            Purged::Hard => None,
            Purged::Soft | Purged::No => Some(old.renewed(begun.seq)),
        }
    }

    /// Whether a purge has touched an object.
    #[inline]
    pub fn check(&self, stamp: &Stamp) -> Purged {
        self.keep_up();
        self.check_own(stamp)
    }

    #[inline]
    fn check_own(&self, stamp: &Stamp) -> Purged {
        // What is in the table up to here is seen below.
        let now = self.sequence.load(Ordering::Acquire);
        let (seen, before) = stamp.read();
        if seen >= now || before == Purged::Hard {
            return before;
        }
        self.look(stamp, seen, before, now)
    }

    /// Does these purges, all of them or none: they hold for every lookup that begins after this returns.
    /// Answers the number of the last one.
    ///
    /// # Errors
    /// More would be remembered than may be.
    pub fn purge(&self, purges: &[Purge]) -> Result<u64, Full> {
        self.purge_from(purges, 0)
    }

    /// The same, with numbers that are not lower than `first`.
    ///
    /// # Errors
    /// As [`Purges::purge`].
    pub fn purge_from(&self, purges: &[Purge], first: u64) -> Result<u64, Full> {
        let names: Vec<_> = purges.iter().flat_map(|purge| self.hashing.of_purge(purge)).collect();
        let order = self.order.lock();
        if !self.table.has_room(By::Purge, names.len()) {
            return Err(Full);
        }
        let number = (self.sequence.load(Ordering::Relaxed) + 1).max(first);
        names.iter().for_each(|&(name, soft)| self.table.note(name, soft, number, By::Purge));
        // Whoever reads the number finds what was noted before.
        self.sequence.store(number, Ordering::Release);
        drop(order);
        self.purged.fetch_add(purges.len() as u64, Ordering::Relaxed);
        Ok(number)
    }

    /// Purges all of these zones; never refused, since there are only so many zones.
    pub fn flush(&self, zones: &[ZoneId]) {
        let order = self.order.lock();
        let number = self.sequence.load(Ordering::Relaxed) + 1;
        for zone in zones {
            self.table.note(self.hashing.of_zone(*zone), false, number, By::Purge);
        }
        self.sequence.store(number, Ordering::Release);
        drop(order);
        self.purged.fetch_add(zones.len() as u64, Ordering::Relaxed);
    }

    /// Everything that is stored or under way counts as purged.
    fn forget_everything(&self) {
        let order = self.order.lock();
        let number = self.sequence.load(Ordering::Relaxed) + 1;
        self.forget(number);
        self.sequence.store(number, Ordering::Release);
        drop(order);
    }

    /// What a request has changed at the origin (RFC 9111 section 4.4). Visitors cause it, so it is never
    /// refused: beyond its bound the 4,096th part of the zone's URLs in which this one is counts as changed. No
    /// other zone's.
    pub fn invalidate(&self, plan: &CachePlan, host: &[u8], path_and_query: &[u8]) {
        self.invalidate_but(plan, host, path_and_query, None);
    }

    /// The same, but for what the answer to that very request is to be stored with (RFC 9110 section 9.3.3).
    pub fn invalidate_sparing(&self, plan: &CachePlan, host: &[u8], path_and_query: &[u8], spared: &Stamp) {
        self.invalidate_but(plan, host, path_and_query, Some(spared));
    }

    fn invalidate_but(&self, plan: &CachePlan, host: &[u8], path_and_query: &[u8], spared: Option<&Stamp>) {
        let url = key::url(path_and_query, plan);
        let name = self.hashing.of_url(plan.zone_id, plan.host(host), &url);
        let mut order = self.order.lock();
        let number = self.sequence.load(Ordering::Relaxed) + 1;
        if let Some(spared) = spared {
            // Nothing comes between this look and our own number.
            let before = spared.read();
            let purged = self.check_own(spared);
            spared.note(before, (number, purged));
        }
        let of_zone = order.entry(plan.zone_id).or_default();
        *of_zone += 1;
        let has_room = *of_zone <= ZONE_INVALIDATED_MAX && self.table.has_room(By::Request, 1);
        let name = if has_room { name } else { self.hashing.of_part(plan.zone_id, name) };
        self.table.note(name, false, number, By::Request);
        self.sequence.store(number, Ordering::Release);
        drop(order);
        self.invalidated.fetch_add(1, Ordering::Relaxed);
    }

    /// How it is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            sequence: self.sequence.load(Ordering::Acquire),
            purged: self.purged.load(Ordering::Relaxed),
            invalidated: self.invalidated.load(Ordering::Relaxed),
            names: self.table.names(),
            sweeps: self.sweeps.load(Ordering::Relaxed),
            retired: self.retired.load(Ordering::Relaxed),
        }
    }
}
