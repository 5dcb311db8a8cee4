//! One request on trial: a real worker answers it on a configuration, and it is told what its rules did. Nothing leaves
//! the process: the request comes over a socket pair, and one of our own stands in for every origin.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rempart_config::Snapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::kitchen::{Kitchen, Watching};
use crate::rules::trace::{Step, Trace};

/// So much of an answer is read.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// How long a request may take: a measurement takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, and who sends it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The whole message of HTTP/1.1.
    pub bytes: Vec<u8>,
    /// From where.
    pub from: SocketAddr,
    /// Whether it comes over TLS.
    pub tls: bool,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What rules did, in order.
    pub steps: Vec<Step>,
    /// What origins were asked: each head, for people.
    pub asked: Vec<String>,
    /// The answer, as it came; empty if the connection was closed without one.
    pub answer: Vec<u8>,
}

/// Tries a request.
///
/// # Errors
/// The worker cannot run, or does not answer in time.
pub fn attempt(snapshot: &Arc<Snapshot>, request: &Request) -> io::Result<Tried> {
    let ((rules, steps), (origin, asked)) = (channel(), channel());
    let kitchen =
        Kitchen::open_with(snapshot, Watching { rules: Some(Trace::new(rules)), origin: Some(origin) })?;
    let answer = kitchen.runtime.block_on(exchange(&kitchen, request));
    kitchen.close();
    Ok(Tried { answer: answer?, steps: steps.try_iter().collect(), asked: asked.try_iter().collect() })
}

async fn exchange(kitchen: &Kitchen, request: &Request) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::from_std(kitchen.connect_from(request.from, request.tls)?)?;
    let mut answer = Vec::new();
    let exchanging = async {
        // A refusal may come before all is written, and ends the writing. Who has said all that there is closes its
        // side, so that the connection ends behind the answer without a field of the request that says so.
        if stream.write_all(&request.bytes).await.is_ok() {
            let _ = stream.shutdown().await;
        }
        let read = (&mut stream).take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
        match read {
            // What was closed without an answer is an answer.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    };
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer within a minute");
    timeout(PATIENCE, exchanging).await.map_err(late)??;
    Ok(answer)
}
