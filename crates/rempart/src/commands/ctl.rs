//! `rempart ctl`: tells a running edge what to do. With no edge to tell, what concerns only the stored
//! releases is done on their files, so that a person can always choose what the next start runs.

mod offline;
mod purge;
pub(super) mod say;
mod table;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::purge::Purge;
use super::Why;
use crate::control::{Running, Silence};
use crate::output::{Failure, complain, say};

/// The arguments of `ctl`.
#[derive(clap::Args)]
pub(crate) struct Ctl {
    #[command(flatten)]
    running: Running,
    /// The answer for programs
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand)]
enum Order {
    /// Say how the edge is doing
    Status,
    /// List the stored releases, the newest first
    Releases,
    /// Say what differs between two releases
    Diff {
        /// The number of the older one; without it, the good one before, to which a rollback would go
        from: Option<u64>,
        /// The number of the newer one; without it, what is in force
        to: Option<u64>,
    },
    /// Run this release and no other, whatever the files say
    Pin {
        /// Its number, as `releases` lists it
        release: u64,
        #[command(flatten)]
        why: Why,
    },
    /// Follow the files again
    Unpin {
        #[command(flatten)]
        why: Why,
    },
    /// Go back to what was good; what ran is refused from then on
    Rollback {
        /// The number of the release whose content is to run again, as a new release; without it, the newest
        /// other good one
        #[arg(long, value_name = "N")]
        to: Option<u64>,
        #[command(flatten)]
        why: Why,
    },
    /// Read the configuration again; what is refused changes nothing
    Reload {
        /// Even if this content was rolled back before
        #[arg(long)]
        force: bool,
        /// The number of zones that are meant to go
        #[arg(long, value_name = "N")]
        confirm: Option<u64>,
        #[command(flatten)]
        why: Why,
    },
    /// Reload, and let this number of zones go
    Confirm {
        /// The number of zones that are meant to go, as the refusal names it
        removed: u64,
        #[command(flatten)]
        why: Why,
    },
    /// Switch a stage off for a zone, or on again
    Stage {
        /// Whether it is to run
        to: Switch,
        /// The name of the zone
        zone: String,
        /// The name of the stage; it must be one that may be switched off
        stage: String,
        #[command(flatten)]
        why: Why,
    },
    /// Tell balancers in front to send no more visitors
    Drain {
        /// Take visitors again
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Take responses out of the cache; what begins after the answer does not see them any more
    Purge(Purge),
    /// Make a stage of a zone fail
    #[cfg(feature = "fault")]
    Fault {
        zone: String,
        stage: String,
        does: Fault,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Leave it out
    Off,
    /// Run it again
    On,
}

#[cfg(feature = "fault")]
#[derive(Clone, Copy, ValueEnum)]
enum Fault {
    Panic,
    Loop,
    Abort,
    Oom,
}

impl Ctl {
    /// Tells, and says what came of it. A refusal is a failure, and so is a zone that is held back.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let answer = match self.running.ask(&self.order.line()) {
            Ok(answer) => answer,
            Err(Silence::NoEdge(text)) => offline::act(&self.running.data_dir(), &self.order, &text)?,
            Err(silence @ Silence::Failed(_)) => return Err(silence.into()),
        };
        let is_done = answer.get("ok").and_then(Value::as_bool) == Some(true);
        match (self.json, is_done) {
            (true, _) => say(&format!("{answer:#}\n")),
            (false, true) => say(&say::done(&self.order, &answer)),
            (false, false) => complain(&say::refused(&answer)),
        }
        // The others have moved on; but what the files say is not in force.
        let holds_back = is_done && say::items(&answer, "held").next().is_some();
        if is_done && !holds_back { Ok(()) } else { Err(Failure::Said) }
    }
}

impl Order {
    /// As the edge reads it.
    fn line(&self) -> Value {
        match self {
            Self::Status => json!({"command": "status"}),
            Self::Releases => json!({"command": "releases"}),
            Self::Diff { from, to } => json!({"command": "diff", "from": from, "to": to}),
            Self::Pin { release, why } => json!({"command": "pin", "release": release, "why": why.why}),
            Self::Unpin { why } => json!({"command": "unpin", "why": why.why}),
            Self::Rollback { to, why } => json!({"command": "rollback", "to": to, "why": why.why}),
            Self::Reload { force, confirm, why } => {
                json!({"command": "reload", "force": force, "confirm": confirm, "why": why.why})
            }
            Self::Confirm { removed, why } => {
                json!({"command": "confirm", "removed": removed, "why": why.why})
            }
            Self::Stage { to, zone, stage, why } => {
                let on = *to == Switch::On;
                json!({"command": "stage", "zone": zone, "stage": stage, "on": on, "why": why.why})
            }
            Self::Drain { off, why } => json!({"command": "drain", "on": !off, "why": why.why}),
            Self::Purge(purge) => purge.line(),
            #[cfg(feature = "fault")]
            Self::Fault { zone, stage, does, why } => {
                let does = does.name();
                json!({"command": "fault", "zone": zone, "stage": stage, "does": does, "why": why.why})
            }
        }
    }
}

#[cfg(feature = "fault")]
impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Loop => "loop",
            Self::Abort => "abort",
            Self::Oom => "oom",
        }
    }
}
