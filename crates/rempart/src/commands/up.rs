//! `rempart up`: the supervisor and its edge.

use std::path::PathBuf;
use std::sync::Arc;

use crate::configuration;
use crate::output::{Failure, complain};
use crate::sockets::Sockets;
use crate::supervisor::{self, Order};
use crate::{limits, logging, sockets};

/// The arguments of `up`.
#[derive(clap::Args)]
pub(crate) struct Up {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = super::DEFAULT_FILE)]
    pub(crate) config: PathBuf,
}

impl Up {
    /// Serves until told to stop.
    pub(crate) fn run(self) -> Result<(), Failure> {
        // Only what outlives a reload is kept: of 50,000 zones the supervisor needs none.
        let settings = {
            let snapshot = configuration::load(&self.config)?;
            for warning in &snapshot.warnings {
                complain(&format!("{warning}\n"));
            }
            Arc::clone(&snapshot.settings)
        };
        limits::return_free_memory();
        logging::begin(logging::name(settings.log.level));
        limits::raise_descriptor_limit();
        let sockets = Sockets {
            listeners: sockets::bind(&settings.listen, settings.workers)?,
            admin: settings.admin.map(sockets::bind_admin).transpose()?,
        };
        let order = Order {
            config_path: self.config,
            data_dir: settings.data_dir.clone(),
            log_level: logging::name(settings.log.level),
            drain_timeout: settings.limits.drain_timeout,
        };
        supervisor::run(order, sockets)
    }
}
