//! Sets of IP prefixes.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::config::FromText;

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

/// Addresses told apart by blocks. A lookup is a binary search over disjoint ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PrefixSet {
    /// First and last address of each range, sorted, neither touching nor overlapping. IPv4 stands in
    /// its mapped form, `::ffff:0:0/96`.
    ranges: Box<[(u128, u128)]>,
}

impl PrefixSet {
    /// Whether the address is in one of the blocks. An IPv4-mapped IPv6 address counts as the IPv4
    /// address that it carries.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = number(address);
        let after = self.ranges.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).and_then(|i| self.ranges.get(i)).is_some_and(|(_, last)| address <= *last)
    }

    /// Whether no address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl FromIterator<Prefix> for PrefixSet {
    fn from_iter<I: IntoIterator<Item = Prefix>>(prefixes: I) -> Self {
        let mut ranges: Vec<(u128, u128)> = prefixes.into_iter().map(Prefix::range).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                Some(_) | None => merged.push((first, last)),
            }
        }
        Self { ranges: merged.into() }
    }
}

impl Prefix {
    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits of an address are its own.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    const fn range(self) -> (u128, u128) {
        let first = number(self.address);
        let free = match self.address {
            IpAddr::V4(_) => 32 - self.bits,
            IpAddr::V6(_) => 128 - self.bits,
        };
        let mask = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
        (first & !mask, first | mask)
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| "not an IP address")?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => widest,
            Some(bits) => bits.parse().map_err(|_| "not a prefix length")?,
        };
        if bits > widest {
            return Err("the prefix length is longer than the address");
        }
        let prefix = Self { address, bits };
        if prefix.range().0 != number(address) {
            return Err("there are bits set behind the prefix length");
        }
        Ok(prefix)
    }
}

crate::config_text!(Prefix);

impl FromText for Prefix {
    const EXPECTED: &'static str = "an IP address or a block of them, such as `10.0.0.0/8`";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|wrong| format!("cannot be read: {wrong}"))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => Ipv6Addr::to_bits(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(prefixes: &[&str]) -> PrefixSet {
        prefixes.iter().map(|p| p.parse::<Prefix>().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn blocks_hold_their_first_and_last_address_and_no_neighbour() {
        let set = set(&["10.0.0.0/8", "192.168.4.0/22", "2001:db8::/32", "203.0.113.7"]);
        for inside in ["10.0.0.0", "10.255.255.255", "192.168.7.255", "2001:db8:ffff::1", "203.0.113.7"] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.168.8.0", "2001:db9::", "203.0.113.6", "::1"] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
        assert!(set.contains(ip("::ffff:10.1.2.3")), "a dual-stack socket reports IPv4 peers so");
    }

    #[test]
    fn blocks_that_overlap_or_touch_become_one_range() {
        assert_eq!(set(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"]).ranges.len(), 1);
        assert!(set(&["::/0"]).contains(ip("1.2.3.4")));
        assert!(!set(&[]).contains(ip("1.2.3.4")));
    }

    #[test]
    fn what_is_not_a_block_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129", "10.0.0.0/", "host"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
