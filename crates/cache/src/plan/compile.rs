//! From what the operator wrote to the plan.

mod key;

use std::sync::LazyLock;

use rempart_base::config::{Context, Mark, Problem, Spanned};

use crate::config::{
    BrowserMode, BrowserTtlConfig, CacheConfig, EdgeModeName, EdgeTtlConfig, RequestDirectives,
    StatusCodeRange, StatusCodeTtl, StatusEntry, VaryConfig,
};

use super::{
    BrowserTtl, CachePlan, EdgeMode, EdgeTtl, KeyPlan, Level, Name, QueryKeep, QueryPlan, StalePlan,
    StatusTtl, VaryAction, VaryPlan, ZoneId,
};

/// The most entries that one list may have.
const LIST_MAX: usize = 100;

/// What the key may depend on of a zone's origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins<'a> {
    /// All are sent this `Host`.
    SameHost(&'a [u8]),
    /// They are sent the visitor's, or different ones.
    OtherHosts,
}

/// Makes the plan of a zone; what is wrong beyond its own form is reported.
pub fn compile(config: &CacheConfig, name: &str, origins: Origins<'_>, cx: &mut Context) -> CachePlan {
    written(config, name, origins, cx).sealed()
}

/// The plan of a zone that says nothing. Made once: there may be very many such zones.
static PLAIN: LazyLock<CachePlan> =
    LazyLock::new(|| written(&CacheConfig::default(), "", Origins::OtherHosts, &mut Context::new("".into())));

/// The plan without its fingerprint.
fn written(config: &CacheConfig, name: &str, origins: Origins<'_>, cx: &mut Context) -> CachePlan {
    let stale = &config.serve_stale.0;
    let vary = cx.in_key("vary", |cx| vary(&config.vary, cx));
    CachePlan {
        zone_id: ZoneId::of(name),
        level: config.level.value,
        development_mode: config.development_mode.0,
        edge_ttl: cx.in_key("edge_ttl", |cx| edge_ttl(&config.edge_ttl, cx)),
        browser_ttl: cx.in_key("browser_ttl", |cx| browser_ttl(&config.browser_ttl, cx)),
        key: key::plan(config, origins, cx),
        vary,
        deception_armor: config.deception_armor.0,
        origin_cache_control: config.origin_cache_control.0,
        stale: StalePlan {
            while_updating: !stale.disable_stale_while_updating.0,
            while_revalidate_s: stale.stale_while_revalidate_s,
            if_error_s: stale.stale_if_error_s,
        },
        heuristic: config.heuristic.0,
        store_set_cookie: config.store_set_cookie.0,
        request_directives: config.request_directives == RequestDirectives::Obey,
        hit_for_miss_s: config.hit_for_miss_s,
        follows_answer: false,
    }
}

impl CachePlan {
    /// The plan of a zone whose operator says nothing.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { zone_id: ZoneId::of(name), ..PLAIN.clone() }
    }

    /// The same plan with the fingerprint that belongs to it: for whoever has changed one.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.key.fingerprint = 0;
        self.key.fingerprint = key::fingerprint(&self, &PLAIN);
        self
    }
}

impl KeyPlan {
    /// What an operator who says nothing gets.
    fn plain() -> Self {
        Self {
            query: QueryPlan { keep: QueryKeep::All, is_sorted: false },
            host: None,
            route: None,
            exclude_origin: false,
            headers: Box::default(),
            header_presence: Box::default(),
            header_texts: Box::default(),
            cookies: Box::default(),
            cookie_presence: Box::default(),
            device_type: false,
            language: false,
            fingerprint: 0,
        }
    }
}

fn edge_ttl(config: &EdgeTtlConfig, cx: &mut Context) -> EdgeTtl {
    let ttl_s = config.default.as_ref().map(|ttl| ttl.value.0);
    let is_override = config.mode.value == EdgeModeName::OverrideOrigin;
    check_default(is_override, config.mode.mark, config.default.as_ref().map(|ttl| ttl.mark), cx);
    let mode = match config.mode.value {
        EdgeModeName::RespectOrigin => EdgeMode::RespectOrigin,
        EdgeModeName::OverrideOrigin => EdgeMode::OverrideOrigin(ttl_s.unwrap_or_default()),
        EdgeModeName::BypassByDefault => EdgeMode::BypassByDefault,
    };
    let by_status = cx.in_key("status_code_ttl", |cx| {
        check_length(config.status_code_ttl.iter().map(|own| own.mark), cx);
        config.status_code_ttl.iter().map(|own| cx.in_item(own.item, |cx| status_ttl(own, cx))).collect()
    });
    EdgeTtl { mode, by_status }
}

/// A number without its mode would do nothing, and the mode nothing without its number.
fn check_default(is_override: bool, mode: Mark, default: Option<Mark>, cx: &mut Context) {
    match (is_override, default) {
        (true, None) => {
            let problem = Problem::new(
                "cache-ttl-missing",
                "`mode: override_origin` does not say for how long",
                "Add `default:` with a number of seconds.",
            );
            cx.in_key("mode", |cx| cx.error(mode, problem));
        }
        (false, Some(mark)) => {
            let problem = Problem::new(
                "cache-ttl-unused",
                "`default` means something only with `mode: override_origin`",
                "Write `mode: override_origin`, or remove `default`.",
            );
            cx.in_key("default", |cx| cx.error(mark, problem));
        }
        (true, Some(_)) | (false, None) => {}
    }
}

fn status_ttl(config: &Spanned<StatusEntry>, cx: &mut Context) -> StatusTtl {
    let StatusCodeTtl { value, status_code, status_code_range } = &config.value.ttl;
    let mut wrong = |message: &str| {
        let action = "Write one `status_code`, or a `status_code_range` with `from`, `to` or both.";
        if config.value.is_clean {
            cx.error(config.mark, Problem::new("cache-status", message, action));
        }
        (0, 0)
    };
    let (from, to) = match (*status_code, status_code_range) {
        (Some(status), None) => (status, status),
        (None, Some(StatusCodeRange { from: None, to: None })) => wrong("this range of statuses has no end"),
        (None, Some(StatusCodeRange { from, to })) => match (from.unwrap_or(100), to.unwrap_or(999)) {
            (from, to) if from > to => wrong("this range of statuses ends before it begins"),
            range => range,
        },
        (Some(_), Some(_)) => wrong("both `status_code` and `status_code_range` are written"),
        (None, None) => wrong("it is not said for which status"),
    };
    StatusTtl { from, to, ttl: value.0 }
}

fn browser_ttl(config: &BrowserTtlConfig, cx: &mut Context) -> BrowserTtl {
    let is_override = config.mode.value == BrowserMode::OverrideOrigin;
    check_default(is_override, config.mode.mark, config.default.as_ref().map(|ttl| ttl.mark), cx);
    match config.mode.value {
        BrowserMode::RespectOrigin => BrowserTtl::RespectOrigin,
        BrowserMode::OverrideOrigin => {
            BrowserTtl::OverrideOrigin(config.default.as_ref().map_or(0, |ttl| ttl.value.0))
        }
        BrowserMode::Bypass | BrowserMode::BypassByDefault => BrowserTtl::Bypass,
    }
}

fn vary(config: &VaryConfig, cx: &mut Context) -> VaryPlan {
    let mut fields: Vec<(Name, VaryAction)> = Vec::new();
    cx.in_key("headers", |cx| {
        check_length(config.headers.0.iter().map(|(name, _)| name.mark), cx);
        for (name, action) in &config.headers.0 {
            let text = name.value.0.as_str();
            if fields.iter().any(|(own, _)| **own == *text.as_bytes()) {
                let message = format!("`{text}` is written twice, in another case");
                let problem = Problem::new("cache-contradiction", message, "Remove one of them.");
                cx.in_key(text, |cx| cx.error(name.mark, problem));
            }
            cx.in_key(text, |cx| check_vary(text, name.mark, *action, cx));
            fields.push((text.into(), *action));
        }
    });
    let default = config.default.action.value;
    if default == VaryAction::Ignore {
        let problem = unsafe_ignore("fields that are not listed");
        cx.in_key("default", |cx| cx.in_key("action", |cx| cx.error(config.default.action.mark, problem)));
    }
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    VaryPlan { default, fields: fields.into(), fields_max: config.fields_max, sets_max: config.sets_max }
}

fn check_vary(name: &str, mark: Mark, action: VaryAction, cx: &mut Context) {
    if action == VaryAction::Ignore && matches!(name, "cookie" | "authorization") {
        cx.error(mark, unsafe_ignore(&format!("`{name}`")));
    }
    if name.starts_with("cf-") || matches!(name, "host" | "x-forwarded-for" | "x-forwarded-proto") {
        let message = format!("what becomes of `{name}` is not for a zone to say: the edge writes it itself");
        cx.error(mark, Problem::new("cache-vary", message, "Remove it."));
    }
}

fn unsafe_ignore(what: &str) -> Problem {
    let message = format!("to ignore {what} would give one visitor what was made for another");
    Problem::new("cache-vary", message, "Use `bypass`, `normalize` or `passthrough`.")
}

/// Says so at the first entry of a list that is one too many.
fn check_length(marks: impl IntoIterator<Item = Mark>, cx: &mut Context) {
    if let Some(mark) = marks.into_iter().nth(LIST_MAX) {
        let message = format!("this list has more than {LIST_MAX} entries");
        cx.error(mark, Problem::new("cache-list-too-long", message, "Remove some."));
    }
}
