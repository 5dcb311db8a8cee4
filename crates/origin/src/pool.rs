//! Connections that are open already. Each core keeps its own and hands them out without asking anybody. An HTTP/1
//! connection that a core does not use again at once goes to a shelf where every core finds it, so that many cores
//! do not mean many times the connections when there is little traffic. HTTP/2 connections stay with their core.

mod shared;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rempart_base::Now;
use rempart_flow::Fault;
use tokio::time::timeout;

use crate::connect::Dialer;
use crate::connection::{Connection, Way};
use crate::counts::{Counters, FORGET_AFTER, OriginCounts, SingleWriter};
use crate::http1::Http1;
use crate::http2::Sessions;
use crate::lease::{Lease, Shared};
use crate::plan::{Offer, OriginPlan};

/// An origin that a core asked for within this time is busy there: its connections stay.
const BUSY_WITHIN: Duration = Duration::from_millis(20);
/// A local connection that idles for so long goes to the shelf.
const LOCAL_IDLE_MAX: Duration = Duration::from_millis(500);

/// All connections that are allowed are in use.
const OVERLOADED: Fault = Fault::Overloaded { retry_after: Duration::from_secs(1) };

/// What the cores share: the limits and the shelves of all origins.
#[derive(Default)]
pub struct Shelves {
    origins: Mutex<HashMap<u64, Arc<Shared>>>,
}

impl Shelves {
    fn of(&self, id: u64) -> Arc<Shared> {
        Arc::clone(self.origins.lock().entry(id).or_default())
    }
}

/// The connections of one core to all origins.
pub struct Origins {
    shelves: Arc<Shelves>,
    cores: usize,
    pools: RefCell<HashMap<u64, Pool, foldhash::fast::FixedState>>,
    dialer: Dialer,
    counters: Arc<Counters>,
}

/// What an exchange needs of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// To carry a request and its answer.
    Exchange,
    /// To become another protocol's (`Upgrade`), which only HTTP/1.1 can.
    Upgrade,
    /// To become a WebSocket's: an HTTP/2 connection will do if one is open whose origin has said that its streams can
    /// (RFC 8441). Before it has said so nobody knows, so that HTTP/1.1 is what is opened.
    WebSocket,
}

struct Pool {
    shared: Arc<Shared>,
    counts: Arc<OriginCounts>,
    /// Connections on which HTTP/2 is spoken.
    sessions: Rc<Sessions>,
    #[expect(clippy::vec_box, reason = "a connection moves between pools by its pointer")]
    idle: Vec<Box<Http1>>,
    asked: Option<Instant>,
    /// Whether the core asked twice within [`BUSY_WITHIN`].
    is_busy: bool,
}

impl Origins {
    /// The connections of one of `cores` cores.
    #[must_use]
    pub fn new(shelves: Arc<Shelves>, cores: usize, counters: Arc<Counters>) -> Self {
        let dialer = Dialer::Network(Box::default());
        Self { shelves, cores: cores.max(1), pools: RefCell::default(), dialer, counters }
    }

    /// The same, with another way to open connections.
    #[must_use]
    pub fn with_dialer(self, dialer: Dialer) -> Self {
        Self { dialer, ..self }
    }

    /// A connection that is open already and can carry one more exchange. Nothing is waited for.
    pub fn idle(&self, plan: &Arc<OriginPlan>, needs: Needs, now: Instant) -> Option<Connection> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(plan.id).or_insert_with(|| self.pool(plan));
        pool.ask(now);
        if plan.offer != Offer::Http1 && needs == Needs::Exchange {
            if let Some(exchange) = pool.sessions.take_at_once(plan, &pool.counts, &pool.shared) {
                self.counters.reused.add(1);
                pool.counts.count_asked();
                return Some(Connection::http2(exchange));
            }
            if !pool.sessions.spoken().is_http1() {
                return None;
            }
        }
        if needs == Needs::WebSocket
            && let Some(exchange) = pool.sessions.take_for_tunnel(plan, &pool.counts)
        {
            self.counters.reused.add(1);
            pool.counts.count_asked();
            return Some(Connection::http2(exchange));
        }
        let fresh = |connection: &mut Http1| {
            now.saturating_duration_since(connection.idle_since) < plan.settings.idle_timeout
                && connection.is_quiet()
        };
        while let Some(mut connection) = pool.idle.pop() {
            if fresh(&mut connection) {
                connection.lead_for(plan);
                self.counters.reused.add(1);
                pool.counts.count_asked();
                return Some(Connection::http1(connection));
            }
        }
        let (shared, counts) = (Arc::clone(&pool.shared), Arc::clone(&pool.counts));
        drop(pools);
        while let Some(mut connection) = shared.unshelve() {
            if fresh(&mut connection) && connection.attach().is_ok() {
                connection.lead_for(plan);
                self.counters.reused.add(1);
                counts.count_asked();
                return Some(Connection::http1(connection));
            }
        }
        None
    }

    /// A new connection, or one that came free, or has room, while all that are allowed were in use.
    ///
    /// # Errors
    /// It cannot be opened, or all that are allowed are in use and none came free in time.
    pub async fn open(&self, plan: &Arc<OriginPlan>, needs: Needs) -> Result<Connection, Fault> {
        let at = {
            let mut pools = self.pools.borrow_mut();
            let pool = pools.entry(plan.id).or_insert_with(|| self.pool(plan));
            pool.asked = pool.asked.or_else(|| Some(Now::mono()));
            At {
                shared: Arc::clone(&pool.shared),
                counts: Arc::clone(&pool.counts),
                sessions: Rc::clone(&pool.sessions),
            }
        };
        if plan.offer == Offer::Http1 || needs != Needs::Exchange || at.sessions.spoken().is_http1() {
            return self.open_alone(plan, &at, needs).await;
        }
        self.open_shared(plan, &at).await
    }

    /// A connection for one exchange, whatever others wait for.
    async fn open_alone(&self, plan: &Arc<OriginPlan>, at: &At, needs: Needs) -> Result<Connection, Fault> {
        let lease = match self.lease(plan, &at.shared, needs).await? {
            Ok(lease) => lease,
            Err(freed) => return Ok(freed),
        };
        let offer = match needs {
            Needs::Upgrade | Needs::WebSocket => Offer::Http1,
            Needs::Exchange => at.sessions.offer(plan.offer),
        };
        self.dial(plan, at, lease, offer).await
    }

    async fn lease(
        &self,
        plan: &Arc<OriginPlan>,
        shared: &Arc<Shared>,
        needs: Needs,
    ) -> Result<Result<Lease, Connection>, Fault> {
        let settings = &plan.settings;
        let waiting = async {
            loop {
                if let Ok(lease) = shared.lease(settings.connections_max) {
                    return Ok(Ok(lease));
                }
                let lease = shared.wait(settings.pending_max, settings.connections_max).await;
                if let Some(lease) = lease.map_err(|_| OVERLOADED)? {
                    return Ok(Ok(lease));
                }
                if let Some(freed) = self.idle(plan, needs, Now::mono()) {
                    return Ok(Err(freed));
                }
            }
        };
        timeout(settings.connect_timeout, waiting).await.unwrap_or(Err(OVERLOADED))
    }

    /// Takes a connection back after its exchange; closes it if it cannot carry another.
    pub fn give_back(&self, connection: Connection, now: Instant) {
        // A stream needs no more than to be let go of.
        let Way::Http1(mut connection) = connection.0 else { return };
        let settings = Arc::clone(&connection.plan().settings);
        if !connection.is_reusable() || settings.idle_connections_max == 0 {
            return;
        }
        connection.rest(now);
        let mut pools = self.pools.borrow_mut();
        let Some(pool) = pools.get_mut(&connection.plan().id) else { return };
        let alone = self.cores == 1;
        let local_max = (settings.idle_connections_max / self.cores).max(1);
        if !pool.shared.is_wanted() && (alone || pool.is_busy) && pool.idle.len() < local_max {
            pool.idle.push(connection);
        } else if connection.detach().is_ok() {
            pool.shared.shelve(connection, settings.idle_connections_max);
        }
    }

    /// Closes what idles too long and moves to the shelf what this core does not need. To be called every
    /// second or so.
    pub fn sweep(&self, now: Instant) {
        let stale =
            |connection: &Http1, max: Duration| now.saturating_duration_since(connection.idle_since) >= max;
        self.pools.borrow_mut().retain(|_, pool| {
            pool.idle.retain_mut(|c| !stale(c, c.plan().settings.idle_timeout) && c.is_quiet());
            pool.shared.sweep(|c| stale(c, c.plan().settings.idle_timeout));
            pool.sessions.sweep(now);
            if self.cores > 1 {
                for mut connection in pool.idle.extract_if(.., |c| stale(c, LOCAL_IDLE_MAX)) {
                    let idle_max = connection.plan().settings.idle_connections_max;
                    if connection.detach().is_ok() {
                        pool.shared.shelve(connection, idle_max);
                    }
                }
            }
            let was_asked =
                pool.asked.is_some_and(|asked| now.saturating_duration_since(asked) < FORGET_AFTER);
            let stays =
                !pool.idle.is_empty() || pool.shared.open() > 0 || !pool.sessions.is_unused() || was_asked;
            if !stays {
                self.counters.forget(&pool.counts);
            }
            stays
        });
    }

    /// Closes up to `count` idle connections, of this core and of the shelves it knows, those first that have
    /// idled longest. Looks at all of them: it is for times when the process runs short of something.
    pub fn close_idle(&self, count: usize) -> usize {
        let mut pools = self.pools.borrow_mut();
        let mut moments: Vec<Instant> = Vec::new();
        for pool in pools.values() {
            moments.extend(pool.idle.iter().map(|connection| connection.idle_since));
            moments.extend(pool.sessions.idle().map(|(_, since)| since));
            pool.shared.sweep(|connection| {
                moments.push(connection.idle_since);
                false
            });
        }
        let Some(last) = count.min(moments.len()).checked_sub(1) else { return 0 };
        let (_, youngest, _) = moments.select_nth_unstable(last);
        let youngest = *youngest;
        let mut left = count;
        let mut goes = |idle_since: Instant| {
            let goes = left > 0 && idle_since <= youngest;
            left -= usize::from(goes);
            goes
        };
        for pool in pools.values_mut() {
            pool.idle.retain(|connection| !goes(connection.idle_since));
            pool.shared.sweep(|connection| goes(connection.idle_since));
            pool.sessions.idle().filter(|(_, since)| goes(*since)).for_each(|(session, _)| session.retire());
        }
        count - left
    }

    fn pool(&self, plan: &OriginPlan) -> Pool {
        let shared = self.shelves.of(plan.id);
        let counts = self.counters.enter(plan, &shared);
        let idle_max = (plan.settings.idle_connections_max / self.cores).max(1);
        let sessions = Rc::new(Sessions::new(idle_max));
        Pool { shared, counts, sessions, idle: Vec::new(), asked: None, is_busy: false }
    }

    /// Idle connections of this core.
    #[must_use]
    pub fn idle_count(&self) -> usize {
        self.pools.borrow().values().map(|pool| pool.idle.len() + pool.sessions.idle_count()).sum()
    }
}

/// What one who waits for a connection needs of the pool, however long it waits.
struct At {
    shared: Arc<Shared>,
    counts: Arc<OriginCounts>,
    sessions: Rc<Sessions>,
}

impl Pool {
    fn ask(&mut self, now: Instant) {
        self.is_busy = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < BUSY_WITHIN);
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests;
