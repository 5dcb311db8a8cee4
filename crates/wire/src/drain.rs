//! Telling idle connections of one core that it is time to go: all of them when the core drains, those that
//! have idled longest when the process runs short of something.
//!
//! A connection between two requests waits on its socket alone; registering with a channel each time
//! would cost every request. Instead it leaves its waker here once, and only compares afterwards.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::bounds::{FRESH, IDLE_BATCH_MAX, ROLL_WINDOW};

/// The drain of one core, and the roll of its connections.
#[derive(Debug, Default)]
pub struct Drain {
    begun: Cell<bool>,
    roll: RefCell<Roll>,
    /// Idle ones, the fresh included.
    idle: Cell<usize>,
    /// Idle ones that have had an answer already.
    kept: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Roll {
    entries: Vec<Entry>,
    free: Vec<usize>,
    /// Those of the last window that have idled longest, longest first; each is looked at again before it is
    /// told to go.
    oldest: VecDeque<(usize, Instant)>,
    /// Where the next window begins.
    hand: usize,
}

#[derive(Debug, Default)]
struct Entry {
    waker: Option<Waker>,
    /// Since when it has been idle; for one that has not asked for anything yet, a moment later.
    idle_since: Option<Instant>,
    is_fresh: bool,
    is_told: bool,
}

impl Drain {
    /// A drain that writes into this counter how many connections are idle after an answer, so that they can
    /// be closed at once. Only this core writes.
    #[must_use]
    pub fn counting(kept: Arc<AtomicUsize>) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Enters a connection in the roll, until the guest is dropped.
    #[must_use]
    pub fn enter(self: &Rc<Self>) -> Guest {
        let mut roll = self.roll.borrow_mut();
        let slot = roll.free.pop().unwrap_or_else(|| {
            roll.entries.push(Entry::default());
            roll.entries.len() - 1
        });
        Guest { drain: Rc::clone(self), slot }
    }

    /// How many connections are in the roll.
    #[must_use]
    pub fn guests(&self) -> usize {
        let roll = self.roll.borrow();
        roll.entries.len() - roll.free.len()
    }

    /// How many of them are idle and have not been told to go.
    #[must_use]
    pub const fn idle(&self) -> usize {
        self.idle.get()
    }

    /// From now on every idle connection closes, and busy ones close after their answer.
    pub fn begin(&self) {
        self.begun.set(true);
        let mut roll = self.roll.borrow_mut();
        let wakers: Vec<Waker> = roll.entries.iter_mut().filter_map(|entry| entry.waker.take()).collect();
        drop(roll);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Tells up to `count` idle connections to go, those first that have idled longest, and returns how many
    /// were told. They close when their tasks run next. In a long roll, longest means longest in a window of
    /// [`ROLL_WINDOW`]: what this costs does not grow with the roll.
    pub fn close_idle(&self, count: usize, now: Instant) -> usize {
        let mut told = 0;
        let mut has_looked = false;
        while told < count && self.idle() > 0 {
            let Some((slot, since)) = self.roll.borrow_mut().oldest.pop_front() else {
                if std::mem::replace(&mut has_looked, true) || self.roll.borrow_mut().look(now) == 0 {
                    break;
                }
                continue;
            };
            has_looked = false;
            told += usize::from(self.tell(slot, since));
        }
        told
    }

    /// Tells a connection to go if it is idle since this moment.
    fn tell(&self, slot: usize, since: Instant) -> bool {
        let waker = {
            let mut roll = self.roll.borrow_mut();
            let Some(entry) = roll.entries.get_mut(slot) else { return false };
            if entry.idle_since != Some(since) {
                return false;
            }
            entry.idle_since = None;
            entry.is_told = true;
            self.count(-1, entry.is_fresh);
            entry.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        true
    }

    fn count(&self, change: isize, is_fresh: bool) {
        self.idle.set(self.idle.get().saturating_add_signed(change));
        if !is_fresh {
            let kept = self.kept.load(Ordering::Relaxed);
            self.kept.store(kept.saturating_add_signed(change), Ordering::Relaxed);
        }
    }
}

impl Roll {
    /// Looks through the next window for idle connections; how many were found.
    fn look(&mut self, now: Instant) -> usize {
        let all = self.entries.len();
        let begin = if self.hand < all { self.hand } else { 0 };
        let window = (begin..all).chain(0..begin).take(ROLL_WINDOW);
        let mut found: Vec<(usize, Instant)> = window
            .filter_map(|slot| Some((slot, self.entries.get(slot)?.idle_since?)))
            .filter(|(_, since)| *since <= now)
            .collect();
        found.sort_unstable_by_key(|(_, since)| *since);
        found.truncate(IDLE_BATCH_MAX);
        self.hand = begin.saturating_add(ROLL_WINDOW).checked_rem(all).unwrap_or(0);
        self.oldest.extend(found);
        self.oldest.len()
    }
}

/// One connection's entry in the roll.
#[derive(Debug)]
pub struct Guest {
    drain: Rc<Drain>,
    slot: usize,
}

impl Guest {
    /// Whether it is time to go; if not, the task is woken when it is.
    pub fn poll_drained(&self, cx: &Context<'_>) -> Poll<()> {
        if self.drain.has_begun() {
            return Poll::Ready(());
        }
        self.poll_told(cx)
    }

    /// Whether this connection was told to go, to make room for others; a drain does not count.
    pub fn poll_told(&self, cx: &Context<'_>) -> Poll<()> {
        if let Some(entry) = self.drain.roll.borrow_mut().entries.get_mut(self.slot) {
            if entry.is_told {
                return Poll::Ready(());
            }
            match &mut entry.waker {
                Some(waker) if waker.will_wake(cx.waker()) => {}
                stale => *stale = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }

    /// It has had an answer, and is idle from now on.
    pub fn rest(&self, now: Instant) {
        self.set_idle(Some(now), false);
    }

    /// It is new and has not asked for anything yet: idle only after [`FRESH`].
    pub fn rest_fresh(&self, now: Instant) {
        self.set_idle(Some(now + FRESH), true);
    }

    /// It is busy.
    pub fn rise(&self) {
        self.set_idle(None, false);
    }

    fn set_idle(&self, since: Option<Instant>, is_fresh: bool) {
        let mut roll = self.drain.roll.borrow_mut();
        let Some(entry) = roll.entries.get_mut(self.slot).filter(|entry| !entry.is_told) else { return };
        if entry.idle_since.is_some() {
            self.drain.count(-1, entry.is_fresh);
        }
        if since.is_some() {
            self.drain.count(1, is_fresh);
        }
        (entry.idle_since, entry.is_fresh) = (since, is_fresh);
    }

    /// Whether it is time to go after the exchange under way.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        let is_told = || self.drain.roll.borrow().entries.get(self.slot).is_some_and(|entry| entry.is_told);
        self.drain.has_begun() || is_told()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.rise();
        let mut roll = self.drain.roll.borrow_mut();
        if let Some(entry) = roll.entries.get_mut(self.slot) {
            *entry = Entry::default();
        }
        roll.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests;
