//! One edge process, seen from its supervisor.

use std::io::{self, PipeReader, Read, pipe};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use rempart_base::Now;
use rempart_edge::Boot;
use rempart_edge::line::Line;
use rempart_edge::page::Page;
use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use super::Order;
use super::signals::unblock;
use crate::handover::{Handover, Told, VARIABLE};
use crate::sockets::Sockets;
use crate::systemd::NOTIFY_SOCKET;

/// The longest message about a failed start that is kept.
const SAID_BYTES_MAX: u64 = 1024 * 1024;

/// A process that serves, or is about to.
pub(super) struct EdgeProcess {
    child: Child,
    page: Page,
    line: Line,
    /// Until the edge closes its end.
    ready: Option<PipeReader>,
    said: Vec<u8>,
    /// When it was started.
    pub(super) since: Instant,
}

impl EdgeProcess {
    /// Starts this same program as an edge that inherits the sockets.
    pub(super) fn start(order: &Order, sockets: &Sockets, boot: Boot, generation: u64) -> io::Result<Self> {
        let (ready, ready_of_child) = pipe()?;
        ioctl_fionbio(&ready, true)?;
        let page = Page::create(sockets.workers())?;
        let (line, line_of_child) = Line::pair()?;
        let told = Told { ready: &ready_of_child, page: &page, line: &line_of_child, boot, generation };
        let handover = Handover::of(sockets, &told, order.data_dir.clone(), order.log_level);
        let fds = handover.fds();
        let supervisor = getpid();
        // Not the file's name: that may be a newer version by now, and one installation runs one version.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("rempart").arg("edge").arg("-c").arg(&order.config_path);
        command.env(VARIABLE, serde_json::to_string(&handover)?).env_remove(NOTIFY_SOCKET);
        // A group of its own: a terminal's Ctrl-C goes to the supervisor alone, which passes it on once.
        command.stdin(Stdio::null()).process_group(0);
        // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
        unsafe { command.pre_exec(move || become_heir(&fds, supervisor)) };
        let child = command.spawn()?;
        Ok(Self { child, page, line, ready: Some(ready), said: Vec::new(), since: Now::mono() })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// To be waited on until the edge has said whether it serves.
    pub(super) fn ready_fd(&self) -> Option<BorrowedFd<'_>> {
        self.ready.as_ref().map(AsFd::as_fd)
    }

    /// Whether the edge has said that it serves. Reads what has come; does not wait.
    pub(super) fn serves(&mut self) -> bool {
        if let Some(ready) = &mut self.ready {
            match ready.take(SAID_BYTES_MAX).read_to_end(&mut self.said) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other end is closed: nothing more will come.
                Ok(_) | Err(_) => self.ready = None,
            }
        }
        self.said == b"ready\n"
    }

    /// What it said about a start that failed.
    pub(super) fn reason(&self) -> Option<String> {
        Some(String::from_utf8_lossy(self.said.strip_prefix(b"failed: ")?).trim_end().to_owned())
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends it a signal. One that has ended meanwhile does not mind.
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(Pid::from_child(&self.child), signal) {
            tracing::warn!(%error, ?signal, pid = self.pid(), "the edge did not take a signal");
        }
    }
}

/// Runs in the child before exec: keeps these descriptors open and binds its life to its supervisor's.
fn become_heir(fds: &[RawFd], supervisor: Pid) -> io::Result<()> {
    for fd in fds {
        // SAFETY: the supervisor holds them open while it forks.
        fcntl_setfd(unsafe { BorrowedFd::borrow_raw(*fd) }, FdFlags::empty())?;
    }
    unblock()?;
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // It may have died before the line above.
    if getppid() == Some(supervisor) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
}
