//! The exchanges of one connection of HTTP/2. Each runs in a lane, one after the other; there are as many lanes as
//! exchanges wait at once. So an exchange that need not wait costs neither a task nor memory of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// As many lanes as streams that can be announced (`limits.http2_streams_max`).
const WORDS: usize = 4;
/// The most lanes that one connection has.
pub(super) const LANES_MAX: usize = WORDS * 64;

/// Futures that never end by themselves, each polled only when it was woken.
pub(super) struct Lanes<F> {
    lanes: Vec<Lane<F>>,
    called: Arc<Called>,
    /// Which were woken and wait for the next pass over all of them.
    put_off: [u64; WORDS],
}

struct Lane<F> {
    future: Pin<Box<F>>,
    waker: Waker,
}

/// Which lanes were woken, and whom to tell.
#[derive(Default)]
struct Called {
    lanes: [AtomicU64; WORDS],
    /// The task is about to look anyway.
    is_awake: AtomicBool,
    task: Mutex<Option<Waker>>,
}

struct Bell {
    lane: usize,
    called: Arc<Called>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(word) = self.called.lanes.get(self.lane / 64) {
            word.fetch_or(1 << (self.lane % 64), Ordering::SeqCst);
        }
        if !self.called.is_awake.load(Ordering::SeqCst)
            && let Some(task) = &*self.called.task.lock()
        {
            task.wake_by_ref();
        }
    }
}

impl<F: Future<Output = ()>> Lanes<F> {
    pub(super) fn new() -> Self {
        Self { lanes: Vec::new(), called: Arc::default(), put_off: [0; WORDS] }
    }

    /// One more, which runs when [`Lanes::run`] is called next. `false`: there are as many as may be.
    pub(super) fn open(&mut self, future: impl FnOnce() -> F) -> bool {
        let lane = self.lanes.len();
        if lane >= LANES_MAX {
            return false;
        }
        let waker = Waker::from(Arc::new(Bell { lane, called: Arc::clone(&self.called) }));
        waker.wake_by_ref();
        self.lanes.push(Lane { future: Box::pin(future()), waker });
        true
    }

    /// Lets all run that were woken, each once. Whether any was.
    pub(super) fn run(&mut self) -> bool {
        let put_off = std::mem::take(&mut self.put_off);
        self.pass(put_off)
    }

    /// The same, without those that were put off.
    pub(super) fn run_called(&mut self) -> bool {
        self.pass([0; WORDS])
    }

    /// Who was woken until now runs only in the next [`Lanes::run`].
    pub(super) fn put_off(&mut self) {
        for (put_off, word) in self.put_off.iter_mut().zip(&self.called.lanes) {
            *put_off |= take(word);
        }
    }

    fn pass(&mut self, also: [u64; WORDS]) -> bool {
        let mut any = false;
        for (at, (word, also)) in self.called.lanes.iter().zip(also).enumerate() {
            let mut woken = also | take(word);
            while woken != 0 {
                let lane = at * 64 + woken.trailing_zeros() as usize;
                woken &= woken - 1;
                let Some(lane) = self.lanes.get_mut(lane) else { continue };
                any = true;
                match lane.future.as_mut().poll(&mut Context::from_waker(&lane.waker)) {
                    Poll::Pending | Poll::Ready(()) => {}
                }
            }
        }
        any
    }

    /// The task is awake, and will look at who was woken before it sleeps.
    pub(super) fn wake_up(&self) {
        self.called.is_awake.store(true, Ordering::SeqCst);
    }

    /// From now on whoever is woken wakes the task. `false`: somebody was already.
    pub(super) fn sleep(&self, cx: &Context<'_>) -> bool {
        {
            let mut task = self.called.task.lock();
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        self.called.is_awake.store(false, Ordering::SeqCst);
        self.put_off == [0; WORDS] && self.called.lanes.iter().all(|word| word.load(Ordering::SeqCst) == 0)
    }

    /// Gives all their memory back. For when none has anything to do.
    pub(super) fn close(&mut self) {
        if !self.lanes.is_empty() {
            self.lanes = Vec::new();
        }
    }
}

fn take(word: &AtomicU64) -> u64 {
    if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::SeqCst) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, poll_fn};
    use std::rc::Rc;

    use super::*;

    type Log = Rc<RefCell<Vec<(char, u32)>>>;

    /// Takes steps, and steps aside after each.
    async fn steps(name: char, log: Log) {
        for step in 0..3 {
            log.borrow_mut().push((name, step));
            let mut goes_on = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut goes_on, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        pending().await
    }

    #[test]
    fn who_steps_aside_goes_on_when_all_have_come_as_far() {
        let (log, mut lanes) = (Log::default(), Lanes::new());
        lanes.wake_up();
        for name in ['a', 'b'] {
            assert!(lanes.open(|| steps(name, Rc::clone(&log))));
        }
        while lanes.run() {}
        assert_eq!(*log.borrow(), [('a', 0), ('b', 0), ('a', 1), ('b', 1), ('a', 2), ('b', 2)]);
    }

    #[test]
    fn who_is_put_off_runs_in_the_next_pass_and_keeps_the_task_awake() {
        let (log, mut lanes) = (Log::default(), Lanes::new());
        lanes.wake_up();
        assert!(lanes.open(|| steps('a', Rc::clone(&log))));
        assert!(lanes.run());
        lanes.put_off();
        assert!(lanes.open(|| steps('b', Rc::clone(&log))));
        assert!(lanes.run_called());
        lanes.put_off();
        assert_eq!(*log.borrow(), [('a', 0), ('b', 0)]);
        assert!(!lanes.run_called() && !lanes.sleep(&Context::from_waker(Waker::noop())));
        lanes.wake_up();
        assert!(lanes.run());
        assert_eq!(*log.borrow(), [('a', 0), ('b', 0), ('a', 1), ('b', 1)]);
    }
}
