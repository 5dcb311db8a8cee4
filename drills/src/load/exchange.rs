//! One connection, and one exchange on it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tally::Failure;
use crate::marks::{self, Tenant};
use crate::origin::field;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A connection to the edge.
pub(super) struct Connection {
    stream: TcpStream,
    is_reused: bool,
}

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Rightly, and whether the connection can carry another one.
    Right { may_be_kept: bool },
    /// Badly.
    Failed(Failure),
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(|error| broken(&error))?;
        stream.set_nodelay(true).ok();
        Ok(Self { stream, is_reused: false })
    }

    /// Whether it can carry a request, as far as can be told without sending one.
    pub(super) fn is_open(&self) -> bool {
        let looked = rustix::net::recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looked == Err(rustix::io::Errno::AGAIN)
    }

    /// Sends a request for this target, and judges the answer.
    pub(super) async fn exchange(&mut self, tenant: &Tenant, target: &str, keep: bool) -> Ended {
        let close = if keep { "" } else { "Connection: close\r\n" };
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{close}\r\n", tenant.host);
        let mut input = Vec::new();
        let read = match self.stream.write_all(request.as_bytes()).await {
            Ok(()) => read_answer(&mut self.stream, &mut input).await,
            Err(error) => Err(broken(&error)),
        };
        let was_reused = std::mem::replace(&mut self.is_reused, true);
        match read {
            Ok(answer) => judge(&answer, tenant, target),
            Err(Failure::Reset | Failure::Closed) if was_reused && input.is_empty() => {
                Ended::Failed(Failure::Crossed)
            }
            Err(failure) => Ended::Failed(failure),
        }
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    may_be_kept: bool,
}

async fn read_answer(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<Answer, Failure> {
    let head_bytes = loop {
        if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_more(stream, input).await?;
    };
    let head = String::from_utf8_lossy(input.get(..head_bytes).unwrap_or_default()).into_owned();
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or(Failure::Nonsense)?;
    if status != 200 {
        // What else it says makes it no better.
        return Ok(Answer { status, body: Vec::new(), may_be_kept: false });
    }
    let length = field(&head, "content-length").and_then(|value| value.parse::<usize>().ok());
    let whole = head_bytes.saturating_add(length.ok_or(Failure::Nonsense)?);
    while input.len() < whole {
        read_more(stream, input).await?;
    }
    let may_be_kept = !field(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    // More than was announced belongs to the body as well: it is compared as a whole.
    Ok(Answer { status, body: input.split_off(head_bytes), may_be_kept })
}

async fn read_more(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<(), Failure> {
    if input.len() > ANSWER_BYTES_MAX {
        return Err(Failure::Nonsense);
    }
    match stream.read_buf(input).await {
        Ok(0) => Err(Failure::Closed),
        Ok(_) => Ok(()),
        Err(error) => Err(broken(&error)),
    }
}

fn judge(answer: &Answer, tenant: &Tenant, target: &str) -> Ended {
    match answer.status {
        200 => {}
        500..=599 => return Ended::Failed(Failure::Ours(answer.status)),
        other => return Ended::Failed(Failure::Status(other)),
    }
    if answer.body == marks::body(tenant.number, &tenant.host, target).as_bytes() {
        return Ended::Right { may_be_kept: answer.may_be_kept };
    }
    let mark = format!("tenant={} host={} ", tenant.number, tenant.host);
    let is_of_tenant = answer.body.starts_with(mark.as_bytes());
    Ended::Failed(if is_of_tenant { Failure::WrongBody } else { Failure::WrongTenant })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the list of io::ErrorKind is open")]
fn broken(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::TimedOut => Failure::TimedOut,
        _ => Failure::Reset,
    }
}
