//! Synthetic visitors for a release that bakes while nobody comes.
//!
//! A probe is a whole exchange: it comes in on a connection from inside this process, passes every stage and asks the
//! zone's origin. It asks with `HEAD`, which changes nothing there, and says who it is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rempart_config::{HostPattern, ZonePlan};
use rempart_wire::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::running::Running;
use crate::worker::{Handle, Order};

/// A probe without an answer by then has none.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// Addresses that are tried for one whose visitors run on the release that bakes.
const ADDRESSES: u32 = 1 << 16;

/// Sends `count` probes, zone after zone, and returns how many were answered.
pub(crate) async fn zones(running: &Running, workers: &[Handle], count: u64) -> u64 {
    let newest = running.newest();
    let Some(visitor) = visitor(running) else { return 0 };
    let hosts: Vec<String> =
        newest.zones().take(usize::try_from(count).unwrap_or(usize::MAX)).map(host).collect();
    let mut answered = 0;
    for (host, worker) in
        hosts.iter().cycle().zip(workers.iter().cycle()).take(usize::try_from(count).unwrap_or(0))
    {
        match timeout(PATIENCE, probe(host, visitor, worker)).await {
            Ok(Ok(())) => answered += 1,
            Ok(Err(error)) => tracing::warn!(%error, host, "a probe was not answered"),
            Err(_) => tracing::warn!(host, "a probe was not answered in {} s", PATIENCE.as_secs()),
        }
    }
    answered
}

/// An address of the block for benchmarks (RFC 2544), nobody's, that the release that bakes is meant for.
fn visitor(running: &Running) -> Option<Ipv4Addr> {
    let first = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    (0..ADDRESSES)
        .map(|offset| Ipv4Addr::from(first + offset))
        .find(|address| Arc::ptr_eq(running.of(IpAddr::V4(*address)), running.newest()))
}

fn host(zone: &Arc<ZonePlan>) -> String {
    match zone.hosts.first() {
        Some(HostPattern::Exact(host)) => host.to_string(),
        Some(HostPattern::Under(parent)) => format!("probe.{parent}"),
        Some(HostPattern::Any) | None => zone.name.to_string(),
    }
}

async fn probe(host: &str, visitor: Ipv4Addr, worker: &Handle) -> io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let peer = Peer {
        address: SocketAddr::from((visitor, 0)),
        local: SocketAddr::from((Ipv4Addr::LOCALHOST, 80)),
        tls: None,
        is_inside: true,
    };
    worker
        .orders
        .send(Order::Inside(theirs, peer))
        .map_err(|_| io::Error::other("the worker has stopped"))?;
    let mut stream = tokio::net::UnixStream::from_std(ours)?;
    let request =
        format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rempart-probe\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 ") { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
