//! A bucket of the table: one cache line, with places for a few entries and a byte of each one's hash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use crate::key::KeyRef;
use crate::object::Entry;

/// Places in a bucket: what fits in a cache line.
const PLACES: usize = 6;
/// In the marks: there is another bucket that continues this one.
const HAS_MORE: u64 = 1 << 63;

#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// A byte for each place, the first one lowest: 0 if it is free, else [`mark`].
    marks: AtomicU64,
    places: [ArcSwapOption<Entry>; PLACES],
    /// For what finds no place here. Goes again when it is empty.
    more: ArcSwapOption<Bucket>,
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    /// Shows the entry of this key. `Err`: there is none.
    pub(super) fn find<R, L: FnOnce(&Arc<Entry>) -> R>(&self, key: KeyRef<'_>, look: L) -> Result<R, L> {
        let marks = self.marks.load(Ordering::Acquire);
        for at in marked(marks, mark(key.hash)) {
            let entry = self.place(at).load();
            if let Some(entry) = entry.as_ref().filter(|entry| entry.key.as_ref() == key) {
                return Ok(look(entry));
            }
        }
        if marks & HAS_MORE == 0 {
            return Err(look);
        }
        match &*self.more.load() {
            Some(more) => more.find(key, look),
            None => Err(look),
        }
    }

    /// Shows all entries.
    pub(super) fn each(&self, show: &mut dyn FnMut(&Arc<Entry>)) {
        for place in &self.places {
            place.load().iter().for_each(&mut *show);
        }
        self.more.load().iter().for_each(|more| more.each(show));
    }

    /// Puts an entry into the first place that is free. For writers.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let marks = self.marks.load(Ordering::Relaxed);
        if let Some(at) = marked(marks, 0).next() {
            let mark = u64::from(mark(entry.key.as_ref().hash)) << (at * 8);
            self.place(at).store(Some(entry));
            self.marks.store(marks | mark, Ordering::Release);
        } else if let Some(more) = &*self.more.load() {
            more.push(entry);
        } else {
            let more = Self::default();
            more.push(entry);
            self.more.store(Some(Arc::new(more)));
            self.marks.store(marks | HAS_MORE, Ordering::Release);
        }
    }

    /// Puts another entry with the same key in the place of one. For writers.
    pub(super) fn replace(&self, old: &Arc<Entry>, new: Arc<Entry>) {
        if let Some(at) = self.position(old) {
            self.place(at).store(Some(new));
        } else if let Some(more) = &*self.more.load() {
            more.replace(old, new);
        }
    }

    /// Takes an entry out. For writers.
    pub(super) fn take(&self, entry: &Arc<Entry>) {
        let marks = self.marks.load(Ordering::Relaxed);
        if let Some(at) = self.position(entry) {
            self.marks.store(marks & !(0xff << (at * 8)), Ordering::Release);
            self.place(at).store(None);
        } else if let Some(more) = &*self.more.load() {
            more.take(entry);
            if more.marks.load(Ordering::Relaxed) == 0 {
                self.marks.store(marks & !HAS_MORE, Ordering::Release);
                self.more.store(None);
            }
        }
    }

    fn position(&self, entry: &Arc<Entry>) -> Option<usize> {
        let marks = self.marks.load(Ordering::Relaxed);
        marked(marks, mark(entry.key.as_ref().hash))
            .find(|at| self.place(*at).load().as_ref().is_some_and(|there| Arc::ptr_eq(there, entry)))
    }

    #[expect(clippy::indexing_slicing, reason = "`marked` numbers places only")]
    fn place(&self, at: usize) -> &ArcSwapOption<Entry> {
        &self.places[at]
    }
}

/// The places with this mark. What a mark promises may have gone already.
fn marked(marks: u64, mark: u8) -> impl Iterator<Item = usize> {
    (0..PLACES).filter(move |at| (marks >> (at * 8)) as u8 == mark)
}

/// What a bucket notes of a hash: bits that choose neither the shard nor, in all but the largest tables, the
/// bucket. Never 0.
fn mark(hash: u64) -> u8 {
    (hash >> 48) as u8 | 1
}
