//! How large records are: small while a network that was silent finds out how much it can take at once, since a record is
//! of no use before its last byte has come; large when it flows, since each costs the same.

use std::time::{Duration, Instant};

/// As many bytes as the first flight of a connection takes: ten segments (RFC 6928).
const START_BYTES: usize = 14 * 1024;
/// After so long a pause TCP may begin anew too (RFC 9293 section 3.8.2, RFC 2861).
const PAUSE: Duration = Duration::from_secs(1);

/// How large the records of one stream are to be.
#[derive(Debug)]
pub(super) struct Sizes {
    /// When something large was written last; `None` for ever large records.
    growing: Option<Growing>,
}

#[derive(Debug)]
struct Growing {
    last: Option<Instant>,
    /// Bytes that are still to be in small records.
    left: usize,
}

impl Sizes {
    /// Small at the start and after a pause.
    pub(super) const fn growing() -> Self {
        Self { growing: Some(Growing { last: None, left: 0 }) }
    }

    /// As large as can be.
    pub(super) const fn large() -> Self {
        Self { growing: None }
    }

    pub(super) const fn is_growing(&self) -> bool {
        self.growing.is_some()
    }

    /// Something large is to be written now. Whether it has to begin with small records.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let Some(growing) = &mut self.growing else { return false };
        let last = growing.last.replace(now);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE) {
            growing.left = START_BYTES;
        }
        growing.left > 0
    }

    /// How many bytes the next record has at most, if it is to be small.
    pub(super) fn small(&self, bytes_max: usize) -> Option<usize> {
        self.growing.as_ref().filter(|growing| growing.left > 0).map(|_| bytes_max)
    }

    /// So many bytes went into a small record.
    pub(super) const fn wrote(&mut self, bytes: usize) {
        if let Some(growing) = &mut self.growing {
            growing.left = growing.left.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;

    use super::*;

    #[test]
    fn records_are_small_at_the_start_and_after_a_pause() {
        let mut sizes = Sizes::growing();
        let start = Now::mono();
        let mut records = |at: Duration| {
            let mut count = 0;
            sizes.begin(start + at);
            while let Some(bytes) = sizes.small(1369) {
                sizes.wrote(bytes);
                count += 1;
            }
            count
        };
        let ms = Duration::from_millis;
        assert_eq!(records(ms(0)), 11);
        assert_eq!(records(ms(0)), 0);
        // It flows, however long.
        for at in 1..10 {
            assert_eq!(records(ms(900 * at)), 0);
        }
        assert_eq!(records(ms(8100 + 1000)), 11);
        assert_eq!(records(ms(8100 + 1001)), 0);
        assert!(!Sizes::large().begin(start) && Sizes::large().small(1).is_none());
    }
}
