//! Drill 7, its first half: a request that never ends holds a core.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rempart_base::Now;
use serde_json::json;

use super::{Drill, Ground};
use crate::marks::{self, Tenant};
use crate::report::{Record, Title};
use crate::stand::{PATIENCE, Settings, Stand};
use crate::{Outcome, ms, pause_for};

/// One core is stuck.
pub(super) const LOOPS: Drill = Drill {
    title: Title {
        name: "7a",
        origin: "Cloudflare 2024-06-20, Fly 2024-09",
        injected: "one request on which a stage loops for ever, while others are in flight on both cores",
    },
    run: loops,
};

const ZONES: u16 = 20;
const BROKEN: u16 = 7;
/// Exchanges under way on both cores.
const IN_FLIGHT: u16 = 24;
/// They take 8 s, in pieces.
const PIECES: usize = 80;
const PAUSE_MS: u64 = 100;
/// Two pieces and more are missing: the core that sends it is stuck.
const STALLED_MS: u64 = 1_500;
/// From the beginning of the loop until a successor serves.
const SUCCESSOR_MS_MAX: u64 = 3_000;
const SUCCESSOR_MS_MAX_IN_CI: u64 = 8_000;

fn loops(ground: &Ground, record: &mut Record) -> Outcome<()> {
    let settings = Settings {
        bake_ms: ground.scaled_ms(2.0),
        bake_requests_min: 20,
        drain_timeout_ms: 20_000,
        ..Settings::default()
    };
    let stand = ground.stand(ZONES, &settings)?;
    let up = stand.up()?;
    up.await_standing("good", PATIENCE)?;
    let from = stand.lines.count();
    let streams = trickles(&stand, up.http)?;
    up.obey(&json!({"command": "fault", "zone": stand.tenant(BROKEN).host, "stage": "test-closed", "does": "loop", "why": "drill"}))?;
    let began = Now::mono();
    let victim = visit(up.http, &stand.tenant(BROKEN))?;

    let load = stand.load(&up, |plan| plan.zones.retain(|tenant| tenant.number != BROKEN))?;
    pause_for(Duration::from_millis(STALLED_MS + 500));
    let moment = Now::mono();
    let stalled: Vec<bool> = streams.iter().map(|stream| stream.stalled_for(moment) >= STALLED_MS).collect();
    let stuck = stalled.iter().filter(|stalled| **stalled).count();
    let back = stand.lines.await_with(from, &["the edge is back"], PATIENCE)?;
    let took_ms = ms(back.at.saturating_duration_since(began));
    let limit = if ground.judges_latency() { SUCCESSOR_MS_MAX } else { SUCCESSOR_MS_MAX_IN_CI };
    record.check(&format!("a successor serves within {limit} ms"), format!("{took_ms} ms"), took_ms <= limit);
    let host = stand.tenant(BROKEN).host;
    let named = stand.lines.with(from, &["stuck", &host, "test-closed"]);
    record.check("an event names the zone and the stage", named.len(), !named.is_empty());

    let ended: Vec<bool> = streams.into_iter().map(Trickle::ended_rightly).collect();
    let harmed = stalled.iter().zip(&ended).filter(|(stalled, right)| !**stalled && !**right).count();
    record.check(
        "exchanges in flight on the other core",
        format!("{harmed} of {} harmed", ended.len() - stuck),
        harmed == 0 && stuck < ended.len(),
    );
    record.figure(format!("{stuck} were in flight on the stuck core"));
    drop(victim);

    let after = Now::mono();
    load.await_right(200, PATIENCE)?;
    let tally = load.stop();
    let late = tally.failures().filter(|failed| failed.began >= after).count();
    record.check("failures after that", late, late == 0);
    record.figure(format!("while it was stuck: {} (of {})", tally.kinds(|_| true), tally.sent));
    let load = stand.load(&up, |_| {})?;
    load.await_right(20, PATIENCE)?;
    super::kill_once(record, &up, &load, &stand)?;
    let tally = load.stop();
    record.check_no_failure("failed in the end", &tally);
    Ok(())
}

/// Begins slow answers, and waits until each has begun.
fn trickles(stand: &Stand, http: SocketAddr) -> Outcome<Vec<Trickle>> {
    let streams: Vec<Trickle> = (0..IN_FLIGHT)
        .map(|number| Trickle::begin(http, stand.tenant(number % ZONES)))
        .collect::<Outcome<_>>()?;
    for stream in &streams {
        crate::until(PATIENCE, "the beginning of a slow answer", || Ok(stream.has_begun()))?;
    }
    Ok(streams)
}

/// A request whose answer is not read.
fn visit(http: SocketAddr, tenant: &Tenant) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(http)?;
    write!(stream, "GET /1 HTTP/1.1\r\nHost: {}\r\n\r\n", tenant.host)?;
    Ok(stream)
}

/// A slow answer, read on a thread of its own.
struct Trickle {
    seen: Arc<Mutex<Option<Instant>>>,
    thread: JoinHandle<bool>,
}

impl Trickle {
    fn begin(http: SocketAddr, tenant: Tenant) -> Outcome<Self> {
        let mut stream = TcpStream::connect(http)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let target = format!("/slow/{PIECES}/{PAUSE_MS}");
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", tenant.host)?;
        let seen = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&seen);
        let expected = marks::line(tenant.number, &tenant.host, &target).repeat(PIECES);
        let thread = std::thread::Builder::new().name("trickle".to_owned()).spawn(move || {
            let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Now::mono());
            }
            answer.ends_with(expected.as_bytes())
        })?;
        Ok(Self { seen, thread })
    }

    fn last(&self) -> Option<Instant> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_begun(&self) -> bool {
        self.last().is_some()
    }

    fn stalled_for(&self, moment: Instant) -> u64 {
        self.last().map_or(0, |last| ms(moment.saturating_duration_since(last)))
    }

    fn ended_rightly(self) -> bool {
        self.thread.join().unwrap_or(false)
    }
}
