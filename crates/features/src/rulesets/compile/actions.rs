//! Rules one by one: their filter, their action and its parameters.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_base::config::{Context, Decode, Mark, Node, Problem, Spanned, Value};
use rempart_rules::{Phase, ProgramBuilder, Type};

use crate::content::Content;
use crate::lists::is_url_text;
use crate::rulesets::config::{
    ActionName, BlockParameters, CompressParameters, ExecuteParameters, LogFieldsParameters,
    RedirectParameters, RewriteParameters, RouteParameters, RuleConfig, ServeErrorParameters, SkipParameters,
};
use crate::rulesets::plan::{
    Action, Challenge, ContentType, PhaseSet, Products, Redirect, Reply, Rewrite, Skip, SkippedRules,
};
use crate::words::Wording;

use super::values::contradiction;
use super::{Act, Bench, DESCRIPTION_BYTES_MAX, Made, execute, literal, phases};

/// The largest body of a response that stands in a rule, in bytes.
const INLINE_BYTES_MAX: usize = 10 << 10;

/// What makes the rules of one ruleset.
pub(super) struct Maker<'a, 'b> {
    pub(super) phase: Phase,
    pub(super) builder: &'a mut ProgramBuilder<'b>,
    pub(super) index: &'a HashMap<Box<str>, usize>,
    pub(super) bench: &'a Bench<'a>,
}

impl<'a, 'b> Maker<'a, 'b> {
    pub(super) fn new(
        phase: Phase,
        builder: &'a mut ProgramBuilder<'b>,
        index: &'a HashMap<Box<str>, usize>,
        bench: &'a Bench<'a>,
    ) -> Self {
        Self { phase, builder, index, bench }
    }

    /// Makes a rule. `None`: everything that is wrong with it has been reported.
    pub(super) fn rule(&mut self, config: &RuleConfig, cx: &mut Context) -> Option<Made> {
        check_common(config, cx);
        let filter = cx.in_key("expression", |cx| self.filter(&config.expression, cx));
        let is_allowed = cx.in_key("action", |cx| phases::check_action(self.phase, &config.action, cx));
        let act = if is_allowed { self.act(config, cx) } else { None };
        let (filter, always) = filter?;
        Some(Made { filter, always, act: act? })
    }

    fn act(&mut self, config: &RuleConfig, cx: &mut Context) -> Option<Act> {
        let mark = config.action.mark;
        let given = config.action_parameters.as_ref().map(|parameters| parameters.node.clone());
        // Whoever needs parameters and has none is told so at the action.
        let node = given.unwrap_or(Node { mark, value: Value::Map(Arc::default()) });
        let act = cx.in_key("action_parameters", |cx| self.parameters(config.action.value, &node, cx))?;
        if matches!(act, Act::Ready(Action::CompressResponse(_))) {
            let problem = no_effect("compress_response", "has no effect yet");
            cx.in_key("action", |cx| cx.warning(mark, problem));
        }
        Some(act)
    }

    fn parameters(&mut self, action: ActionName, node: &Node, cx: &mut Context) -> Option<Act> {
        let ready = match action {
            ActionName::Execute => {
                let parameters = ExecuteParameters::decode(node, cx)?;
                return execute::act(&parameters, self.index, cx);
            }
            ActionName::Block => block(&BlockParameters::decode(node, cx)?, cx)?,
            ActionName::Skip => self.skip(&SkipParameters::decode(node, cx)?, node.mark, cx)?,
            ActionName::Log => nothing(node, Action::Log, cx)?,
            ActionName::Challenge => challenge(node, Challenge::Interactive, cx)?,
            ActionName::JsChallenge => challenge(node, Challenge::Js, cx)?,
            ActionName::ManagedChallenge => challenge(node, Challenge::Managed, cx)?,
            ActionName::ForceConnectionClose => nothing(node, Action::ForceConnectionClose, cx)?,
            ActionName::Redirect => self.redirect(&RedirectParameters::decode(node, cx)?, node.mark, cx)?,
            ActionName::Rewrite => self.rewrite(&RewriteParameters::decode(node, cx)?, node.mark, cx)?,
            ActionName::Route => literal::route(&RouteParameters::decode(node, cx)?, node.mark, cx)?,
            ActionName::SetConfig => self.set_config(node, cx)?,
            ActionName::SetCacheSettings => self.cache_settings(node, cx)?,
            ActionName::SetCacheTags => self.cache_tags(node, cx)?,
            ActionName::SetCacheControl => self.cache_control(node, cx)?,
            ActionName::CompressResponse => literal::compress(&CompressParameters::decode(node, cx)?),
            ActionName::ServeError => {
                self.serve_error(&ServeErrorParameters::decode(node, cx)?, node.mark, cx)?
            }
            ActionName::LogCustomField => {
                literal::log_fields(&LogFieldsParameters::decode(node, cx)?, node.mark, cx)?
            }
            ActionName::Score | ActionName::DdosDynamic | ActionName::TransformResponseHtml => return None,
        };
        Some(Act::Ready(ready))
    }

    fn skip(&self, parameters: &SkipParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
        let SkipParameters { ruleset, phase, phases, products, rulesets, rules } = parameters;
        let is_nothing = ruleset.is_none() && phase.is_none() && phases.is_empty();
        if is_nothing && products.is_empty() && rulesets.is_empty() && rules.0.is_empty() {
            let message = "it is not said what is skipped";
            cx.error(mark, contradiction(message, "Write `ruleset: current`, `phases` or `products`."));
            return None;
        }
        let named = phases.iter().filter_map(|phase| super::phase_of(phase.value));
        cx.in_key("rulesets", |cx| {
            for id in rulesets {
                cx.in_item(id.item, |cx| self.check_known(&id.value.0, id.mark, cx));
            }
        });
        cx.in_key("rules", |cx| rules.0.iter().for_each(|(id, _)| self.check_known(&id.value, id.mark, cx)));
        let skipped = rules.0.iter().map(|(ruleset, rules)| SkippedRules {
            ruleset: ruleset.value.as_str().into(),
            rules: rules.iter().map(|rule| rule.0.as_str().into()).collect(),
        });
        Some(Action::Skip(Arc::new(Skip {
            current_ruleset: ruleset.is_some(),
            current_phase: phase.is_some(),
            phases: named.fold(PhaseSet::NONE, PhaseSet::with),
            products: products.iter().copied().fold(Products::NONE, Products::with),
            rulesets: rulesets.iter().map(|id| id.value.0.as_str().into()).collect(),
            rules: skipped.collect(),
        })))
    }

    /// A ruleset that nobody knows is skipped by nobody.
    fn check_known(&self, id: &str, mark: Mark, cx: &mut Context) {
        let is_accounts =
            self.bench.account.is_some_and(|account| account.names().any(|name| name.is_called(id)));
        if !is_accounts && !self.index.contains_key(id) {
            let message =
                format!("there is no ruleset with the id or the name `{id}`: nothing is skipped by it");
            let problem = Problem::new(
                "ruleset-unknown",
                message,
                "Write the id or the name of a ruleset, or remove it.",
            );
            cx.warning(mark, problem);
        }
    }

    fn redirect(&mut self, parameters: &RedirectParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
        let redirect = match (&parameters.from_value, &parameters.from_list) {
            (Some(value), None) => cx.in_key("from_value", |cx| {
                let value = &value.value;
                let status = value.status_code.value;
                let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
                if !is_redirect {
                    let message = format!("{status} is no redirect");
                    let problem = contradiction(message, "Choose another status.");
                    let problem = problem.expecting("one of `301`, `302`, `303`, `307`, `308`");
                    cx.in_key("status_code", |cx| cx.error(value.status_code.mark, problem));
                }
                let target =
                    cx.in_key("target_url", |cx| self.either(&value.target_url, check_target, cx))?;
                is_redirect.then_some(Redirect::To {
                    target,
                    status,
                    preserve_query_string: value.preserve_query_string,
                })
            })?,
            (None, Some(from)) => cx.in_key("from_list", |cx| {
                let key = cx.in_key("key", |cx| self.value(&from.value.key, Type::Bytes, cx));
                let name = &from.value.name;
                let list = self.bench.lists.redirects(name.value.0.trim_start_matches('$'));
                if list.is_none() {
                    let message = format!("there is no list of redirects `{}`", name.value.0);
                    let action = "Add a list of this name with `kind: redirect`.";
                    let problem = Problem::new("list-unknown", message, action);
                    cx.in_key("name", |cx| cx.error(name.mark, problem));
                }
                Some(Redirect::FromList { list: Arc::clone(list?), key: key? })
            })?,
            (Some(_), Some(_)) | (None, None) => {
                let message = "either `from_value` or `from_list` says where the visitor is sent";
                cx.error(mark, contradiction(message, "Write exactly one of the two."));
                return None;
            }
        };
        Some(Action::Redirect(Arc::new(redirect)))
    }

    fn rewrite(&mut self, parameters: &RewriteParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
        let RewriteParameters { uri, headers } = parameters;
        let of_url = self.phase == Phase::UrlRewrite;
        let mut rewrite = Rewrite::default();
        if let Some(uri) = uri {
            cx.in_key("uri", |cx| self.uri(uri, of_url, &mut rewrite, cx))?;
        }
        if !headers.0.is_empty() {
            rewrite.headers = cx.in_key("headers", |cx| self.headers(headers, mark, of_url, cx))?;
        }
        if uri.is_none() && headers.0.is_empty() {
            let message = "it is not said what is changed";
            let action = if of_url { "Write `uri`." } else { "Write `headers`." };
            cx.error(mark, contradiction(message, action));
            return None;
        }
        Some(Action::Rewrite(Arc::new(rewrite)))
    }

    fn uri(
        &mut self,
        uri: &Spanned<crate::rulesets::config::UriConfig>,
        of_url: bool,
        rewrite: &mut Rewrite,
        cx: &mut Context,
    ) -> Option<()> {
        let config = &uri.value;
        if !of_url {
            let message = format!("in the phase `{}` only header fields can be changed", self.phase.name());
            let action = "Write the rule into the phase `http_request_transform`.";
            cx.error(uri.mark, Problem::new("rule-phase", message, action));
            return None;
        }
        not_built(config.origin.as_ref(), "origin", cx)?;
        if config.path.is_none() && config.query.is_none() {
            cx.error(uri.mark, contradiction("neither `path` nor `query` is written", "Write one of them."));
            return None;
        }
        let mut is_good = true;
        for (key, from, to) in
            [("path", &config.path, &mut rewrite.path), ("query", &config.query, &mut rewrite.query)]
        {
            let Some(from) = from else { continue };
            let check = if key == "path" { check_path } else { check_query };
            *to = cx.in_key(key, |cx| self.either(from, check, cx));
            is_good &= to.is_some();
        }
        is_good.then_some(())
    }

    fn serve_error(&self, parameters: &ServeErrorParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
        let ServeErrorParameters { content, asset_name, content_type, status_code } = parameters;
        let (content, content_type) = match (content, asset_name) {
            (Some(content), None) => {
                let body =
                    cx.in_key("content", |cx| inline(content, cx).map(|_| Content::compile(content, cx)))?;
                let Some(content_type) = content_type else {
                    let problem =
                        contradiction("`content` does not say of which type it is", "Add `content_type:`.");
                    cx.error(mark, problem);
                    return None;
                };
                (body, content_type.value)
            }
            (None, Some(name)) => {
                let Some(asset) = self.bench.assets.find(&name.value.0) else {
                    let message = format!("there is no asset `{}`", name.value.0);
                    let problem = Problem::new("asset-unknown", message, "Add one to `custom_assets`.");
                    cx.in_key("asset_name", |cx| cx.error(name.mark, problem));
                    return None;
                };
                let own = content_type.as_ref().map(|own| own.value);
                (asset.content.clone(), own.unwrap_or(asset.content_type))
            }
            (Some(_), Some(_)) | (None, None) => {
                let message = "either `content` or `asset_name` says what is shown";
                cx.error(mark, contradiction(message, "Write exactly one of the two."));
                return None;
            }
        };
        Some(Action::ServeError(Arc::new(Reply { status: *status_code, content_type, content })))
    }
}

fn check_common(config: &RuleConfig, cx: &mut Context) {
    let bytes = config.description.value.0.len();
    if bytes > DESCRIPTION_BYTES_MAX {
        let message = format!("the description has {bytes} bytes");
        let problem = Problem::new("rule-limit", message, "Make it shorter.");
        let problem = problem.expecting(format!("at most {DESCRIPTION_BYTES_MAX} bytes"));
        cx.in_key("description", |cx| cx.error(config.description.mark, problem));
    }
    let _ = not_built(config.ratelimit.as_ref(), "ratelimit", cx);
    let _ = not_built(config.exposed_credential_check.as_ref(), "exposed_credential_check", cx);
}

/// Reports a key that means something at Cloudflare, and nothing here yet.
pub(super) fn not_built<T>(written: Option<&Spanned<T>>, key: &str, cx: &mut Context) -> Option<()> {
    let Some(written) = written else { return Some(()) };
    let problem = Problem::new("rule-not-built", format!("`{key}` is not built yet"), "Remove it.");
    cx.in_key(key, |cx| cx.error(written.mark, problem));
    None
}

/// A warning of something that is read and changes nothing.
pub(super) fn no_effect(name: &str, so: &str) -> Problem {
    let message = format!("`{name}` is recorded, and {so}");
    Problem::new("rule-no-effect", message, "Remove it if that surprises you.")
}

/// An action without parameters.
fn nothing(node: &Node, action: Action, cx: &mut Context) -> Option<Action> {
    let before = cx.found();
    match &node.value {
        Value::Map(entries) if entries.is_empty() => {}
        Value::Scalar(scalar) if scalar.is_null() => {}
        Value::Map(_) | Value::Scalar(_) | Value::List(_) => {
            let message = format!("`{}` has no parameters", action.name());
            cx.error(node.mark, contradiction(message, "Remove `action_parameters`."));
        }
    }
    (cx.found() == before).then_some(action)
}

/// A challenge, which refuses until there are any.
fn challenge(node: &Node, challenge: Challenge, cx: &mut Context) -> Option<Action> {
    let action = nothing(node, Action::Challenge(challenge), cx)?;
    let message = "challenges are not built yet: this refuses, with a page that says so";
    let what = "Write `block` if that is what you want, or take the rule out.";
    cx.warning(node.mark, Problem::new("rule-no-effect", message, what));
    Some(action)
}

fn block(parameters: &BlockParameters, cx: &mut Context) -> Option<Action> {
    let Some(response) = &parameters.response else { return Some(Action::Block(None)) };
    let content = cx.in_key("response", |cx| cx.in_key("content", |cx| inline(&response.content, cx)))?;
    let (status, content_type): (_, ContentType) = (Some(response.status_code), response.content_type);
    Some(Action::Block(Some(Arc::new(Reply { status, content_type, content: Content::literal(content) }))))
}

/// A body that stands in a rule.
fn inline<'c>(content: &'c Spanned<Wording>, cx: &mut Context) -> Option<&'c [u8]> {
    let bytes = content.value.0.len();
    if bytes > INLINE_BYTES_MAX {
        let problem = Problem::new("rule-limit", format!("the body has {bytes} bytes"), "Make it smaller.");
        cx.error(content.mark, problem.expecting(format!("at most {INLINE_BYTES_MAX} bytes")));
        return None;
    }
    Some(content.value.0.as_bytes())
}

fn check_target(text: &str) -> Result<(), Problem> {
    let is_absolute = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_good =
        is_url_text(text) && (text.starts_with('/') || is_absolute.is_some_and(|rest| !rest.is_empty()));
    let problem = Problem::new("invalid-value", format!("`{text}` is no URL"), "Correct it.");
    if is_good { Ok(()) } else { Err(problem.expecting("a URL, such as `https://a.example/new`, or a path")) }
}

fn check_path(text: &str) -> Result<(), Problem> {
    let is_good = text.starts_with('/') && is_url_text(text) && !text.contains(['?', '#']);
    let problem = Problem::new("invalid-value", format!("`{text}` is no path"), "Correct it.");
    if is_good { Ok(()) } else { Err(problem.expecting("a path from `/` on, without `?`")) }
}

fn check_query(text: &str) -> Result<(), Problem> {
    let is_good = text.is_empty() || (is_url_text(text) && !text.contains('#') && !text.starts_with('?'));
    let problem = Problem::new("invalid-value", format!("`{text}` is no query"), "Correct it.");
    if is_good { Ok(()) } else { Err(problem.expecting("a query without its `?`; empty for none")) }
}
