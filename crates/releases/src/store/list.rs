//! Looking at the store: what there is, and in which order it is booted.

use rempart_base::date::rfc3339_seconds;
use serde_json::{Value, json};

use super::files::{file_name, header, newest_number, numbers, released, sound};
use super::{Bad, Disk, Release, State, Store};
use crate::hash::ReleaseHash;

/// What became of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In force or newer than what is in force, and neither finished nor marked.
    Baking,
    /// The bake of its content was finished, under this number or another, and it is in the ring.
    Good {
        /// It had no traffic, and was probed instead.
        is_synthetic: bool,
        /// When its bake was finished, in milliseconds since 1970.
        finished_at_unix_ms: u64,
    },
    /// Its content is marked.
    RolledBack {
        /// Why it is.
        why: String,
    },
    /// A newer one took its place.
    Superseded,
}

/// One release of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The release. If its file is damaged, its hash and age are what is known of them.
    pub release: Release,
    /// What became of it.
    pub standing: Standing,
    /// It is in force.
    pub is_current: bool,
    /// It is pinned.
    pub is_pinned: bool,
    /// The length of its file.
    pub bytes: u64,
    /// Its file is not what was written.
    pub is_damaged: bool,
}

impl Listed {
    /// The same for `ctl.sock` and the command line: `number`, `hash`, `standing` (`baking`, `good`, `rolled back`,
    /// `superseded`), `why` it was rolled back, whether a good one is `synthetic`, `created` (RFC 3339) and
    /// `created_unix_ms`, `is_current`, `is_pinned`, `is_damaged`, `bytes`.
    #[must_use]
    pub fn json(&self) -> Value {
        let Release { number, hash, created_unix_ms } = self.release;
        let (standing, synthetic, why) = match &self.standing {
            Standing::Baking => ("baking", None, None),
            Standing::Good { is_synthetic, .. } => ("good", Some(*is_synthetic), None),
            Standing::RolledBack { why } => ("rolled back", None, Some(why)),
            Standing::Superseded => ("superseded", None, None),
        };
        let created = rfc3339_seconds(created_unix_ms / 1000);
        json!({
            "number": number,
            "hash": hash,
            "standing": standing,
            "why": why,
            "synthetic": synthetic,
            "created": format!("{}Z", String::from_utf8_lossy(&created)),
            "created_unix_ms": created_unix_ms,
            "is_current": self.is_current,
            "is_pinned": self.is_pinned,
            "is_damaged": self.is_damaged,
            "bytes": self.bytes,
        })
    }
}

impl Store {
    /// Every release that has a file, newest first. Reads all files whole.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        numbers(&self.disk).into_iter().filter_map(|number| self.listed(number)).collect()
    }

    fn listed(&self, number: u64) -> Option<Listed> {
        let (_, bytes) = self.disk.file(&file_name(number)).ok()?;
        let whole = sound(&self.disk, number);
        let known = || header(&self.disk, number).ok().map(|(header, _)| released(number, header));
        let remembered = || {
            let finished = self.state.ring.iter().find(|finished| finished.number == number);
            let hash = finished.map(|finished| finished.hash);
            let hash = hash.unwrap_or(ReleaseHash::from_bytes([0; 32]));
            Release { number, hash, created_unix_ms: 0 }
        };
        let release = whole.or_else(known).unwrap_or_else(remembered);
        Some(Listed {
            standing: self.standing(release),
            is_current: self.state.current == Some(number),
            is_pinned: self.state.pinned == Some(number),
            is_damaged: whole.is_none(),
            release,
            bytes,
        })
    }

    fn standing(&self, release: Release) -> Standing {
        if let Some(why) = self.state.is_bad(release.hash) {
            return Standing::RolledBack { why: why.to_owned() };
        }
        // By content: what was good under another number is good under this one.
        match self.state.ring.iter().find(|finished| finished.hash == release.hash) {
            Some(finished) => Standing::Good {
                is_synthetic: finished.synthetic,
                finished_at_unix_ms: finished.finished_at_unix_ms,
            },
            None if self.state.current.is_none_or(|current| release.number >= current) => Standing::Baking,
            None => Standing::Superseded,
        }
    }

    /// Every sound release, in the order in which a boot tries them: the pinned one, the one in force (or, if
    /// none is, the newest), the ring from its newest, what else there is from the newest; then, so that
    /// there is always something, those that are marked. Reads all files whole; a boot that takes the first
    /// that it can use asks [`Store::boots`].
    #[must_use]
    pub fn boot_order(&self) -> Vec<Release> {
        order(&self.disk, &self.state).into_iter().filter_map(|number| sound(&self.disk, number)).collect()
    }

    /// The same, with bodies, each read when it is asked for.
    pub fn boots(&self) -> impl Iterator<Item = (Release, Vec<u8>)> {
        order(&self.disk, &self.state).into_iter().filter_map(|number| {
            let (header, body) = self.read_file(&file_name(number)).ok()?;
            Some((released(number, header), body))
        })
    }

    /// Where a rollback goes: the newest good release whose content is not what is in force.
    #[must_use]
    pub fn rollback_target(&self) -> Option<Release> {
        rollback_target(&self.disk, &self.state)
    }

    /// Every content that is marked, and why; the newest mark last.
    pub fn bad(&self) -> impl Iterator<Item = (ReleaseHash, &str)> {
        self.state.bad.iter().map(|Bad { hash, why }| (*hash, why.as_str()))
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        numbers(&self.disk)
    }

    pub(super) fn damaged_releases(&self) -> Vec<String> {
        let all = numbers(&self.disk).into_iter();
        all.filter_map(|number| Some(format!("release {number}: {}", header(&self.disk, number).err()?)))
            .collect()
    }
}

pub(super) fn rollback_target(disk: &Disk, state: &State) -> Option<Release> {
    let current = in_force(disk, state);
    let current = current.and_then(|number| header(disk, number).ok()).map(|(header, _)| header.hash);
    let good = state.ring.iter().rev().filter(|finished| Some(finished.hash) != current);
    let good = good.filter(|finished| state.is_bad(finished.hash).is_none());
    good.filter_map(|finished| sound(disk, finished.number)).next()
}

/// What runs, as far as the store knows: what is pinned, else what was put in force, else the newest.
pub(super) fn in_force(disk: &Disk, state: &State) -> Option<u64> {
    state.pinned.or(state.current).or_else(|| newest_number(disk))
}

/// The numbers in the order of booting. Only the headers are looked at.
pub(super) fn order(disk: &Disk, state: &State) -> Vec<u64> {
    let all = numbers(disk);
    let mut wanted: Vec<u64> = Vec::new();
    wanted.extend(state.pinned);
    wanted.extend(state.current.or_else(|| all.first().copied()));
    wanted.extend(state.ring.iter().rev().map(|finished| finished.number));
    wanted.extend(&all);
    let mut order = (Vec::new(), Vec::new());
    for number in wanted {
        if order.0.contains(&number) || order.1.contains(&number) {
            continue;
        }
        let Ok((header, _)) = header(disk, number) else { continue };
        let is_bad = state.is_bad(header.hash).is_some();
        if is_bad { order.1.push(number) } else { order.0.push(number) }
    }
    order.1.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
    order.0.extend(order.1);
    order.0
}
