//! Where scripts wait for each other (`sync NAME`).

use crate::case::{Act, Case};
use crate::peer::left;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// All meeting points of one case.
pub struct Meetings(BTreeMap<String, Meeting>);

struct Meeting {
    parties: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// How often everybody has met here.
    met: u64,
}

impl Meetings {
    /// One point for each name; its parties are the scripts that name it.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let scripts = case.origins.iter().map(|o| &o.script).chain(case.clients.iter().map(|c| &c.script));
        let mut meetings: BTreeMap<String, Meeting> = BTreeMap::new();
        for script in scripts {
            let mut named: Vec<&String> = Vec::new();
            for step in &script.steps {
                if let Act::Sync(name) = &step.act {
                    named.push(name);
                }
            }
            named.sort();
            named.dedup();
            for name in named {
                let meeting = meetings.entry(name.clone()).or_insert_with(|| Meeting {
                    parties: 0,
                    state: Mutex::default(),
                    changed: Condvar::new(),
                });
                meeting.parties += 1;
            }
        }
        Self(meetings)
    }

    /// Waits there until everybody has come.
    ///
    /// # Errors
    /// Says how many came in time.
    pub fn wait(&self, name: &str, until: Instant) -> Result<(), String> {
        let Some(meeting) = self.0.get(name) else { return Err(format!("nobody meets at {name}")) };
        let mut state = meeting.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        if state.waiting == meeting.parties {
            state.waiting = 0;
            state.met += 1;
            meeting.changed.notify_all();
            return Ok(());
        }
        let met = state.met;
        while state.met == met {
            let Some(left) = left(until) else {
                let waiting = state.waiting;
                state.waiting -= 1;
                return Err(format!("{waiting} of {} had come in time", meeting.parties));
            };
            let waited = meeting.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}
