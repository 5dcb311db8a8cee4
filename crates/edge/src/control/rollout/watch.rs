//! Looks at a release that bakes, and carries out what follows.

use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rempart_releases::Who;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::super::Control;
use super::bake::Verdict;
use super::counts::Counting;
use super::judge::Worse;
use super::probe;

/// How often counts are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Looks until the task is ended.
pub(crate) async fn serve(control: Arc<Control>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        control.purge_taken_back_again();
        let forgotten = control.retired.forgotten();
        if !forgotten.is_empty() {
            drop(tokio::task::spawn_blocking(move || drop(forgotten)));
        }
        // Somebody changes it at this moment: the next look will do.
        let Some((number, verdict)) = control.rollout.try_lock().map(|mut rollout| {
            let verdict = rollout.look(&Counting::of(&control.workers), Now::mono());
            (rollout.newest().release.number, verdict)
        }) else {
            continue;
        };
        match verdict {
            Verdict::Bakes => {}
            Verdict::Probe { missing } => drop(tokio::spawn(probe(Arc::clone(&control), missing))),
            Verdict::Finished { synthetic } => {
                off_thread(&control, move |control| control.finish(number, synthetic)).await
            }
            Verdict::Worse(worse) => {
                off_thread(&control, move |control| control.roll_back(number, &worse)).await;
            }
        }
    }
}

/// The store waits for the disk; the control thread does not.
async fn off_thread(control: &Arc<Control>, act: impl FnOnce(&Control) + Send + 'static) {
    let control = Arc::clone(control);
    if let Err(error) = tokio::task::spawn_blocking(move || act(&control)).await {
        tracing::error!(%error, "a verdict could not be carried out");
    }
}

async fn probe(control: Arc<Control>, missing: u64) {
    let running = control.running.load_full();
    let number = running.newest().number;
    let answered = probe::zones(&running, &control.workers, missing).await;
    tracing::info!(release = number, answered, missing, "idle zones were probed");
    off_thread(&control, move |control| control.rollout.lock().probed(number, answered, Now::mono())).await;
}

impl Control {
    fn finish(&self, number: u64, synthetic: bool) {
        let mut rollout = self.rollout.lock();
        if !rollout.bakes(number) {
            return;
        }
        match rollout.finish(synthetic) {
            Ok(()) => {
                self.apply(rollout.running());
                let text = if synthetic { "with synthetic probes" } else { "with visitors' requests" };
                tracing::info!(release = number, synthetic, "the bake is finished: this release is good");
                self.events.note("good", Some(number), text.to_owned());
            }
            // It bakes on, and the next look tries again.
            Err(error) => tracing::error!(%error, release = number, "a finished bake cannot be stored"),
        }
    }

    fn roll_back(&self, from: u64, worse: &Worse) {
        let why = &worse.to_string();
        let mut rollout = self.rollout.lock();
        if !rollout.bakes(from) {
            return;
        }
        let taken_back = Arc::clone(&rollout.newest().snapshot);
        match rollout.roll_back_worse(worse) {
            Ok((to, is_zone_refused)) => {
                self.apply(rollout.running());
                self.purge_taken_back(&taken_back, &to.snapshot);
                let release = to.release.number;
                tracing::error!(from, release, "rolled back: {why}");
                self.events.note("rolled-back", Some(from), format!("{why}; release {release} is in force"));
                let details = json!({"from": from, "release": release});
                self.write_down(&Who::this_process(), "rollback", why, &details);
                if is_zone_refused {
                    // The files are the same, but not what becomes of them.
                    self.wishes.wish("one zone was rolled back: the others move on without it");
                }
            }
            Err(refusal) => tracing::error!(from, "cannot be rolled back ({why}): {refusal}"),
        }
    }
}
