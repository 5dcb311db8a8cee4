//! The program that edges and tasters are: an open file. What stands under its name meanwhile does not matter,
//! and one that was replaced can still be gone back to.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use super::signals::unblock;
use crate::systemd::NOTIFY_SOCKET;

const OWN: &str = "/proc/self/exe";
/// What the kernel writes behind the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// A program that can be executed, whatever becomes of its name.
pub(crate) struct Program(OwnedFd);

impl Program {
    /// The one that this process runs.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Self::at(Path::new(OWN))
    }

    /// The one that has this name now.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// The name under which this process was started, though another program may have it by now.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub(super) fn own_name() -> io::Result<PathBuf> {
        let name = std::fs::read_link(OWN)?;
        let bytes = name.as_os_str().as_bytes();
        Ok(OsStr::from_bytes(bytes.strip_suffix(DELETED).unwrap_or(bytes)).into())
    }

    /// A command that runs it; to be spawned while `self` lives. It has no standard input, and a process group
    /// of its own: a terminal's Ctrl-C goes to the supervisor alone, which passes it on once.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        command.arg0("rempart").arg(name);
        command.stdin(Stdio::null()).process_group(0);
        command
    }
}

/// Starts it with these descriptors, and binds its life to this process's: the signal is what it gets when
/// this process ends. The service manager is not told anything by it.
pub(super) fn spawn_heir(command: &mut Command, fds: Vec<RawFd>, at_our_end: Signal) -> io::Result<Child> {
    let parent = getpid();
    command.env_remove(NOTIFY_SOCKET);
    // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
    unsafe { command.pre_exec(move || become_heir(&fds, parent, at_our_end)) };
    command.spawn()
}

/// Starts it to outlive this process, as a service of its own.
pub(super) fn spawn_free(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
    unsafe { command.pre_exec(unblock) };
    command.spawn()
}

/// Runs in the child before exec.
fn become_heir(fds: &[RawFd], parent: Pid, at_our_end: Signal) -> io::Result<()> {
    for fd in fds {
        // SAFETY: the parent holds them open while it forks.
        fcntl_setfd(unsafe { BorrowedFd::borrow_raw(*fd) }, FdFlags::empty())?;
    }
    unblock()?;
    set_parent_process_death_signal(Some(at_our_end))?;
    // It may have died before the line above.
    if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
}
