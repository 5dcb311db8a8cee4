//! The right to hold one connection to an origin. The limit is the process's, so this is the one thing
//! about origins that cores share; it is touched when a connection opens or closes, not for a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::http1::Http1;

/// What all cores share about one origin.
#[derive(Default)]
pub(crate) struct Shared {
    open: AtomicUsize,
    waiting: AtomicUsize,
    freed: Notify,
    #[expect(clippy::vec_box, reason = "a connection moves between pools by its pointer")]
    shelf: Mutex<Vec<Box<Http1>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("open", &self.open).finish_non_exhaustive()
    }
}

/// The right to hold one connection; given back when dropped.
pub(crate) struct Lease {
    shared: Arc<Shared>,
}

impl Lease {
    /// Of which origin.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// Why there is no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Shared {
    /// Takes a lease if fewer than `connections_max` are out.
    ///
    /// # Errors
    /// They are all out.
    pub(crate) fn lease(self: &Arc<Self>, connections_max: usize) -> Result<Lease, Full> {
        let more = |open: usize| (open < connections_max).then_some(open + 1);
        match self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) {
            Ok(_) => Ok(Lease { shared: Arc::clone(self) }),
            Err(_) => Err(Full),
        }
    }

    /// Connections of the whole process, idle and busy.
    #[must_use]
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many wait for a connection.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Whether somebody waits for a connection.
    #[must_use]
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting() > 0
    }

    /// Puts an idle connection, detached from its core, where every core finds it. One more than
    /// `idle_max` closes the oldest.
    pub(crate) fn shelve(&self, connection: Box<Http1>, idle_max: usize) {
        let oldest = {
            let mut shelf = self.shelf.lock();
            shelf.push(connection);
            (shelf.len() > idle_max).then(|| shelf.remove(0))
        };
        drop(oldest);
        self.freed.notify_one();
    }

    /// Takes the connection that was shelved last.
    pub(crate) fn unshelve(&self) -> Option<Box<Http1>> {
        self.shelf.lock().pop()
    }

    /// Closes shelved connections for which `is_stale` holds.
    pub(crate) fn sweep(&self, mut is_stale: impl FnMut(&Http1) -> bool) {
        let mut shelf = self.shelf.lock();
        let stale: Vec<_> = shelf.extract_if(.., |connection| is_stale(connection)).collect();
        drop(shelf);
        drop(stale);
    }

    /// Waits until a lease or a shelved connection may be had. Answers with a lease if one came back
    /// before its owner could see that somebody waits.
    ///
    /// # Errors
    /// `pending_max` wait already.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        pending_max: usize,
        connections_max: usize,
    ) -> Result<Option<Lease>, Full> {
        let _waiting = Waiting::enter(&self.waiting, pending_max)?;
        // First seen to wait, then looked again: who gives a lease back does both the other way round, so
        // one of the two sees the other.
        if let Ok(lease) = self.lease(connections_max) {
            return Ok(Some(lease));
        }
        self.freed.notified().await;
        Ok(None)
    }
}

/// Counts one who waits, for as long as it does, however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Result<Self, Full> {
        let more = |waiting: usize| (waiting < max).then_some(waiting + 1);
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).map(|_| Self(count)).map_err(|_| Full)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
        if self.shared.is_wanted() {
            self.shared.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leases_than_the_limit_and_each_comes_back() {
        let shared = Arc::new(Shared::default());
        let first = shared.lease(2).unwrap();
        let _second = shared.lease(2).unwrap();
        assert!(shared.lease(2).is_err());
        drop(first);
        assert_eq!(shared.open(), 1);
        assert!(shared.lease(2).is_ok());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_waits_is_woken_by_a_lease_that_comes_back_and_too_many_are_turned_away() {
        let shared = Arc::new(Shared::default());
        let lease = shared.lease(1).unwrap();
        let mut first = Box::pin(shared.wait(1, 1));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(first.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        assert!(shared.wait(1, 1).await.is_err());
        drop(lease);
        assert!(matches!(first.await, Ok(None)));
        assert!(!shared.is_wanted());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_lease_that_comes_back_just_before_the_wait_is_seen() {
        let shared = Arc::new(Shared::default());
        let lease = shared.lease(1).unwrap();
        assert!(shared.lease(1).is_err());
        drop(lease);
        let waited = std::future::poll_fn(|cx| {
            let polled = std::pin::pin!(shared.wait(1, 1)).poll(cx);
            std::task::Poll::Ready(polled)
        });
        assert!(matches!(waited.await, std::task::Poll::Ready(Ok(Some(_)))));
    }
}
