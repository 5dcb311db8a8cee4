//! The part of Cloudflare's API v4 that there is: purges. Forms and codes are Cloudflare's.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rempart_cache::purge::Refused;
use serde_json::{Value, json};

use super::super::Control;
use super::super::purge::{Done, NotDone};
use crate::purging::ask::Ask;

/// The longest body: 500 URLs of ordinary length with headers need a tenth of it.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A sweep, which makes room, has long passed then.
const RETRY_AFTER_S: &str = "2";

/// The routes.
pub(super) fn router() -> Router<Arc<Control>> {
    // Clients send either method, with and without a slash.
    let purge = || post(purge).delete(purge).layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Router::new()
        .route("/client/v4/zones/{zone}/purge_cache", purge())
        .route("/client/v4/zones/{zone}/purge_cache/", purge())
        .route("/client/v4/{*rest}", axum::routing::any(nowhere))
}

async fn purge(
    State(control): State<Arc<Control>>,
    Path(zone): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    if let Some(refusal) = refused(&control, &headers) {
        return refusal;
    }
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body is longer than {BODY_BYTES_MAX} bytes");
            return failed(StatusCode::PAYLOAD_TOO_LARGE, 413, &message);
        }
        Err(error) => return failed(error.status(), 6007, &error.body_text()),
    };
    let ask = match Ask::read(&body) {
        Ok(ask) => ask,
        Err(wrong) => return failed(StatusCode::BAD_REQUEST, wrong.code, &wrong.message),
    };
    // By id alone: what is no id is no zone of Cloudflare's API.
    let is_id = zone.len() == 32 && zone.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return no_zone(&uri);
    }
    match control.purge(&zone, ask, "api").await {
        Ok(Done { id, .. }) => answer(
            StatusCode::OK,
            &json!({
                "result": {"id": id.to_string()}, "success": true, "errors": [], "messages": [],
            }),
        ),
        Err(not_done) => explain(not_done, &uri),
    }
}

fn explain(not_done: NotDone, uri: &Uri) -> Response {
    match not_done {
        NotDone::NoZone => no_zone(uri),
        NotDone::Foreign { host, zone } => {
            let message = format!("Unable to purge {host}: it is not a host of zone {zone}");
            failed(StatusCode::BAD_REQUEST, 1015, &message)
        }
        NotDone::Refused(Refused::Full) => {
            let message = "Please wait and consider throttling your request rate: nothing was purged";
            let mut response = failed(StatusCode::TOO_MANY_REQUESTS, 971, message);
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static(RETRY_AFTER_S));
            response
        }
        NotDone::Refused(Refused::NotDurable(why)) => {
            let message = format!("purged, but it would not outlast a restart: purges.log: {why}");
            failed(StatusCode::INTERNAL_SERVER_ERROR, 500, &message)
        }
    }
}

/// What whoever does not know the token is told.
fn refused(control: &Control, headers: &HeaderMap) -> Option<Response> {
    let settings = &control.newest().settings;
    let Some(token) = &settings.admin_token else {
        let message = "Authentication error: there is no token yet; write one into a file and name it as \
            `admin.token_file` in the configuration, or use `rempart ctl purge`";
        return Some(failed(StatusCode::FORBIDDEN, 10000, message));
    };
    let Some(sent) = headers.get(AUTHORIZATION) else {
        let message = "Missing Authorization header: send \"Authorization: Bearer TOKEN\"";
        return Some(failed(StatusCode::BAD_REQUEST, 9106, message));
    };
    let Some(sent) = bearer(sent.as_bytes()) else {
        let chain = json!([{"code": 6111, "message": "Invalid format for Authorization header"}]);
        let error = json!({"code": 6003, "message": "Invalid request headers", "error_chain": chain});
        return Some(answer(StatusCode::BAD_REQUEST, &envelope(&[error])));
    };
    let is_known = is_same(sent, token.0.reveal().as_bytes());
    (!is_known).then(|| failed(StatusCode::FORBIDDEN, 9109, "Invalid access token"))
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1); the scheme's case does not count.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// In a time that says nothing about where they differ, nor about their lengths.
fn is_same(sent: &[u8], token: &[u8]) -> bool {
    let (sent, token) = (digest(&SHA256, sent), digest(&SHA256, token));
    verify_slices_are_equal(sent.as_ref(), token.as_ref()).is_ok()
}

async fn nowhere(State(control): State<Arc<Control>>, headers: HeaderMap) -> Response {
    refused(&control, &headers)
        .unwrap_or_else(|| failed(StatusCode::NOT_FOUND, 7000, "No route for that URI"))
}

fn no_zone(uri: &Uri) -> Response {
    let path = uri.path();
    let message = format!("Could not route to {path}, perhaps your object identifier is invalid?");
    let errors = [
        json!({"code": 7003, "message": message}),
        json!({"code": 7000, "message": "No route for that URI"}),
    ];
    answer(StatusCode::NOT_FOUND, &envelope(&errors))
}

fn failed(status: StatusCode, code: u32, message: &str) -> Response {
    answer(status, &envelope(&[json!({"code": code, "message": message})]))
}

fn envelope(errors: &[Value]) -> Value {
    json!({"result": null, "success": false, "errors": errors, "messages": []})
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        for wrong in [&b"Bearer"[..], b"Bearer ", b"Basic abc", b"abc", b"", b"Bearerabc1"] {
            assert_eq!(bearer(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
        assert!(is_same(b"token", b"token"));
        assert!(!is_same(b"token", b"tokem") && !is_same(b"token", b"token1") && !is_same(b"", b"token"));
    }
}
