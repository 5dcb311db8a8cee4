//! The pages, with the validators and lifetimes that a careful website gives them (RFC 9110 section 13,
//! RFC 9111 section 5.2).

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

/// When this content was last touched; it is compiled in, so it is the same for all of it.
const LAST_MODIFIED: &str = "Wed, 25 Nov 2026 17:00:00 GMT";
const PAGE: Kind = Kind { content_type: "text/html; charset=utf-8", cache_control: "public, max-age=60" };
const SVG: Kind = Kind { content_type: "image/svg+xml", cache_control: "public, max-age=86400" };
const PNG: Kind = Kind { content_type: "image/png", cache_control: "public, max-age=86400" };
const CSS: Kind = Kind { content_type: "text/css; charset=utf-8", cache_control: "public, max-age=3600" };
const SCRIPT: Kind =
    Kind { content_type: "text/javascript; charset=utf-8", cache_control: "public, max-age=3600" };

const FILES: [(&str, Kind, &[u8]); 11] = [
    ("/", PAGE, include_bytes!("../site/index.html")),
    ("/about", PAGE, include_bytes!("../site/about.html")),
    ("/websocket", PAGE, include_bytes!("../site/websocket.html")),
    ("/live", PAGE, include_bytes!("../site/live.html")),
    ("/send", PAGE, include_bytes!("../site/send.html")),
    ("/trouble", PAGE, include_bytes!("../site/trouble.html")),
    ("/style.css", CSS, include_bytes!("../site/style.css")),
    ("/app.js", SCRIPT, include_bytes!("../site/app.js")),
    ("/logo.svg", SVG, include_bytes!("../site/logo.svg")),
    ("/book.svg", SVG, include_bytes!("../site/book.svg")),
    ("/hero.png", PNG, include_bytes!("../site/hero.png")),
];

#[derive(Clone, Copy)]
struct Kind {
    content_type: &'static str,
    cache_control: &'static str,
}

/// A route for each file.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        let etag = etag(content);
        router.route(path, get(async move |headers: HeaderMap| answer(&headers, kind, &etag, content)))
    })
}

/// The page for an address that does not exist.
pub(crate) async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Html(include_str!("../site/404.html")))
}

fn answer(request: &HeaderMap, kind: Kind, etag: &str, content: &'static [u8]) -> Response {
    let validators = [
        (header::ETAG, etag),
        (header::LAST_MODIFIED, LAST_MODIFIED),
        (header::CACHE_CONTROL, kind.cache_control),
    ];
    if is_current(request, etag) {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    (validators, [(header::CONTENT_TYPE, kind.content_type)], content).into_response()
}

/// Whether the visitor's copy is this one. `If-None-Match` wins where both are there (RFC 9110 13.2.2).
fn is_current(request: &HeaderMap, etag: &str) -> bool {
    let value = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
    match (value(header::IF_NONE_MATCH), value(header::IF_MODIFIED_SINCE)) {
        (Some(tags), _) => {
            tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
        }
        (None, Some(date)) => date == LAST_MODIFIED,
        (None, None) => false,
    }
}

fn etag(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}
