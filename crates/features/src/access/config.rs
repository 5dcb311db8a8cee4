//! What the operator writes about access, as Cloudflare's API has it.

use rempart_base::config::{FromText, Spanned};

use crate::words::{Identifier, Ignored, Wording};

use super::Mode;

rempart_base::config! {
    /// A rule for addresses, networks or countries.
    pub struct AccessRuleConfig {
        required {
            /// Whom it is for.
            configuration: Spanned<AccessTarget>;
            /// What becomes of their requests. `whitelist`: no other rule of security is asked.
            mode: AccessMode;
        }
        /// What it is for.
        notes: Wording = Wording::default();
        /// Its id; without it, one is made of its content.
        id: Option<Identifier> = None;
        /// Whether it holds; `true` switches it off.
        paused: bool = false;
        /// Ignored.
        allowed_modes: Ignored = Ignored;
        /// Ignored.
        scope: Ignored = Ignored;
        /// Ignored.
        created_on: Ignored = Ignored;
        /// Ignored.
        modified_on: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// Whom it is for.
    pub struct AccessTarget {
        required {
            /// What `value` is. `ip6` is the same as `ip`. `asn` and `country` are not built yet.
            target: TargetName;
            /// An address, a block, the number of a network (`AS64496`), or the two letters of a country.
            value: Spanned<String>;
        }
    }
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum TargetName {
    Ip,
    Ip6,
    IpRange,
    Asn,
    Country,
}

rempart_base::config_words!(TargetName {
    TargetName::Ip = "ip",
    TargetName::Ip6 = "ip6",
    TargetName::IpRange = "ip_range",
    TargetName::Asn = "asn",
    TargetName::Country = "country",
});

/// What becomes of a request.
pub use super::Mode as AccessMode;

rempart_base::config_words!(AccessMode {
    Mode::Block = "block",
    Mode::Challenge = "challenge",
    Mode::ManagedChallenge = "managed_challenge",
    Mode::JsChallenge = "js_challenge",
    Mode::Allow = "whitelist",
});

rempart_base::config! {
    /// A rule for one user agent.
    pub struct UserAgentRuleConfig {
        required {
            /// Whom it is for.
            configuration: Spanned<UserAgentTarget>;
            /// What becomes of their requests.
            mode: UserAgentMode;
        }
        /// What it is for.
        description: Wording = Wording::default();
        /// Its id; without it, one is made of its content.
        id: Option<Identifier> = None;
        /// Whether it is switched off.
        paused: bool = false;
    }
}

rempart_base::config! {
    /// Whom it is for.
    pub struct UserAgentTarget {
        required {
            /// `ua`.
            target: UserAgentTargetName;
            /// The user agent, as it is sent: compared byte for byte.
            value: Spanned<String>;
        }
    }
}

/// What a user agent rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAgentTargetName {
    /// `ua`.
    Ua,
}

rempart_base::config_words!(UserAgentTargetName { UserAgentTargetName::Ua = "ua" });

/// What becomes of a request by its user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAgentMode(pub Mode);

const BLOCK: UserAgentMode = UserAgentMode(Mode::Block);
const CHALLENGE: UserAgentMode = UserAgentMode(Mode::Challenge);
const MANAGED: UserAgentMode = UserAgentMode(Mode::ManagedChallenge);
const JS: UserAgentMode = UserAgentMode(Mode::JsChallenge);

impl FromText for UserAgentMode {
    const EXPECTED: &'static str = "one of `block`, `challenge`, `js_challenge`, `managed_challenge`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "block" => Ok(BLOCK),
            "challenge" => Ok(CHALLENGE),
            "managed_challenge" => Ok(MANAGED),
            "js_challenge" => Ok(JS),
            _ => Err("is not one of the words".into()),
        }
    }

    fn to_text(&self) -> String {
        match self.0 {
            Mode::Block => "block",
            Mode::Challenge => "challenge",
            Mode::ManagedChallenge => "managed_challenge",
            Mode::JsChallenge => "js_challenge",
            Mode::Allow => "whitelist",
        }
        .into()
    }
}

rempart_base::config_text!(UserAgentMode);

rempart_base::config! {
    /// Paths that only certain addresses may ask for.
    pub struct LockdownConfig {
        required {
            /// The URLs: a host and a path, in which `*` stands for anything.
            urls: Vec<Spanned<String>>;
            /// Who may ask for them; nobody else.
            configurations: Vec<Spanned<LockdownTarget>>;
        }
        /// What it is for.
        description: Wording = Wording::default();
        /// Its id; without it, one is made of its content.
        id: Option<Identifier> = None;
        /// Whether it is switched off.
        paused: bool = false;
        /// Ignored: several lockdowns of a URL complete each other.
        priority: Ignored = Ignored;
        /// Ignored.
        created_on: Ignored = Ignored;
        /// Ignored.
        modified_on: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// Who may come in.
    pub struct LockdownTarget {
        required {
            /// What `value` is.
            target: LockdownTargetName;
            /// An address or a block.
            value: Spanned<String>;
        }
    }
}

/// What a target of a lockdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum LockdownTargetName {
    Ip,
    IpRange,
}

rempart_base::config_words!(LockdownTargetName {
    LockdownTargetName::Ip = "ip",
    LockdownTargetName::IpRange = "ip_range",
});
