//! The supervisor's signals.

use std::io;

pub(super) use crate::signals::unblock;
use crate::signals::{Meanings, Signals as Blocked};

/// What a signal means to the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// `SIGTERM`
    Stop,
    /// `SIGINT`: stop, and the second time at once. (`SIGTERM` comes twice from programs such as
    /// `timeout`, so a second one means nothing.)
    Interrupt,
    /// `SIGHUP`
    Reload,
    /// `SIGUSR1`
    ReopenLogs,
    /// `SIGCHLD`
    ChildChanged,
}

const MEANINGS: Meanings<Told> = &[
    (libc::SIGTERM, Told::Stop),
    (libc::SIGINT, Told::Interrupt),
    (libc::SIGHUP, Told::Reload),
    (libc::SIGUSR1, Told::ReopenLogs),
    (libc::SIGCHLD, Told::ChildChanged),
];

/// Those that have come and were not read yet.
pub(crate) type Signals = Blocked<Told>;

impl Blocked<Told> {
    /// Blocks them. To be called before any other thread exists.
    pub(crate) fn block() -> io::Result<Self> {
        Self::with(MEANINGS)
    }
}
