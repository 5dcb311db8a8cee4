//! Numbers and addresses in ranges: sorted, merged, found by halving.

use std::net::IpAddr;

/// Ranges of one kind of number, each with its first and last one, apart from each other, in order.
#[derive(Clone, Debug, Default)]
struct Ranges<T>(Vec<(T, T)>);

impl<T: Copy + Ord> Ranges<T> {
    /// Of ranges in any order, which may overlap. One whose first is after its last is none.
    fn of(mut ranges: Vec<(T, T)>) -> Ranges<T> {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= *end => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        merged.shrink_to_fit();
        Ranges(merged)
    }

    fn has(&self, value: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| value <= *last)
    }
}

/// Numbers.
#[derive(Clone, Debug, Default)]
pub struct IntSet(Ranges<i64>);

impl IntSet {
    /// All numbers from the first to the last of each range.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = (i64, i64)>) -> IntSet {
        IntSet(Ranges::of(ranges.into_iter().collect()))
    }

    /// The ranges, apart from each other, in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.0.iter().copied()
    }

    /// Whether this number is in it.
    #[must_use]
    pub fn has(&self, int: i64) -> bool {
        self.0.has(int)
    }

    /// Bytes of memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.0.len() * 16
    }
}

/// Addresses of both families. An IPv4 address that is written as IPv6 is an IPv6 address.
#[derive(Clone, Debug, Default)]
pub struct IpSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl IpSet {
    /// All addresses from the first to the last of each range; a range of two families is none.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = (IpAddr, IpAddr)>) -> IpSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                _ => {}
            }
        }
        IpSet { v4: Ranges::of(v4), v6: Ranges::of(v6) }
    }

    /// All addresses under each prefix; bits beyond the prefix do not matter.
    #[must_use]
    pub fn of_prefixes(prefixes: impl IntoIterator<Item = (IpAddr, u8)>) -> IpSet {
        IpSet::of(prefixes.into_iter().map(|(address, bits)| prefix_range(address, bits)))
    }

    /// The ranges, apart from each other.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        let v4 =
            self.v4.0.iter().map(|(first, last)| (IpAddr::V4((*first).into()), IpAddr::V4((*last).into())));
        let v6 =
            self.v6.0.iter().map(|(first, last)| (IpAddr::V6((*first).into()), IpAddr::V6((*last).into())));
        v4.chain(v6)
    }

    /// Whether this address is in it.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.has(address.to_bits()),
            IpAddr::V6(address) => self.v6.has(address.to_bits()),
        }
    }

    /// Bytes of memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.v4.0.len() * 8 + self.v6.0.len() * 32
    }
}

/// The first and the last address under a prefix.
#[must_use]
pub fn prefix_range(address: IpAddr, bits: u8) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = address.to_bits() & !host;
            (IpAddr::V4(first.into()), IpAddr::V4((first | host).into()))
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = address.to_bits() & !host;
            (IpAddr::V6(first.into()), IpAddr::V6((first | host).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_ends_and_nothing_between_them() {
        let set = IntSet::of([(10, 20), (15, 30), (40, 40), (9, 5)]);
        for (value, has) in
            [(9, false), (10, true), (20, true), (30, true), (31, false), (40, true), (7, false)]
        {
            assert_eq!(set.has(value), has, "{value}");
        }
        assert!(IntSet::of([(i64::MIN, i64::MAX)]).has(i64::MIN));
        assert!(!IntSet::default().has(0));
    }

    #[test]
    fn prefixes_keep_families_apart() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let set =
            IpSet::of_prefixes([(ip("192.0.2.77"), 24), (ip("2001:db8::"), 32), (ip("203.0.113.9"), 32)]);
        for (address, has) in [
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("203.0.113.9", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::ffff:192.0.2.1", false),
        ] {
            assert_eq!(set.has(ip(address)), has, "{address}");
        }
        assert!(IpSet::of_prefixes([(ip("10.1.2.3"), 0)]).has(ip("255.255.255.255")));
    }
}
