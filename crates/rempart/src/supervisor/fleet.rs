//! The edges of one supervisor: one that serves, one that is about to, and those that leave.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Instant;

use rustix::process::Signal;

use super::call::Call;
use super::child::EdgeProcess;
use super::program::Program;
use super::text;
use crate::output::Failure;

/// So many edges may leave at once; one more, and the oldest is killed.
const LEAVING_MAX: usize = 8;

/// The edges. While none serves, visitors wait in the sockets' backlogs.
#[derive(Default)]
pub(super) struct Fleet {
    pub(super) starting: Option<Starting>,
    pub(super) serving: Option<EdgeProcess>,
    /// The oldest first.
    pub(super) leaving: Vec<Leaving>,
    /// When the next is started.
    pub(super) start_at: Option<Instant>,
}

/// Started, and not serving yet.
pub(super) struct Starting {
    pub(super) edge: EdgeProcess,
    pub(super) give_up_at: Instant,
    pub(super) upgrade: Option<Upgrade>,
}

/// Another program to run edges of, and who wished that.
pub(super) struct Upgrade {
    pub(super) program: Program,
    pub(super) path: PathBuf,
    pub(super) call: Call,
}

/// Told to end.
pub(super) struct Leaving {
    pub(super) edge: EdgeProcess,
    /// `None` once it is killed.
    pub(super) kill_at: Option<Instant>,
    pub(super) role: Role,
}

/// Whose place it leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Another serves in its place.
    Predecessor,
    /// How it ends is how the command ends.
    Last,
}

/// Where this supervisor's life stands.
pub(super) enum Phase {
    /// Nothing has served yet: the failure of an edge is the command's.
    Beginning,
    /// The failure of an edge is one more death.
    Serving,
    /// Told to stop. When the last edge is gone this is how it ends.
    Ending(Result<(), Failure>),
}

impl Fleet {
    /// Every edge that has not ended.
    pub(super) fn edges(&self) -> impl Iterator<Item = &EdgeProcess> {
        let starting = self.starting.iter().map(|starting| &starting.edge);
        starting.chain(&self.serving).chain(self.leaving.iter().map(|leaving| &leaving.edge))
    }

    /// The same.
    pub(super) fn edges_mut(&mut self) -> impl Iterator<Item = &mut EdgeProcess> {
        let starting = self.starting.iter_mut().map(|starting| &mut starting.edge);
        starting.chain(&mut self.serving).chain(self.leaving.iter_mut().map(|leaving| &mut leaving.edge))
    }

    /// When something is to be done.
    pub(super) fn due(&self) -> impl Iterator<Item = Instant> {
        let give_up_at = self.starting.iter().map(|starting| starting.give_up_at);
        let kill_at = self.leaving.iter().filter_map(|leaving| leaving.kill_at);
        give_up_at.chain(kill_at).chain(self.start_at.filter(|_| self.starting.is_none()))
    }

    /// Waits no longer for anything.
    pub(super) fn kill_all(&mut self) {
        self.leaving.iter_mut().for_each(Leaving::kill);
    }

    /// Tells one to end.
    pub(super) fn leave(&mut self, edge: EdgeProcess, kill_at: Instant, role: Role) {
        edge.signal(Signal::TERM);
        let surplus = (self.leaving.len() + 1).saturating_sub(LEAVING_MAX);
        self.leaving.iter_mut().take(surplus).for_each(Leaving::kill);
        self.leaving.push(Leaving { edge, kill_at: Some(kill_at), role });
    }
}

impl Leaving {
    /// Waits for it no longer.
    pub(super) fn kill(&mut self) {
        if self.kill_at.take().is_some() {
            self.edge.signal(Signal::KILL);
        }
    }

    /// What its end means for the command.
    pub(super) fn end(&self, status: ExitStatus) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        Err(text(match self.kill_at {
            Some(_) => format!("the edge stopped in disorder: {status}"),
            None => "the edge did not drain in time and was killed".to_owned(),
        }))
    }
}
