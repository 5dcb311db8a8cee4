//! The file: slot `n % slots` has event `n`. Nothing tells where the ring begins but the numbers in the slots, so that
//! nothing but the events has to be whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::SLOTS_MAX;
use super::slot::{SLOT_BYTES, Slot};

/// So often the file may be another one than a moment ago.
const TRIES: u32 = 8;
/// So many slots are read at once.
const READ_SLOTS: usize = 64;

/// Whoever writes the ring. Two edges may at the same time, while one takes the other's place.
#[derive(Debug)]
pub struct Ring {
    path: PathBuf,
    slots: usize,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// The number of the event that is written next.
    next: u64,
}

impl Ring {
    /// One of so many slots, at least 1 and at most [`SLOTS_MAX`]. The file is opened when something is written.
    #[must_use]
    pub fn new(path: PathBuf, slots: usize) -> Self {
        Self { path, slots: slots.clamp(1, SLOTS_MAX), open: None }
    }

    /// Writes events, each at most [`super::slot::EVENT_BYTES_MAX`] long; longer ones are left out.
    ///
    /// # Errors
    /// The file cannot be written. Some of the events may be.
    pub fn write(&mut self, events: &[Vec<u8>]) -> io::Result<()> {
        let open = self.locked()?;
        let written = self.write_locked(open, events);
        // A file that was dropped is unlocked.
        if let Some(open) = &self.open {
            open.file.unlock()?;
        }
        written
    }

    /// The file, locked. The lock is held for a few writes; if its holder is stuck, the supervisor ends it.
    fn locked(&mut self) -> io::Result<Open> {
        for _ in 0..TRIES {
            let open = match self.open.take() {
                Some(open) => open,
                None => Open::at(&self.path)?,
            };
            open.file.lock()?;
            // Somebody may have put another file in its place.
            if open.is_at(&self.path) {
                return Ok(open);
            }
        }
        Err(io::Error::other(format!("{} is another file each time", self.path.display())))
    }

    fn write_locked(&mut self, mut open: Open, events: &[Vec<u8>]) -> io::Result<()> {
        let slots = self.slots as u64;
        if open.next == 0 || open.is_behind(slots)? {
            open = open.surveyed(&self.path, self.slots)?;
        }
        let open = self.open.insert(open);
        // More than there are slots would only be written over.
        for event in events.iter().skip(events.len().saturating_sub(self.slots)) {
            if let Some(bytes) = (Slot { number: open.next, event }).bytes() {
                open.file.write_all_at(&bytes, open.next % slots * SLOT_BYTES as u64)?;
                open.next += 1;
            }
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self { file: options.open(path)?, next: 0 })
    }

    /// Whether the file is still the one of this path.
    fn is_at(&self, path: &Path) -> bool {
        let same =
            |own: fs::Metadata, other: fs::Metadata| (own.dev(), own.ino()) == (other.dev(), other.ino());
        self.file.metadata().is_ok_and(|own| fs::metadata(path).is_ok_and(|other| same(own, other)))
    }

    /// Whether another edge has written since.
    fn is_behind(&self, slots: u64) -> io::Result<bool> {
        let mut bytes = [0; SLOT_BYTES];
        match self.file.read_exact_at(&mut bytes, self.next % slots * SLOT_BYTES as u64) {
            Ok(()) => Ok(Slot::read(&bytes).is_some_and(|slot| slot.number >= self.next)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Looks at every slot for the number of the next event. A ring of another size is written anew.
    fn surveyed(mut self, path: &Path, slots: usize) -> io::Result<Self> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut places = 0;
        each_place(&self.file, |place, slot| {
            places = place + 1;
            found.extend(slot.map(|slot| (slot.number, place)));
        })?;
        found.sort_unstable();
        let last = found.last().map_or(0, |(number, _)| *number);
        // A number that nobody can have counted to is an accident, and would leave no room for others.
        let last = if last < u64::MAX / 2 { last } else { 0 };
        let is_in_order = last > 0 || found.is_empty();
        let is_ours = found.iter().all(|(number, place)| number % slots as u64 == *place);
        if !(is_in_order && is_ours && places <= slots as u64) {
            let kept = found.iter().skip(found.len().saturating_sub(slots)).map(|(_, place)| *place);
            self = self.rewritten(path, slots as u64, kept)?;
        } else {
            self.next = last + 1;
        }
        Ok(self)
    }

    /// A new file with the events of these places, in this order.
    fn rewritten(&self, path: &Path, slots: u64, places: impl Iterator<Item = u64>) -> io::Result<Self> {
        let aside = path.with_extension("ring.next");
        let _ = fs::remove_file(&aside);
        let mut new = Self { next: 1, ..Self::at(&aside)? };
        // Nobody knows the file yet: the lock is there at once.
        new.file.lock()?;
        let mut bytes = [0; SLOT_BYTES];
        for place in places {
            self.file.read_exact_at(&mut bytes, place * SLOT_BYTES as u64)?;
            let event = Slot::read(&bytes).map(|slot| slot.event);
            if let Some(bytes) = event.and_then(|event| Slot { number: new.next, event }.bytes()) {
                new.file.write_all_at(&bytes, new.next % slots * SLOT_BYTES as u64)?;
                new.next += 1;
            }
        }
        fs::rename(&aside, path)?;
        Ok(new)
    }
}

/// Reads every event of the file in the order of their places, which is not that of their numbers. What is not whole
/// is left out. Takes no more memory for a larger file.
///
/// # Errors
/// The file cannot be read.
pub fn each(file: &File, mut see: impl FnMut(Slot<'_>)) -> io::Result<()> {
    each_place(file, |_, slot| {
        if let Some(slot) = slot {
            see(slot);
        }
    })
}

/// Sees every place that the file is long enough for, at most [`SLOTS_MAX`].
fn each_place(file: &File, mut see: impl FnMut(u64, Option<Slot<'_>>)) -> io::Result<()> {
    let mut bytes = vec![0; READ_SLOTS * SLOT_BYTES];
    let mut place = 0;
    while place < SLOTS_MAX as u64 {
        let read = read_at(file, &mut bytes, place * SLOT_BYTES as u64)?;
        if read == 0 {
            break;
        }
        for slot in bytes.get(..read).unwrap_or_default().chunks(SLOT_BYTES) {
            see(place, Slot::read(slot));
            place += 1;
        }
    }
    Ok(())
}

/// As much as there is, up to the length of `bytes`.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut from = At { file, at };
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads on from a place without moving others who read the same file.
struct At<'f> {
    file: &'f File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("events.ring")
        }

        fn ring(&self, slots: usize) -> Ring {
            Ring::new(self.path(), slots)
        }

        /// Numbers and events, the oldest first.
        fn read(&self) -> Vec<(u64, String)> {
            let mut all = Vec::new();
            each(&File::open(self.path()).unwrap(), |slot| {
                all.push((slot.number, String::from_utf8(slot.event.to_vec()).unwrap()));
            })
            .unwrap();
            all.sort();
            all
        }

        fn events(&self) -> Vec<String> {
            self.read().into_iter().map(|(_, event)| event).collect()
        }
    }

    fn named(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
        numbers.map(|number| number.to_string().into_bytes()).collect()
    }

    fn texts(numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|number| number.to_string()).collect()
    }

    #[test]
    fn the_newest_are_kept_and_a_restart_goes_on() {
        let folder = Folder::new();
        folder.ring(3).write(&named(0..2)).unwrap();
        assert_eq!(folder.events(), texts(0..2));
        let mut ring = folder.ring(3);
        ring.write(&named(2..3)).unwrap();
        assert_eq!(folder.events(), texts(0..3), "at the bound");
        ring.write(&named(3..4)).unwrap();
        assert_eq!(folder.events(), texts(1..4), "one past it");
        ring.write(&named(4..104)).unwrap();
        assert_eq!(folder.events(), texts(101..104));
        assert_eq!(fs::metadata(folder.path()).unwrap().len(), 3 * SLOT_BYTES as u64);
    }

    #[test]
    fn two_edges_write_one_after_the_other() {
        let folder = Folder::new();
        let (mut old, mut new) = (folder.ring(8), folder.ring(8));
        for number in 0..5 {
            old.write(&named(number * 3..number * 3 + 1)).unwrap();
            new.write(&named(number * 3 + 1..number * 3 + 3)).unwrap();
        }
        assert_eq!(folder.events(), texts(7..15));
    }

    #[test]
    fn a_ring_of_another_size_keeps_the_newest() {
        let folder = Folder::new();
        let mut old = folder.ring(5);
        old.write(&named(0..13)).unwrap();
        let mut smaller = folder.ring(3);
        smaller.write(&named(13..14)).unwrap();
        assert_eq!(folder.events(), texts(11..14));
        assert_eq!(fs::metadata(folder.path()).unwrap().len(), 3 * SLOT_BYTES as u64);
        folder.ring(6).write(&named(14..18)).unwrap();
        assert_eq!(folder.events(), texts(12..18));
        // Who still has the file of before finds the new one.
        old.write(&named(18..19)).unwrap();
        assert!(folder.events().contains(&"18".to_owned()));
    }

    #[test]
    fn what_is_torn_or_flipped_is_left_out_and_written_over() {
        let folder = Folder::new();
        folder.ring(4).write(&named(0..4)).unwrap();
        let mut bytes = fs::read(folder.path()).unwrap();
        bytes[24] ^= 1;
        bytes.truncate(4 * SLOT_BYTES - 4090);
        fs::write(folder.path(), &bytes).unwrap();
        // Number 4 was in the first slot, number 3 in the last.
        assert_eq!(folder.events(), texts(0..2));
        folder.ring(4).write(&named(4..7)).unwrap();
        assert_eq!(folder.events(), ["1", "4", "5", "6"]);
    }

    #[test]
    fn a_file_that_is_none_of_ours_becomes_one() {
        for bytes in [&b""[..], b"\xff", &[0xff; 3 * SLOT_BYTES + 1], &[0; 9 * SLOT_BYTES]] {
            let folder = Folder::new();
            fs::write(folder.path(), bytes).unwrap();
            assert_eq!(folder.events(), [""; 0]);
            folder.ring(4).write(&named(0..2)).unwrap();
            assert_eq!(folder.events(), texts(0..2));
        }
    }

    #[test]
    fn a_number_that_nobody_has_counted_to_does_not_end_the_ring() {
        let folder = Folder::new();
        let slot = Slot { number: u64::MAX, event: b"odd" }.bytes().unwrap();
        fs::write(folder.path(), slot).unwrap();
        let mut ring = folder.ring(2);
        ring.write(&named(0..1)).unwrap();
        ring.write(&named(1..2)).unwrap();
        assert_eq!(folder.events(), texts(0..2));
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_anew() {
        let folder = Folder::new();
        let mut ring = folder.ring(2);
        ring.write(&named(0..1)).unwrap();
        fs::remove_file(folder.path()).unwrap();
        ring.write(&named(1..2)).unwrap();
        assert_eq!(folder.events(), ["1"]);
    }
}
