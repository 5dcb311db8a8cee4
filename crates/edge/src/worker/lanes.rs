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
        Self { lanes: Vec::new(), called: Arc::default() }
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
        let mut any = false;
        for (at, word) in self.called.lanes.iter().enumerate() {
            let mut woken =
                if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::SeqCst) };
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
        self.called.lanes.iter().all(|word| word.load(Ordering::SeqCst) == 0)
    }

    /// Gives all their memory back. For when none has anything to do.
    pub(super) fn close(&mut self) {
        if !self.lanes.is_empty() {
            self.lanes = Vec::new();
        }
    }
}
