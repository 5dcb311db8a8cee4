//! Names of phases, actions and kinds.

use rempart_base::config::{Context, Decode, Node, Shape, Shown, report_word};
use rempart_rules::Phase;

/// What a ruleset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum RulesetKind {
    Zone,
    Root,
    Custom,
    Managed,
}

rempart_base::config_words!(RulesetKind {
    RulesetKind::Zone = "zone",
    RulesetKind::Root = "root",
    RulesetKind::Custom = "custom",
    RulesetKind::Managed = "managed",
});

/// An action by its name. Some are not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the action of that name")]
pub enum ActionName {
    Block,
    Challenge,
    CompressResponse,
    DdosDynamic,
    Execute,
    ForceConnectionClose,
    JsChallenge,
    Log,
    LogCustomField,
    ManagedChallenge,
    Redirect,
    Rewrite,
    Route,
    Score,
    ServeError,
    SetCacheControl,
    SetCacheSettings,
    SetCacheTags,
    SetConfig,
    Skip,
    TransformResponseHtml,
}

rempart_base::config_words!(ActionName {
    ActionName::Block = "block",
    ActionName::Challenge = "challenge",
    ActionName::CompressResponse = "compress_response",
    ActionName::DdosDynamic = "ddos_dynamic",
    ActionName::Execute = "execute",
    ActionName::ForceConnectionClose = "force_connection_close",
    ActionName::JsChallenge = "js_challenge",
    ActionName::Log = "log",
    ActionName::LogCustomField = "log_custom_field",
    ActionName::ManagedChallenge = "managed_challenge",
    ActionName::Redirect = "redirect",
    ActionName::Rewrite = "rewrite",
    ActionName::Route = "route",
    ActionName::Score = "score",
    ActionName::ServeError = "serve_error",
    ActionName::SetCacheControl = "set_cache_control",
    ActionName::SetCacheSettings = "set_cache_settings",
    ActionName::SetCacheTags = "set_cache_tags",
    ActionName::SetConfig = "set_config",
    ActionName::Skip = "skip",
    ActionName::TransformResponseHtml = "transform_response_html",
});

/// A phase by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseName {
    /// One of HTTP.
    Http(Phase),
    /// One of the network layer, of this name.
    Network(&'static str),
}

/// Every name, in the order of the phases.
const PHASES: &[&str] = &[
    "http_request_sanitize",
    "http_request_dynamic_redirect",
    "http_request_transform",
    "http_request_api_gateway_early",
    "http_config_settings",
    "http_request_origin",
    "ddos_l7",
    "http_request_firewall_custom",
    "http_ratelimit",
    "http_request_api_gateway_late",
    "http_request_firewall_managed",
    "http_request_sbfm",
    "http_request_redirect",
    "http_request_late_transform",
    "http_request_cache_settings",
    "http_request_snippets",
    "http_request_cloud_connector",
    "http_custom_errors",
    "http_response_headers_transform",
    "http_response_compression",
    "http_response_firewall_managed",
    "http_log_custom_fields",
    "http_response_cache_settings",
    "ddos_l4",
    "magic_transit",
    "magic_transit_managed",
    "magic_transit_ratelimit",
    "magic_transit_ids_managed",
];

impl PhaseName {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http(phase) => phase.name(),
            Self::Network(name) => name,
        }
    }
}

impl Decode for PhaseName {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let known = node.text().and_then(|text| PHASES.iter().find(|name| **name == text));
        let Some(name) = known else {
            report_word(node, PHASES, cx);
            return None;
        };
        Some(Phase::named(name).map_or(Self::Network(name), Self::Http))
    }

    fn shape() -> Shape {
        Shape::OneOf(PHASES)
    }

    fn show(&self) -> Shown {
        Shown::Text(self.name().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_phase_of_the_language_or_of_the_network() {
        let network = PHASES.iter().filter(|name| Phase::named(name).is_none());
        assert!(network.clone().all(|name| name.starts_with("magic") || *name == "ddos_l4"), "{network:?}");
        let internal = ["waiting_room", "access", "managed_request_headers", "managed_response_headers"];
        for phase in Phase::ALL {
            assert_eq!(PHASES.contains(&phase.name()), !internal.contains(&phase.name()), "{}", phase.name());
        }
    }
}
