//! A body of any length whose every byte is known without holding it.

/// A prime, so that no two slices begin alike.
const PERIOD: usize = 1_048_583;

/// The same bytes over and over, in a rhythm that fits no slice.
#[derive(Debug)]
pub(crate) struct Body {
    /// One period, and as much again, so that any run up to a period is in one piece.
    twice: Vec<u8>,
    pub(crate) bytes: u64,
}

impl Body {
    pub(crate) fn new(bytes: u64) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut once = Vec::with_capacity(PERIOD * 2);
        once.resize_with(PERIOD, || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        let twice = once.repeat(2);
        Self { twice, bytes }
    }

    /// Up to `max` bytes from this one on; empty at the end.
    pub(crate) fn from(&self, at: u64, max: usize) -> &[u8] {
        let left = usize::try_from(self.bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let begin = usize::try_from(at % PERIOD as u64).unwrap_or_default();
        self.twice.get(begin..begin + left.min(max).min(PERIOD)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_of_it_is_a_part_of_the_whole() {
        let body = Body::new(3_000_000);
        let mut whole = Vec::new();
        while whole.len() < 3_000_000 {
            whole.extend_from_slice(body.from(whole.len() as u64, 777_777));
        }
        assert_eq!(whole.len(), 3_000_000);
        assert_eq!(body.from(1_500_000, 900_000), &whole[1_500_000..2_400_000]);
        assert_eq!(body.from(2_999_999, 10).len(), 1);
        assert!(body.from(3_000_000, 10).is_empty());
        assert_ne!(body.from(0, 100), body.from(1 << 20, 100), "slices differ");
    }
}
