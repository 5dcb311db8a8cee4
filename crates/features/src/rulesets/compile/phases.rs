//! Which action may stand in which phase.

use rempart_base::config::{Context, Problem, Spanned};
use rempart_rules::Phase;

use crate::rulesets::config::{ActionName as A, PhaseName};

/// What decides about a request.
const SECURITY: &[A] = &[
    A::Block,
    A::Challenge,
    A::JsChallenge,
    A::ManagedChallenge,
    A::Log,
    A::Skip,
    A::Execute,
    A::ForceConnectionClose,
];

/// The actions of a phase, `execute` among them; `Err`: what stands in the place of rules, or why there are none.
fn actions(phase: Phase) -> Result<&'static [A], &'static str> {
    const NOT_BUILT: &str = "Remove this ruleset.";
    match phase {
        Phase::DynamicRedirect | Phase::BulkRedirect => Ok(&[A::Redirect, A::Execute]),
        Phase::UrlRewrite | Phase::RequestHeaders | Phase::ResponseHeaders => Ok(&[A::Rewrite, A::Execute]),
        Phase::Config => Ok(&[A::SetConfig, A::Execute]),
        Phase::Origin => Ok(&[A::Route, A::Execute]),
        Phase::Custom | Phase::Managed => Ok(SECURITY),
        Phase::Cache => Ok(&[A::SetCacheSettings, A::Execute]),
        Phase::ResponseCache => Ok(&[A::SetCacheSettings, A::SetCacheTags, A::SetCacheControl, A::Execute]),
        Phase::CustomErrors => Ok(&[A::ServeError, A::Execute]),
        Phase::Compression => Ok(&[A::CompressResponse, A::Execute]),
        Phase::LogFields => Ok(&[A::LogCustomField, A::Execute]),
        Phase::Sanitize => Err("Write `url_normalization` instead."),
        Phase::ManagedRequest | Phase::ManagedResponse => Err("Write `managed_transforms` instead."),
        Phase::DdosL7
        | Phase::RateLimit
        | Phase::RateLimitResponse
        | Phase::WaitingRoom
        | Phase::ApiEarly
        | Phase::ApiLate
        | Phase::BotFight
        | Phase::Access
        | Phase::Snippets
        | Phase::CloudConnector
        | Phase::SensitiveData => Err(NOT_BUILT),
    }
}

/// The phase of a ruleset, if rules run in it.
pub(super) fn check(name: &Spanned<PhaseName>, cx: &mut Context) -> Option<Phase> {
    let action = match name.value {
        PhaseName::Http(phase) => match actions(phase) {
            Ok(_) => return Some(phase),
            Err(action) => action,
        },
        PhaseName::Network(_) => "Remove this ruleset.",
    };
    let message = match name.value {
        PhaseName::Http(_) => format!("rulesets of the phase `{}` are not built yet", name.value.name()),
        PhaseName::Network(name) => format!("`{name}` is a phase of the network layer, which is not built"),
    };
    cx.error(name.mark, Problem::new("rule-not-built", message, action));
    None
}

/// Whether an action may stand in a phase.
pub(super) fn check_action(phase: Phase, action: &Spanned<A>, cx: &mut Context) -> bool {
    if matches!(action.value, A::Score | A::DdosDynamic | A::TransformResponseHtml) {
        let message = format!("the action `{}` is not built yet", name(action.value));
        cx.error(action.mark, Problem::new("rule-not-built", message, "Remove this rule."));
        return false;
    }
    let allowed = actions(phase).unwrap_or_default();
    if allowed.contains(&action.value) {
        return true;
    }
    let message = format!("`{}` cannot stand in the phase `{}`", name(action.value), phase.name());
    let action_text = "Choose another action, or write the rule into another phase.";
    let names: Vec<&str> = allowed.iter().map(|action| name(*action)).collect();
    let problem = Problem::new("rule-phase", message, action_text);
    cx.error(action.mark, problem.expecting(format!("one of `{}`", names.join("`, `"))));
    false
}

/// The name of an action in the API.
pub(super) const fn name(action: A) -> &'static str {
    match action {
        A::Block => "block",
        A::Challenge => "challenge",
        A::CompressResponse => "compress_response",
        A::DdosDynamic => "ddos_dynamic",
        A::Execute => "execute",
        A::ForceConnectionClose => "force_connection_close",
        A::JsChallenge => "js_challenge",
        A::Log => "log",
        A::LogCustomField => "log_custom_field",
        A::ManagedChallenge => "managed_challenge",
        A::Redirect => "redirect",
        A::Rewrite => "rewrite",
        A::Route => "route",
        A::Score => "score",
        A::ServeError => "serve_error",
        A::SetCacheControl => "set_cache_control",
        A::SetCacheSettings => "set_cache_settings",
        A::SetCacheTags => "set_cache_tags",
        A::SetConfig => "set_config",
        A::Skip => "skip",
        A::TransformResponseHtml => "transform_response_html",
    }
}
