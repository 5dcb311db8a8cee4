//! Host names, some of which stand for all names under them.

use super::TextSet;

/// Longest host name (RFC 1035 section 2.3.4), in bytes; a longer text is in no set.
const HOST_BYTES_MAX: usize = 253;

/// Host names; `*.example.net` is every name under `example.net`, itself excepted.
#[derive(Clone, Debug, Default)]
pub struct HostSet {
    exact: TextSet,
    /// What stands behind `*.`.
    under: TextSet,
}

impl HostSet {
    /// The set of these, without regard to case.
    #[must_use]
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> HostSet {
        let (mut exact, mut under) = (Vec::new(), Vec::new());
        for name in names {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(rest) => under.push(rest.as_bytes().to_vec()),
                None => exact.push(name.into_bytes()),
            }
        }
        HostSet { exact: TextSet::of(exact), under: TextSet::of(under) }
    }

    /// Whether this name is in it, without regard to case.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        let mut lower = [0; HOST_BYTES_MAX];
        let Some(lower) = lower.get_mut(..name.len()) else { return false };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        if self.exact.has(lower) {
            return true;
        }
        // A star stands for one byte at least.
        let dots = lower.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'.');
        dots.into_iter().any(|(dot, _)| lower.get(dot + 1..).is_some_and(|rest| self.under.has(rest)))
    }

    /// Bytes of memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.exact.weight() + self.under.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_names_below_and_not_for_the_name() {
        let set = HostSet::of(["Shop.example.net", "*.example.org"]);
        for (name, has) in [
            ("shop.example.net", true),
            ("SHOP.example.NET", true),
            ("a.shop.example.net", false),
            ("example.org", false),
            ("a.example.org", true),
            ("a.b.example.org", true),
            ("aexample.org", false),
            (".example.org", false),
            ("", false),
        ] {
            assert_eq!(set.has(name.as_bytes()), has, "{name}");
        }
        assert!(!set.has("a".repeat(300).as_bytes()));
    }
}
