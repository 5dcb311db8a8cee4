//! The control socket: one JSON object a line in, one out. It works with everything else down.

mod acts;
mod order;

use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use rempart_releases::Who;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use self::order::Asked;
use super::Control;

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
    let who = who(&stream);
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut lines = BufReader::new(read.take(LINE_BYTES_MAX));
    if !matches!(timeout(PATIENCE, lines.read_line(&mut line)).await, Ok(Ok(1..))) {
        return;
    }
    let reply = match Asked::parse(&line) {
        Ok(asked) => acts::act(control, asked, who).await,
        Err(error) => json!({"ok": false, "error": error}),
    };
    let _ = timeout(PATIENCE, write.write_all(text(&reply).as_bytes())).await;
}

fn text(reply: &Value) -> String {
    let mut text = reply.to_string();
    text.push('\n');
    text
}

/// As the kernel says.
fn who(stream: &UnixStream) -> Who {
    let Ok(peer) = stream.peer_cred() else { return Who::peer(u32::MAX, 0) };
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    Who::peer(peer.uid(), pid)
}
