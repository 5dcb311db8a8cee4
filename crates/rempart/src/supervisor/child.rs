//! One edge process, seen from its supervisor.

use std::io::{self, PipeReader, Read, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ExitStatus};
use std::time::Instant;

use rempart_base::Now;
use rempart_edge::Boot;
use rempart_edge::line::{Line, Message};
use rempart_edge::page::Page;
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process};

use super::Order;
use super::copies;
use super::program::{Program, spawn_heir};
use super::watch::Watch;
use crate::handover::{Handover, Start, VARIABLE};
use crate::sockets::Sockets;

/// The longest message about a failed start that is kept.
const SAID_BYTES_MAX: u64 = 1024 * 1024;
/// How many messages of one edge are read before the others have their turn.
const MESSAGES_MAX: usize = 64;

/// A process that serves, or is about to, or did.
pub(super) struct EdgeProcess {
    child: Child,
    /// What its cores write about themselves.
    pub(super) page: Page,
    /// What is known of their heartbeats.
    pub(super) watch: Watch,
    /// Until the edge closes its end.
    line: Option<Line>,
    /// Until the edge closes its end.
    ready: Option<PipeReader>,
    said: Vec<u8>,
    /// When it was started.
    pub(super) since: Instant,
    /// The how-manieth it is.
    pub(super) generation: u64,
}

impl EdgeProcess {
    /// Starts the program as an edge that inherits the sockets.
    pub(super) fn start(
        program: &Program,
        order: &Order,
        sockets: &Sockets,
        boot: Boot,
        generation: u64,
    ) -> io::Result<Self> {
        let (ready, ready_of_child) = pipe()?;
        ioctl_fionbio(&ready, true)?;
        let page = Page::create(sockets.workers())?;
        let (line, line_of_child) = Line::pair()?;
        let start = Start { ready: &ready_of_child, page: &page, line: &line_of_child, boot, generation };
        let handover = Handover::of(sockets, &start, order);
        let mut command = program.command("edge");
        if let Some(tunables) = copies::tunables() {
            command.env(copies::VARIABLE, tunables);
        }
        command.env(VARIABLE, serde_json::to_string(&handover)?);
        let child = spawn_heir(&mut command, handover.fds(), Signal::TERM)?;
        let watch = Watch::of(page.slots().len());
        let (line, ready) = (Some(line), Some(ready));
        Ok(Self { child, page, watch, line, ready, said: Vec::new(), since: Now::mono(), generation })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What there is to wait on: its first word about whether it serves, and its messages.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.ready.iter().map(AsFd::as_fd).chain(self.line.iter().map(AsFd::as_fd))
    }

    /// Whether the edge has said that it serves. Reads what has come; does not wait.
    pub(super) fn serves(&mut self) -> bool {
        if let Some(ready) = &mut self.ready {
            let room = SAID_BYTES_MAX.saturating_sub(self.said.len() as u64);
            match ready.take(room).read_to_end(&mut self.said) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other end is closed: nothing more will come.
                Ok(_) | Err(_) => self.ready = None,
            }
        }
        let serves = self.said == b"ready\n";
        if serves {
            // Nothing more is expected, and its end would wake the supervisor again and again.
            self.ready = None;
        }
        serves
    }

    /// What it said about a start that failed.
    pub(super) fn reason(&mut self) -> Option<String> {
        self.serves();
        Some(String::from_utf8_lossy(self.said.strip_prefix(b"failed: ")?).trim_end().to_owned())
    }

    /// The newest taste that it has asked for since the last call.
    pub(super) fn asked_for_taste(&mut self) -> Option<u64> {
        let mut newest = None;
        for _ in 0..MESSAGES_MAX {
            match self.line.as_ref().map(Line::heard) {
                Some(Ok(Some(Message::Taste(id)))) => newest = Some(id),
                // Only a supervisor says that.
                Some(Ok(Some(Message::Tasted(..)))) => {}
                Some(Ok(None)) | None => break,
                Some(Err(_)) => self.line = None,
            }
        }
        newest
    }

    /// Says something to it. One that does not listen any more does not mind.
    pub(super) fn say(&self, message: Message) {
        if let Some(Err(error)) = self.line.as_ref().map(|line| line.say(message)) {
            tracing::warn!(%error, pid = self.pid(), "the edge does not take messages");
        }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends it a signal. One that has ended meanwhile does not mind.
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(Pid::from_child(&self.child), signal) {
            tracing::warn!(%error, ?signal, pid = self.pid(), "the edge did not take a signal");
        }
    }
}
