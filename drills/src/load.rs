//! A load generator that knows what it sent. Requests are due at a constant rate, whatever becomes of those
//! before (an open loop), on a thread of its own; nothing is sent twice.

mod attack;
mod exchange;
mod histogram;
mod tally;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rempart_base::Now;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub(crate) use self::attack::Attack;
use self::exchange::{Connection, Ended};
use self::tally::Failed;
pub(crate) use self::tally::{Failure, Kill, Tally};
use crate::marks::Tenant;
use crate::{Outcome, until};

/// How often it is looked whether requests are due.
const TICK: Duration = Duration::from_millis(2);
/// Every so many requests one asks for a longer answer.
const LONG_EVERY: u64 = 8;
/// The lines of a longer answer: some 3 KiB.
const LONG_LINES: u64 = 64;

/// The supervisor says so long after an edge's death that it is dead.
const SAID_WITHIN: Duration = Duration::from_millis(300);

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where to.
    pub(crate) address: SocketAddr,
    /// For whom, in turn.
    pub(crate) zones: Vec<Tenant>,
    /// Requests a second.
    pub(crate) rate: u32,
    /// More are not open at once; what is due meanwhile is held back and counted.
    pub(crate) open_max: usize,
    /// Every so many requests one has a connection of its own; 1: each.
    pub(crate) fresh_every: u64,
    /// An answer takes no longer.
    pub(crate) timeout: Duration,
    /// A right answer after so long is late.
    pub(crate) late_after: Duration,
}

impl Plan {
    /// For these zones, as most drills send: 200 requests a second, a third of them on fresh connections.
    pub(crate) fn new(address: SocketAddr, zones: Vec<Tenant>) -> Self {
        Self {
            address,
            zones,
            rate: 200,
            open_max: 2_000,
            fresh_every: 3,
            timeout: Duration::from_secs(30),
            late_after: Duration::from_secs(10),
        }
    }
}

/// A load that runs until it is stopped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    tally: Mutex<Tally>,
    stopped: AtomicBool,
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    /// Begins to send.
    pub(crate) fn start(plan: Plan) -> Outcome<Self> {
        let tally = Mutex::new(Tally::new(plan.zones.len()));
        let shared = Arc::new(Shared { tally, stopped: AtomicBool::new(false) });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let of_thread = Arc::clone(&shared);
        let work = move || LocalSet::new().block_on(&runtime, run(plan, of_thread));
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(work)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What was counted so far.
    pub(crate) fn so_far(&self) -> Tally {
        self.shared.tally().clone()
    }

    /// Waits until so many answers more were right.
    pub(crate) fn await_right(&self, more: u64, patience: Duration) -> Outcome<()> {
        let wanted = self.shared.tally().right + more;
        until(patience, &format!("{more} right answers"), || Ok(self.shared.tally().right >= wanted))
    }

    /// Runs a killing: what was in flight on the process is counted apart.
    pub(crate) fn killing(&self, kill: impl FnOnce() -> Outcome<()>) -> Outcome<Kill> {
        let from = Now::mono();
        kill()?;
        let kill = Kill { from, dead: Now::mono() };
        self.shared.tally().killed(kill);
        Ok(kill)
    }

    /// An edge that died of a fault of the drill, as the supervisor said at this moment: what was in flight
    /// on it is counted apart.
    pub(crate) fn died(&self, said_at: Instant) {
        let from = said_at.checked_sub(SAID_WITHIN).unwrap_or(said_at);
        self.shared.tally().killed(Kill { from, dead: said_at });
    }

    /// Stops sending, waits for what is open, and says what came of all.
    pub(crate) fn stop(mut self) -> Tally {
        self.end();
        self.so_far()
    }

    fn end(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(plan: Plan, shared: Arc<Shared>) {
    let sender = Rc::new(Sender { plan, shared, kept: RefCell::default(), open: Cell::new(0) });
    let begun = Now::mono();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut id = 0;
    while !sender.shared.stopped.load(Ordering::Relaxed) {
        ticks.tick().await;
        while let Some(due) = sender.due(begun, id) {
            Rc::clone(&sender).begin(id, due);
            id += 1;
        }
    }
    while sender.open.get() > 0 {
        ticks.tick().await;
    }
}

struct Sender {
    plan: Plan,
    shared: Arc<Shared>,
    kept: RefCell<Vec<Connection>>,
    open: Cell<usize>,
}

impl Sender {
    /// When this request was due, if that is not in the future.
    fn due(&self, begun: Instant, id: u64) -> Option<Instant> {
        let ns = id.saturating_mul(1_000_000_000) / u64::from(self.plan.rate.max(1));
        let due = begun + Duration::from_nanos(ns);
        (due <= Now::mono()).then_some(due)
    }

    fn begin(self: Rc<Self>, id: u64, due: Instant) {
        if self.open.get() >= self.plan.open_max {
            self.shared.tally().held_back += 1;
            return;
        }
        self.open.set(self.open.get() + 1);
        self.shared.tally().sent += 1;
        tokio::task::spawn_local(async move {
            self.send(id, due).await;
            self.open.set(self.open.get() - 1);
        });
    }

    async fn send(&self, id: u64, due: Instant) {
        let zones = self.plan.zones.len().max(1);
        let zone = usize::try_from(id).unwrap_or(0) % zones;
        let Some(tenant) = self.plan.zones.get(zone) else { return };
        // The round as well, so that each zone meets each kind of request in its turn.
        let mix = id + id / zones as u64;
        let lines = if mix.is_multiple_of(LONG_EVERY) { LONG_LINES } else { 1 };
        let keep = !mix.is_multiple_of(self.plan.fresh_every);
        let began = Now::mono();
        let work = self.exchange(tenant, format!("/{lines}?id={id}"), keep);
        let ended = timeout(self.plan.timeout, work).await.unwrap_or(Ended::Failed(Failure::TimedOut));
        let now = Now::mono();
        let latency = now.saturating_duration_since(due);
        let mut tally = self.shared.tally();
        match ended {
            Ended::Right { .. } if latency > self.plan.late_after => {
                tally.failed(Failed { zone, failure: Failure::Late, began, ended: now });
            }
            Ended::Right { .. } => tally.right(zone, latency),
            Ended::Failed(failure) => tally.failed(Failed { zone, failure, began, ended: now }),
        }
    }

    async fn exchange(&self, tenant: &Tenant, target: String, keep: bool) -> Ended {
        let mut connection = match self.kept(keep) {
            Some(connection) => connection,
            None => match Connection::open(self.plan.address).await {
                Ok(connection) => connection,
                Err(failure) => return Ended::Failed(failure),
            },
        };
        let ended = connection.exchange(tenant, &target, keep).await;
        if keep && ended == (Ended::Right { may_be_kept: true }) {
            self.kept.borrow_mut().push(connection);
        }
        ended
    }

    /// A kept connection that is still open, if one may be used.
    fn kept(&self, may: bool) -> Option<Connection> {
        if !may {
            return None;
        }
        let mut kept = self.kept.borrow_mut();
        while let Some(connection) = kept.pop() {
            if connection.is_open() {
                return Some(connection);
            }
            self.shared.tally().closed_between += 1;
        }
        None
    }
}
