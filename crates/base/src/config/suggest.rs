//! "Did you mean …?"

/// The candidate that is closest to a word, if it is close enough to have been meant: a third of its letters
/// may be wrong.
#[must_use]
pub fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let near = |candidate: &&'a str| {
        let distance = distance(word.as_bytes(), candidate.as_bytes());
        (distance <= candidate.len().div_ceil(3)).then_some((distance, *candidate))
    };
    candidates.iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed or replaced (Levenshtein).
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(to) {
            let replaced = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
            diagonal = *slot;
            left = replaced.min(diagonal + 1).min(left + 1);
            *slot = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_recognised_and_another_word_is_not() {
        let keys = ["listen", "workers", "zones", "trusted_proxies"];
        assert_eq!(closest("lisen", &keys), Some("listen"));
        assert_eq!(closest("Zone", &keys), Some("zones"));
        assert_eq!(closest("trusted-proxys", &keys), Some("trusted_proxies"));
        assert_eq!(closest("cache", &keys), None);
    }

    #[test]
    fn distance_counts_changes() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"abc", b"abc"), 0);
    }
}
