//! A change of the configuration: compiled whole, then swapped in; or refused, and nothing has changed.

use std::sync::Arc;
use std::time::Duration;

use rempart_base::{Diagnostics, Now};
use rempart_config::Snapshot;

use super::Control;
use crate::running::Running;
use crate::worker::Order;

/// What became of the reloads so far.
#[derive(Default)]
pub(super) struct Reloads {
    pub(super) applied: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
    pub(super) last: Option<Last>,
}

/// The last one.
pub(super) struct Last {
    pub(super) at: Now,
    pub(super) took: Duration,
    pub(super) error: Option<Diagnostics>,
}

/// What became of one.
pub(super) enum Outcome {
    /// Exchanges that begin now run on this.
    Applied(Arc<Snapshot>),
    /// The content is what runs already.
    Unchanged(Arc<Snapshot>),
    /// It does not compile; what ran goes on.
    Refused(Diagnostics),
}

/// Reads the configuration and applies it if it compiles.
pub(super) async fn reload(control: &Arc<Control>, why: &'static str) -> Outcome {
    let control = Arc::clone(control);
    // Compiling 50,000 zones takes a while; metrics can be read meanwhile.
    let outcome = tokio::task::spawn_blocking(move || control.reload(why)).await;
    outcome.unwrap_or_else(|_| Outcome::Refused(Diagnostics::default()))
}

impl Control {
    fn reload(&self, why: &'static str) -> Outcome {
        // Held to the end: reloads happen one after the other, and the youngest file wins.
        let mut compiler = self.compiler.lock();
        let begun = Now::read();
        let compiled = compiler.compile(begun);
        let outcome = match compiled {
            Ok(snapshot) if snapshot.hash == self.current.load().newest().hash => {
                Outcome::Unchanged(Arc::clone(self.current.load().newest()))
            }
            Ok(snapshot) => {
                self.apply(&snapshot);
                Outcome::Applied(snapshot)
            }
            Err(diagnostics) => Outcome::Refused(diagnostics),
        };
        let took = Now::mono() - begun.mono;
        self.note(&outcome, begun, took, why);
        outcome
    }

    fn apply(&self, snapshot: &Arc<Snapshot>) {
        let running = Arc::new(Running::only(Arc::clone(snapshot)));
        let old = self.current.swap(Arc::clone(&running));
        let gone = old
            .newest()
            .zones()
            .map(|zone| &zone.name)
            .filter(|name| snapshot.zone_named(name).is_none())
            .cloned();
        let gone: Arc<[Arc<str>]> = gone.collect();
        self.tell(|| Order::Swap(Arc::clone(&running), Arc::clone(&gone)));
        let access = &snapshot.settings.log.access;
        self.writer.configure(&access.to, access.queue_bytes_max);
        for key in self.waiting_for_restart() {
            tracing::warn!(key, "this change takes effect when Rempart is started again");
        }
    }

    /// The keys whose present values differ from those that the process was started with, and that it
    /// cannot change while it runs.
    pub(super) fn waiting_for_restart(&self) -> Vec<&'static str> {
        let running = self.current.load();
        let (started, now) = (&self.started_with, &running.newest().settings);
        let keys = [
            ("listen", started.listen != now.listen),
            ("workers", started.workers != now.workers),
            ("user", started.user != now.user),
            ("data_dir", started.data_dir != now.data_dir),
            ("admin.listen", started.admin != now.admin),
            ("log.level", started.log.level != now.log.level),
        ];
        keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }

    fn note(&self, outcome: &Outcome, at: Now, took: Duration, why: &'static str) {
        let mut reloads = self.reloads.lock();
        let mut error = None;
        match outcome {
            Outcome::Applied(snapshot) => {
                reloads.applied += 1;
                tracing::info!(
                    release = snapshot.number,
                    zones = snapshot.zones().len(),
                    ?took,
                    why,
                    "reloaded"
                );
                snapshot.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            }
            Outcome::Unchanged(_) => {
                reloads.unchanged += 1;
                if reloads.last.as_ref().is_some_and(|last| last.error.is_some()) {
                    tracing::info!(why, "the configuration is right again, and what runs already");
                }
                tracing::debug!(?took, why, "nothing has changed");
            }
            Outcome::Refused(diagnostics) => {
                reloads.refused += 1;
                tracing::error!("the configuration is refused ({why}); what ran goes on\n{diagnostics}");
                error = Some(diagnostics.clone());
            }
        }
        reloads.last = Some(Last { at, took, error });
    }
}
