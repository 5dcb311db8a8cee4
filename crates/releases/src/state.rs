//! What is so about releases, and how it stands on disk: the same text in two files of a fixed size that are
//! written in place, one after the other. A write that is torn damages one of them; a damaged one costs
//! nothing as long as the other is sound; and on a full disk both can still be written, because they need no
//! more room than they have.
//!
//! ```text
//! rempart-state 1 LENGTH SHA-256-OF-THE-TEXT
//! {"sequence":7,…}
//! spaces up to the next 64 KiB
//! ```

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};

use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::hash::ReleaseHash;
use crate::release_file::damaged;

/// Marked hashes that are remembered; the oldest is forgotten first.
pub const BAD_MAX: usize = 64;
/// Versions of zones that are refused; the oldest is forgotten first.
pub const REFUSED_ZONES_MAX: usize = 1_000;
/// Stages that are switched off, over all zones.
pub const SWITCHES_MAX: usize = 4096;
/// The longest name of a zone or a stage.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// The longest reason that is kept.
pub const WHY_BYTES_MAX: usize = 1024;

const STEP_BYTES: usize = 64 * 1024;
const SLOT_BYTES_MAX: u64 = 16 * 1024 * 1024;
const SLOTS: [&str; 2] = ["state.a", "state.b"];
const MAGIC: &str = "rempart-state 1";

/// Everything that is known beside the files of the releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// Grows with each change.
    pub(crate) sequence: u64,
    /// The number of the next release. The files' own numbers count as well.
    pub(crate) next: u64,
    pub(crate) current: Option<u64>,
    pub(crate) pinned: Option<u64>,
    /// The content that an edge loads while it serves.
    pub(crate) trial: Option<ReleaseHash>,
    /// Those whose bake was finished, oldest first.
    pub(crate) ring: Vec<Finished>,
    /// Oldest first.
    pub(crate) bad: Vec<Bad>,
    /// Oldest first.
    pub(crate) refused_zones: Vec<RefusedZone>,
    pub(crate) switched_off: BTreeSet<Switch>,
    /// What was there when a state was lost. Good ones may be among them, so they stay until the ring is full.
    pub(crate) spared: Vec<u64>,
}

/// One finished bake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) number: u64,
    pub(crate) hash: ReleaseHash,
    pub(crate) synthetic: bool,
    pub(crate) finished_at_unix_ms: u64,
}

/// One content that must not run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bad {
    pub(crate) hash: ReleaseHash,
    pub(crate) why: String,
}

/// One version of one zone that must not run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedZone {
    /// The zone's name.
    pub zone: String,
    /// The hash of its plan.
    pub plan_hash: u64,
    /// Why, at most [`WHY_BYTES_MAX`].
    pub why: String,
}

/// One stage that is switched off for one zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Switch {
    /// The zone's name.
    pub zone: String,
    /// The stage's name, as in the pipeline.
    pub stage: String,
}

impl State {
    /// Why a content must not run, if so.
    pub(crate) fn is_bad(&self, hash: ReleaseHash) -> Option<&str> {
        self.bad.iter().find(|bad| bad.hash == hash).map(|bad| bad.why.as_str())
    }

    pub(crate) fn mark_bad(&mut self, hash: ReleaseHash, why: &str) {
        self.forgive(hash);
        if self.bad.len() >= BAD_MAX {
            self.bad.remove(0);
        }
        self.bad.push(Bad { hash, why: bounded(why).to_owned() });
    }

    pub(crate) fn forgive(&mut self, hash: ReleaseHash) {
        self.bad.retain(|bad| bad.hash != hash);
    }

    /// A version that is refused already gets the new reason, and counts as the youngest.
    pub(crate) fn refuse_zone(&mut self, zone: &str, plan_hash: u64, why: &str) {
        self.refused_zones.retain(|refused| refused.plan_hash != plan_hash || refused.zone != zone);
        if self.refused_zones.len() >= REFUSED_ZONES_MAX {
            self.refused_zones.remove(0);
        }
        let (zone, why) = (zone.to_owned(), bounded(why).to_owned());
        self.refused_zones.push(RefusedZone { zone, plan_hash, why });
    }
}

/// A reason, cut at its bound.
pub(crate) fn bounded(why: &str) -> &str {
    why.get(..why.floor_char_boundary(WHY_BYTES_MAX)).unwrap_or(why)
}

/// Both slots as they are found.
pub(crate) struct Slots([Slot; 2]);

enum Slot {
    Absent,
    Damaged(String),
    Sound(State),
}

impl Slots {
    pub(crate) fn read(disk: &Disk) -> Self {
        Self(SLOTS.map(|name| match disk.small_file(name, SLOT_BYTES_MAX).and_then(|text| decode(&text)) {
            Ok(state) => Slot::Sound(state),
            Err(error) if error.kind() == ErrorKind::NotFound => Slot::Absent,
            Err(error) => Slot::Damaged(format!("{name}: {error}")),
        }))
    }

    /// The younger state, or that of a store that has just been made.
    pub(crate) fn newest(&self) -> Option<&State> {
        self.sound().max_by_key(|state| state.sequence)
    }

    /// What is wrong with them.
    pub(crate) fn damage(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Damaged(what) => Some(what),
            Slot::Absent | Slot::Sound(_) => None,
        })
    }

    /// Whether both hold this already.
    pub(crate) fn both_hold(&self, state: &State) -> bool {
        self.sound().filter(|held| *held == state).count() == SLOTS.len()
    }

    /// Writes a state into both, the one first that can be spared. It is kept if one was written.
    pub(crate) fn write(&self, disk: &Disk, state: &State) -> Result<()> {
        let text = encode(state)?;
        let worth = |slot: &Slot| match slot {
            Slot::Absent | Slot::Damaged(_) => 0,
            Slot::Sound(state) => state.sequence.saturating_add(1),
        };
        let mut order =
            [0, 1].map(|at| (self.0.get(at).map(worth), SLOTS.get(at).copied().unwrap_or_default()));
        order.sort_by_key(|(worth, _)| *worth);
        let [(_, first), (_, second)] = order;
        disk.overwrite(first, &text)?;
        // The first alone is enough; what is wrong with the second is found at the next opening.
        disk.overwrite(second, &text).ok();
        Ok(())
    }

    fn sound(&self) -> impl Iterator<Item = &State> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Sound(state) => Some(state),
            Slot::Absent | Slot::Damaged(_) => None,
        })
    }
}

/// Whether a slot with this content would be believed. For the fuzzer.
#[must_use]
pub fn is_sound(content: &[u8]) -> bool {
    decode(content).is_ok()
}

fn encode(state: &State) -> Result<Vec<u8>> {
    let json = serde_json::to_string(state).map_err(Error::other)?;
    let mut text =
        format!("{MAGIC} {} {}\n{json}\n", json.len(), ReleaseHash::of(json.as_bytes())).into_bytes();
    text.resize(text.len().next_multiple_of(STEP_BYTES), b' ');
    if text.len() as u64 > SLOT_BYTES_MAX {
        return Err(Error::new(ErrorKind::InvalidInput, "the store's state would be too long"));
    }
    Ok(text)
}

fn decode(content: &[u8]) -> Result<State> {
    let mut parts = content.splitn(2, |byte| *byte == b'\n');
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let first = std::str::from_utf8(first).map_err(|_| damaged("its first line is damaged"))?;
    let numbers = first.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' '));
    let (length, hash) = numbers
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(|| damaged("its first line is damaged, or another version wrote it"))?;
    let length: usize = length.parse().map_err(|_| damaged("its length is damaged"))?;
    let json = rest.get(..length).ok_or_else(|| damaged("it is cut off"))?;
    if hash.parse() != Ok(ReleaseHash::of(json)) {
        return Err(damaged("its checksum does not match"));
    }
    serde_json::from_slice(json).map_err(|error| damaged(&format!("it is no state: {error}")))
}
