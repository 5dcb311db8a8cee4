//! Where an expression stands.

use std::fmt;

/// A phase in which rules stand, in the order in which an exchange passes them. Those that have no name of their
/// own in the API are called as their product is; phases of the network layer are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// URL normalization.
    Sanitize,
    /// Single Redirects.
    DynamicRedirect,
    /// URL Rewrite Rules.
    UrlRewrite,
    /// Waiting Room rules.
    WaitingRoom,
    /// API Shield, its early part.
    ApiEarly,
    /// Configuration Rules.
    Config,
    /// Origin Rules.
    Origin,
    /// HTTP DDoS.
    DdosL7,
    /// Custom rules of the firewall.
    Custom,
    /// Rate limiting rules.
    RateLimit,
    /// API Shield, its late part.
    ApiLate,
    /// Managed rules of the firewall.
    Managed,
    /// Super Bot Fight Mode.
    BotFight,
    /// Access.
    Access,
    /// Bulk Redirects.
    BulkRedirect,
    /// Managed transforms of requests.
    ManagedRequest,
    /// Request Header Transform.
    RequestHeaders,
    /// Cache Rules.
    Cache,
    /// Snippets.
    Snippets,
    /// Cloud Connector.
    CloudConnector,
    /// Custom Errors.
    CustomErrors,
    /// Managed transforms of responses.
    ManagedResponse,
    /// Response Header Transform.
    ResponseHeaders,
    /// Rate limiting on response data: counting expressions.
    RateLimitResponse,
    /// Compression Rules.
    Compression,
    /// Sensitive Data Detection.
    SensitiveData,
    /// Logpush custom fields.
    LogFields,
    /// Cache rules on responses.
    ResponseCache,
}

use Phase as P;

impl Phase {
    /// All of them, in order.
    pub const ALL: [Phase; 28] = [
        P::Sanitize,
        P::DynamicRedirect,
        P::UrlRewrite,
        P::WaitingRoom,
        P::ApiEarly,
        P::Config,
        P::Origin,
        P::DdosL7,
        P::Custom,
        P::RateLimit,
        P::ApiLate,
        P::Managed,
        P::BotFight,
        P::Access,
        P::BulkRedirect,
        P::ManagedRequest,
        P::RequestHeaders,
        P::Cache,
        P::Snippets,
        P::CloudConnector,
        P::CustomErrors,
        P::ManagedResponse,
        P::ResponseHeaders,
        P::RateLimitResponse,
        P::Compression,
        P::SensitiveData,
        P::LogFields,
        P::ResponseCache,
    ];

    /// Its name in the API; of those that are internal, a name in the same manner. `http_ratelimit` names two
    /// phases: [`Phase::named`] gives the one that sees requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            P::Sanitize => "http_request_sanitize",
            P::DynamicRedirect => "http_request_dynamic_redirect",
            P::UrlRewrite => "http_request_transform",
            P::WaitingRoom => "waiting_room",
            P::ApiEarly => "http_request_api_gateway_early",
            P::Config => "http_config_settings",
            P::Origin => "http_request_origin",
            P::DdosL7 => "ddos_l7",
            P::Custom => "http_request_firewall_custom",
            P::RateLimit | P::RateLimitResponse => "http_ratelimit",
            P::ApiLate => "http_request_api_gateway_late",
            P::Managed => "http_request_firewall_managed",
            P::BotFight => "http_request_sbfm",
            P::Access => "access",
            P::BulkRedirect => "http_request_redirect",
            P::ManagedRequest => "managed_request_headers",
            P::RequestHeaders => "http_request_late_transform",
            P::Cache => "http_request_cache_settings",
            P::Snippets => "http_request_snippets",
            P::CloudConnector => "http_request_cloud_connector",
            P::CustomErrors => "http_custom_errors",
            P::ManagedResponse => "managed_response_headers",
            P::ResponseHeaders => "http_response_headers_transform",
            P::Compression => "http_response_compression",
            P::SensitiveData => "http_response_firewall_managed",
            P::LogFields => "http_log_custom_fields",
            P::ResponseCache => "http_response_cache_settings",
        }
    }

    /// The phase of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// Whether there is a response when it runs.
    #[must_use]
    pub fn has_response(self) -> bool {
        Phases::RESPONSE.has(self)
    }
}

/// A set of phases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phases(u32);

impl Phases {
    /// Every phase.
    pub const ALL: Phases = Phases(u32::MAX);
    /// Those that run when there is a response.
    pub const RESPONSE: Phases = Phases::of(&[
        P::CustomErrors,
        P::ManagedResponse,
        P::ResponseHeaders,
        P::RateLimitResponse,
        P::Compression,
        P::SensitiveData,
        P::LogFields,
        P::ResponseCache,
    ]);

    /// Just these.
    #[must_use]
    pub const fn of(phases: &[Phase]) -> Phases {
        let mut set = 0;
        let mut rest = phases;
        while let [first, others @ ..] = rest {
            set |= 1 << *first as u8;
            rest = others;
        }
        Phases(set)
    }

    /// Whether this phase is among them.
    #[must_use]
    pub fn has(self, phase: Phase) -> bool {
        self.0 & (1 << phase as u8) != 0
    }
}

/// Names, separated by commas, each once.
impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Phases::RESPONSE {
            return f.write_str("phases that have a response");
        }
        let mut names: Vec<&str> = Vec::new();
        for phase in Phase::ALL.into_iter().filter(|phase| self.has(*phase)) {
            if !names.contains(&phase.name()) {
                names.push(phase.name());
            }
        }
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phases({self})")
    }
}

/// Where a field or a function may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In expressions of these phases.
    pub phases: Phases,
    /// In which kinds of expressions.
    pub kinds: Kinds,
}

/// Kinds of expressions in which something may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// In filters and in values.
    All,
    /// Only where a value is made: of a rewrite, of a header, of a redirect's target.
    Values,
}
