//! Ranges that overlap, and which of them a number lies in.

/// Ranges, cut where any begins or ends: a number lies in one piece, and each piece knows whose it is.
#[derive(Debug)]
pub(super) struct Intervals<T> {
    /// Where pieces begin, in order.
    starts: Vec<T>,
    /// For each piece, where its filters begin in `filters`; one more at the end.
    bounds: Vec<u32>,
    filters: Vec<u32>,
}

/// Ranges that overlap so much that their pieces have more filters than this are not told apart.
const FILTERS_MAX: usize = 1 << 20;

/// A number that has a next one.
pub(super) trait Step: Copy + Ord {
    const FIRST: Self;
    fn next(self) -> Option<Self>;
}

macro_rules! step {
    ($($number:ty),*) => {
        $(impl Step for $number {
            const FIRST: $number = <$number>::MIN;

            fn next(self) -> Option<$number> {
                self.checked_add(1)
            }
        })*
    };
}

step!(i64, u32, u128);

impl<T: Step> Intervals<T> {
    /// Of ranges with their first and last number and the filter of each.
    pub(super) fn of(mut ranges: Vec<(T, T, u32)>) -> Intervals<T> {
        let mut starts: Vec<T> = ranges.iter().map(|(first, ..)| *first).collect();
        starts.extend(ranges.iter().filter_map(|(_, last, _)| last.next()));
        starts.sort_unstable();
        starts.dedup();
        ranges.sort_unstable_by_key(|(first, ..)| *first);
        let mut pieces = Intervals { starts, bounds: vec![0], filters: Vec::new() };
        let mut waiting = ranges.iter().peekable();
        let mut open: Vec<&(T, T, u32)> = Vec::new();
        for start in &pieces.starts {
            open.retain(|(_, last, _)| last >= start);
            while let Some(range) = waiting.next_if(|(first, ..)| first <= start) {
                open.push(range);
            }
            pieces.filters.extend(open.iter().map(|(.., filter)| *filter));
            pieces.bounds.push(u32::try_from(pieces.filters.len()).unwrap_or(u32::MAX));
            if pieces.filters.len() > FILTERS_MAX {
                return Intervals::coarse(&ranges);
            }
        }
        pieces
    }

    /// One piece that has all filters.
    fn coarse(ranges: &[(T, T, u32)]) -> Intervals<T> {
        let mut filters: Vec<u32> = ranges.iter().map(|(.., filter)| *filter).collect();
        filters.sort_unstable();
        filters.dedup();
        let all = u32::try_from(filters.len()).unwrap_or(u32::MAX);
        Intervals { starts: vec![T::FIRST], bounds: vec![0, all], filters }
    }

    /// The filters of the ranges in which this number lies.
    pub(super) fn at(&self, value: T) -> &[u32] {
        let after = self.starts.partition_point(|start| *start <= value);
        let Some(piece) = after.checked_sub(1) else { return &[] };
        let bound = |at: usize| self.bounds.get(at).map_or(0, |bound| *bound as usize);
        self.filters.get(bound(piece)..bound(piece + 1)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_knows_all_ranges_in_which_it_lies() {
        let intervals = Intervals::<i64>::of(vec![
            (10, 20, 0),
            (15, 30, 1),
            (20, 20, 2),
            (i64::MIN, 5, 3),
            (25, i64::MAX, 4),
        ]);
        for (value, filters) in [
            (i64::MIN, &[3][..]),
            (5, &[3]),
            (6, &[]),
            (10, &[0]),
            (15, &[0, 1]),
            (20, &[0, 1, 2]),
            (21, &[1]),
            (25, &[1, 4]),
            (i64::MAX, &[4]),
        ] {
            assert_eq!(intervals.at(value), filters, "{value}");
        }
        assert_eq!(Intervals::<u32>::of(Vec::new()).at(7), &[0; 0]);
    }

    #[test]
    fn ranges_that_all_overlap_stay_bounded() {
        let ranges = (0..3000).map(|n| (n, 10_000 - n, n)).collect();
        let intervals = Intervals::<u32>::of(ranges);
        assert!(intervals.filters.len() <= FILTERS_MAX);
        assert_eq!(intervals.at(5000).len(), 3000);
    }
}
