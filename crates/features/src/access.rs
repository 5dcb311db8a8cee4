//! Access rules: by address, network and country, by user agent, and lockdowns of paths. They are older than
//! rulesets, and simpler: no expressions.

mod compile;
pub mod config;
mod lockdown;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;

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

    /// What the rules for addresses say: the longest block counts, then the network, then the country. The country
    /// is two letters in upper case.
    #[must_use]
    pub fn ip(&self, ip: IpAddr, asn: Option<u32>, country: Option<[u8; 2]>) -> Option<Verdict<'_>> {
        let number = number(ip);
        let of_block = self.lengths.iter().find_map(|bits| self.prefixes.get(&(*bits, number & mask(*bits))));
        let of_network = || self.networks.get(&asn?);
        let of_country = || self.countries.get(&country?);
        let found = of_block.or_else(of_network).or_else(of_country)?;
        self.verdict(*found)
    }

    /// What the rules for user agents say.
    #[must_use]
    pub fn user_agent(&self, user_agent: &[u8]) -> Option<Verdict<'_>> {
        self.verdict(*self.user_agents.get(user_agent)?)
    }

    /// The lockdown that keeps this address from this URL: host (lower case, without port) and path with query.
    #[must_use]
    pub fn lockdown(&self, host: &[u8], uri: &[u8], ip: IpAddr) -> Option<Verdict<'_>> {
        let is_own = |lockdown: &&Lockdown| lockdown.is_for(host, uri);
        // Who is let in by one lockdown of an URL is let in: several of them complete each other.
        let mut own = self.lockdowns.iter().filter(is_own).peekable();
        let first = *own.peek()?;
        if own.any(|lockdown| lockdown.allows(ip)) { None } else { Some(first.rule.verdict()) }
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
