//! What a supervisor is told through `supervisor.sock`, and what it does about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::getpid;

use super::Supervisor;
use super::call::Call;
use super::fleet::{Phase, Upgrade};
use super::program::Program;
use super::succession::{Predecessor, Succession, pass};

enum Wish {
    /// `upgrade [PROGRAM]`: run edges of it from now on.
    Upgrade(Option<PathBuf>),
    /// `replace [PROGRAM]`: have a supervisor of it take over.
    Replace(Option<PathBuf>),
    /// `take-over`: the caller is that supervisor.
    TakeOver,
}

impl Wish {
    fn of(text: &str) -> Option<Self> {
        let (word, program) = match text.split_once(' ') {
            Some((word, program)) => (word, Some(PathBuf::from(program))),
            None => (text, None),
        };
        if program.as_ref().is_some_and(|path| !path.is_absolute()) {
            return None;
        }
        match (word, program) {
            ("upgrade", program) => Some(Self::Upgrade(program)),
            ("replace", program) => Some(Self::Replace(program)),
            ("take-over", None) => Some(Self::TakeOver),
            _ => None,
        }
    }
}

impl Supervisor {
    /// Does what callers want.
    pub(super) fn answer(&mut self, now: Instant) {
        for (call, text) in self.inbox.heard() {
            if let Err(reason) = self.fulfil(&text, &call, now) {
                refuse(&call, &reason);
            }
        }
        if let Some((wished, how)) = self.succession.failed(now) {
            let reason = format!(
                "the new supervisor ended before it served ({how}), and this one goes on; if it has said why, that \
                 stands in this one's log"
            );
            refuse(&wished, &reason);
        }
        if let Some(heir) = self.succession.serves() {
            self.yield_to(&heir, now);
        }
    }

    fn fulfil(&mut self, text: &str, call: &Call, now: Instant) -> Result<(), String> {
        let wish = Wish::of(text).ok_or("no such wish; this supervisor may be of another version")?;
        if !matches!(self.phase, Phase::Serving) {
            return Err("nothing serves here now".to_owned());
        }
        let is_busy = match wish {
            Wish::Upgrade(_) | Wish::Replace(_) => self.succession.is_under_way(),
            Wish::TakeOver => self.succession.heir.is_some(),
        };
        if is_busy || self.fleet.starting.is_some() {
            return Err("another edge or supervisor is being started: try again".to_owned());
        }
        match wish {
            Wish::Upgrade(program) => {
                let (program, path) = open(program)?;
                tracing::info!(?path, "upgrading");
                self.start_upgrade(Upgrade { program, path, call: call.again()? }, now)
            }
            Wish::Replace(program) => {
                may_end()?;
                let (program, path) = open(program)?;
                tracing::info!(?path, "another supervisor is started");
                let started = Succession::start(&program, &self.order, call.again()?, now);
                self.succession.started = Some(started.map_err(cannot("be started", &path))?);
                Ok(())
            }
            Wish::TakeOver => {
                may_end()?;
                pass(&self.sockets, call)
                    .map_err(|error| format!("the sockets cannot be handed over: {error}"))?;
                tracing::info!(pid = call.pid.as_raw_nonzero(), "another supervisor has our sockets");
                self.succession.heir = Some(call.again()?);
                Ok(())
            }
        }
    }

    fn yield_to(&mut self, heir: &Call, now: Instant) {
        let pid = heir.pid.as_raw_nonzero();
        tracing::info!(pid, "another supervisor has taken over");
        self.manager.main_pid(pid.get());
        heir.say("ok").ok();
        if let Some(started) = self.succession.started.take() {
            started.wished.say(&format!("ok: supervisor {pid} has taken over")).ok();
        }
        self.end(now);
    }

    /// Tells the predecessor that it is not needed any more.
    pub(super) fn succeed(&mut self) {
        if let Err(error) = self.inbox.publish() {
            tracing::warn!(%error, "supervisor.sock cannot be put into place: `rempart upgrade` will not work");
        }
        if let Some(Predecessor(call)) = &self.predecessor {
            call.say("serving").ok();
        }
    }

    /// What the predecessor answers to that: from now on the service manager listens to us.
    pub(super) fn inherit(&mut self) {
        let Some(Predecessor(call)) = &self.predecessor else { return };
        let is_over = match call.heard() {
            Ok(heard) => heard.is_some(),
            // It has ended, or died: either way nobody else is in charge.
            Err(_) => true,
        };
        if is_over && matches!(self.phase, Phase::Serving) {
            self.predecessor = None;
            self.manager.ready(&self.serving());
        }
    }
}

/// Says no.
pub(super) fn refuse(call: &Call, reason: &str) {
    tracing::warn!("a wish was not fulfilled: {reason}");
    call.say(&format!("failed: {reason}")).ok();
}

/// A container ends with its first process.
fn may_end() -> Result<(), String> {
    match getpid().is_init() {
        true => Err("it is process 1 of its container, which would end with it: replace the container, or \
                     upgrade the edge alone"
            .to_owned()),
        false => Ok(()),
    }
}

fn open(path: Option<PathBuf>) -> Result<(Program, PathBuf), String> {
    let path = path
        .map_or_else(Program::own_name, Ok)
        .map_err(|error| format!("the name of this program is not known: {error}"))?;
    let program = Program::at(&path).map_err(cannot("be opened", &path))?;
    Ok((program, path))
}

fn cannot(what: &str, path: &Path) -> impl Fn(io::Error) -> String {
    move |error| format!("{} cannot {what}: {error}", path.display())
}
