//! A load generator that knows what it sent: each request carries an id and a host, and the answer of the
//! `echo` origin must name both. Nothing may be lost, reset or sent to the wrong place, whatever happens to
//! the proxy between.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rempart_base::Now;

use crate::http::{Answer, Between, Broken, Connection, Url};
use crate::process::Tree;
use crate::tally::{Ended, Tally};
use crate::{Outcome, pause, process};

/// What to send.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Where to: a proxy with the `echo` origin behind it
    #[arg(long)]
    url: String,
    /// Hosts to ask for in turn; `host=origin` also expects the echo to be named so [default: the URL's]
    #[arg(long, value_delimiter = ',')]
    hosts: Vec<String>,
    /// Keep-alive connections, each a thread
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    connections: u32,
    /// How long, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests a second, all connections together; 0: each connection sends as soon as it has its answer
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// A process whose tree's CPU time a request is printed
    #[arg(long)]
    pid: Option<u32>,
}

/// A host and the origin that must answer for it, where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Zone {
    host: String,
    origin: Option<String>,
}

impl Zone {
    fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((host, origin)) => Self { host: host.to_owned(), origin: Some(origin.to_owned()) },
            None => Self { host: text.to_owned(), origin: None },
        }
    }
}

/// Loads, prints what came of it, and fails unless every request was answered rightly.
#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let url = Url::parse(&options.url)?;
    let mut zones: Vec<Zone> = options.hosts.iter().map(|text| Zone::parse(text)).collect();
    if zones.is_empty() {
        zones.push(Zone::parse(&url.authority));
    }
    let _ = process::raise_descriptors();
    let cpu = |pid: Option<u32>| pid.map(|pid| Tree::of(pid).cpu_ns()).transpose();
    let before = cpu(options.pid)?;
    let begun = Now::read();
    let total = everybody(options, &url, &zones, begun)?;
    let wall_s = (Now::read().mono - begun.mono).as_secs_f64();
    let after = cpu(options.pid)?;

    println!("{total}");
    println!("rate           {:.0} answers a second", total.ok as f64 / wall_s);
    if let (Some(before), Some(after)) = (before, after) {
        println!(
            "server CPU     {:.2} µs a request",
            after.saturating_sub(before) as f64 / 1e3 / total.ok as f64
        );
    }
    if total.is_clean() { Ok(()) } else { Err("not every request was answered rightly".into()) }
}

fn everybody(options: &Options, url: &Url, zones: &[Zone], begun: Now) -> Outcome<Tally> {
    let ids = AtomicU64::new(0);
    thread::scope(|scope| {
        let mut visitors = Vec::new();
        for nth in 0..options.connections {
            let pace = Pace { begun, nth: nth.into(), of: options.connections.into(), rate: options.rate };
            let until = begun.after(Duration::from_secs(options.seconds));
            let visitor =
                Visitor { address: url.address, target: &url.target, zones, ids: &ids, pace, until };
            visitors.push(
                thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, move || visitor.run())?,
            );
        }
        let mut total = Tally::default();
        for visitor in visitors {
            total.add(visitor.join().map_err(|_| "a thread of the generator has panicked")?);
        }
        Ok(total)
    })
}

/// When the requests of one connection are due.
#[derive(Clone, Copy)]
struct Pace {
    begun: Now,
    nth: u64,
    of: u64,
    rate: u64,
}

impl Pace {
    /// When this connection's request number `count` is due; `None` for at once.
    fn due(self, count: u64) -> Option<Now> {
        let place = count * self.of + self.nth;
        let ns = u128::from(place).checked_mul(1_000_000_000)?.checked_div(u128::from(self.rate))?;
        Some(self.begun.after(Duration::from_nanos(u64::try_from(ns).ok()?)))
    }
}

/// One keep-alive connection and what it asks.
struct Visitor<'a> {
    address: SocketAddr,
    target: &'a str,
    zones: &'a [Zone],
    ids: &'a AtomicU64,
    pace: Pace,
    until: Now,
}

impl Visitor<'_> {
    fn run(&self) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        for count in 0.. {
            let due = self.pace.due(count).unwrap_or_else(Now::read);
            if due.mono >= self.until.mono {
                break;
            }
            if let Some(wait) = due.mono.checked_duration_since(Now::read().mono) {
                pause(wait);
            }
            // Taken from when it was due, so that a stall is felt by all that should have been sent in it.
            self.ask(&mut connection, due, &mut tally);
        }
        tally
    }

    fn ask(&self, kept: &mut Option<Connection>, due: Now, tally: &mut Tally) {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let Some(zone) = usize::try_from(id).ok().and_then(|id| self.zones.get(id % self.zones.len())) else {
            return;
        };
        let target = format!("{}?id={id}", self.target);
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", zone.host);
        tally.sent += 1;
        let ended = match self.exchange(kept, request.as_bytes(), tally) {
            Ok(answer) => judge(&answer, zone, &target),
            Err(ended) => ended,
        };
        if let Ended::Ok { reused_origin } = ended {
            let latency = Now::read().mono.saturating_duration_since(due.mono);
            tally.latency_us.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
            tally.ok += 1;
            tally.reused_origin += u64::from(reused_origin);
        } else {
            // What comes next on this connection can no longer be trusted.
            *kept = None;
            tally.count_bad(&format!("request {id} for {}", zone.host), ended);
        }
    }

    /// One request on the kept connection, or on a new one where the server had closed that. A server that
    /// closes a reused connection before it answers has not seen the request (RFC 9112, 9.3.1), which
    /// is then sent once more.
    fn exchange(
        &self,
        kept: &mut Option<Connection>,
        request: &[u8],
        tally: &mut Tally,
    ) -> Result<Answer, Ended> {
        let reused = kept.take().and_then(|connection| match connection.between() {
            Between::Open => Some(Ok(connection)),
            Between::Closed => {
                tally.closed_between += 1;
                None
            }
            Between::Unasked => Some(Err(Ended::Failed("bytes came that nobody asked for".to_owned()))),
        });
        if let Some(connection) = reused.transpose()? {
            match send(connection, kept, request) {
                Err(broken) if !broken.answer_began && is_close(broken.cause.kind()) => tally.retried += 1,
                Err(broken) => return Err(Ended::from(broken)),
                Ok(answer) => return Ok(answer),
            }
        }
        let fresh = Connection::open(self.address)
            .map_err(|cause| Ended::from(Broken { answer_began: false, cause }))?;
        Ok(send(fresh, kept, request)?)
    }
}

/// Sends, and keeps the connection if it may be used again.
fn send(mut on: Connection, kept: &mut Option<Connection>, request: &[u8]) -> Result<Answer, Broken> {
    let answer = on.exchange(request)?;
    if answer.keep_alive {
        *kept = Some(on);
    }
    Ok(answer)
}

fn is_close(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Whether this is the answer to that request.
fn judge(answer: &Answer, zone: &Zone, target: &str) -> Ended {
    if answer.status != 200 {
        return Ended::Failed(format!("status {}", answer.status));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let right_origin = zone.origin.as_deref().is_none_or(|name| field("origin") == Some(name));
    if field("host") == Some(&zone.host) && field("target") == Some(target) && right_origin {
        Ended::Ok { reused_origin: field("nth").is_some_and(|nth| nth != "1") }
    } else {
        Ended::WronglyRouted(format!("asked for {target}, the answer was: {}", text.replace('\n', " ")))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), keep_alive: true }
    }

    #[test]
    fn an_answer_is_right_only_if_all_of_it_is() {
        let zone = Zone::parse("a.test=one");
        let right = "origin=one\nhost=a.test\ntarget=/?id=7\nconnection=1\nnth=2\n";
        assert_eq!(judge(&answer(200, right), &zone, "/?id=7"), Ended::Ok { reused_origin: true });
        for (from, to) in [("=one", "=two"), ("a.test", "b.test"), ("id=7", "id=77")] {
            let wrong = judge(&answer(200, &right.replace(from, to)), &zone, "/?id=7");
            assert!(matches!(wrong, Ended::WronglyRouted(_)), "{from} was {to}: {wrong:?}");
        }
        assert!(matches!(judge(&answer(502, right), &zone, "/?id=7"), Ended::Failed(_)));
    }

    #[test]
    fn requests_are_due_in_turn() {
        let begun = Now::read();
        let due = |nth, count| {
            let pace = Pace { begun, nth, of: 4, rate: 100 };
            pace.due(count).map(|due| (due.mono - begun.mono).as_millis())
        };
        assert_eq!((due(0, 0), due(3, 0), due(0, 1), due(1, 2)), (Some(0), Some(30), Some(40), Some(90)));
        assert!(Pace { begun, nth: 0, of: 4, rate: 0 }.due(9).is_none());
    }

    /// Serves each connection on a thread of its own with `serve`, which is told its number from 0.
    fn listening(serve: fn(&mut TcpStream, usize) -> std::io::Result<()>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for (nth, stream) in listener.incoming().enumerate() {
                thread::spawn(move || serve(&mut stream.unwrap(), nth));
            }
        });
        Url::parse(&url).unwrap()
    }

    /// Sends `count` requests, one after the other.
    fn ask(url: &Url, count: usize) -> Tally {
        let (ids, zones, begun) = (AtomicU64::new(0), [Zone::parse("a.test=one")], Now::read());
        let pace = Pace { begun, nth: 0, of: 1, rate: 0 };
        let (address, target) = (url.address, url.target.as_str());
        let visitor = Visitor { address, target, zones: &zones, ids: &ids, pace, until: begun };
        let (mut tally, mut connection) = (Tally::default(), None);
        (0..count).for_each(|_| visitor.ask(&mut connection, begun, &mut tally));
        tally
    }

    /// Reads one request and answers it as the echo does.
    fn echo_once(stream: &mut TcpStream) -> std::io::Result<()> {
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request)?;
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let target = request.split(' ').nth(1).unwrap_or("?");
        let body = format!("origin=one\nhost=a.test\ntarget={target}\nnth=1\n");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn a_reused_connection_that_closes_unanswered_is_retried() {
        let url = listening(|stream, _| {
            echo_once(stream)?;
            // The second request is read and never answered.
            stream.read(&mut [0; 4096]).map(|_| ())
        });
        let tally = ask(&url, 5);
        assert_eq!((tally.ok, tally.retried, tally.is_clean()), (5, 4, true), "{tally}");
    }

    #[test]
    fn an_answer_cut_short_is_a_failure() {
        let url = listening(|stream, nth| {
            if nth != 1 {
                return echo_once(stream).and_then(|()| echo_once(stream));
            }
            let _ = stream.read(&mut [0; 4096])?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        });
        let tally = ask(&url, 4);
        // Two on the first connection, half an answer on the second, one on the third.
        assert_eq!((tally.sent, tally.ok, tally.failed + tally.reset), (4, 3, 1), "{tally}");
        assert!(!tally.is_clean());
    }

    #[test]
    fn a_new_connection_that_closes_unanswered_is_a_failure() {
        let url = listening(|stream, _| stream.read(&mut [0; 4096]).map(|_| ()));
        let tally = ask(&url, 1);
        assert_eq!((tally.ok, tally.failed + tally.reset, tally.retried), (0, 1, 0), "{tally}");
    }
}
