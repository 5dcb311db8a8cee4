//! What visitors cost who do almost nothing: `idle` holds many silent connections, `trickle` reads a large
//! answer very slowly. Both tell by how much the server's memory has grown.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rempart_base::Now;

use crate::http::{Connection, Url};
use crate::process::{Tree, raise_descriptors};
use crate::{Outcome, pause};

/// Descriptors that this program needs beside its connections.
const DESCRIPTORS_OWN: u64 = 64;
/// Memory is read when it has been the same (within 64 KiB) for this long.
const SETTLE: Duration = Duration::from_millis(500);
/// … or at the latest after so many such waits.
const SETTLES_MAX: u32 = 10;

/// Many idle connections.
#[derive(clap::Args, Debug)]
pub(crate) struct Idle {
    /// Asked once on each connection
    #[arg(long)]
    url: String,
    /// How many
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// The server's process; its descendants count too
    #[arg(long)]
    pid: u32,
    /// Fail above this, in bytes a connection
    #[arg(long)]
    bytes_max: Option<u64>,
}

/// A slow reader.
#[derive(clap::Args, Debug)]
pub(crate) struct Trickle {
    /// A large answer, as `/1g` of the floor
    #[arg(long)]
    url: String,
    /// How long to read, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Bytes a second
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// Readers at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    connections: u32,
    /// The server's process; its descendants count too
    #[arg(long)]
    pid: u32,
    /// Fail if memory grows by more than this, in bytes
    #[arg(long)]
    bytes_max: Option<u64>,
}

/// Opens the connections, asks once on each, and prints what one costs.
pub(crate) fn idle(options: &Idle) -> Outcome<()> {
    let wanted = u64::from(options.connections) + DESCRIPTORS_OWN;
    let limit = raise_descriptors();
    if limit < wanted {
        return Err(format!("{wanted} descriptors are needed and {limit} allowed: ulimit -n {wanted}").into());
    }
    let url = Url::parse(&options.url)?;
    let request = request(&url);
    let tree = Tree::of(options.pid);
    // One exchange before, so that what is set up once is not counted.
    Connection::open(url.address)?.exchange(&request).map_err(|broken| broken.cause)?;
    let before = settled_pss(tree)?;
    let mut held = Vec::new();
    for nth in 0..options.connections {
        let told = |cause| format!("connection {nth}: {cause}");
        let mut connection = Connection::open(url.address).map_err(told)?;
        let answer = connection.exchange(&request).map_err(|broken| told(broken.cause))?;
        if answer.status != 200 || !answer.keep_alive {
            return Err(format!("connection {nth}: status {}, not kept alive", answer.status).into());
        }
        held.push(connection);
    }
    let after = settled_pss(tree)?;
    let open = held.iter().filter(|connection| connection.between() == crate::http::Between::Open).count();
    if open < held.len() {
        return Err(format!("the server closed {} of {} connections", held.len() - open, held.len()).into());
    }
    let grown = after.saturating_sub(before);
    let each = grown / u64::from(options.connections.max(1));
    println!("{open} idle connections: PSS {before} → {after} bytes, {each} bytes a connection");
    within(each, options.bytes_max)
}

/// Reads slowly and prints how the server's memory has grown.
pub(crate) fn trickle(options: &Trickle) -> Outcome<()> {
    let url = Url::parse(&options.url)?;
    let request = request(&url);
    let tree = Tree::of(options.pid);
    let before = settled_pss(tree)?;
    let mut readers = Vec::new();
    for _ in 0..options.connections {
        let connection = Connection::open(url.address)?;
        let (status, body_bytes, stream) =
            connection.exchange_head(&request).map_err(|broken| broken.cause)?;
        if status != 200 {
            return Err(format!("status {status}").into());
        }
        println!("reading an answer of {body_bytes} bytes at {} a second", options.rate);
        readers.push(stream);
    }
    let (options_seconds, rate) = (options.seconds, options.rate);
    let readers: Vec<_> =
        readers.into_iter().map(|stream| thread::spawn(move || sip(stream, options_seconds, rate))).collect();
    let mut largest = before;
    while !readers.iter().all(thread::JoinHandle::is_finished) {
        largest = largest.max(tree.pss_bytes()?);
        pause(Duration::from_millis(200));
    }
    for reader in readers {
        reader.join().map_err(|_| "a reader has panicked")??;
    }
    let after = tree.pss_bytes()?;
    println!("PSS {before} → {after} bytes, at most {largest}, in {} s", options.seconds);
    within(largest.saturating_sub(before), options.bytes_max)
}

/// Reads `rate` bytes each second and hands the stream back, so that nobody is cut off before the last look.
fn sip(mut stream: TcpStream, seconds: u64, rate: u64) -> std::io::Result<TcpStream> {
    let begun = Now::read();
    let mut byte = [0; 1];
    for nth in 0..seconds * rate {
        let due = begun.after(Duration::from_nanos(1_000_000_000 / rate * nth));
        pause(due.mono.saturating_duration_since(Now::read().mono));
        stream.read_exact(&mut byte)?;
    }
    Ok(stream)
}

fn request(url: &Url) -> Vec<u8> {
    format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.target, url.authority).into_bytes()
}

/// The tree's memory once it no longer moves.
pub(crate) fn settled_pss(tree: Tree) -> Outcome<u64> {
    let mut last = tree.pss_bytes()?;
    for _ in 0..SETTLES_MAX {
        pause(SETTLE);
        let now = tree.pss_bytes()?;
        if now.abs_diff(last) < 64 << 10 {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}

/// Whether the bound, if there is one, was kept.
pub(crate) fn within(bytes: u64, bytes_max: Option<u64>) -> Outcome<()> {
    match bytes_max {
        Some(max) if bytes > max => Err(format!("{bytes} bytes, at most {max} were allowed").into()),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_at_the_bound_and_not_above() {
        assert!(within(10, Some(10)).is_ok());
        assert!(within(11, Some(10)).is_err());
        assert!(within(u64::MAX, None).is_ok());
    }
}
