//! The Rempart that stands before the website.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tokio::process::{Child, Command};

/// A running `rempart up`.
pub(super) struct Rempart(Child);

impl Rempart {
    /// Starts the `rempart` that was built beside this program.
    pub(super) fn start(file: &Path) -> Result<Self> {
        let program = beside_this_program("rempart")?;
        let mut command = Command::new(&program);
        // A process group of its own: Ctrl-C comes here, and is passed on once.
        command.args([OsStr::new("up"), OsStr::new("-c"), file.as_os_str()]).process_group(0);
        // SAFETY: between fork and exec one system call is made.
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?)) };
        let child = command.spawn().map_err(|error| {
            let text =
                format!("{} cannot be started: {error}; build it with `cargo build`", program.display());
            Error::new(error.kind(), text)
        })?;
        Ok(Self(child))
    }

    /// Waits for an end that nobody asked for.
    pub(super) async fn ended(&mut self) -> Result<()> {
        let status = self.0.wait().await?;
        Err(Error::other(format!("rempart has ended: {status}")))
    }

    /// Stops it in good order.
    pub(super) async fn stop(&mut self) -> Result<()> {
        println!("demo: stopping");
        let pid = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        let status = self.0.wait().await?;
        if status.success() { Ok(()) } else { Err(Error::other(format!("rempart has ended: {status}"))) }
    }
}

fn beside_this_program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().ok_or_else(|| Error::from(ErrorKind::NotFound))?;
    Ok(folder.join(name))
}
