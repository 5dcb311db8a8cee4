//! Whether a text may have any of many literals: each has a pair of neighbours that is seldom, and a text without
//! any of those pairs has none of the literals.

/// For a hash of each two neighbours, whether a literal has been chosen by them.
pub(super) struct Pairs(Box<[u8; SIZE]>);

/// A power of two; small enough to stay in the fastest memory.
const SIZE: usize = 4096;

/// The most common bytes of paths, queries and names of browsers, the most common first.
const COMMON: &[u8] = b"e/taoi.sn-rhld0cum1f2pgw=&;y3b4v5k6789 xMACLjqz_";

impl Pairs {
    /// Of these literals; none if one of them is too short to have a pair.
    pub(super) fn of<'l>(literals: impl Iterator<Item = &'l [u8]>, is_any_case: bool) -> Option<Pairs> {
        let mut table = Box::new([0; SIZE]);
        for literal in literals {
            let pairs = literal.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
            let (a, b) = pairs.min_by_key(|(a, b)| commonness(*a) + commonness(*b))?;
            let cases = |byte: u8| match is_any_case {
                true => [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
                false => [byte, byte],
            };
            for a in cases(a) {
                for b in cases(b) {
                    if let Some(slot) = table.get_mut(hash(a, b)) {
                        *slot = 1;
                    }
                }
            }
        }
        Some(Pairs(table))
    }

    /// Whether any of the pairs is in the text.
    pub(super) fn may_have(&self, text: &[u8]) -> bool {
        let behind = text.get(1..).unwrap_or_default();
        let found = text
            .iter()
            .zip(behind)
            .fold(0, |found, (a, b)| found | self.0.get(hash(*a, *b)).copied().unwrap_or(1));
        found != 0
    }
}

#[inline]
fn hash(a: u8, b: u8) -> usize {
    (usize::from(a) << 4 ^ usize::from(b)) % SIZE
}

fn commonness(byte: u8) -> usize {
    COMMON.iter().position(|common| *common == byte).map_or(0, |rank| COMMON.len() - rank)
}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pairs({})", self.0.iter().filter(|slot| **slot != 0).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_has_a_literal_is_never_ruled_out() {
        let literals = [&b"/wp-admin"[..], b"BadBot", b"xy"];
        let pairs = Pairs::of(literals.into_iter(), false).unwrap();
        for (text, may) in
            [("/a/wp-admin/b", true), ("a BadBot", true), ("xy", true), ("", false), ("x", false)]
        {
            assert_eq!(pairs.may_have(text.as_bytes()), may, "{text}");
        }
        assert!(!pairs.may_have(b"/catalogue/boots/winter"));
        let pairs = Pairs::of([&b"badbot"[..]].into_iter(), true).unwrap();
        assert!(pairs.may_have(b"x BADbOT"));
        assert!(Pairs::of([&b"a"[..]].into_iter(), false).is_none());
    }
}
