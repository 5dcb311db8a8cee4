//! One file for each command.

use std::path::Path;

use rempart_releases::{Audit, Who};
use serde_json::Value;

use crate::output::complain;

pub(crate) mod check;
pub(crate) mod ctl;
#[cfg(feature = "fault")]
pub(crate) mod drill;
pub(crate) mod edge;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod proxy;
pub(crate) mod reference;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod taste;
pub(crate) mod top;
pub(crate) mod up;
pub(crate) mod upgrade;

/// Where a configuration is looked for if the command line does not say.
const DEFAULT_FILE: &str = "rempart.yaml";

/// Why somebody acts.
#[derive(Clone, clap::Args)]
pub(crate) struct Why {
    /// The reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = NO_REASON, hide_default_value = true)]
    pub(crate) why: String,
}

const NO_REASON: &str = "none given";

impl Why {
    /// Writes down in the audit log what was done. Where that fails the act is done all the same: a full disk is a
    /// moment at which acts are needed.
    pub(crate) fn write_down(&self, data_dir: &Path, what: &str, details: &Value) {
        let written = Audit::of(data_dir).append(&Who::this_process(), what, &self.why, details);
        if let Err(error) = written {
            complain(&format!("warning: audit.log could not be written: {error}\n"));
        }
    }
}
