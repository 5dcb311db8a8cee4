//! The control socket: one JSON object a line in, one out. It works with everything else down.

use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use rempart_config::diagnostic_json;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::reload::Outcome;
use super::{Control, reload, status};

/// The longest order.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// How long an order may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the socket until the task is ended.
pub(super) async fn serve(control: Arc<Control>, listener: StdListener) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the control socket cannot be served"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = Arc::clone(&control);
                tokio::spawn(async move { answer(&control, stream).await });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket failed to accept");
                let _ = timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
            }
        }
    }
}

async fn answer(control: &Arc<Control>, mut stream: UnixStream) {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut lines = BufReader::new(read.take(LINE_BYTES_MAX));
    if !matches!(timeout(PATIENCE, lines.read_line(&mut line)).await, Ok(Ok(1..))) {
        return;
    }
    let order: Result<Value, _> = serde_json::from_str(&line);
    let reply = match order.as_ref().ok().and_then(|order| order["command"].as_str()) {
        Some("reload") => {
            let outcome = reload::reload(control, "rempart ctl reload").await;
            reply(outcome, &control.waiting_for_restart())
        }
        Some("status") => json!({"ok": true, "status": status::json(control)}),
        Some(other) => {
            json!({"ok": false, "error": format!("unknown command {other:?}; known: reload, status")})
        }
        None => json!({"ok": false, "error": "expected one line of JSON with a \"command\""}),
    };
    let mut text = reply.to_string();
    text.push('\n');
    // Who asked may have gone.
    let _ = timeout(PATIENCE, write.write_all(text.as_bytes())).await;
}

fn reply(outcome: Outcome, waiting_for_restart: &[&str]) -> Value {
    match outcome {
        Outcome::Applied(snapshot) => {
            json!({"ok": true, "changed": true, "release": snapshot.number, "zones": snapshot.zones().len(),
                "waiting_for_restart": waiting_for_restart,
                "warnings": snapshot.warnings.iter().map(diagnostic_json).collect::<Vec<_>>()})
        }
        Outcome::Unchanged(snapshot) => {
            json!({"ok": true, "changed": false, "release": snapshot.number, "zones": snapshot.zones().len(),
                "waiting_for_restart": waiting_for_restart})
        }
        Outcome::Refused(diagnostics) => json!({
            "ok": false,
            "error": "the configuration is refused; what ran goes on",
            "diagnostics": diagnostics.0.iter().map(diagnostic_json).collect::<Vec<_>>(),
        }),
    }
}
