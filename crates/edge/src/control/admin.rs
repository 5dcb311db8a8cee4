//! The admin endpoint: metrics, health, status, purges.

mod api;
mod prometheus;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json};
use axum::routing::get;

use super::Control;

/// Serves the endpoint until the process ends.
pub(super) async fn serve(control: Arc<Control>, listener: std::net::TcpListener) {
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .merge(api::router())
        .with_state(control);
    let served = async { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await };
    if let Err(error) = served.await {
        tracing::error!(%error, "the admin endpoint has ended");
    }
}

async fn health(State(control): State<Arc<Control>>) -> impl IntoResponse {
    if control.turns_away.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    (StatusCode::OK, "ok\n")
}

/// It waits for whoever changes what runs; what else is asked here does not.
async fn status(State(control): State<Arc<Control>>) -> impl IntoResponse {
    let status = tokio::task::spawn_blocking(move || super::status::json(&control)).await;
    status.map(Json).map_err(|panic| (StatusCode::INTERNAL_SERVER_ERROR, panic.to_string()))
}

async fn metrics(State(control): State<Arc<Control>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], prometheus::text(&control))
}
