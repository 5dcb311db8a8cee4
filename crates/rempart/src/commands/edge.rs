//! `rempart edge`: the process that serves visitors. Started by the supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rempart_edge::Launch;
use rustix::thread::set_name;

use crate::handover::{Handover, Opened};
use crate::logging;
use crate::output::Failure;
use crate::privileges::{Belongings, drop_to, end_with};

/// The arguments of `edge`: none. It is handed everything, and reads no file of the operator's.
#[derive(clap::Args)]
pub(crate) struct Edge {}

impl Edge {
    /// Serves on the inherited sockets until told to stop.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Self {} = self;
        let handover = Handover::received()?;
        let supervisor = handover.supervisor();
        logging::begin(&handover.log_level);
        // The kernel forgets what was said before exec if the program's file has capabilities.
        end_with(supervisor).map_err(|error| Failure::Text(error.to_string()))?;
        // Else it would be called by the number of the descriptor that it was started through.
        set_name(c"rempart-edge").ok();
        let Opened { listeners, admin, ready, slots, line, tide, boot } = handover
            .open()
            .map_err(|error| Failure::Text(format!("the inherited descriptors are not usable: {error}")))?;
        // Before the store is looked at: it is that account's.
        let belongings =
            Belongings { data_dir: &handover.data_dir, access_log: handover.access_log.as_deref() };
        if let Err(error) = drop_to(handover.user.as_deref(), &belongings, supervisor) {
            let account = handover.user.as_deref().unwrap_or("that owns data_dir");
            ready.tell(Err(format!("becoming the account {account}: {error}")));
            return Err(Failure::Said);
        }
        let refused = Arc::new(AtomicBool::new(false));
        let refusing = Arc::clone(&refused);
        let launch = Launch {
            listeners,
            admin,
            slots,
            line,
            tide,
            data_dir: handover.data_dir,
            boot,
            generation: handover.generation,
            on_ready: Box::new(move |outcome| {
                refusing.store(outcome.is_err(), Ordering::Relaxed);
                ready.tell(outcome);
            }),
        };
        // The supervisor says why a start failed; what comes later is ours to say.
        rempart_edge::run(launch).map_err(|error| match refused.load(Ordering::Relaxed) {
            true => Failure::Said,
            false => Failure::Text(error.to_string()),
        })
    }
}
