//! Access rules: by address, network and country, by user agent, and lockdowns of paths. They are older than
//! rulesets, and simpler: no expressions.

mod compile;
pub mod config;
mod lockdown;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use rempart_rules::ast::Case;

pub use compile::{Written, compile};
pub use config::{AccessRuleConfig, LockdownConfig, UserAgentRuleConfig};
pub use lockdown::Lockdown;

/// Access rules of the account or of a zone.
pub const ACCESS_RULES_MAX: usize = 50_000;
/// User agent rules of a zone.
pub const USER_AGENT_RULES_MAX: usize = 1_000;
/// Lockdowns of a zone.
pub const LOCKDOWNS_MAX: usize = 200;

/// Every access rule of the account or of a zone.
#[derive(Debug, Default)]
pub struct Access {
    pub(crate) rules: Vec<AccessRule>,
    /// Single addresses, and blocks by their length: indices into `rules`.
    pub(crate) prefixes: HashMap<(u8, u128), u32, FixedState>,
    /// Lengths of blocks, in bits of an IPv6 address, the longest first.
    pub(crate) lengths: Vec<u8>,
    pub(crate) networks: HashMap<u32, u32, FixedState>,
    pub(crate) countries: HashMap<[u8; 2], u32, FixedState>,
    /// By the user agent, byte for byte.
    pub(crate) user_agents: HashMap<Box<[u8]>, u32, FixedState>,
    pub(crate) lockdowns: Vec<Lockdown>,
}

/// What a rule is called and does.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// 32 hex digits, or what the operator wrote.
    pub id: Arc<str>,
    /// What the operator says about it; may be empty.
    pub description: Arc<str>,
    /// What it does.
    pub mode: Mode,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is refused.
    Block,
    /// `challenge`.
    Challenge,
    /// `managed_challenge`.
    ManagedChallenge,
    /// `js_challenge`.
    JsChallenge,
    /// `whitelist`: no other rule is asked.
    Allow,
}

/// What is decided, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// The rule's id.
    pub id: &'p str,
    /// What it is called in logs.
    pub name: &'p str,
    /// What the operator says about it; may be empty.
    pub description: &'p str,
    /// What becomes of the request.
    pub mode: Mode,
}

/// What lockdowns say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked<'p> {
    /// The URL is open to all.
    No,
    /// It is locked, and this address is one that may ask for it.
    LetIn,
    /// It is locked for this address, by this lockdown.
    Out(Verdict<'p>),
}

impl AccessRule {
    pub(crate) fn verdict(&self) -> Verdict<'_> {
        Verdict { id: &self.id, name: &self.id, description: &self.description, mode: self.mode }
    }
}

impl Access {
    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.lockdowns.is_empty()
    }

    /// Whether there is a rule for addresses, networks or countries.
    #[must_use]
    pub fn has_ip_rules(&self) -> bool {
        !self.prefixes.is_empty() || !self.networks.is_empty() || !self.countries.is_empty()
    }

    /// Whether there is a rule for user agents.
    #[must_use]
    pub fn has_user_agent_rules(&self) -> bool {
        !self.user_agents.is_empty()
    }

    /// Whether there is a lockdown.
    #[must_use]
    pub fn has_lockdowns(&self) -> bool {
        !self.lockdowns.is_empty()
    }

    /// What the rules for addresses say. One that lets in counts before all others; else the longest block counts, then
    /// the network, then the country. The country is two letters in upper case.
    #[must_use]
    pub fn ip(&self, ip: IpAddr, asn: Option<u32>, country: Option<[u8; 2]>) -> Option<Verdict<'_>> {
        let number = number(ip);
        let blocks = self.lengths.iter().filter_map(|bits| self.prefixes.get(&(*bits, number & mask(*bits))));
        let network = asn.and_then(|asn| self.networks.get(&asn));
        let country = country.and_then(|country| self.countries.get(&country));
        let mut narrowest = None;
        for rule in blocks.chain(network).chain(country) {
            let verdict = self.verdict(*rule)?;
            if verdict.mode == Mode::Allow {
                return Some(verdict);
            }
            narrowest.get_or_insert(verdict);
        }
        narrowest
    }

    /// What the rules for user agents say.
    #[must_use]
    pub fn user_agent(&self, user_agent: &[u8]) -> Option<Verdict<'_>> {
        self.verdict(*self.user_agents.get(user_agent)?)
    }

    /// What lockdowns say of this address and this URL: host (lower case, without port) and path with query.
    #[must_use]
    pub fn lockdown(&self, host: &[u8], uri: &[u8], ip: IpAddr) -> Locked<'_> {
        let fits = |case| move |lockdown: &&Lockdown| lockdown.is_for(host, uri, case);
        // Those that are written in another case count if no other does.
        let is_exact = self.lockdowns.iter().any(|lockdown| fits(Case::Sensitive)(&lockdown));
        let case = if is_exact { Case::Sensitive } else { Case::Insensitive };
        // Who is let in by one lockdown of an URL is let in: several of them complete each other.
        let mut own = self.lockdowns.iter().filter(fits(case)).peekable();
        match own.peek().copied() {
            None => Locked::No,
            Some(_) if own.any(|lockdown| lockdown.allows(ip)) => Locked::LetIn,
            Some(first) => Locked::Out(first.rule.verdict()),
        }
    }

    fn verdict(&self, rule: u32) -> Option<Verdict<'_>> {
        self.rules.get(rule as usize).map(AccessRule::verdict)
    }
}

/// An address as a number. IPv4 stands in its mapped form, and an IPv6 address that carries one is it.
pub(crate) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The first bits of a number.
pub(crate) const fn mask(bits: u8) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX << (128 - bits as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules for blocks of addresses.
    fn access(rules: &[(&str, u8, Mode)]) -> Access {
        let mut access = Access::default();
        for (index, (address, bits, mode)) in rules.iter().enumerate() {
            access.rules.push(AccessRule { id: (*address).into(), description: "".into(), mode: *mode });
            let block = number(address.parse().unwrap()) & mask(*bits);
            access.prefixes.insert((*bits, block), u32::try_from(index).unwrap());
            access.lengths.push(*bits);
        }
        access.lengths.sort_unstable_by(|one, other| other.cmp(one));
        access
    }

    #[test]
    fn who_is_let_in_by_a_wide_block_is_not_kept_out_by_a_narrow_one() {
        use Mode::{Allow, Block, Challenge};
        for (rules, expected) in [
            (vec![("192.0.2.7", 128, Block), ("192.0.2.0", 120, Allow)], Some(Allow)),
            (vec![("192.0.2.7", 128, Allow), ("192.0.2.0", 120, Block)], Some(Allow)),
            (vec![("192.0.2.7", 128, Block), ("192.0.2.0", 120, Challenge)], Some(Block)),
            (vec![("192.0.2.7", 128, Challenge), ("192.0.2.0", 120, Block)], Some(Challenge)),
            (vec![("192.0.2.8", 128, Allow), ("192.0.2.0", 120, Block)], Some(Block)),
            (vec![("192.0.2.8", 128, Block)], None),
        ] {
            let access = access(&rules);
            let found = access.ip("192.0.2.7".parse().unwrap(), None, None);
            assert_eq!(found.map(|verdict| verdict.mode), expected, "{rules:?}");
        }
        let both = access(&[("192.0.2.7", 128, Allow), ("192.0.2.0", 120, Allow)]);
        assert_eq!(both.ip("192.0.2.7".parse().unwrap(), None, None).unwrap().id, "192.0.2.7");
    }

    #[test]
    fn of_lockdowns_that_differ_in_case_the_one_that_is_written_so_counts() {
        let lockdown = |path: &str, ip: &str| Lockdown {
            rule: AccessRule { id: path.into(), description: "".into(), mode: Mode::Block },
            urls: [lockdown::UrlPattern { host: "a.test".into(), path: path.into() }].into(),
            allowed: std::iter::once(ip.parse::<rempart_base::prefix::Prefix>().unwrap()).collect(),
        };
        let lockdowns = [lockdown("/Admin*", "192.0.2.1"), lockdown("/admin*", "192.0.2.2")];
        let access = Access { lockdowns: lockdowns.into(), ..Access::default() };
        let of = |uri: &str, ip: &str| access.lockdown(b"a.test", uri.as_bytes(), ip.parse().unwrap());
        assert_eq!(of("/Admin", "192.0.2.1"), Locked::LetIn);
        assert!(matches!(of("/Admin", "192.0.2.2"), Locked::Out(_)));
        assert_eq!(of("/admin", "192.0.2.2"), Locked::LetIn);
        assert_eq!(of("/ADMIN", "192.0.2.2"), Locked::LetIn);
        assert!(matches!(of("/ADMIN", "192.0.2.3"), Locked::Out(_)));
        assert_eq!(of("/other", "192.0.2.3"), Locked::No);
    }

    #[test]
    fn networks_and_countries_let_in_too() {
        let mut access = access(&[("192.0.2.0", 120, Mode::Block), ("192.0.2.1", 128, Mode::Allow)]);
        access.networks.insert(64496, 1);
        access.countries.insert(*b"NZ", 1);
        let mode = |asn, country| access.ip("192.0.2.7".parse().unwrap(), asn, country).unwrap().mode;
        assert_eq!(mode(Some(64497), Some(*b"FR")), Mode::Block);
        assert_eq!(mode(Some(64496), None), Mode::Allow);
        assert_eq!(mode(None, Some(*b"NZ")), Mode::Allow);
    }
}
