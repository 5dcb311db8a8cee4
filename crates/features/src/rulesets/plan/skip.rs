//! What a rule leaves out.

use rempart_rules::Phase;

/// What a rule leaves out for the rest of the exchange.
#[derive(Clone, Debug)]
pub struct Skip {
    /// The rest of the ruleset in which the rule stands.
    pub current_ruleset: bool,
    /// The rest of the phase, of the account and the zone.
    pub current_phase: bool,
    /// Phases that are still to come.
    pub phases: PhaseSet,
    /// What is not made of rulesets.
    pub products: Products,
    /// Rulesets, by their ids, wherever they would be executed.
    pub rulesets: Box<[Box<str>]>,
    /// Single rules.
    pub rules: Box<[SkippedRules]>,
}

/// Rules of a ruleset.
#[derive(Clone, Debug)]
pub struct SkippedRules {
    /// The ruleset's id.
    pub ruleset: Box<str>,
    /// The rules' ids.
    pub rules: Box<[Box<str>]>,
}

/// Something that a rule can leave out and that is not made of rulesets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Product {
    /// Zone lockdown.
    ZoneLockdown,
    /// User agent rules.
    UaBlock,
    /// Browser integrity check.
    Bic,
    /// Hotlink protection.
    Hot,
    /// The security level.
    SecurityLevel,
    /// Rate limits, previous version.
    RateLimit,
    /// Managed rules, previous version.
    Waf,
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Products(u8);

impl Products {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These, and one more.
    #[must_use]
    pub const fn with(self, product: Product) -> Self {
        Self(self.0 | 1 << product as u8)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether that one is among them.
    #[must_use]
    pub const fn contains(self, product: Product) -> bool {
        self.0 & 1 << product as u8 != 0
    }
}

/// A set of phases. `http_ratelimit`, which is two phases, is one here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseSet(u32);

impl PhaseSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These, and one more.
    #[must_use]
    pub const fn with(self, phase: Phase) -> Self {
        Self(self.0 | Self::bit(phase))
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether that one is among them.
    #[must_use]
    pub const fn contains(self, phase: Phase) -> bool {
        self.0 & Self::bit(phase) != 0
    }

    const fn bit(phase: Phase) -> u32 {
        let is_of_response = matches!(phase, Phase::RateLimitResponse);
        let phase = if is_of_response { Phase::RateLimit } else { phase };
        1 << phase as u8
    }
}
