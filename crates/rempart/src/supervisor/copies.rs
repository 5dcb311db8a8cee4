//! On some processors the C library copies much at once more slowly than in small pieces: above a threshold it leaves
//! the copy to one instruction (`rep movsb`) that is slow there. A server copies much. Nothing but a measurement tells,
//! and the threshold can only be set before a process starts: so this one measures, and starts the edge with another
//! where that is faster.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Duration;

use rempart_base::Now;

/// Where glibc reads it (glibc manual, "Tunables").
pub(super) const VARIABLE: &str = "GLIBC_TUNABLES";
const NAME: &str = "glibc.cpu.x86_rep_movsb_threshold";
/// What is copied at once is smaller, so that the instruction is not used.
const THRESHOLD_BYTES: usize = 4 << 20;
/// What is copied in the measurement: a body that leaves in one piece …
const LARGE_BYTES: usize = 64 << 10;
/// … and pieces for which no processor takes the slow path.
const PIECE_BYTES: usize = 1 << 10;
/// The measurement's rounds; the fastest of each kind counts, so that whatever else runs does not.
const ROUNDS: usize = 100;
/// From so much more time on, in per cent, it is worth it.
const WORTH_PERCENT: u128 = 130;

/// The value of [`VARIABLE`] that the edge is to be started with, if not the one that stands there.
pub(super) fn tunables() -> Option<&'static str> {
    static TUNABLES: OnceLock<Option<String>> = OnceLock::new();
    TUNABLES.get_or_init(|| with_threshold(&std::env::var(VARIABLE).unwrap_or_default(), is_slow)).as_deref()
}

/// What the operator has set stays, and is believed about this too.
fn with_threshold(set: &str, is_slow: impl FnOnce() -> bool) -> Option<String> {
    if !cfg!(all(target_arch = "x86_64", target_env = "gnu")) || set.contains(NAME) || !is_slow() {
        return None;
    }
    let separator = if set.is_empty() { "" } else { ":" };
    Some(format!("{set}{separator}{NAME}={THRESHOLD_BYTES}"))
}

/// Whether large copies take longer than the same bytes in pieces.
fn is_slow() -> bool {
    // Not aligned to each other, as bodies and the places they are copied to seldom are.
    let from = vec![1; LARGE_BYTES + 64];
    let mut to = vec![0; LARGE_BYTES + 64];
    let (mut large, mut pieces) = (Duration::MAX, Duration::MAX);
    for round in 0..ROUNDS {
        let (from, to) = (from.get(round % 64..).unwrap_or_default(), to.get_mut(5..).unwrap_or_default());
        large = large.min(time(from, to, LARGE_BYTES));
        pieces = pieces.min(time(from, to, PIECE_BYTES));
    }
    large.as_nanos() * 100 > pieces.as_nanos() * WORTH_PERCENT
}

/// How long it takes to copy all in pieces of that size.
fn time(from: &[u8], to: &mut [u8], piece: usize) -> Duration {
    let begun = Now::mono();
    let pieces = from.get(..LARGE_BYTES).unwrap_or_default().chunks(piece);
    for (from, to) in pieces.zip(to.chunks_mut(piece)) {
        if let Some(to) = to.get_mut(..from.len()) {
            black_box(to).copy_from_slice(black_box(from));
        }
    }
    Now::mono().saturating_duration_since(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_where_it_helps_and_only_beside_what_the_operator_has_set() {
        let ours = "glibc.cpu.x86_rep_movsb_threshold=4194304";
        assert_eq!(with_threshold("", || true).as_deref(), Some(ours));
        let other = "glibc.malloc.tcache_count=0";
        assert_eq!(with_threshold(other, || true), Some(format!("{other}:{ours}")));
        assert_eq!(with_threshold("", || false), None);
        assert_eq!(with_threshold("glibc.cpu.x86_rep_movsb_threshold=1", || true), None);
    }

    #[test]
    fn all_bytes_are_copied_in_both_kinds() {
        let from: Vec<u8> = (0..LARGE_BYTES).map(|at| at.to_le_bytes()[0]).collect();
        for piece in [LARGE_BYTES, PIECE_BYTES, 1000] {
            let mut to = vec![0; LARGE_BYTES];
            time(&from, &mut to, piece);
            assert_eq!(to, from, "{piece}");
        }
    }
}
