//! What happens to the edges: they come to serve, die, are stuck, are told to leave.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rempart_edge::Boot;
use rempart_edge::page::{Mark, Slot};
use rustix::process::Signal;

use super::child::EdgeProcess;
use super::fleet::{Phase, Role, Starting, Upgrade};
use super::restart::Crashes;
use super::watch::ROUND;
use super::wishes::refuse;
use super::{Supervisor, text};
use crate::output::{Failure, complain};

/// An edge that does not serve by then is given up.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// What an edge may take beyond its own drain timeout to end.
const STOP_GRACE: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Starts an edge, beside the one that serves if there is one.
    pub(super) fn start(&mut self, now: Instant) {
        self.fleet.start_at = None;
        self.generation += 1;
        let started =
            EdgeProcess::start(&self.program, &self.order, &self.sockets, self.boot, self.generation);
        match started {
            Ok(edge) => {
                if matches!(self.boot, Boot::StepBack | Boot::AfterCrash) {
                    self.boot = Boot::Stored;
                }
                self.fleet.starting = Some(Starting { edge, give_up_at: now + START_TIMEOUT, upgrade: None });
            }
            Err(error) => self.crashed(Duration::ZERO, &format!("it cannot be started: {error}"), now),
        }
    }

    /// Starts an edge of another program beside the one that serves. Only when it serves too does anything
    /// change.
    pub(super) fn start_upgrade(&mut self, upgrade: Upgrade, now: Instant) -> Result<(), String> {
        self.generation += 1;
        let started =
            EdgeProcess::start(&upgrade.program, &self.order, &self.sockets, Boot::Stored, self.generation);
        let edge =
            started.map_err(|error| format!("{} cannot be started: {error}", upgrade.path.display()))?;
        let give_up_at = now + self.order.upgrade_ready;
        self.fleet.starting = Some(Starting { edge, give_up_at, upgrade: Some(upgrade) });
        Ok(())
    }

    /// Stops everything in good order.
    pub(super) fn stop(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Ending(_)) {
            self.manager.stopping();
            self.succession.call_off();
            self.end(now);
        }
    }

    /// The same, though the service goes on elsewhere.
    pub(super) fn end(&mut self, now: Instant) {
        self.phase = Phase::Ending(Ok(()));
        self.fleet.start_at = None;
        let kill_at = now + self.order.drain_timeout + STOP_GRACE;
        if let Some(Starting { edge, .. }) = self.fleet.starting.take() {
            self.fleet.leave(edge, kill_at, Role::Predecessor);
        }
        if let Some(edge) = self.fleet.serving.take() {
            tracing::info!(pid = edge.pid(), "stopping");
            self.fleet.leave(edge, kill_at, Role::Last);
        }
    }

    /// How all has ended, once it has.
    pub(super) fn ended(&mut self) -> Option<Result<(), Failure>> {
        match &mut self.phase {
            Phase::Ending(end) if self.fleet.edges().next().is_none() => Some(std::mem::replace(end, Ok(()))),
            Phase::Ending(_) | Phase::Beginning | Phase::Serving => None,
        }
    }

    /// What has happened to the edges since, and what is due by now.
    pub(super) fn tend(&mut self, now: Instant) {
        self.tend_starting(now);
        self.tend_serving(now);
        self.tend_leaving(now);
        let is_due = self.fleet.start_at.is_some_and(|start_at| now >= start_at);
        if is_due && self.fleet.starting.is_none() {
            self.start(now);
        }
    }

    fn tend_starting(&mut self, now: Instant) {
        let Some(mut starting) = self.fleet.starting.take() else { return };
        if starting.edge.serves() {
            return self.promote(starting, now);
        }
        match starting.edge.ended() {
            Some(status) => self.start_failed(&mut starting, &status.to_string(), now),
            None if now < starting.give_up_at => self.fleet.starting = Some(starting),
            None => {
                let waited = now.saturating_duration_since(starting.edge.since);
                self.start_failed(&mut starting, &format!("it does not serve after {waited:.1?}"), now);
                // It may not take the order to stop.
                self.fleet.leave(starting.edge, now, Role::Predecessor);
            }
        }
    }

    /// It serves; who served before leaves.
    fn promote(&mut self, Starting { edge, upgrade, .. }: Starting, now: Instant) {
        let serving = self.serving();
        self.fleet.start_at = None;
        match (&self.phase, upgrade) {
            (Phase::Beginning, _) => {
                // Whoever reads that line may upgrade at once.
                self.succeed();
                complain(&format!("rempart: {serving}\n"));
            }
            (Phase::Serving | Phase::Ending(_), None) => tracing::info!(pid = edge.pid(), "the edge is back"),
            (Phase::Serving | Phase::Ending(_), Some(upgrade)) => self.upgraded(&edge, upgrade),
        }
        (self.phase, self.boot) = (Phase::Serving, Boot::Stored);
        // Until the predecessor has said who is the service now, the service manager does not listen to us.
        if self.predecessor.is_none() {
            self.manager.ready(&serving);
        }
        for signal in std::mem::take(&mut self.put_off) {
            self.deliver(signal, &edge);
        }
        if let Some(old) = self.fleet.serving.replace(edge) {
            // One without a living core has nothing to finish.
            let patience = match old.watch.is_lost() {
                true => Duration::ZERO,
                false => self.order.drain_timeout + STOP_GRACE,
            };
            self.fleet.leave(old, now + patience, Role::Predecessor);
        }
    }

    fn upgraded(&mut self, edge: &EdgeProcess, Upgrade { program, path, call }: Upgrade) {
        tracing::info!(pid = edge.pid(), ?path, "upgraded");
        self.before = Some(std::mem::replace(&mut self.program, program));
        self.crashes = Crashes::within(self.order.crash_window);
        call.say(&format!("ok: edge {} of {} serves", edge.pid(), path.display())).ok();
    }

    fn start_failed(&mut self, Starting { edge, upgrade, .. }: &mut Starting, how: &str, now: Instant) {
        let said = edge.reason();
        match (&self.phase, upgrade, said) {
            // No visitor has noticed anything.
            (_, Some(upgrade), said) => {
                let reason = said.as_deref().unwrap_or(how);
                refuse(&upgrade.call, &format!("the new edge did not come to serve: {reason}"));
            }
            (Phase::Beginning, None, Some(reason)) => self.phase = Phase::Ending(Err(text(reason))),
            (Phase::Beginning | Phase::Serving | Phase::Ending(_), None, said) => {
                self.died(edge, said.as_deref().unwrap_or(how), now);
            }
        }
        // What was put off is read anew by the next one.
        self.put_off.clear();
    }

    fn tend_serving(&mut self, now: Instant) {
        let Some(mut edge) = self.fleet.serving.take() else { return };
        if let Some(status) = edge.ended() {
            // A kill comes from outside (an operator, the kernel's memory killer) and says nothing.
            if status.signal() != Some(Signal::KILL.as_raw()) {
                self.suspect();
            }
            return self.died(&edge, &status.to_string(), now);
        }
        if now >= self.look_at {
            self.look_at = now + ROUND;
            let stuck = edge.watch.look(edge.page.slots());
            if !stuck.is_empty() {
                self.is_stuck(&edge, &stuck, now);
            }
        }
        self.fleet.serving = Some(edge);
    }

    /// A successor takes the sockets over at once. The stuck edge goes on with its other cores until that
    /// one serves: so nobody waits for a start that would not have to.
    fn is_stuck(&mut self, edge: &EdgeProcess, stuck: &[usize], now: Instant) {
        let mut in_a_stage = false;
        for core in stuck {
            let mark = edge.page.slots().get(*core).and_then(Slot::read);
            in_a_stage |= mark.is_some();
            tell(edge, *core, &mark.unwrap_or_default(), "a core is stuck: a successor takes over");
        }
        self.manager.status("a core is stuck; a successor takes over");
        if in_a_stage {
            self.suspect();
            let life = now.saturating_duration_since(edge.since);
            self.crashed(life, "stuck", now);
        }
        // Not later, whatever the count says: visitors wait on that core's sockets.
        self.fleet.start_at = Some(now);
    }

    /// The next edge does not begin with a release that still bakes.
    fn suspect(&mut self) {
        if self.boot == Boot::Stored {
            self.boot = Boot::AfterCrash;
        }
    }

    fn died(&mut self, edge: &EdgeProcess, how: &str, now: Instant) {
        let life = now.saturating_duration_since(edge.since);
        let marks = edge.page.slots().iter().enumerate();
        for (core, mark) in marks.filter_map(|(core, slot)| Some((core, slot.read()?))) {
            tell(edge, core, &mark, &format!("the edge was running this when it died: {how}"));
        }
        tracing::error!(pid = edge.pid(), lived_s = life.as_secs(), "the edge died: {how}");
        self.manager.status("the edge died and is started again");
        self.crashed(life, how, now);
    }

    /// Counts it, and says when and with what the next edge is started.
    fn crashed(&mut self, life: Duration, how: &str, now: Instant) {
        let restart = self.crashes.after_life_of(life);
        if self.crashes.is_outlived_by(life) {
            // The program has shown that it can.
            self.before = None;
        }
        match (restart.is_loop, self.before.take()) {
            // What was changed last is suspected first; if the older program crashes too, it was the release.
            (true, Some(before)) => {
                tracing::error!(
                    "edges crash again and again ({how}): the program before the upgrade is run again"
                );
                self.program = before;
            }
            (true, None) => {
                tracing::error!(
                    "edges crash again and again ({how}): the next one begins with an older release"
                );
                self.boot = Boot::StepBack;
            }
            (false, before) => self.before = before,
        }
        if !matches!(self.phase, Phase::Ending(_)) {
            tracing::info!(in_ms = restart.delay.as_millis(), "the next edge is started");
            self.fleet.start_at = Some(now + restart.delay);
        }
    }

    fn tend_leaving(&mut self, now: Instant) {
        let mut end = Ok(());
        self.fleet.leaving.retain_mut(|leaving| match leaving.edge.ended() {
            Some(status) => {
                if leaving.role == Role::Last {
                    end = leaving.end(status);
                }
                false
            }
            None => {
                if leaving.kill_at.is_some_and(|kill_at| now >= kill_at) {
                    tracing::warn!(pid = leaving.edge.pid(), "the edge did not drain in time and is killed");
                    leaving.kill();
                }
                true
            }
        });
        if end.is_err() {
            self.phase = Phase::Ending(end);
        }
    }
}

/// What a core was at, as it wrote down before.
fn tell(edge: &EdgeProcess, core: usize, mark: &Mark, what: &str) {
    let Mark { release, zone, stage, rule } = mark;
    tracing::error!(pid = edge.pid(), core, release, zone, stage, rule, "{what}");
}
