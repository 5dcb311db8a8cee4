//! Header fields that rules change: which may be, and what a value may be.

use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Key, Mark, Node, Problem, Spanned, Value};
use rempart_rules::Phase;

use crate::rulesets::config::{
    CacheControlParameters, DirectiveConfig, DirectiveOperation, HeaderConfig, HeaderOperation, Headers,
};
use crate::rulesets::plan::{Action, CacheControlChange, Change, Directive, HeaderAct, HeaderChange, Set};

use super::actions::Maker;
use super::limit;
use super::values::contradiction;

/// The longest value that is written, in bytes.
pub(super) const VALUE_BYTES_MAX: usize = 4_096;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Header fields that one rule changes.
const HEADERS_MAX: usize = 100;

impl Maker<'_, '_> {
    pub(super) fn headers(
        &mut self,
        headers: &Headers,
        mark: Mark,
        of_url: bool,
        cx: &mut Context,
    ) -> Option<Box<[HeaderChange]>> {
        if of_url {
            let message = "in the phase `http_request_transform` only the URL can be changed";
            let action = "Write the rule into the phase `http_request_late_transform`.";
            cx.error(mark, Problem::new("rule-phase", message, action));
            return None;
        }
        if let Some((name, _)) = headers.0.get(HEADERS_MAX) {
            cx.error(name.mark, limit(format!("one rule changes more than {HEADERS_MAX} header fields")));
            return None;
        }
        let before = cx.found();
        let mut changes = Vec::with_capacity(headers.0.len());
        for (name, config) in &headers.0 {
            let change = cx.in_key(&name.value, |cx| self.header(name, config, cx));
            changes.extend(change);
        }
        (cx.found() == before).then(|| changes.into())
    }

    fn header(
        &mut self,
        name: &Spanned<String>,
        config: &Spanned<HeaderConfig>,
        cx: &mut Context,
    ) -> Option<HeaderChange> {
        let HeaderConfig { operation, value, expression } = &config.value;
        let lower = name.value.to_ascii_lowercase();
        if let Some(problem) = unfit(&lower, *operation, self.phase) {
            cx.error(name.mark, problem);
            return None;
        }
        let act = match operation {
            HeaderOperation::Remove if value.is_some() || expression.is_some() => {
                cx.error(config.mark, contradiction("what is removed has no value", "Remove the value."));
                return None;
            }
            HeaderOperation::Remove => HeaderAct::Remove,
            HeaderOperation::Set | HeaderOperation::Add => {
                let of = (value.as_ref(), expression.as_ref());
                let text = self.text(of, config.mark, check_value, cx)?;
                if *operation == HeaderOperation::Set { HeaderAct::Set(text) } else { HeaderAct::Add(text) }
            }
        };
        Some(HeaderChange { name: name.value.as_str().into(), lower: lower.into(), act })
    }

    pub(super) fn cache_control(&self, node: &Node, cx: &mut Context) -> Option<Action> {
        let parameters = CacheControlParameters::decode(&with_underscores(node, cx), cx)?;
        let before = cx.found();
        let mut changes = Vec::new();
        for (directive, key, config) in directives(&parameters) {
            let Some(config) = config else { continue };
            let change = cx.in_key(key, |cx| change(directive, config, cx));
            changes.extend(change.map(|change| (directive, change)));
        }
        if changes.is_empty() && cx.found() == before {
            let problem =
                contradiction("it is not said what is changed", "Write a directive, such as `max_age`.");
            cx.error(node.mark, problem);
        }
        let changes = changes.into();
        (cx.found() == before).then(|| Action::SetCacheControl(Arc::new(CacheControlChange { changes })))
    }
}

/// A value that is written: what every HTTP implementation can carry.
fn check_value(value: &str) -> Result<(), Problem> {
    if value.len() > VALUE_BYTES_MAX {
        let problem =
            Problem::new("rule-limit", format!("the value has {} bytes", value.len()), "Make it shorter.");
        return Err(problem.expecting(format!("at most {VALUE_BYTES_MAX} bytes")));
    }
    match value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        true => Ok(()),
        false => {
            let message = "the value has characters that a header field cannot have";
            let problem = Problem::new("rule-header", message, "Remove them, or encode them.");
            Err(problem.expecting("printable ASCII characters and spaces"))
        }
    }
}

/// Why this may not be done with a field of this name (lower case).
fn unfit(name: &str, operation: HeaderOperation, phase: Phase) -> Option<Problem> {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_in) {
        let problem = Problem::new("rule-header", "this is no name of a header field", "Correct it.");
        return Some(problem.expecting("letters, digits, `-` and `_`, at most 128"));
    }
    let is_removed = operation == HeaderOperation::Remove;
    let (why, action) = match name {
        "connection" | "content-length" | "expect" | "keep-alive" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" => ("belongs to the connection, not to the message", "Remove it."),
        name if phase == Phase::ResponseHeaders => match name {
            name if is_own(name) => ("is written by the edge itself", "Remove it."),
            "server" | "eh-cache-tag" | "eh-cdn-cache-control" if !is_removed => {
                ("cannot be given a value by a rule", "Remove it.")
            }
            _ => return None,
        },
        "cf-connecting-ip" if is_removed => return None,
        name if is_own(name) => ("is written by the edge itself", "Remove it."),
        "host" => ("is changed by `route` in the phase `http_request_origin`", "Write such a rule."),
        "accept-encoding" | "cdn-loop" | "via" => ("is written by the edge itself", "Remove it."),
        "cookie" if !is_removed => ("may only be removed", "Write `operation: remove`."),
        "x-forwarded-proto" => ("says how the visitor came, and is written by the edge itself", "Remove it."),
        "x-forwarded-for" | "true-client-ip" | "x-real-ip" if !is_removed => {
            ("says who the visitor is, and is written by the edge itself", "Choose another name.")
        }
        _ => return None,
    };
    Some(Problem::new("rule-header", format!("`{name}` {why}"), action))
}

fn is_own(name: &str) -> bool {
    name.starts_with("cf-") || name.starts_with("x-cf-")
}

type DirectiveRow<'c> = (Directive, &'static str, &'c Option<Spanned<DirectiveConfig>>);

/// The same mapping, whose keys are written as the SDKs write them. In the API's own JSON they are as in HTTP:
/// `max-age`.
fn with_underscores(node: &Node, cx: &mut Context) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let mut renamed: Vec<(Key, Node)> = Vec::new();
    for (key, value) in &**entries {
        let text = key.text.replace('-', "_");
        if renamed.iter().any(|(own, _)| *own.text == *text) {
            let message = format!("`{}` is written twice, in two spellings", key.text);
            cx.error(key.mark, contradiction(message, "Remove one of the two."));
        }
        renamed.push((Key { text: text.into(), mark: key.mark }, value.clone()));
    }
    Node { mark: node.mark, value: Value::Map(renamed.into()) }
}

fn directives(config: &CacheControlParameters) -> [DirectiveRow<'_>; 13] {
    [
        (Directive::Immutable, "immutable", &config.immutable),
        (Directive::MaxAge, "max_age", &config.max_age),
        (Directive::MustRevalidate, "must_revalidate", &config.must_revalidate),
        (Directive::MustUnderstand, "must_understand", &config.must_understand),
        (Directive::NoCache, "no_cache", &config.no_cache),
        (Directive::NoStore, "no_store", &config.no_store),
        (Directive::NoTransform, "no_transform", &config.no_transform),
        (Directive::Private, "private", &config.private),
        (Directive::ProxyRevalidate, "proxy_revalidate", &config.proxy_revalidate),
        (Directive::Public, "public", &config.public),
        (Directive::SMaxage, "s_maxage", &config.s_maxage),
        (Directive::StaleIfError, "stale_if_error", &config.stale_if_error),
        (Directive::StaleWhileRevalidate, "stale_while_revalidate", &config.stale_while_revalidate),
    ]
}

fn change(directive: Directive, config: &Spanned<DirectiveConfig>, cx: &mut Context) -> Option<Change> {
    let DirectiveConfig { operation, value, qualifiers, cloudflare_only } = &config.value;
    let takes_seconds = matches!(
        directive,
        Directive::MaxAge | Directive::SMaxage | Directive::StaleIfError | Directive::StaleWhileRevalidate
    );
    let takes_fields = matches!(directive, Directive::NoCache | Directive::Private);
    let is_set = *operation == DirectiveOperation::Set;
    let wrong = match (value, qualifiers.is_empty()) {
        (Some(_), _) if !is_set || !takes_seconds => Some("has no `value` here"),
        (None, _) if is_set && takes_seconds => Some("needs a `value` in seconds"),
        (_, false) if !is_set || !takes_fields => Some("has no `qualifiers` here"),
        (Some(_) | None, _) => None,
    };
    if let Some(wrong) = wrong {
        let message = format!("`{}` {wrong}", directive.as_str());
        cx.error(config.mark, contradiction(message, "Correct it."));
        return None;
    }
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if let Some(name) = qualifiers.iter().find(|name| !is_name(&name.0)) {
        let message = format!("`{}` is no name of a header field", name.0);
        cx.error(config.mark, Problem::new("rule-header", message, "Correct it."));
        return None;
    }
    let set = match value {
        _ if !is_set => None,
        Some(seconds) => Some(Set::Seconds(*seconds)),
        None if qualifiers.is_empty() => Some(Set::Plain),
        None => Some(Set::Fields(qualifiers.iter().map(|name| name.0.as_str().into()).collect())),
    };
    Some(Change { set, cloudflare_only: *cloudflare_only })
}
