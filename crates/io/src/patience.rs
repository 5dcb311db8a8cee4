//! How long we wait for a peer while a body moves: until it is idle for too long, or slower than a floor.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rempart_base::Now;

use crate::deadline::Deadline;

/// The terms of one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The longest single wait.
    pub idle: Duration,
    /// The slowest mean rate; 0 means none.
    pub bytes_per_s_min: u64,
    /// How long may be waited in all before the rate counts.
    pub grace: Duration,
}

impl Terms {
    /// Only a bound on a single wait.
    #[must_use]
    pub const fn idle(idle: Duration) -> Self {
        Self { idle, bytes_per_s_min: 0, grace: Duration::ZERO }
    }
}

/// The patience with one direction of one peer. Only time for which we waited counts: a peer that keeps
/// up is never slow, however little there was to move (a quiet event stream, say). While nobody waits it
/// neither reads a clock nor touches a timer.
#[derive(Debug)]
pub struct Patience {
    terms: Terms,
    bytes: u64,
    waited: Duration,
    since: Option<Instant>,
    deadline: Deadline,
}

impl Patience {
    /// Patience for a transfer.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms, bytes: 0, waited: Duration::ZERO, since: None, deadline: Deadline::default() }
    }

    /// Begins another transfer; the timer is kept.
    pub fn renew(&mut self, terms: Terms) {
        self.terms = terms;
        self.bytes = 0;
        self.waited = Duration::ZERO;
        self.since = None;
        self.deadline.clear();
    }

    /// Forgets the timer too: to be called before the transfer's connection goes to another runtime.
    pub fn detach(&mut self) {
        self.deadline.detach();
    }

    /// Bytes moved: a wait, if there was one, is over.
    pub fn moved(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += Now::mono().saturating_duration_since(since);
        }
    }

    /// Whether somebody waits for the peer to move bytes.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Nothing can move now. Ready when patience is out; else the task is woken when it is.
    pub fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            self.wait_from(Now::mono());
        }
        self.deadline.poll_passed(cx)
    }

    fn wait_from(&mut self, now: Instant) {
        self.since = Some(now);
        self.deadline.set(now + self.allowance());
    }

    /// How long the wait that begins now may last.
    fn allowance(&self) -> Duration {
        let earned_ms = self.bytes.saturating_mul(1000).checked_div(self.terms.bytes_per_s_min);
        let by_rate = earned_ms.map(|ms| {
            let allowed = self.terms.grace.saturating_add(Duration::from_millis(ms));
            allowed.saturating_sub(self.waited)
        });
        by_rate.map_or(self.terms.idle, |by_rate| by_rate.min(self.terms.idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn a_peer_earns_time_with_the_bytes_it_moves() {
        let mut patience =
            Patience::new(Terms { idle: seconds(60), bytes_per_s_min: 100, grace: seconds(5) });
        assert_eq!(patience.allowance(), seconds(5));
        patience.bytes = 1000;
        patience.waited = seconds(4);
        assert_eq!(patience.allowance(), seconds(11), "5 of grace, 10 earned, 4 waited");
        patience.bytes = 1_000_000;
        assert_eq!(patience.allowance(), seconds(60), "never longer than idle");
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let mut patience = Patience::new(Terms { idle: seconds(60), bytes_per_s_min: 1, grace: seconds(5) });
        patience.moved(10);
        assert_eq!(patience.waited, Duration::ZERO);
        let begun = Now::mono().checked_sub(seconds(3)).unwrap();
        patience.wait_from(begun);
        patience.moved(0);
        assert!(patience.waited >= seconds(3) && patience.since.is_none());
    }

    #[test]
    fn a_rate_of_zero_leaves_only_the_idle_bound() {
        let mut patience = Patience::new(Terms::idle(seconds(7)));
        patience.waited = seconds(1000);
        assert_eq!(patience.allowance(), seconds(7));
    }
}
