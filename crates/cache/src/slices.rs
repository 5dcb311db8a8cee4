//! Large bodies in slices: what of one is held, and what is to be fetched of the rest.

use bytes::Bytes;

use crate::object::Slice;

/// A stored slice so near ahead is not fetched again; what is stored further on may be gone when it is needed.
pub const NEAR_SLICES: u32 = 64;

/// How a body of known length is cut.
#[derive(Clone, Copy, Debug)]
pub struct Slicing {
    /// Of each slice but the last.
    pub slice_bytes: u64,
    /// Of the whole body.
    pub total: u64,
}

impl Slicing {
    /// The slice that a byte is in, and its place there.
    #[must_use]
    pub fn place(&self, at: u64) -> (u32, u32) {
        let size = self.slice_bytes.max(1);
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        (narrow(at / size), narrow(at % size))
    }

    /// The first byte of a slice.
    #[must_use]
    pub fn first(&self, index: u32) -> u64 {
        u64::from(index).saturating_mul(self.slice_bytes.max(1)).min(self.total)
    }

    /// The whole slices that a part of the body lies in: what a cold range is fetched with.
    #[must_use]
    pub fn around(&self, first: u64, end: u64) -> (u64, u64) {
        let (from, to) = (self.place(first).0, self.place(end.saturating_sub(1).max(first)).0);
        (self.first(from), self.first(to.saturating_add(1)))
    }

    /// What to fetch for a reader that misses the byte `at` and wants all up to `end`: to the next byte that is held
    /// within `near` slices, else to the end of the last slice that it wants. `held` answers the first byte that is held
    /// of a slice from a place in it on.
    #[must_use]
    pub fn missing(
        &self,
        at: u64,
        end: u64,
        near: u32,
        mut held: impl FnMut(u32, u32) -> Option<u32>,
    ) -> (u64, u64) {
        let (index, within) = self.place(at);
        // A slice of which nothing is held is fetched from its beginning: so it becomes a whole one.
        let first = if held(index, 0).is_some() { at } else { self.first(index) };
        let last = self.place(end.saturating_sub(1).max(at)).0;
        for ahead in index..=last.min(index.saturating_add(near)) {
            let from = if ahead == index { within } else { 0 };
            if let Some(found) = held(ahead, from) {
                return (first, self.first(ahead) + u64::from(found));
            }
        }
        (first, self.first(last.saturating_add(1)))
    }
}

impl Slice {
    /// From this byte of the slice on, what is held in one piece.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<Bytes> {
        let behind = self.stretches.partition_point(|(first, _)| *first <= at);
        let (first, bytes) = self.stretches.get(behind.checked_sub(1)?)?;
        let skip = (at - first) as usize;
        (skip < bytes.len()).then(|| bytes.slice(skip..))
    }

    /// The first byte that is held, from this one on.
    #[must_use]
    pub fn next_held(&self, at: u32) -> Option<u32> {
        let next = self
            .stretches
            .iter()
            .find(|(first, bytes)| u64::from(*first) + bytes.len() as u64 > u64::from(at));
        next.map(|(first, _)| (*first).max(at))
    }

    /// What either has; where both have a byte it is this one's.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let mut stretches: Vec<_> = self.stretches.to_vec();
        for (first, bytes) in &other.stretches {
            self.gaps(*first, bytes, &mut stretches);
        }
        stretches.sort_unstable_by_key(|(first, _)| *first);
        Self { stretches: stretches.into() }
    }

    /// What of a stretch is not held.
    fn gaps(&self, first: u32, bytes: &Bytes, found: &mut Vec<(u32, Bytes)>) {
        let end = u64::from(first) + bytes.len() as u64;
        let mut at = u64::from(first);
        let held = self.stretches.iter().map(|(first, bytes)| (u64::from(*first), bytes.len() as u64));
        for (held_first, held_len) in held.chain([(end, 0)]) {
            let gap_end = held_first.min(end);
            if at < gap_end {
                let (from, to) = (at - u64::from(first), gap_end - u64::from(first));
                // Both lie in `bytes`, whose length is a usize.
                let piece = bytes.slice(from as usize..to as usize);
                found.push((u32::try_from(at).unwrap_or(u32::MAX), piece));
            }
            at = at.max(held_first + held_len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(stretches: &[(u32, &'static str)]) -> Slice {
        let bytes = |text: &&'static str| Bytes::from_static(text.as_bytes());
        Slice { stretches: stretches.iter().map(|(first, text)| (*first, bytes(text))).collect() }
    }

    #[test]
    fn bytes_are_found_in_their_stretch_and_not_in_the_holes() {
        let slice = slice(&[(2, "cd"), (4, "e"), (7, "hi")]);
        for (at, found, next) in [
            (0, None, Some(2)),
            (2, Some("cd"), Some(2)),
            (3, Some("d"), Some(3)),
            (4, Some("e"), Some(4)),
            (5, None, Some(7)),
            (8, Some("i"), Some(8)),
            (9, None, None),
        ] {
            assert_eq!(slice.get(at), found.map(|text: &str| Bytes::from_static(text.as_bytes())), "{at}");
            assert_eq!(slice.next_held(at), next, "{at}");
        }
    }

    #[test]
    fn of_two_every_byte_that_either_has_is_kept_once() {
        for (one, other, both) in [
            (vec![], vec![(3, "d")], vec![(3, "d")]),
            (vec![(2, "cd")], vec![(0, "ABCDEF")], vec![(0, "AB"), (2, "cd"), (4, "EF")]),
            (
                vec![(0, "abc"), (5, "f")],
                vec![(1, "BC"), (4, "EFG")],
                vec![(0, "abc"), (4, "E"), (5, "f"), (6, "G")],
            ),
            (vec![(0, "abc")], vec![(0, "ABC"), (3, "D")], vec![(0, "abc"), (3, "D")]),
            (vec![(0, "abcdef")], vec![(2, "CD")], vec![(0, "abcdef")]),
        ] {
            assert_eq!(slice(&one).merged(&slice(&other)), slice(&both), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn a_cold_range_is_fetched_with_its_whole_slices() {
        let slicing = Slicing { slice_bytes: 10, total: 95 };
        for (range, around) in [
            ((0, 1), (0, 10)),
            ((9, 10), (0, 10)),
            ((9, 11), (0, 20)),
            ((50, 51), (50, 60)),
            ((91, 95), (90, 95)),
        ] {
            assert_eq!(slicing.around(range.0, range.1), around);
        }
    }

    #[test]
    fn what_is_held_near_ahead_is_not_fetched_again() {
        let slicing = Slicing { slice_bytes: 10, total: 95 };
        // Of slice 2 its end is held, of slice 5 all, of slice 8 the beginning.
        let held = |index: u32, from: u32| match index {
            2 => Some(from.max(6)).filter(|at| *at < 10),
            5 => Some(from),
            8 => Some(from).filter(|at| *at < 4),
            _ => None,
        };
        for (at, end, near, fetched) in [
            (0, 95, 9, (0, 26)),
            (3, 8, 9, (0, 10)),
            (22, 95, 9, (22, 26)),
            (30, 95, 9, (30, 50)),
            (31, 33, 9, (30, 40)),
            (30, 95, 1, (30, 95)),
            (30, 45, 9, (30, 50)),
            (60, 95, 0, (60, 95)),
            (60, 75, 9, (60, 80)),
            (84, 95, 9, (84, 95)),
        ] {
            assert_eq!(slicing.missing(at, end, near, held), fetched, "{at}..{end}, {near}");
        }
    }
}
