//! Actions whose parameters are all written out.

use std::net::IpAddr;
use std::sync::Arc;

use rempart_base::config::{Context, Mark, Problem, Spanned};

use crate::lists::is_host;
use crate::rulesets::config::{CompressParameters, LogFieldConfig, LogFieldsParameters, RouteParameters};
use crate::rulesets::plan::{Action, LogFields, LoggedField, Route, Text};

use super::limit;
use super::values::contradiction;

/// Fields of one kind that a rule can add to the log.
const LOG_FIELDS_MAX: usize = 100;

pub(super) fn route(parameters: &RouteParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
    let RouteParameters { host_header, origin, sni } = parameters;
    if host_header.is_none() && origin.is_none() && sni.is_none() {
        let message = "it is not said what is different";
        cx.error(mark, contradiction(message, "Write `host_header`, `origin` or `sni`."));
        return None;
    }
    let before = cx.found();
    let mut route = Route::default();
    if let Some(host) = host_header {
        let (name, port) =
            host.value.rsplit_once(':').map_or((host.value.as_str(), None), |(n, p)| (n, Some(p)));
        let is_good = is_host(name) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        cx.in_key("host_header", |cx| check_host(host, is_good, cx));
        route.host_header = Some(Text::Fixed(host.value.to_ascii_lowercase().into_bytes().into()));
    }
    if let Some(origin) = origin {
        if origin.value.host.is_none() && origin.value.port.is_none() {
            let problem = contradiction("neither `host` nor `port` is written", "Write one of them.");
            cx.in_key("origin", |cx| cx.error(origin.mark, problem));
        }
        if let Some(host) = &origin.value.host {
            let is_good = is_host(&host.value) || host.value.parse::<IpAddr>().is_ok();
            cx.in_key("origin", |cx| cx.in_key("host", |cx| check_host(host, is_good, cx)));
        }
        route.host = origin.value.host.as_ref().map(|host| host.value.to_ascii_lowercase().into());
        route.port = origin.value.port;
    }
    if let Some(sni) = sni {
        cx.in_key("sni", |cx| cx.in_key("value", |cx| check_host(&sni.value, is_host(&sni.value.value), cx)));
        route.sni = Some(sni.value.value.to_ascii_lowercase().into());
    }
    (cx.found() == before).then(|| Action::Route(Arc::new(route)))
}

fn check_host(host: &Spanned<String>, is_good: bool, cx: &mut Context) {
    if !is_good {
        let message = format!("`{}` is no host name", host.value);
        let problem = Problem::new("invalid-value", message, "Correct it.");
        cx.error(host.mark, problem.expecting("a host name, in punycode"));
    }
}

pub(super) fn compress(parameters: &CompressParameters) -> Action {
    Action::CompressResponse(parameters.algorithms.iter().map(|algorithm| algorithm.name).collect())
}

pub(super) fn log_fields(parameters: &LogFieldsParameters, mark: Mark, cx: &mut Context) -> Option<Action> {
    let LogFieldsParameters {
        cookie_fields,
        request_fields,
        transformed_request_fields,
        response_fields,
        raw_response_fields,
    } = parameters;
    let lists = [
        ("cookie_fields", cookie_fields),
        ("request_fields", request_fields),
        ("transformed_request_fields", transformed_request_fields),
        ("response_fields", response_fields),
        ("raw_response_fields", raw_response_fields),
    ];
    if lists.iter().all(|(_, list)| list.is_empty()) {
        let problem = contradiction("it is not said which fields are logged", "Write `request_fields`.");
        cx.error(mark, problem);
        return None;
    }
    for (key, list) in lists {
        if let Some(field) = list.get(LOG_FIELDS_MAX) {
            let message = format!("there are more than {LOG_FIELDS_MAX} fields here");
            cx.in_key(key, |cx| cx.error(field.mark, limit(message)));
            return None;
        }
    }
    let names = |list: &[Spanned<LogFieldConfig>], case: fn(&str) -> String| {
        list.iter().map(|field| case(&field.value.name.value.0).into()).collect()
    };
    let fields = |list: &[Spanned<LogFieldConfig>]| {
        let field = |field: &Spanned<LogFieldConfig>| LoggedField {
            name: field.value.name.value.0.to_ascii_lowercase().into(),
            preserve_duplicates: field.value.preserve_duplicates,
        };
        list.iter().map(field).collect()
    };
    Some(Action::LogCustomField(Arc::new(LogFields {
        cookies: names(cookie_fields, str::to_owned),
        request: names(request_fields, str::to_ascii_lowercase),
        transformed_request: names(transformed_request_fields, str::to_ascii_lowercase),
        response: fields(response_fields),
        raw_response: fields(raw_response_fields),
    })))
}
