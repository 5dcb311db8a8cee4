//! Purges on their way from whoever asks to every core: read, written to disk, done, and forgotten once a sweep
//! has passed. One thread does that, so that neither a visitor nor the control thread ever waits for the disk;
//! what comes while it syncs is synced together.

pub mod ask;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_cache::purge::{Counts, NAMES_MAX, Purge, Refused, Sweep};
use tokio::sync::oneshot;

use crate::cache::CacheTier;
use crate::panics;

/// Askers that wait for the thread; one more is told to come again.
const ASKERS_MAX: usize = 1024;
/// Askers whose purges are synced together.
const TOGETHER_MAX: usize = 256;
/// How often purges are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Between two pieces of a sweep, so that it takes no core from visitors.
const PIECE_PAUSE: Duration = Duration::from_millis(1);
/// From so many names on it is more often, and without pauses: room is needed. Not all the time, for what a fetch
/// under way must be held against stays.
const HURRY_FROM: u64 = NAMES_MAX / 2;
const HURRY_EVERY: Duration = Duration::from_secs(1);

/// What became of purges that were asked for.
type Outcome = Result<u64, Refused>;

/// The way to the thread.
#[derive(Clone, Debug)]
pub struct Purging(SyncSender<Asker>);

#[derive(Debug)]
struct Asker {
    purges: Vec<Purge>,
    answer: oneshot::Sender<Outcome>,
}

impl Purging {
    /// Starts the thread. It ends with the process.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(cache: Arc<CacheTier>) -> io::Result<Self> {
        let (askers, inbox) = sync_channel(ASKERS_MAX);
        thread::Builder::new().name("purges".into()).spawn(move || {
            panics::watch();
            let mut worker = Worker { cache, inbox, sweep: None, swept: Now::mono() };
            // A panic costs those who were being served, and no later ones.
            while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                worker.sweep = None;
            }
        })?;
        Ok(Self(askers))
    }

    /// Does purges. Every request that begins after this is answered sees them.
    ///
    /// # Errors
    /// They were not done, or not written to disk.
    pub async fn purge(&self, purges: Vec<Purge>) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        match self.0.try_send(Asker { purges, answer }) {
            Ok(()) => outcome.await.unwrap_or_else(|_| Err(gone())),
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Disconnected(_)) => Err(gone()),
        }
    }
}

fn gone() -> Refused {
    Refused::NotDurable("the thread that writes purges has ended".to_owned())
}

struct Worker {
    cache: Arc<CacheTier>,
    inbox: Receiver<Asker>,
    /// One that is under way.
    sweep: Option<Sweep>,
    /// When the last one began.
    swept: Instant,
}

impl Worker {
    fn run(&mut self) {
        loop {
            match self.inbox.recv_timeout(self.pause()) {
                Ok(first) => self.commit(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.sweep();
        }
    }

    /// How long to wait for the next asker.
    fn pause(&self) -> Duration {
        match (&self.sweep, self.is_in_a_hurry()) {
            (Some(_), true) => Duration::ZERO,
            (Some(_), false) => PIECE_PAUSE,
            (None, _) => self.next_sweep().saturating_duration_since(Now::mono()),
        }
    }

    fn next_sweep(&self) -> Instant {
        self.swept + if self.is_in_a_hurry() { HURRY_EVERY } else { SWEEP_EVERY }
    }

    fn is_in_a_hurry(&self) -> bool {
        self.cache.purges.counts().names >= HURRY_FROM
    }

    fn commit(&self, first: Asker) {
        let more = self.inbox.try_iter().take(TOGETHER_MAX - 1);
        let (purges, answers): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(more).map(|asker| (asker.purges, asker.answer)).unzip();
        for (answer, outcome) in answers.into_iter().zip(self.cache.purges.commit(&purges)) {
            if let Err(Refused::NotDurable(error)) = &outcome {
                tracing::error!(%error, "purges.log cannot be written");
            }
            // One that does not wait any more has had its purge all the same.
            let _ = answer.send(outcome);
        }
    }

    /// One piece of a sweep, if one is under way or due.
    fn sweep(&mut self) {
        let (cache, now) = (&self.cache, Now::mono());
        if self.sweep.is_none() {
            if now < self.next_sweep() {
                return;
            }
            self.swept = now;
            // What other processes have purged is kept up with while nobody looks anything up.
            cache.purges.keep_up();
            if !cache.purges.wants_sweep() {
                return;
            }
        }
        let sweep = self.sweep.get_or_insert_default();
        if cache.purges.sweep(&cache.store, sweep) {
            self.sweep = None;
            if let Err(error) = cache.purges.tidy() {
                tracing::warn!(%error, "purges.log cannot be shortened");
            }
        }
    }
}

/// How it is with the purges, for `status`.
#[must_use]
pub fn json(counts: Counts) -> serde_json::Value {
    let Counts { sequence, purged, invalidated, names, sweeps, retired } = counts;
    serde_json::json!({
        "sequence": sequence, "purged": purged, "invalidated": invalidated, "remembered": names,
        "remembered_max": NAMES_MAX, "forgotten_to": retired, "sweeps": sweeps,
    })
}
