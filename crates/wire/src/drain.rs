//! Telling idle connections of one core that it is time to go.
//!
//! A connection between two requests waits on its socket alone; registering with a channel each time
//! would cost every request. Instead it leaves its waker here once, and only compares afterwards.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The drain of one core, and the roll of its connections.
#[derive(Debug, Default)]
pub struct Drain {
    begun: Cell<bool>,
    roll: RefCell<Roll>,
}

#[derive(Debug, Default)]
struct Roll {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Drain {
    /// Enters a connection in the roll, until the guest is dropped.
    #[must_use]
    pub fn enter(self: &Rc<Self>) -> Guest {
        let mut roll = self.roll.borrow_mut();
        let slot = roll.free.pop().unwrap_or_else(|| {
            roll.wakers.push(None);
            roll.wakers.len() - 1
        });
        Guest { drain: Rc::clone(self), slot }
    }

    /// How many connections are in the roll.
    #[must_use]
    pub fn guests(&self) -> usize {
        let roll = self.roll.borrow();
        roll.wakers.len() - roll.free.len()
    }

    /// From now on every idle connection closes, and busy ones close after their answer.
    pub fn begin(&self) {
        self.begun.set(true);
        let wakers: Vec<Waker> = self.roll.borrow_mut().wakers.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.get()
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
        if let Some(waker) = self.drain.roll.borrow_mut().wakers.get_mut(self.slot) {
            match waker {
                Some(waker) if waker.will_wake(cx.waker()) => {}
                stale => *stale = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }

    /// Whether it is time to go after the exchange under way.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.has_begun()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut roll = self.drain.roll.borrow_mut();
        if let Some(waker) = roll.wakers.get_mut(self.slot) {
            *waker = None;
        }
        roll.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roll_counts_and_reuses_slots() {
        let drain = Rc::new(Drain::default());
        let (a, b) = (drain.enter(), drain.enter());
        assert_eq!(drain.guests(), 2);
        drop(a);
        let _c = drain.enter();
        assert_eq!((drain.guests(), drain.roll.borrow().wakers.len()), (2, 2));
        drop(b);
        assert_eq!(drain.guests(), 1);
    }

    #[test]
    fn beginning_wakes_who_waits_and_answers_who_asks_later() {
        let drain = Rc::new(Drain::default());
        let guest = drain.enter();
        let cx = Context::from_waker(Waker::noop());
        assert!(guest.poll_drained(&cx).is_pending() && !guest.is_draining());
        drain.begin();
        assert!(guest.poll_drained(&cx).is_ready() && guest.is_draining());
    }
}
