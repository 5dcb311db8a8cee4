//! The taster's own deadline: it knows what it was doing when its time was over, which the supervisor, that
//! kills it a little later, does not.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rempart_base::Now;

use super::Desk;

/// When it began, how long it may go on, and what it does now.
pub(super) struct Clock {
    begun: Instant,
    max: Duration,
    doing: Mutex<&'static str>,
    has_reported: AtomicBool,
}

impl Clock {
    /// A clock that begins now.
    pub(super) fn start(max: Duration) -> Arc<Self> {
        let (doing, has_reported) = (Mutex::new("starting"), AtomicBool::new(false));
        Arc::new(Self { begun: Now::mono(), max, doing, has_reported })
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        (self.begun + self.max).saturating_duration_since(Now::mono())
    }

    /// What is past.
    pub(super) fn took_ms(&self) -> u64 {
        u64::try_from((Now::mono() - self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    /// Says what follows.
    pub(super) fn now(&self, doing: &'static str) {
        *self.doing.lock() = doing;
    }

    /// What it does.
    pub(super) fn doing(&self) -> &'static str {
        *self.doing.lock()
    }

    /// Whether the report is still to be written; whoever asks first writes it.
    pub(super) fn may_report(&self) -> bool {
        !self.has_reported.swap(true, Ordering::SeqCst)
    }

    /// From now on the process ends with a refusal when its time is over. Not any more once what is returned
    /// is dropped.
    pub(super) fn watch(self: &Arc<Self>, desk: Desk) -> std::io::Result<Sender<()>> {
        let (done, wait) = channel();
        let clock = Arc::clone(self);
        std::thread::Builder::new().name("clock".into()).spawn(move || {
            if wait.recv_timeout(clock.left()) == Err(RecvTimeoutError::Timeout) && clock.may_report() {
                let why = format!("{} took longer than {} ms", clock.doing(), clock.max.as_millis());
                exit(i32::from(desk.put(super::refused(why), &clock).is_err()));
            }
        })?;
        Ok(done)
    }
}
