//! Connections that stay open: a WebSocket that echoes and a stream of events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::time::interval;

const TICK_MS: u64 = 1000;

/// `/ws`: every message comes back as it was.
pub(crate) async fn websocket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

/// `/events`: one `tick` a second, numbered on from `Last-Event-ID` after a reconnection.
pub(crate) async fn events(headers: HeaderMap) -> impl IntoResponse {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0);
    Sse::new(ticks(last))
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let answered = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            // Answered by the library itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(()),
        };
        if answered.is_err() {
            return;
        }
    }
}

fn ticks(last: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let clock = interval(Duration::from_millis(TICK_MS));
    stream::unfold((clock, last), async |(mut clock, last)| {
        clock.tick().await;
        let id = last.wrapping_add(1);
        let event = Event::default().event("tick").id(id.to_string()).data(json!({ "tick": id }).to_string());
        Some((Ok(event), (clock, id)))
    })
}
