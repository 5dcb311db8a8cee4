//! From a host to its zone.
//!
//! The table is persistent: it is cut into shards that snapshots share, and a change copies only the
//! shards that it touches. A lookup takes no lock, allocates nothing and costs one hash for each candidate:
//! the host itself, then its parents from the longest to the shortest.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::zone::{HostPattern, ZonePlan};

/// The longest host that can be in the table (RFC 1035 section 2.3.4, as text).
pub const HOST_BYTES_MAX: usize = 253;

const SHARDS: usize = 256;

/// From a host to its zone.
#[derive(Clone, Debug)]
pub struct ZoneTable {
    shards: Box<[Arc<HashTable<Entry>>]>,
    any: Option<Arc<ZonePlan>>,
    /// How many names have somebody who answers for those under them.
    unders: usize,
    random: RandomState,
}

/// What is known about one name.
#[derive(Clone, Debug)]
struct Entry {
    name: Arc<str>,
    /// Which zone is called so.
    named: Option<Arc<ZonePlan>>,
    /// Who answers for the name itself.
    exact: Option<Arc<ZonePlan>>,
    /// Who answers for the names under it.
    under: Option<Arc<ZonePlan>>,
}

impl Default for ZoneTable {
    fn default() -> Self {
        let empty = Arc::new(HashTable::new());
        Self {
            shards: std::iter::repeat_n(empty, SHARDS).collect(),
            any: None,
            unders: 0,
            random: RandomState::default(),
        }
    }
}

impl ZoneTable {
    /// The zone that answers for a host (without port).
    #[must_use]
    pub fn find(&self, host: &[u8]) -> Option<&Arc<ZonePlan>> {
        let mut lower = [0_u8; HOST_BYTES_MAX];
        let host = host.strip_suffix(b".").unwrap_or(host);
        let Some(name) = lower.get_mut(..host.len()) else { return self.any.as_ref() };
        name.copy_from_slice(host);
        name.make_ascii_lowercase();
        let mut name: &[u8] = name;
        let mut found = self.entry(name).and_then(|entry| entry.exact.as_ref());
        while found.is_none() && self.unders > 0 {
            let Some(dot) = name.iter().position(|byte| *byte == b'.') else { return self.any.as_ref() };
            name = name.get(dot + 1..).unwrap_or_default();
            found = self.entry(name).and_then(|entry| entry.under.as_ref());
        }
        found.or(self.any.as_ref())
    }

    /// The zone of this name (in its one form).
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<ZonePlan>> {
        self.entry(name.as_bytes())?.named.as_ref()
    }

    /// The zone that has exactly this pattern.
    #[must_use]
    pub fn owner(&self, pattern: &HostPattern) -> Option<&Arc<ZonePlan>> {
        match pattern {
            HostPattern::Any => self.any.as_ref(),
            HostPattern::Exact(name) => self.entry(name.as_bytes())?.exact.as_ref(),
            HostPattern::Under(name) => self.entry(name.as_bytes())?.under.as_ref(),
        }
    }

    /// Gives a zone its name.
    ///
    /// # Errors
    /// Another zone has it already; nothing is changed, and that zone is returned.
    pub fn insert_name(&mut self, zone: &Arc<ZonePlan>) -> Result<(), Arc<ZonePlan>> {
        fill(&mut self.entry_mut(&zone.name).named, zone)
    }

    /// Gives a pattern to a zone.
    ///
    /// # Errors
    /// Another zone has it already; nothing is changed, and that zone is returned.
    pub fn insert(&mut self, pattern: &HostPattern, zone: &Arc<ZonePlan>) -> Result<(), Arc<ZonePlan>> {
        match pattern {
            HostPattern::Any => fill(&mut self.any, zone),
            HostPattern::Exact(name) => fill(&mut self.entry_mut(name).exact, zone),
            HostPattern::Under(name) => {
                fill(&mut self.entry_mut(name).under, zone)?;
                self.unders += 1;
                Ok(())
            }
        }
    }

    /// Takes its name and all its patterns away from a zone.
    pub fn remove(&mut self, zone: &ZonePlan) {
        self.clear(&zone.name, |entry| entry.named = None);
        for pattern in &zone.hosts {
            match pattern {
                HostPattern::Any => self.any = None,
                HostPattern::Exact(name) => self.clear(name, |entry| entry.exact = None),
                HostPattern::Under(name) => {
                    let mut had = false;
                    self.clear(name, |entry| had = entry.under.take().is_some());
                    self.unders -= usize::from(had);
                }
            }
        }
    }

    fn clear(&mut self, name: &Arc<str>, act: impl FnOnce(&mut Entry)) {
        let hash = self.hash(name.as_bytes());
        let Some(shard) = self.shards.get_mut(shard_of(hash)) else { return };
        let Ok(mut found) = Arc::make_mut(shard).find_entry(hash, |entry| entry.name == *name) else {
            return;
        };
        act(found.get_mut());
        let entry = found.get();
        if entry.named.is_none() && entry.exact.is_none() && entry.under.is_none() {
            found.remove();
        }
    }

    fn entry(&self, name: &[u8]) -> Option<&Entry> {
        let hash = self.hash(name);
        self.shards.get(shard_of(hash))?.find(hash, |entry| entry.name.as_bytes() == name)
    }

    fn entry_mut(&mut self, name: &Arc<str>) -> &mut Entry {
        let hash = self.hash(name.as_bytes());
        let random = &self.random;
        #[expect(clippy::indexing_slicing, reason = "shard_of is below SHARDS, their number")]
        let shard = Arc::make_mut(&mut self.shards[shard_of(hash)]);
        let entry =
            shard.entry(hash, |entry| entry.name == *name, |entry| hash_with(random, entry.name.as_bytes()));
        entry
            .or_insert_with(|| Entry { name: Arc::clone(name), named: None, exact: None, under: None })
            .into_mut()
    }

    fn hash(&self, name: &[u8]) -> u64 {
        hash_with(&self.random, name)
    }
}

fn fill(slot: &mut Option<Arc<ZonePlan>>, zone: &Arc<ZonePlan>) -> Result<(), Arc<ZonePlan>> {
    match slot {
        Some(other) => Err(Arc::clone(other)),
        None => {
            *slot = Some(Arc::clone(zone));
            Ok(())
        }
    }
}

/// `HashTable` takes its position from the low bits and its tag from the top 7; these are between.
const fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

fn hash_with(random: &RandomState, name: &[u8]) -> u64 {
    let mut hasher = random.build_hasher();
    hasher.write(name);
    hasher.finish()
}
