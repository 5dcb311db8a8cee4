//! `rempart edge`: the process that serves visitors. Started by the supervisor.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rempart_edge::Launch;
use rustix::process::getppid;
use rustix::thread::set_name;

use crate::handover::{Handover, Opened};
use crate::output::Failure;
use crate::{logging, privileges};

/// The arguments of `edge`.
#[derive(clap::Args)]
pub(crate) struct Edge {
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

impl Edge {
    /// Serves on the inherited sockets until told to stop.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let supervisor = getppid();
        let handover = Handover::received()?;
        logging::begin(&handover.log_level);
        // Else it would be called `exe`, after the link that it was started through.
        set_name(c"rempart-edge").ok();
        let Opened { listeners, admin, ready, slots, line, boot } = handover
            .open()
            .map_err(|error| Failure::Text(format!("the inherited descriptors are not usable: {error}")))?;
        let (data_dir, config) = (handover.data_dir.clone(), self.config.clone());
        let refused = Arc::new(AtomicBool::new(false));
        let refusing = Arc::clone(&refused);
        let launch = Launch {
            config_path: self.config,
            listeners,
            admin,
            slots,
            line,
            data_dir: handover.data_dir,
            boot,
            generation: handover.generation,
            on_ready: Box::new(move |outcome| {
                refusing.store(outcome.is_err(), Ordering::Relaxed);
                ready.tell(outcome);
            }),
            drop_privileges: Box::new(move |user| {
                privileges::drop_to(user, &data_dir, supervisor)?;
                warn_if_unreadable(&config, user);
                Ok(())
            }),
        };
        // The supervisor says why a start failed; what comes later is ours to say.
        rempart_edge::run(launch).map_err(|error| match refused.load(Ordering::Relaxed) {
            true => Failure::Said,
            false => Failure::Text(error.to_string()),
        })
    }
}

/// Better said now than found out at the first reload.
fn warn_if_unreadable(config: &Path, user: &str) {
    if let Err(error) = File::open(config) {
        tracing::warn!(%error, ?config, user, "this account cannot read the configuration: reloads will be refused");
    }
}
