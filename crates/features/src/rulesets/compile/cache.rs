//! `set_cache_settings` and `set_cache_tags`.

use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Node, Problem, Spanned, Value};
use rempart_cache::config::CacheConfig;
use rempart_cache::plan::Level;
use rempart_rules::{Phase, Type};

use crate::rulesets::config::{CacheParameters, CacheTagsParameters};
use crate::rulesets::plan::{Action, CacheOverride, SetCacheTags, Tags};

use super::actions::{Maker, no_effect, not_built};
use super::limit;
use super::values::contradiction;

/// The longest tag, in bytes.
const TAG_BYTES_MAX: usize = 1_024;
/// All tags of one rule, with what separates them, in bytes.
const TAGS_BYTES_MAX: usize = 16 << 10;

impl Maker<'_, '_> {
    pub(super) fn cache_settings(&self, node: &Node, cx: &mut Context) -> Option<Action> {
        let before = cx.found();
        let parameters = CacheParameters::decode(node, cx)?;
        let CacheParameters { cache_reserve, origin_range_requests, shared_dictionary, .. } = &parameters;
        for (key, written) in [
            ("cache_reserve", cache_reserve),
            ("origin_range_requests", origin_range_requests),
            ("shared_dictionary", shared_dictionary),
        ] {
            if !is_off(node, key) {
                let _ = not_built(written.as_ref(), key, cx);
            }
        }
        self.check_keys(node, cx);
        let settings = self.settings(&parameters, cx);
        if cx.found() > before {
            return None;
        }
        warn_of_no_effect(node, cx);
        Some(Action::SetCacheSettings(Arc::new(settings)))
    }

    /// What is decided before there is a response cannot be decided after it.
    fn check_keys(&self, node: &Node, cx: &mut Context) {
        const STRIPS: &[&str] = &["strip_etags", "strip_last_modified", "strip_set_cookie"];
        let Value::Map(entries) = &node.value else { return };
        if entries.is_empty() {
            cx.error(node.mark, contradiction("it is not said what is set", "Write a setting."));
        }
        let is_response = self.phase == Phase::ResponseCache;
        for (key, _) in entries.iter().filter(|(key, _)| STRIPS.contains(&&*key.text) != is_response) {
            let phase = match is_response {
                true => "http_request_cache_settings",
                false => "http_response_cache_settings",
            };
            let message = format!("`{}` cannot be set in the phase `{}`", key.text, self.phase.name());
            let action = format!("Write it into a rule of the phase `{phase}`.");
            cx.in_key(&key.text, |cx| cx.error(key.mark, Problem::new("rule-phase", message, action)));
        }
    }

    /// The cache's own compiler makes its parts, and finds what is wrong with them.
    fn settings(&self, parameters: &CacheParameters, cx: &mut Context) -> CacheOverride {
        let CacheParameters { cache, edge_ttl, browser_ttl, cache_key, vary, serve_stale, .. } = parameters;
        let compile = |config: &CacheConfig, cx: &mut Context| {
            rempart_cache::plan::compile(config, "", self.bench.origins, cx)
        };
        let custom = cache_key.as_ref().and_then(|key| key.custom_key.as_ref());
        let plan = compile(
            &CacheConfig {
                edge_ttl: edge_ttl.clone().unwrap_or_default(),
                browser_ttl: browser_ttl.clone().unwrap_or_default(),
                vary: vary.clone().unwrap_or_default(),
                ..CacheConfig::default()
            },
            cx,
        );
        let keyed = custom.map(|custom| {
            let config = CacheConfig { custom_key: custom.clone(), ..CacheConfig::default() };
            cx.in_key("cache_key", |cx| compile(&config, cx)).key
        });
        let switch = |switch: Option<rempart_cache::config::Switch>| switch.map(|switch| switch.0);
        let key = cache_key.as_ref();
        CacheOverride {
            level: cache.map(|cache| if cache { Level::Everything } else { Level::Bypass }),
            edge_ttl: edge_ttl.is_some().then_some(plan.edge_ttl),
            browser_ttl: browser_ttl.is_some().then_some(plan.browser_ttl),
            key: keyed,
            by_device_type: key.and_then(|key| switch(key.cache_by_device_type)),
            is_sorted: key.and_then(|key| switch(key.ignore_query_strings_order)),
            vary: vary.is_some().then_some(plan.vary),
            deception_armor: key.and_then(|key| switch(key.cache_deception_armor)),
            origin_cache_control: switch(parameters.origin_cache_control),
            disable_stale_while_updating: serve_stale
                .as_ref()
                .and_then(|stale| switch(stale.disable_stale_while_updating)),
            respect_strong_etags: switch(parameters.respect_strong_etags),
            origin_error_page_passthru: switch(parameters.origin_error_page_passthru),
            read_timeout_s: parameters.read_timeout,
            strip_etags: switch(parameters.strip_etags),
            strip_last_modified: switch(parameters.strip_last_modified),
            strip_set_cookie: switch(parameters.strip_set_cookie),
        }
    }

    pub(super) fn cache_tags(&mut self, node: &Node, cx: &mut Context) -> Option<Action> {
        let CacheTagsParameters { operation, values, expression } = CacheTagsParameters::decode(node, cx)?;
        let tags = match (values.as_slice(), &expression) {
            ([], Some(expression)) => {
                let wanted = Type::Array(&Type::Bytes);
                Tags::Computed(cx.in_key("expression", |cx| self.value(expression, wanted, cx))?)
            }
            ([_, ..], None) => {
                cx.in_key("values", |cx| check_tags(&values, cx))?;
                Tags::Fixed(values.iter().map(|tag| tag.value.as_bytes().into()).collect())
            }
            ([_, ..], Some(_)) | ([], None) => {
                let message = "either `values` or `expression` says which tags";
                cx.error(node.mark, contradiction(message, "Write exactly one of the two."));
                return None;
            }
        };
        Some(Action::SetCacheTags(Arc::new(SetCacheTags { operation, tags })))
    }
}

/// Says which keys are read and change nothing.
fn warn_of_no_effect(node: &Node, cx: &mut Context) {
    let Value::Map(entries) = &node.value else { return };
    for (key, value) in entries.iter() {
        let why = match &*key.text {
            "respect_strong_etags" => "the edge never weakens a validator",
            "additional_cacheable_ports" => "answers are cached whatever the port",
            "origin_range_requests" if value.key("mode").and_then(Node::text) == Some("off") => {
                "parts of large files are fetched as parts"
            }
            _ => continue,
        };
        let problem = no_effect(&key.text, &format!("has no effect: {why}"));
        cx.in_key(&key.text, |cx| cx.warning(key.mark, problem));
    }
}

/// Whether a setting that is not built says that it is not wanted.
fn is_off(node: &Node, key: &str) -> bool {
    let said = |inner| node.key(key).and_then(|value| value.key(inner)).and_then(Node::text);
    match key {
        "cache_reserve" => {
            let said = ["eligible", "enabled"].map(said);
            said.iter().any(Option::is_some) && said.iter().flatten().all(|text| *text == "false")
        }
        "origin_range_requests" => matches!(said("mode"), Some("default" | "off")),
        _ => false,
    }
}

fn check_tags(values: &[Spanned<String>], cx: &mut Context) -> Option<()> {
    let before = cx.found();
    for tag in values {
        let text = &tag.value;
        let is_in = |byte: u8| byte.is_ascii_graphic() && byte != b',';
        if text.len() > TAG_BYTES_MAX || !text.bytes().all(is_in) {
            let problem = Problem::new("invalid-value", "this is no cache tag", "Correct it.");
            let problem =
                problem.expecting("printable ASCII without spaces and commas, at most 1,024 characters");
            cx.in_item(tag.item, |cx| cx.error(tag.mark, problem));
        }
    }
    let bytes: usize = values.iter().map(|tag| tag.value.len() + 1).sum();
    if let Some(tag) = values.first().filter(|_| bytes > TAGS_BYTES_MAX) {
        cx.error(tag.mark, limit(format!("all tags together have more than {TAGS_BYTES_MAX} bytes")));
    }
    (cx.found() == before).then_some(())
}
