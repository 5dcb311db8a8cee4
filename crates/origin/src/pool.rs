//! Idle connections. Each core keeps its own and hands them out without asking anybody. A connection that
//! a core does not use again at once goes to a shelf where every core finds it, so that many cores do not
//! mean many times the connections when there is little traffic.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rempart_base::Now;
use rempart_flow::Fault;
use tokio::time::timeout;

use crate::connect::{self, Dialer};
use crate::connection::Connection;
use crate::counts::{Counters, FORGET_AFTER, OriginCounts, SingleWriter};
use crate::lease::{Lease, Shared};
use crate::plan::OriginPlan;

/// An origin that a core asked for within this time is busy there: its connections stay.
const BUSY_WITHIN: Duration = Duration::from_millis(20);
/// A local connection that idles for so long goes to the shelf.
const LOCAL_IDLE_MAX: Duration = Duration::from_millis(500);

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

struct Pool {
    shared: Arc<Shared>,
    counts: Arc<OriginCounts>,
    #[expect(clippy::vec_box, reason = "a connection moves between pools by its pointer")]
    idle: Vec<Box<Connection>>,
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

    /// An idle connection. Nothing is waited for.
    pub fn idle(&self, plan: &Arc<OriginPlan>, now: Instant) -> Option<Box<Connection>> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(plan.id).or_insert_with(|| self.pool(plan));
        pool.ask(now);
        let fresh = |connection: &mut Connection| {
            now.saturating_duration_since(connection.idle_since) < plan.settings.idle_timeout
                && connection.is_quiet()
        };
        while let Some(mut connection) = pool.idle.pop() {
            if fresh(&mut connection) {
                connection.lead_for(plan);
                self.counters.reused.add(1);
                pool.counts.count_asked();
                return Some(connection);
            }
        }
        let (shared, counts) = (Arc::clone(&pool.shared), Arc::clone(&pool.counts));
        drop(pools);
        while let Some(mut connection) = shared.unshelve() {
            if fresh(&mut connection) && connection.attach().is_ok() {
                connection.lead_for(plan);
                self.counters.reused.add(1);
                counts.count_asked();
                return Some(connection);
            }
        }
        None
    }

    /// A new connection, or one that came free while all that are allowed were in use.
    ///
    /// # Errors
    /// It cannot be opened, or all that are allowed are in use and none came free in time.
    pub async fn open(&self, plan: &Arc<OriginPlan>) -> Result<Box<Connection>, Fault> {
        let (shared, counts) = {
            let mut pools = self.pools.borrow_mut();
            let pool = pools.entry(plan.id).or_insert_with(|| self.pool(plan));
            pool.asked = pool.asked.or_else(|| Some(Now::mono()));
            (Arc::clone(&pool.shared), Arc::clone(&pool.counts))
        };
        let lease = match self.lease(plan, &shared).await? {
            Ok(lease) => lease,
            Err(freed) => return Ok(freed),
        };
        counts.count_asked();
        match connect::open(plan, &self.dialer).await {
            Ok((stream, facts)) => {
                self.counters.opened.add(1);
                let (plan, now) = (Arc::clone(plan), Now::mono());
                Ok(Box::new(Connection::new(stream, plan, lease, counts, facts, now)))
            }
            Err(fault) => {
                self.counters.failed.add(1);
                counts.count_failed();
                Err(fault)
            }
        }
    }

    async fn lease(
        &self,
        plan: &Arc<OriginPlan>,
        shared: &Arc<Shared>,
    ) -> Result<Result<Lease, Box<Connection>>, Fault> {
        let settings = &plan.settings;
        let overloaded = Fault::Overloaded { retry_after: Duration::from_secs(1) };
        let waiting = async {
            loop {
                if let Ok(lease) = shared.lease(settings.connections_max) {
                    return Ok(Ok(lease));
                }
                let lease = shared.wait(settings.pending_max, settings.connections_max).await;
                if let Some(lease) = lease.map_err(|_| overloaded)? {
                    return Ok(Ok(lease));
                }
                if let Some(freed) = self.idle(plan, Now::mono()) {
                    return Ok(Err(freed));
                }
            }
        };
        timeout(settings.connect_timeout, waiting).await.unwrap_or(Err(overloaded))
    }

    /// Takes a connection back after its exchange; closes it if it cannot carry another.
    pub fn give_back(&self, mut connection: Box<Connection>, now: Instant) {
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
        let stale = |connection: &Connection, max: Duration| {
            now.saturating_duration_since(connection.idle_since) >= max
        };
        self.pools.borrow_mut().retain(|_, pool| {
            pool.idle.retain_mut(|c| !stale(c, c.plan().settings.idle_timeout) && c.is_quiet());
            pool.shared.sweep(|c| stale(c, c.plan().settings.idle_timeout));
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
            let stays = !pool.idle.is_empty() || pool.shared.open() > 0 || was_asked;
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
            pool.shared.sweep(|connection| {
                moments.push(connection.idle_since);
                false
            });
        }
        let Some(last) = count.min(moments.len()).checked_sub(1) else { return 0 };
        let (_, youngest, _) = moments.select_nth_unstable(last);
        let youngest = *youngest;
        let mut left = count;
        let mut goes = |connection: &Connection| {
            let goes = left > 0 && connection.idle_since <= youngest;
            left -= usize::from(goes);
            goes
        };
        for pool in pools.values_mut() {
            pool.idle.retain(|connection| !goes(connection));
            pool.shared.sweep(&mut goes);
        }
        count - left
    }

    fn pool(&self, plan: &OriginPlan) -> Pool {
        let shared = self.shelves.of(plan.id);
        let counts = self.counters.enter(plan, &shared);
        Pool { shared, counts, idle: Vec::new(), asked: None, is_busy: false }
    }

    /// Idle connections of this core.
    #[must_use]
    pub fn idle_count(&self) -> usize {
        self.pools.borrow().values().map(|pool| pool.idle.len()).sum()
    }
}

impl Pool {
    fn ask(&mut self, now: Instant) {
        self.is_busy = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < BUSY_WITHIN);
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests;
