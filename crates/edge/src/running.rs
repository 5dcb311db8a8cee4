//! Which release a visitor's exchanges run on, while a new one earns its place beside the one before.

use std::net::IpAddr;
use std::sync::Arc;

use rempart_config::Snapshot;

/// What exchanges run on.
#[derive(Clone, Debug)]
pub struct Running {
    /// For every visitor whom the canary does not get.
    pub stable: Arc<Snapshot>,
    /// A release that is tried.
    pub canary: Option<Canary>,
}

/// A release that is tried on a part of the visitors.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The release.
    pub snapshot: Arc<Snapshot>,
    /// How many of a hundred visitors get it; 100 and more are all of them.
    pub percent: u8,
}

impl Running {
    /// One release for everybody.
    #[must_use]
    pub const fn only(stable: Arc<Snapshot>) -> Self {
        Self { stable, canary: None }
    }

    /// The release that was made last.
    #[must_use]
    pub const fn newest(&self) -> &Arc<Snapshot> {
        match &self.canary {
            Some(canary) => &canary.snapshot,
            None => &self.stable,
        }
    }

    /// The release of the visitor at this address.
    #[must_use]
    pub fn of(&self, visitor: IpAddr) -> &Arc<Snapshot> {
        match &self.canary {
            Some(canary) if is_chosen(visitor, canary.percent) => &canary.snapshot,
            Some(_) | None => &self.stable,
        }
    }

    /// Both releases, stable first.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        std::iter::once(&self.stable).chain(self.canary.as_ref().map(|canary| &canary.snapshot))
    }
}

/// Whether a visitor is among the first `percent` of a hundred. The same address gives the same answer on
/// every core, in every process and for every release, and whoever is among few is among more, so that a
/// visitor does not go back and forth.
#[must_use]
pub fn is_chosen(visitor: IpAddr, percent: u8) -> bool {
    let bits = match visitor.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        // One visitor has a whole /64 and changes within it (RFC 8981).
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    };
    mix(bits) % 100 < u64::from(percent)
}

/// The finish of splitmix64: each bit of the outcome depends on all bits.
pub(crate) const fn mix(bits: u64) -> u64 {
    let mixed = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn visitors() -> impl Iterator<Item = IpAddr> {
        (0..10_000_u32).map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)))
    }

    #[test]
    fn the_share_is_the_share_and_its_ends_are_nobody_and_all() {
        let chosen = |percent| visitors().filter(|visitor| is_chosen(*visitor, percent)).count();
        assert_eq!((chosen(0), chosen(100), chosen(255)), (0, 10_000, 10_000));
        let fifth = chosen(20);
        assert!((1_850..2_150).contains(&fifth), "{fifth} of 10000");
    }

    #[test]
    fn whoever_is_among_few_is_among_more() {
        assert!(visitors().filter(|visitor| is_chosen(*visitor, 5)).all(|visitor| is_chosen(visitor, 6)));
    }

    #[test]
    fn a_network_of_one_visitor_is_one_and_a_mapped_address_is_itself() {
        let within = |low: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | low));
        for percent in 1..100 {
            assert_eq!(is_chosen(within(1), percent), is_chosen(within(u128::from(u64::MAX)), percent));
            let address = Ipv4Addr::new(192, 0, 2, 7);
            let mapped = IpAddr::V6(address.to_ipv6_mapped());
            assert_eq!(is_chosen(mapped, percent), is_chosen(IpAddr::V4(address), percent));
        }
    }
}
