//! Looks after the budgets of the process, and says what is shed.

use std::sync::Arc;

use rempart_base::Now;
use tokio::time::{MissedTickBehavior, interval};

use super::Control;
use crate::budgets::{Change, LOOK_SHORT, give_memory_back};

/// Looks until the task is ended.
pub(super) async fn serve(control: Arc<Control>) {
    let clamped = control.budgets.lock().clamped();
    clamped.into_iter().for_each(|change| control.tell_of(change));
    let mut looks = interval(LOOK_SHORT);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let wanted = control.newest().settings.budgets;
        let now = Now::read();
        let (changes, gives_back) = {
            let mut budgets = control.budgets.lock();
            let changes = budgets.look(wanted, now);
            looks.reset_after(budgets.pause());
            (changes, budgets.should_give_memory_back(now))
        };
        changes.into_iter().for_each(|change| control.tell_of(change));
        if gives_back {
            // It may take milliseconds, and the control thread has other things to do.
            drop(tokio::task::spawn_blocking(give_memory_back));
        }
    }
}

impl Control {
    fn tell_of(&self, change: Change) {
        match change {
            Change::Clamped { key, why } => {
                tracing::warn!(key, "{why}");
                self.events.note("budget", None, format!("{key}: {why}"));
            }
            Change::Sheds(text) => {
                tracing::warn!("{text}");
                self.events.note("shedding", None, text);
            }
            Change::Ended(text) => {
                tracing::warn!("nothing is shed any more: {text}");
                self.events.note("shedding-ended", None, text);
            }
        }
    }
}
