//! Whether a new connection comes in, and what is closed for it.

use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use rempart_base::Now;
use tokio::net::TcpStream;

use crate::core::Core;
use crate::worker::Handle;

/// Idle connections that are closed at once when there is no descriptor for a new one.
const CLOSED_WHEN_EXHAUSTED: usize = 16;
/// Bytes that are read away from a connection that is closed at once, so that its end is no reset.
const READ_AWAY_BYTES_MAX: usize = 16 * 1024;

/// Whether a connection that a core has accepted comes in. `open` are those that are in already, of all cores.
///
/// At the most connections, and at the most descriptors, one comes in only if an idle one is closed for it, here
/// or on one of the `others`.
pub fn admits<'a>(
    core: &Core,
    mut others: impl Iterator<Item = &'a Handle>,
    tcp: &TcpStream,
    open: usize,
) -> bool {
    let budget = &core.metrics.budget;
    if budget.refuses_new.load(Ordering::Relaxed) {
        return false;
    }
    // The kernel gives the lowest free number, so there are at least as many open as the number says.
    let descriptor = usize::try_from(tcp.as_raw_fd()).unwrap_or(0);
    let is_full = open >= budget.connections_max.load(Ordering::Relaxed)
        || descriptor >= budget.descriptors_max.load(Ordering::Relaxed);
    !is_full || close_idle(core, 1) == 1 || others.any(reserve_idle)
}

/// Closes idle connections of this core's visitors, those first that have idled longest; how many.
pub fn close_idle(core: &Core, count: usize) -> usize {
    let closed = core.drain.close_idle(count, Now::mono());
    core.metrics.budget.idle_closed.add(closed as u64);
    closed
}

/// Has another core close one more idle connection, if it has one that is not promised yet. It stays promised
/// until it is closed, so that there are never more connections beyond the most than were idle at a time.
fn reserve_idle(other: &Handle) -> bool {
    let budget = &other.metrics.budget;
    let idle = budget.idle.load(Ordering::Relaxed);
    let more = |promised: usize| (promised < idle).then_some(promised + 1);
    budget.promised.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// Closes what this core was told to close. To be called at every tick.
pub fn close_what_is_due(core: &Core) {
    let budget = &core.metrics.budget;
    let promised = budget.promised.load(Ordering::Relaxed);
    if promised > 0 {
        budget.promised.fetch_sub(close_idle(core, promised), Ordering::Relaxed);
    }
    if budget.idle_to_close.load(Ordering::Relaxed) > 0 {
        close_idle(core, budget.idle_to_close.swap(0, Ordering::Relaxed));
    }
    if budget.origin_idle_to_close.load(Ordering::Relaxed) > 0 {
        let closed = core.origins.close_idle(budget.origin_idle_to_close.swap(0, Ordering::Relaxed));
        budget.origin_idle_closed.add(closed as u64);
    }
}

/// There was no descriptor for a connection that waits. It goes on waiting, in the kernel's queue; some that
/// are idle are closed for it.
///
/// No descriptor is kept in reserve to accept and close it with: whoever waits for a moment is served, whoever
/// is closed is not.
pub fn exhausted(core: &Core) {
    core.metrics.budget.accept_failed.add(1);
    if close_idle(core, CLOSED_WHEN_EXHAUSTED) == 0 {
        let closed = core.origins.close_idle(CLOSED_WHEN_EXHAUSTED);
        core.metrics.budget.origin_idle_closed.add(closed as u64);
    }
}

/// Closes a connection that does not come in. What it has sent already is read away: unread bytes would turn
/// the close into a reset. Nothing is waited for.
pub fn turn_away(core: &Core, tcp: &TcpStream) {
    core.metrics.shed.add(1);
    let mut bytes = [0_u8; READ_AWAY_BYTES_MAX];
    // The runtime does not know yet whether anything has come: the kernel is asked. Failures change nothing.
    let _ = rustix::net::shutdown(tcp, rustix::net::Shutdown::Write);
    let _ = rustix::net::recv(tcp, &mut bytes, rustix::net::RecvFlags::DONTWAIT);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn no_more_are_promised_than_idle_and_a_promise_stays_until_it_is_kept() {
        let slot = Box::leak(Box::default());
        let other = Handle { orders: unbounded_channel().0, metrics: Arc::default(), slot };
        let budget = &other.metrics.budget;
        assert!(!reserve_idle(&other));
        budget.idle.store(2, Ordering::Relaxed);
        assert!(reserve_idle(&other) && reserve_idle(&other) && !reserve_idle(&other));
        // They have begun to ask again before they were closed: nothing is promised on top.
        budget.idle.store(1, Ordering::Relaxed);
        assert!(!reserve_idle(&other));
        assert_eq!(budget.promised.load(Ordering::Relaxed), 2);
    }
}
