//! What goes wrong on real websites, on request.

use std::time::Duration;

use axum::extract::{ConnectInfo, Query};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use crate::cut::Cut;

const SLOW_MS_MAX: u64 = 600_000;

/// The query of `/slow`.
#[derive(Deserialize)]
pub(crate) struct Slow {
    /// How long to wait before the first byte, at most ten minutes.
    #[serde(default = "three_seconds")]
    ms: u64,
}

/// `/slow?ms=3000`
#[expect(clippy::disallowed_methods, reason = "this page is slow on purpose")]
pub(crate) async fn slow(Query(slow): Query<Slow>) -> impl IntoResponse {
    let ms = slow.ms.min(SLOW_MS_MAX);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    format!("answered after {ms} ms\n")
}

/// `/fail`
pub(crate) async fn fail() -> impl IntoResponse {
    (StatusCode::INTERNAL_SERVER_ERROR, "the origin failed on purpose\n")
}

/// `/fail/reset`: the connection is reset before a byte of this answer leaves.
pub(crate) async fn reset(ConnectInfo(cut): ConnectInfo<Cut>) -> impl IntoResponse {
    cut.cut();
    StatusCode::OK
}

const fn three_seconds() -> u64 {
    3000
}
