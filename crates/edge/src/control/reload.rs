//! A change of the configuration: compiled whole, then swapped in; or refused, and nothing has changed.

use std::sync::Arc;
use std::time::Duration;

use rempart_base::{Diagnostics, Now};
use rempart_config::Snapshot;

use super::Control;
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
            Ok(snapshot) if snapshot.hash == self.current.load().hash => {
                Outcome::Unchanged(self.current.load_full())
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
        let old = self.current.swap(Arc::clone(snapshot));
        let gone =
            old.zones().map(|zone| &zone.name).filter(|name| snapshot.zone_named(name).is_none()).cloned();
        let gone: Arc<[Arc<str>]> = gone.collect();
        self.tell(|| Order::Swap(Arc::clone(snapshot), Arc::clone(&gone)));
        let access = &snapshot.settings.log.access;
        self.writer.configure(&access.to, access.queue_bytes_max);
        let (new, old) = (&snapshot.settings, &old.settings);
        for (key, differs) in [
            ("listen", new.listen != old.listen),
            ("workers", new.workers != old.workers),
            ("user", new.user != old.user),
            ("data_dir", new.data_dir != old.data_dir),
            ("admin.listen", new.admin != old.admin),
            ("log.level", new.log.level != old.log.level),
        ] {
            if differs {
                tracing::warn!(key, "this change takes effect when Rempart is started again");
            }
        }
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
                tracing::debug!(?took, why, "nothing has changed");
            }
            Outcome::Refused(diagnostics) => {
                reloads.refused += 1;
                tracing::error!(why, "the configuration is refused; what ran goes on\n{diagnostics}");
                error = Some(diagnostics.clone());
            }
        }
        reloads.last = Some(Last { at, took, error });
    }
}
