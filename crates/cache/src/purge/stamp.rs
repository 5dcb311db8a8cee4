//! What an object carries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Purged;

const SOFT: u64 = 1 << 62;
const HARD: u64 = 1 << 63;

/// What an object is called in purges, and up to which purge it was looked at. The default has no name, and
/// nothing ever purges it.
#[derive(Debug, Default)]
pub struct Stamp {
    /// A number, and in its two highest bits what came of the look.
    seen: AtomicU64,
    names: Arc<[u64]>,
}

/// With what came of the last look at the other.
impl Clone for Stamp {
    fn clone(&self) -> Self {
        Self { seen: AtomicU64::new(self.seen.load(Ordering::Relaxed)), names: Arc::clone(&self.names) }
    }
}

impl Stamp {
    pub(super) fn new(seen: u64, names: Arc<[u64]>) -> Self {
        Self { seen: AtomicU64::new(seen & !(SOFT | HARD)), names }
    }

    pub(super) fn renewed(&self, seen: u64) -> Self {
        Self::new(seen, Arc::clone(&self.names))
    }

    pub(crate) fn names(&self) -> &[u64] {
        &self.names
    }

    /// The purge up to which it was looked at, and what came of it.
    #[inline]
    pub(super) fn read(&self) -> (u64, Purged) {
        let word = self.seen.load(Ordering::Relaxed);
        (word & !(SOFT | HARD), purged(word))
    }

    /// Notes what came of a look, unless somebody else has noted something meanwhile.
    pub(super) fn note(&self, before: (u64, Purged), after: (u64, Purged)) {
        let (before, after) = (word(before), word(after));
        let _ = self.seen.compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Bytes that it takes beside itself.
    #[must_use]
    pub fn weight(&self) -> u64 {
        (self.names.len() as u64 + 2) * 8
    }
}

const fn purged(word: u64) -> Purged {
    match word & (SOFT | HARD) {
        0 => Purged::No,
        SOFT => Purged::Soft,
        _ => Purged::Hard,
    }
}

const fn word((seen, purged): (u64, Purged)) -> u64 {
    seen | match purged {
        Purged::No => 0,
        Purged::Soft => SOFT,
        Purged::Hard => HARD,
    }
}
