//! What rules do, in words.

use rempart_features::rulesets::Action;
use rempart_features::rulesets::plan::{LogFields, LoggedField, Product, Skip};
use rempart_flow::Fault;
use rempart_rules::{Arena, Phase, Value, shown};

use crate::rules::Reply;
use crate::rules::acting::{Change, HeaderChange, RouteChange};

/// So much of a text is shown.
const TEXT_BYTES_MAX: usize = 300;

fn quoted(bytes: &[u8]) -> String {
    shown(Value::Bytes(bytes), &Arena::default(), TEXT_BYTES_MAX)
}

/// What a change is.
pub(super) fn change(change: &Change<'_>) -> String {
    match change {
        Change::Path(path) => format!("the path becomes {}", quoted(path)),
        Change::Query(query) if query.is_empty() => "the query goes".to_owned(),
        Change::Query(query) => format!("the query becomes {}", quoted(query)),
        Change::Header(name, HeaderChange::Set(value)) => {
            format!("header {name} is set to {}", quoted(value))
        }
        Change::Header(name, HeaderChange::Add(value)) => {
            format!("header {name}: {} is added", quoted(value))
        }
        Change::Header(name, HeaderChange::Remove) => format!("header {name} is removed"),
        Change::Route(change) => route(change),
        Change::Config(config) => format!("settings of this request: {}", said(config)),
        Change::Cache(cache) => format!("settings of the cache: {}", said(cache)),
        Change::Tags(operation, tags) => {
            let tags: Vec<String> = tags.iter().map(|tag| quoted(tag)).collect();
            format!("cache tags, {operation:?}: {}", tags.join(", "))
        }
        Change::CacheControl(change) => format!("Cache-Control: {}", said(change)),
        Change::Compression(algorithms) => {
            format!("may be compressed: {}", said(algorithms).to_lowercase())
        }
        Change::Log(fields) => format!("fields of the log line: {}", log_fields(fields)),
    }
}

fn log_fields(fields: &LogFields) -> String {
    let LogFields { cookies, request, transformed_request, response, raw_response } = fields;
    let names = |fields: &[LoggedField]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let kinds: [(&str, Vec<Box<str>>); 5] = [
        ("cookies", cookies.to_vec()),
        ("request", request.to_vec()),
        ("transformed request", transformed_request.to_vec()),
        ("response", names(response)),
        ("raw response", names(raw_response)),
    ];
    let named = kinds.iter().filter(|(_, names)| !names.is_empty());
    named.map(|(kind, names)| format!("{kind}: {}", names.join(", "))).collect::<Vec<_>>().join("; ")
}

fn route(change: &RouteChange<'_>) -> String {
    let RouteChange { host_header, rule, .. } = change;
    let mut parts = Vec::new();
    match (&rule.host, rule.port) {
        (Some(host), Some(port)) => parts.push(format!("goes to {host}:{port}")),
        (Some(host), None) => parts.push(format!("goes to {host}")),
        (None, Some(port)) => parts.push(format!("goes to port {port}")),
        (None, None) => {}
    }
    parts.extend(host_header.as_ref().map(|host| format!("has the Host {}", quoted(host))));
    parts.extend(rule.sni.as_ref().map(|name| format!("asks for {name} in TLS (SNI)")));
    format!("the request to the origin {}", parts.join(", "))
}

/// Why a request is refused that a rule would have let go on.
pub(super) fn refused(fault: Fault) -> String {
    let why = if fault == Fault::TargetTooLong { "what it makes is too long" } else { "it costs too much" };
    format!("{why}: the request is refused")
}

/// What the visitor gets.
pub(super) fn reply(reply: &Reply) -> String {
    if reply.is_closed {
        return "the connection is closed without an answer".to_owned();
    }
    let location = reply.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    match (location, reply.status) {
        (Some((_, to)), status) => format!("the visitor is sent to {} with {status}", quoted(to)),
        (None, 0) => format!("this takes the error's place: {}", body(reply)),
        (None, status) => format!("the visitor gets {status}: {}", body(reply)),
    }
}

fn body(reply: &Reply) -> String {
    let whose = if reply.is_custom { "the operator's text" } else { "the edge's page" };
    format!("{whose}, {} bytes", reply.body.bytes())
}

/// What the walk itself does.
pub(super) fn walk(action: &Action) -> String {
    if let Action::Execute { ruleset, .. } = action {
        let name = if ruleset.name.is_empty() { &ruleset.id } else { &ruleset.name };
        format!("the rules of {name} are looked at")
    } else if let Action::Skip(skip) = action {
        format!("left out from here: {}", skipped(skip))
    } else {
        "an event is logged, nothing else".to_owned()
    }
}

fn skipped(skip: &Skip) -> String {
    let mut parts = Vec::new();
    if skip.current_ruleset {
        parts.push("the rest of its ruleset".to_owned());
    }
    if skip.current_phase {
        parts.push("the rest of the phase".to_owned());
    }
    let phases = Phase::ALL.iter().filter(|phase| skip.phases.contains(**phase));
    parts.extend(phases.map(|phase| format!("the phase {}", phase.name())));
    let products = PRODUCTS.iter().filter(|(product, _)| skip.products.contains(*product));
    parts.extend(products.map(|(_, name)| (*name).to_owned()));
    parts.extend(skip.rulesets.iter().map(|ruleset| format!("ruleset {ruleset}")));
    for rules in &skip.rules {
        parts.push(format!("rules {} of ruleset {}", rules.rules.join(", "), rules.ruleset));
    }
    parts.join(", ")
}

const PRODUCTS: [(Product, &str); 7] = [
    (Product::ZoneLockdown, "zone lockdown"),
    (Product::UaBlock, "user agent rules"),
    (Product::Bic, "the browser integrity check"),
    (Product::Hot, "hotlink protection"),
    (Product::SecurityLevel, "the security level"),
    (Product::RateLimit, "rate limits"),
    (Product::Waf, "managed rules"),
];

/// A plan's parts that say something, by their names.
fn said(plan: impl std::fmt::Debug) -> String {
    let text = format!("{plan:?}");
    let Some((_, inner)) = text.split_once(" { ") else { return text };
    let parts = parts(inner.strip_suffix(" }").unwrap_or(inner)).into_iter();
    let parts = parts.filter(|part| !part.ends_with(": None") && !part.ends_with(": []"));
    let plain = parts.map(|part| match part.split_once(": Some(") {
        Some((name, value)) => format!("{name}: {}", value.strip_suffix(')').unwrap_or(value)),
        None => part.to_owned(),
    });
    plain.collect::<Vec<_>>().join(", ")
}

/// What stands between commas, but for those within brackets and quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut begun, mut depth, mut is_quoted) = (Vec::new(), 0, 0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(text.get(begun..at).unwrap_or_default().trim());
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(begun..).unwrap_or_default().trim());
    parts
}

/// What an action did that has changed nothing.
pub(super) const fn nothing(action: &Action) -> &'static str {
    if matches!(action, Action::Redirect(_)) { "nothing: there is nowhere to go" } else { "nothing" }
}

#[cfg(test)]
mod tests {
    use rempart_features::rulesets::plan::SetConfig;

    use super::*;

    #[test]
    fn what_a_plan_does_not_say_is_left_out() {
        let config = SetConfig { hotlink_protection: Some(false), ..SetConfig::default() };
        let text = change(&Change::Config(&config));
        assert_eq!(text, "settings of this request: hotlink_protection: false");
        assert_eq!(
            parts("a: [1, 2], b: \"x, y\", c: F { d: 1, e: 2 }"),
            ["a: [1, 2]", "b: \"x, y\"", "c: F { d: 1, e: 2 }"]
        );
    }

    #[test]
    fn texts_of_visitors_are_escaped() {
        let path = Change::Path(b"/a\n\"b".as_slice().into());
        assert_eq!(change(&path), r#"the path becomes "/a\x0a\"b""#);
    }
}
