//! `/echo`: the request as the origin saw it.

use std::fmt::Write;

use axum::extract::Request;
use axum::http::header;
use axum::response::IntoResponse;

/// Any method: the request line and headers as text. The body is not read.
pub(crate) async fn echo(request: Request) -> impl IntoResponse {
    let mut text = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        writeln!(text, "{name}: {value}").ok();
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text)
}
