//! One supervisor after another: the listening sockets pass from the old to the new, and nobody who waits in
//! their backlogs notices.
//!
//! The new one says `take-over` and is handed every socket; the old one goes on. When the new one's edge
//! serves it says `serving`; then the old one tells the service manager who it is now, answers `ok`, drains
//! its edge and ends. If the new one goes away before, nothing has happened.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rempart_edge::page::Page;
use rempart_edge::taste::report::Prefix;
use rustix::io::ioctl_fionbio;
use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::Order;
use super::call::{Call, FDS_MAX};
use super::program::{Program, spawn_free};
use crate::sockets::{Bound, Sockets};

/// The old supervisor answers at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// A new supervisor tastes for at most three minutes, and waits for its edge for two.
const START_TIMEOUT: Duration = Duration::from_secs(330);
/// Nobody has more: an edge of 256 workers on as many addresses.
const MESSAGES_MAX: usize = 1024;

/// What the descriptors of one message are. A supervisor that does not know a kind does not take over.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Passed {
    Tcp { address: SocketAddr, tls: bool, proxy_protocol: Prefix },
    Admin,
    Tide,
    End,
}

/// The old supervisor, as the new one knows it.
pub(crate) struct Predecessor(pub(super) Call);

impl Predecessor {
    /// Calls the one that runs on this `data_dir`, and has its sockets handed over.
    ///
    /// # Errors
    /// None runs there, or it does not hand anything over.
    pub(crate) fn of(data_dir: &Path) -> io::Result<(Self, Sockets)> {
        let call = Call::to(data_dir, Some(PATIENCE))?;
        call.say("take-over")?;
        let mut sockets = Sockets::default();
        for _ in 0..MESSAGES_MAX {
            let heard = call.heard()?.ok_or(ErrorKind::TimedOut)?;
            if let Some(reason) = heard.text.strip_prefix("failed: ") {
                return Err(io::Error::other(reason.to_owned()));
            }
            let mut fds = heard.fds.into_iter();
            match serde_json::from_str(&heard.text)? {
                Passed::Tcp { address, tls, proxy_protocol } => {
                    let more = fds.map(listener).collect::<io::Result<Vec<_>>>()?;
                    let proxy_protocol = proxy_protocol.into();
                    let known = sockets.listeners.iter_mut().find(|bound| bound.address == address);
                    match known {
                        Some(bound) => bound.sockets.extend(more),
                        None => sockets.listeners.push(Bound { address, tls, proxy_protocol, sockets: more }),
                    }
                }
                Passed::Admin => sockets.admin = fds.next().map(listener).transpose()?,
                Passed::Tide => sockets.tide = fds.next().map(Page::map).transpose()?,
                Passed::End => {
                    // From now on there are edges to be looked after beside it.
                    ioctl_fionbio(&call, true)?;
                    return Ok((Self(call), sockets));
                }
            }
        }
        Err(ErrorKind::InvalidData.into())
    }
}

fn listener(fd: OwnedFd) -> io::Result<TcpListener> {
    if socket_acceptconn(&fd)? { Ok(fd.into()) } else { Err(ErrorKind::InvalidData.into()) }
}

/// Hands everything over to the one that calls.
pub(super) fn pass(sockets: &Sockets, call: &Call) -> io::Result<()> {
    let hand = |passed: &Passed, fds: &[BorrowedFd<'_>]| call.hand(&serde_json::to_string(passed)?, fds);
    for bound in &sockets.listeners {
        let (address, tls, proxy_protocol) = (bound.address, bound.tls, bound.proxy_protocol.into());
        for some in bound.sockets.chunks(FDS_MAX) {
            let fds: Vec<BorrowedFd<'_>> = some.iter().map(AsFd::as_fd).collect();
            hand(&Passed::Tcp { address, tls, proxy_protocol }, &fds)?;
        }
    }
    if let Some(admin) = &sockets.admin {
        hand(&Passed::Admin, &[admin.as_fd()])?;
    }
    if let Some(tide) = &sockets.tide {
        hand(&Passed::Tide, &[tide.as_fd()])?;
    }
    hand(&Passed::End, &[])
}

/// A successor that is on its way.
#[derive(Default)]
pub(super) struct Succession {
    /// Has our sockets, and does not serve yet.
    pub(super) heir: Option<Call>,
    /// The process that was started to be the heir.
    pub(super) started: Option<Started>,
}

/// A process that is to become the heir.
pub(super) struct Started {
    child: Child,
    /// Who wished that.
    pub(super) wished: Call,
    /// `None` once it is killed.
    give_up_at: Option<Instant>,
}

impl Succession {
    /// Starts a supervisor that is to take over from us. It has our service manager, and outlives us.
    pub(super) fn start(program: &Program, order: &Order, wished: Call, now: Instant) -> io::Result<Started> {
        let mut command = program.command("up");
        command.arg("--take-over").arg("-c").arg(&order.config_path);
        command.arg("--data-dir").arg(&order.data_dir);
        let child = spawn_free(&mut command)?;
        Ok(Started { child, wished, give_up_at: Some(now + START_TIMEOUT) })
    }

    /// Whether one is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.heir.is_some() || self.started.is_some()
    }

    /// Whether the heir says that it serves. One that is gone is forgotten.
    pub(super) fn serves(&mut self) -> Option<Call> {
        match self.heir.as_ref()?.heard() {
            Ok(Some(heard)) if heard.text == "serving" => return self.heir.take(),
            Ok(Some(_)) | Err(_) => {
                tracing::warn!("the supervisor that wanted to take over is gone: this one goes on");
                self.heir = None;
            }
            Ok(None) => {}
        }
        None
    }

    /// When the one that was started is given up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.started.as_ref()?.give_up_at
    }

    /// Who wished for a successor whose process has ended instead, with how it ended.
    pub(super) fn failed(&mut self, now: Instant) -> Option<(Call, String)> {
        let started = self.started.as_mut()?;
        if started.give_up_at.is_some_and(|give_up_at| now >= give_up_at) {
            started.give_up_at = None;
            tracing::warn!("the supervisor that was started does not take over in time and is killed");
            started.child.kill().ok();
        }
        let status = started.child.try_wait().ok().flatten()?;
        self.started.take().map(|started| (started.wished, status.to_string()))
    }

    /// We are told to stop: nobody is to take over from us what nobody wants any more.
    pub(super) fn call_off(&mut self) {
        if let Some(started) = &self.started {
            kill_process(Pid::from_child(&started.child), Signal::TERM).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;

    use super::super::call::Inbox;
    use super::*;

    #[test]
    fn a_new_supervisor_that_does_nothing_is_killed_when_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(folder.path()).unwrap();
        inbox.publish().unwrap();
        let wished = Call::to(folder.path(), None).unwrap();
        let child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let due = Now::mono() + START_TIMEOUT;
        let started = Some(Started { child, wished, give_up_at: Some(due) });
        let mut succession = Succession { heir: None, started };
        assert!(succession.failed(due - Duration::from_millis(1)).is_none());
        assert_eq!(succession.due(), Some(due));
        let how = loop {
            match succession.failed(due) {
                Some((_, how)) => break how,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!((how.as_str(), succession.is_under_way()), ("signal: 9 (SIGKILL)", false));
    }

    #[test]
    fn a_predecessor_that_says_nothing_more_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(folder.path()).unwrap();
        inbox.publish().unwrap();
        let new = std::thread::spawn({
            let path = folder.path().to_owned();
            move || Predecessor::of(&path).unwrap()
        });
        let (call, _) = loop {
            match inbox.heard().pop() {
                Some(heard) => break heard,
                None => std::thread::yield_now(),
            }
        };
        pass(&Sockets::default(), &call).unwrap();
        let (Predecessor(call), _) = new.join().unwrap();
        let before = Now::mono();
        assert!(call.heard().unwrap().is_none());
        assert!(Now::mono() - before < PATIENCE / 2);
    }
}
