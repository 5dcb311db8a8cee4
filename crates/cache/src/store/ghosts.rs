//! What was evicted lately: a trace of each hash, so that what comes back soon is known to be wanted.

/// Traces in one set: a hash has its place in one of them.
const WAYS: usize = 4;
const SETS_MIN: usize = 4;

/// The traces of one shard.
#[derive(Debug)]
pub(super) struct Ghosts {
    /// A power of two of them. 0 is an empty place.
    sets: Vec<[u64; WAYS]>,
    /// Evictions so far.
    now: u32,
}

impl Ghosts {
    pub(super) fn new() -> Self {
        Self { sets: vec![[0; WAYS]; SETS_MIN], now: 0 }
    }

    /// Leaves a trace, in the place of the oldest of its set.
    pub(super) fn leave(&mut self, hash: u64) {
        self.now = self.now.wrapping_add(1);
        let now = self.now;
        if let Some(oldest) = self
            .set(print(hash))
            .iter_mut()
            .max_by_key(|trace| if **trace == 0 { u32::MAX } else { age(now, **trace) })
        {
            *oldest = u64::from(print(hash)) << 32 | u64::from(now);
        }
    }

    /// Takes the trace of this hash away, and says how many have gone since.
    pub(super) fn take(&mut self, hash: u64) -> Option<u64> {
        let (now, print) = (self.now, print(hash));
        let found =
            self.set(print).iter_mut().find(|trace| **trace != 0 && (**trace >> 32) as u32 == print)?;
        Some(u64::from(age(now, std::mem::take(found))))
    }

    /// Makes place for so many traces.
    pub(super) fn grow(&mut self, traces: u64) {
        if traces <= (self.sets.len() * WAYS) as u64 {
            return;
        }
        let mut larger = Self { sets: vec![[0; WAYS]; self.sets.len() * 2], now: self.now };
        for trace in self.sets.iter().flatten().filter(|trace| **trace != 0) {
            if let Some(place) = larger.set((trace >> 32) as u32).iter_mut().find(|place| **place == 0) {
                *place = *trace;
            }
        }
        *self = larger;
    }

    fn set(&mut self, print: u32) -> &mut [u64; WAYS] {
        let index = print as usize & (self.sets.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "their number is a power of two, and never 0")]
        &mut self.sets[index]
    }
}

/// What a trace keeps of a hash: bits that choose neither the shard nor, most of them, the bucket.
fn print(hash: u64) -> u32 {
    (hash >> 16) as u32
}

/// Evictions since.
fn age(now: u32, trace: u64) -> u32 {
    now.wrapping_sub(trace as u32)
}
