//! The store: numbered releases, and which of them is what.

mod files;
mod list;
mod prune;
mod refused_zones;
#[cfg(test)]
mod tests;

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use rempart_base::Now;

use crate::disk::{Disk, LOCK_TIMEOUT, Sharing};
use crate::hash::ReleaseHash;
use crate::release_file::{self, Header};
use crate::state::{Bad, Finished, NAME_BYTES_MAX, SWITCHES_MAX, Slots, State, Switch};

use files::{candidate_header, copy, file_name, header, newest_number, numbers, release, sound, take_number};

pub use list::{Listed, Standing};
pub use prune::KEPT_NEWEST;

const CANDIDATE: &str = "candidate";
const LOCK: &str = "lock";
const STAGE_LOCK: &str = "stage.lock";
/// A boot does not wait longer than this for somebody who is changing the state.
const READ_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// One numbered release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its number. Never used again.
    pub number: u64,
    /// What is in it. Several numbers may have the same content.
    pub hash: ReleaseHash,
    /// When its file was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
}

/// A tasted release that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// What is in it.
    pub hash: ReleaseHash,
    /// Its body, which has this hash.
    pub body: Vec<u8>,
}

/// The releases in one folder. Several processes may have one open: each change takes a lock, begins with
/// what is on disk then, and is on disk when it returns. What it knows between changes may be older:
/// [`Store::refresh`].
pub struct Store {
    disk: Disk,
    generations: usize,
    state: State,
    damage: Vec<String>,
}

impl Store {
    /// Opens the store in `folder`, which is made if it is not there, private to the owner of the folder
    /// above. `generations` is how many different good releases are kept, at least 1. Damage is no error
    /// ([`Store::damage`]); what is sound is used.
    ///
    /// # Errors
    /// The folder itself cannot be made or opened.
    pub fn open(folder: &Path, generations: usize) -> Result<Self> {
        let disk = Disk::open(folder)?;
        let (state, damage) = (State::default(), Vec::new());
        let mut store = Self { disk, generations: generations.max(1), state, damage };
        store.refresh();
        store.damage.extend(store.damaged_releases());
        Ok(store)
    }

    /// How many different good releases are kept from now on, at least 1.
    pub fn set_generations(&mut self, generations: usize) {
        self.generations = generations.max(1);
    }

    /// What was found damaged when the store was opened, one sentence each.
    #[must_use]
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// Reads the state again, which another process may have changed.
    pub fn refresh(&mut self) {
        // Without the lock a slot may be seen half written. Better that than no boot.
        let lock = self.disk.lock(LOCK, Sharing::WithReaders, READ_PATIENCE);
        let slots = Slots::read(&self.disk);
        drop(lock);
        self.damage = slots.damage().cloned().collect();
        match slots.newest() {
            Some(state) => self.state = state.clone(),
            None if self.damage.is_empty() && self.numbers().is_empty() => {}
            None => self.damage.push(
                "no sound state is left: which release was in force, which are good, bad or pinned and what \
                 is switched off is forgotten; the releases themselves are used, the newest first"
                    .to_owned(),
            ),
        }
    }

    /// Writes a candidate into `folder`, in place of the one that lies there.
    ///
    /// # Errors
    /// The body is longer than [`BODY_BYTES_MAX`], or the disk refuses; the old candidate then stays.
    pub fn stage(folder: &Path, body: &[u8]) -> Result<ReleaseHash> {
        files::stage(&Disk::open(folder)?, body)
    }

    /// Removes the candidate from `folder`, if one lies there.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn discard_candidate(folder: &Path) -> Result<()> {
        let disk = Disk::open(folder)?;
        let _stage = disk.lock(STAGE_LOCK, Sharing::Alone, LOCK_TIMEOUT)?;
        let _lock = disk.lock(LOCK, Sharing::Alone, LOCK_TIMEOUT)?;
        disk.remove(CANDIDATE)
    }

    /// The candidate, if one lies there.
    ///
    /// # Errors
    /// It is damaged (`InvalidData`) or cannot be read.
    pub fn candidate(&self) -> Result<Option<Staged>> {
        match self.read_file(CANDIDATE) {
            Ok((header, body)) => Ok(Some(Staged { hash: header.hash, body })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the candidate its number. If the newest release has the same content there is nothing new, and
    /// that release is returned: so this can be called again after an error.
    ///
    /// # Errors
    /// There is no sound candidate with this hash, or the disk refuses.
    pub fn publish(&mut self, hash: ReleaseHash) -> Result<Release> {
        self.change(|disk, state| {
            state.trial = None;
            let newest = newest_number(disk);
            let same =
                newest.filter(|number| header(disk, *number).is_ok_and(|(header, _)| header.hash == hash));
            if let Some(newest) = same.and_then(|number| sound(disk, number)) {
                if candidate_header(disk).is_ok_and(|header| header.hash == hash) {
                    disk.remove(CANDIDATE)?;
                }
                return Ok(newest);
            }
            let header = candidate_header(disk)?;
            if header.hash != hash {
                let text = format!("the candidate is {}, not {}", header.hash.short(), hash.short());
                return Err(Error::new(ErrorKind::NotFound, text));
            }
            let number = take_number(disk, state);
            disk.rename(CANDIDATE, &file_name(number))?;
            Ok(files::released(number, header))
        })
    }

    /// The content of a release under a new number, with a file of its own.
    ///
    /// # Errors
    /// There is no sound release with this number, or the disk refuses.
    pub fn publish_again(&mut self, number: u64) -> Result<Release> {
        self.change(|disk, state| copy(disk, state, number))
    }

    /// Goes back: marks the content in force as bad, publishes the content of `to` (or else of
    /// [`Store::rollback_target`]) again, and puts that in force. A pin goes over to it: it would bring the
    /// old one back at the next boot. All of it in one change.
    ///
    /// # Errors
    /// There is nothing to go back to, or the disk refuses; then nothing has changed.
    pub fn roll_back(&mut self, to: Option<u64>, why: &str) -> Result<Release> {
        self.change(|disk, state| {
            let target = match to {
                Some(number) => release(disk, number)?,
                None => list::rollback_target(disk, state)
                    .ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no other good release"))?,
            };
            let from = list::in_force(disk, state).and_then(|number| sound(disk, number));
            if let Some(from) = from.filter(|from| from.hash != target.hash) {
                state.mark_bad(from.hash, why);
            }
            state.forgive(target.hash);
            let again = copy(disk, state, target.number)?;
            state.current = Some(again.number);
            state.pinned = state.pinned.map(|_| again.number);
            Ok(again)
        })
    }

    /// The body of a release.
    ///
    /// # Errors
    /// There is none with this number (`NotFound`), it is damaged (`InvalidData`), or cannot be read.
    pub fn read(&self, number: u64) -> Result<Vec<u8>> {
        Ok(self.read_file(&file_name(number))?.1)
    }

    /// The release that is to be in force, whatever has become of its file.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.state.current
    }

    /// Puts a release in force: the next boot begins with it.
    ///
    /// # Errors
    /// There is no sound release with this number, or the disk refuses.
    pub fn set_current(&mut self, number: u64) -> Result<()> {
        self.change(|disk, state| {
            release(disk, number)?;
            state.current = Some(number);
            Ok(())
        })
    }

    /// The bake of a release is finished: it enters the ring. `is_synthetic` says that it had no traffic
    /// and was probed instead.
    ///
    /// # Errors
    /// There is no sound release with this number, or the disk refuses.
    pub fn finish_bake(&mut self, number: u64, is_synthetic: bool) -> Result<()> {
        let generations = self.generations;
        self.change(|disk, state| {
            let Release { hash, .. } = release(disk, number)?;
            state.ring.retain(|finished| finished.hash != hash);
            let finished_at_unix_ms = Now::read().unix_ns / 1_000_000;
            state.ring.push(Finished { number, hash, synthetic: is_synthetic, finished_at_unix_ms });
            prune::shorten_ring(disk, state, generations);
            Ok(())
        })
    }

    /// Marks a content: it is not booted as long as there is another, and `why` is shown to people (at most
    /// [`crate::WHY_BYTES_MAX`]).
    ///
    /// # Errors
    /// The disk refuses.
    pub fn mark_bad(&mut self, hash: ReleaseHash, why: &str) -> Result<()> {
        self.change(|_, state| {
            state.mark_bad(hash, why);
            Ok(())
        })
    }

    /// Why a content is marked, if it is.
    #[must_use]
    pub fn is_bad(&self, hash: ReleaseHash) -> Option<&str> {
        self.state.is_bad(hash)
    }

    /// Takes a mark away.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn forgive(&mut self, hash: ReleaseHash) -> Result<()> {
        self.change(|_, state| {
            state.forgive(hash);
            Ok(())
        })
    }

    /// Writes down that an edge which serves is about to load this content: if it dies of it, its successor
    /// knows the culprit. Publishing the content ends the trial, too.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn begin_trial(&mut self, hash: ReleaseHash) -> Result<()> {
        self.change(|_, state| {
            state.trial = Some(hash);
            Ok(())
        })
    }

    /// The content whose loading was begun and not survived, if there is one.
    #[must_use]
    pub fn trial(&self) -> Option<ReleaseHash> {
        self.state.trial
    }

    /// The edge that loaded the content lives.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn end_trial(&mut self) -> Result<()> {
        self.change(|_, state| {
            state.trial = None;
            Ok(())
        })
    }

    /// The pinned release.
    #[must_use]
    pub fn pinned(&self) -> Option<u64> {
        self.state.pinned
    }

    /// Pins a release: boots begin with it, and it is in force. A mark on its content is taken away, because
    /// a human has decided; if it crashes it is marked again, and then stepped over.
    ///
    /// # Errors
    /// There is no sound release with this number, or the disk refuses.
    pub fn pin(&mut self, number: u64) -> Result<Release> {
        self.change(|disk, state| {
            let release = release(disk, number)?;
            state.forgive(release.hash);
            state.pinned = Some(number);
            Ok(release)
        })
    }

    /// Takes the pin away. Returns the release that was pinned.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn unpin(&mut self) -> Result<Option<u64>> {
        self.change(|_, state| Ok(state.pinned.take()))
    }

    /// The stages that are switched off, sorted by zone.
    pub fn switches(&self) -> impl Iterator<Item = &Switch> {
        self.state.switched_off.iter()
    }

    /// Switches a stage off for a zone, or on again.
    ///
    /// # Errors
    /// [`SWITCHES_MAX`] are off already, a name is longer than 255 bytes, or the disk refuses.
    pub fn set_switch(&mut self, zone: &str, stage: &str, is_off: bool) -> Result<()> {
        if zone.len() > NAME_BYTES_MAX || stage.len() > NAME_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidInput, "a name has at most 255 bytes"));
        }
        self.change(|_, state| {
            let switch = Switch { zone: zone.to_owned(), stage: stage.to_owned() };
            if !is_off {
                state.switched_off.remove(&switch);
                return Ok(());
            }
            state.switched_off.insert(switch);
            if state.switched_off.len() > SWITCHES_MAX {
                let text = format!("{SWITCHES_MAX} stages are switched off already: switch some on first");
                return Err(Error::new(ErrorKind::QuotaExceeded, text));
            }
            Ok(())
        })
    }

    /// One change: alone, from what is on disk, and on disk before it counts.
    fn change<T>(&mut self, act: impl FnOnce(&Disk, &mut State) -> Result<T>) -> Result<T> {
        let _lock = self.disk.lock(LOCK, Sharing::Alone, LOCK_TIMEOUT)?;
        let slots = Slots::read(&self.disk);
        let lost = || State { spared: numbers(&self.disk), ..State::default() };
        let before = slots.newest().cloned().unwrap_or_else(lost);
        let mut state = before.clone();
        let outcome = act(&self.disk, &mut state)?;
        if state != before || !slots.both_hold(&before) {
            state.sequence = before.sequence.saturating_add(1);
            slots.write(&self.disk, &state)?;
        }
        // Not before the state is on disk: after a crash the old one is in force, with all that it names.
        prune::prune(&self.disk, &state);
        self.state = state;
        Ok(outcome)
    }

    fn read_file(&self, name: &str) -> Result<(Header, Vec<u8>)> {
        let (mut file, bytes) = self.disk.file(name)?;
        release_file::read(&mut file, bytes)
    }
}
