//! What tells one stored response from another.

use rempart_base::config::{Context, Mark, Problem, Spanned};
use rempart_base::content_hash;

use crate::config::{
    CacheConfig, CookieName, CustomKeyConfig, FieldName, HeaderTexts, ParameterName, ParameterNames,
    QueryListConfig, QueryString, QueryWord,
};

use super::{CachePlan, EdgeMode, KeyPlan, Level, Name, Origins, QueryKeep, QueryPlan, check_length};

/// Makes the plan of the key; what is wrong is reported.
pub(super) fn plan(config: &CacheConfig, origins: Origins<'_>, cx: &mut Context) -> KeyPlan {
    let query = query(config, cx);
    let CustomKeyConfig { header, cookie, host, user, .. } = &config.custom_key;
    cx.in_key("custom_key", |cx| {
        if user.geo.value.0 {
            let message = "the country of a visitor is not known yet";
            let problem = Problem::new("cache-not-yet", message, "Remove `geo`.");
            cx.in_key("user", |cx| cx.in_key("geo", |cx| cx.error(user.geo.mark, problem)));
        }
        let mut plan = KeyPlan {
            query,
            exclude_origin: header.exclude_origin.0,
            device_type: config.by_device_type.0 || user.device_type.0,
            language: user.lang.0,
            host: shared_host(host.resolved.value.0, host.resolved.mark, origins, cx),
            ..KeyPlan::plain()
        };
        cx.in_key("header", |cx| {
            plan.headers = fields("include", &header.include, Use::Value, cx);
            plan.header_presence = fields("check_presence", &header.check_presence, Use::Presence, cx);
            plan.header_texts = header_texts(&header.contains, cx);
        });
        cx.in_key("cookie", |cx| {
            plan.cookies = cookies("include", &cookie.include, cx);
            plan.cookie_presence = cookies("check_presence", &cookie.check_presence, cx);
        });
        plan
    })
}

/// Of everything that changes what a key means, or what may be stored at all: a release that stores what it should not
/// leaves nothing behind for the one that takes its place.
pub(super) fn fingerprint(plan: &CachePlan, plain: &CachePlan) -> u64 {
    let of = |plan: &CachePlan| {
        let level = match plan.level {
            // They leave the key as it is, and store no more than each other.
            Level::Bypass | Level::Basic | Level::Aggressive => Level::Aggressive,
            level @ (Level::Simplified | Level::Everything) => level,
        };
        let vary = (plan.vary.default, &plan.vary.fields);
        let stores = (plan.store_set_cookie, plan.heuristic, plan.origin_cache_control, plan.deception_armor);
        let overrides = matches!(plan.edge_ttl.mode, EdgeMode::OverrideOrigin(_));
        let ttl = (overrides || !plan.edge_ttl.by_status.is_empty()).then_some(&plan.edge_ttl);
        content_hash(&(level, &plan.key, vary, stores, ttl))
    };
    let own = of(plan);
    if own == of(plain) { 0 } else { own.max(1) }
}

fn query(config: &CacheConfig, cx: &mut Context) -> QueryPlan {
    let own = config.query_string.as_ref();
    let custom = config.custom_key.query_string.as_ref();
    let in_custom = |cx: &mut Context, problem| {
        let mark = custom.map_or(Mark::START, |custom| custom.mark);
        cx.in_key("custom_key", |cx| cx.in_key("query_string", |cx| cx.error(mark, problem)));
    };
    if own.is_some() && custom.is_some() {
        in_custom(
            cx,
            contradiction("`query_string` is written twice: here and for the zone", "Remove one of them."),
        );
    }
    if config.level.value == Level::Simplified && own.or(custom).is_some() {
        let message = "with `level: simplified` the query of static files makes no difference already";
        let problem = contradiction(message, "Remove `query_string`, or choose another level.");
        cx.in_key("level", |cx| cx.error(config.level.mark, problem));
    }
    match (own, custom) {
        (Some(own), _) => cx.in_key("query_string", |cx| query_of(own, cx)),
        (None, Some(custom)) => {
            cx.in_key("custom_key", |cx| cx.in_key("query_string", |cx| query_of(custom, cx)))
        }
        (None, None) => KeyPlan::plain().query,
    }
}

fn query_of(config: &Spanned<QueryString>, cx: &mut Context) -> QueryPlan {
    let list = match &config.value {
        QueryString::Word(QueryWord::Keep) => return KeyPlan::plain().query,
        QueryString::Word(QueryWord::Ignore) => return QueryPlan { keep: QueryKeep::None, is_sorted: false },
        QueryString::Word(QueryWord::Sort) => return QueryPlan { keep: QueryKeep::All, is_sorted: true },
        QueryString::List(list) => list,
    };
    let QueryListConfig { include, exclude, sort } = list;
    let bytes = |names: &[ParameterName], case: fn(&str) -> String| {
        let mut names: Vec<Name> = names.iter().map(|name| case(&name.0).as_str().into()).collect();
        names.sort();
        names.into()
    };
    for names in [include, exclude] {
        if let Some(ParameterNames::These(names)) = names {
            check_length(names.iter().map(|_| config.mark), cx);
        }
    }
    let keep = match (include, exclude) {
        (Some(ParameterNames::All), None) => QueryKeep::All,
        (Some(ParameterNames::These(names)), None) => QueryKeep::Only(bytes(names, str::to_ascii_lowercase)),
        (None, Some(ParameterNames::All)) => QueryKeep::None,
        (None, Some(ParameterNames::These(names))) => QueryKeep::Without(bytes(names, str::to_owned)),
        (Some(_), Some(_)) | (None, None) => {
            let message = "either `include` or `exclude` says which parameters count";
            cx.error(config.mark, contradiction(message, "Write exactly one of the two."));
            QueryKeep::All
        }
    };
    QueryPlan { keep, is_sorted: sort.0 }
}

fn contradiction(message: &str, action: &str) -> Problem {
    Problem::new("cache-contradiction", message, action)
}

fn shared_host(is_resolved: bool, mark: Mark, origins: Origins<'_>, cx: &mut Context) -> Option<Name> {
    match (is_resolved, origins) {
        (false, _) => None,
        (true, Origins::SameHost(host)) => Some(Name(host.to_ascii_lowercase().into())),
        (true, Origins::OtherHosts) => {
            let problem = Problem::new(
                "cache-host",
                "the origins can tell the hosts of this zone apart, so the hosts cannot share what is stored",
                "Give all origins of the zone the same `host_header`, or remove `resolved`.",
            );
            cx.in_key("host", |cx| cx.in_key("resolved", |cx| cx.error(mark, problem)));
            None
        }
    }
}

/// What counts of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Value,
    Presence,
}

fn fields(key: &str, list: &[Spanned<FieldName>], of: Use, cx: &mut Context) -> Box<[Name]> {
    cx.in_key(key, |cx| {
        check_length(list.iter().map(|name| name.mark), cx);
        for name in list {
            if let Some(problem) = unfit(&name.value.0, of) {
                cx.in_item(name.item, |cx| cx.error(name.mark, problem));
            }
        }
    });
    sorted(list.iter().map(|name| name.value.0.as_str()))
}

fn header_texts(config: &HeaderTexts, cx: &mut Context) -> Box<[(Name, Box<[Name]>)]> {
    let mut made: Vec<(Name, Box<[Name]>)> = Vec::new();
    cx.in_key("contains", |cx| {
        // All texts together: each is looked for in each request.
        check_length(config.0.iter().flat_map(|(_, texts)| texts.iter().map(|text| text.mark)), cx);
        for (name, texts) in &config.0 {
            let text = name.value.0.as_str();
            let problem = match made.iter().any(|(own, _)| **own == *text.as_bytes()) {
                true => {
                    let message = format!("`{text}` is written twice, in another case");
                    Some(contradiction(&message, "Remove one of them."))
                }
                false => unfit(text, Use::Presence),
            };
            if let Some(problem) = problem {
                cx.in_key(text, |cx| cx.error(name.mark, problem));
            }
            made.push((text.into(), sorted(texts.iter().map(|text| text.value.0.as_str()))));
        }
    });
    made.sort();
    made.into()
}

/// What is wrong with a field in the key: Cloudflare's lists.
fn unfit(name: &str, of: Use) -> Option<Problem> {
    let (why, action) = match name {
        "accept" | "accept-charset" | "accept-encoding" | "accept-datetime" | "accept-language"
        | "referer" | "user-agent"
            if of == Use::Value =>
        {
            let why = "has so many values that hardly two visitors would share a response";
            (why, "Let the origin name it in `Vary`, or use `by_device_type` or `user.lang`.")
        }
        "connection"
        | "content-length"
        | "cache-control"
        | "if-match"
        | "if-modified-since"
        | "if-none-match"
        | "if-unmodified-since"
        | "if-range"
        | "range"
        | "upgrade"
        | "transfer-encoding"
        | "te"
        | "pragma"
        | "expect"
        | "keep-alive"
        | "proxy-connection"
        | "proxy-authorization"
        | "trailer" => ("belongs to the connection or to the cache itself", "Remove it."),
        "cookie" => ("is too large to be part of a key", "Name single cookies in `cookie`."),
        "host" | "origin" | "forwarded" | "x-forwarded-host" => ("is part of the key already", "Remove it."),
        name if name.starts_with("cf-") || matches!(name, "x-forwarded-for" | "x-forwarded-proto") => {
            ("is written by the edge itself", "Remove it.")
        }
        _ => return None,
    };
    Some(Problem::new("cache-key-field", format!("`{name}` {why}"), action))
}

fn cookies(key: &str, list: &[Spanned<CookieName>], cx: &mut Context) -> Box<[Name]> {
    cx.in_key(key, |cx| check_length(list.iter().map(|name| name.mark), cx));
    sorted(list.iter().map(|name| name.value.0.as_str()))
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Box<[Name]> {
    let mut names: Vec<Name> = names.map(Name::from).collect();
    names.sort();
    names.dedup();
    names.into()
}
