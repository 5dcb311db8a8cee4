//! The store and what it is compared with, all asked in the same way.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rempart_cache::decide::PassReason;
use rempart_cache::object::Stored;
use rempart_cache::{Entry, KeyRef, Store};

/// A cache of weights.
pub(crate) trait Cache {
    /// Asks for an object, and puts it in if it is not there. Answers whether it was.
    fn ask(&mut self, object: u64, weight: u64) -> bool;
}

/// The key of an object.
pub(crate) fn key(object: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[16..].copy_from_slice(&object.to_be_bytes());
    key
}

/// As the key's builder would hash it.
pub(crate) fn hash(object: u64) -> u64 {
    crate::loads::Dice(object).roll()
}

/// An entry of this weight.
pub(crate) fn entry(object: u64, weight: u64) -> Entry {
    let key = KeyRef { hash: hash(object), bytes: &key(object) }.to_key();
    let stored = Stored::HitForMiss { until_unix_s: object, reason: PassReason::Bypass };
    let mut entry = Entry::new(key, stored);
    entry.weight = weight;
    entry
}

impl Cache for Store {
    fn ask(&mut self, object: u64, weight: u64) -> bool {
        if self.get(KeyRef { hash: hash(object), bytes: &key(object) }, |_| ()).is_some() {
            return true;
        }
        self.insert(entry(object, weight));
        false
    }
}

/// W-TinyLFU.
pub(crate) fn moka(bytes_max: u64) -> moka::sync::Cache<u64, u64> {
    moka::sync::Cache::builder()
        .max_capacity(bytes_max)
        .weigher(|_, weight: &u64| u32::try_from(*weight).unwrap_or(u32::MAX))
        .build()
}

impl Cache for moka::sync::Cache<u64, u64> {
    fn ask(&mut self, object: u64, weight: u64) -> bool {
        if self.get(&object).is_some() {
            return true;
        }
        self.insert(object, weight);
        false
    }
}

#[derive(Clone)]
pub(crate) struct ByValue;

impl quick_cache::Weighter<u64, u64> for ByValue {
    fn weight(&self, _: &u64, weight: &u64) -> u64 {
        *weight
    }
}

pub(crate) type Quick = quick_cache::sync::Cache<u64, u64, ByValue>;

/// Clock-PRO, nearly.
pub(crate) fn quick(bytes_max: u64, entries: usize) -> Quick {
    quick_cache::sync::Cache::with_weighter(entries, bytes_max, ByValue)
}

impl Cache for Quick {
    fn ask(&mut self, object: u64, weight: u64) -> bool {
        if self.get(&object).is_some() {
            return true;
        }
        self.insert(object, weight);
        false
    }
}

/// The oldest goes first.
#[derive(Default)]
pub(crate) struct Lru {
    turns: HashMap<u64, u64>,
    order: BTreeMap<u64, (u64, u64)>,
    turn: u64,
    bytes: u64,
    bytes_max: u64,
}

impl Lru {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, ..Self::default() }
    }
}

impl Cache for Lru {
    fn ask(&mut self, object: u64, weight: u64) -> bool {
        self.turn += 1;
        let old = self.turns.insert(object, self.turn);
        let is_there = old.and_then(|old| self.order.remove(&old)).is_some();
        self.order.insert(self.turn, (object, weight));
        if !is_there {
            self.bytes += weight;
        }
        while self.bytes > self.bytes_max
            && let Some((_, (object, weight))) = self.order.pop_first()
        {
            self.turns.remove(&object);
            self.bytes -= weight;
        }
        is_there
    }
}

/// S3-FIFO as it was published: a tenth on trial, as many ghosts as entries in the main queue, visits up to 3.
#[derive(Default)]
pub(crate) struct S3Fifo {
    /// Weight and visits.
    there: HashMap<u64, (u64, u8)>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    small_bytes: u64,
    main_bytes: u64,
    ghosts: HashMap<u64, u64>,
    ghost_order: VecDeque<(u64, u64)>,
    turn: u64,
    bytes_max: u64,
}

impl Cache for S3Fifo {
    fn ask(&mut self, object: u64, weight: u64) -> bool {
        if let Some((_, visits)) = self.there.get_mut(&object) {
            *visits = (*visits + 1).min(3);
            return true;
        }
        while self.small_bytes + self.main_bytes + weight > self.bytes_max {
            self.evict();
        }
        if self.ghosts.remove(&object).is_some() {
            self.main.push_back(object);
            self.main_bytes += weight;
        } else {
            self.small.push_back(object);
            self.small_bytes += weight;
        }
        self.there.insert(object, (weight, 0));
        false
    }
}

impl S3Fifo {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    fn evict(&mut self) {
        let is_small = self.small_bytes * 10 >= self.bytes_max || self.main.is_empty();
        let queue = if is_small { &mut self.small } else { &mut self.main };
        let Some(object) = queue.pop_front() else {
            return;
        };
        let Some((weight, visits)) = self.there.get_mut(&object) else {
            return;
        };
        let weight = *weight;
        if is_small {
            self.small_bytes -= weight;
            if *visits > 1 {
                *visits = 0;
                self.main.push_back(object);
                self.main_bytes += weight;
                return;
            }
            self.turn += 1;
            self.ghosts.insert(object, self.turn);
            self.ghost_order.push_back((object, self.turn));
            while self.ghosts.len() > self.main.len()
                && let Some((object, turn)) = self.ghost_order.pop_front()
            {
                if self.ghosts.get(&object) == Some(&turn) {
                    self.ghosts.remove(&object);
                }
            }
        } else if *visits > 0 {
            *visits -= 1;
            self.main.push_back(object);
            return;
        } else {
            self.main_bytes -= weight;
        }
        self.there.remove(&object);
    }
}
