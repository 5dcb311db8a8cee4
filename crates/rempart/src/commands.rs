//! One file for each command.

pub(crate) mod check;
pub(crate) mod ctl;
#[cfg(feature = "fault")]
pub(crate) mod drill;
pub(crate) mod edge;
pub(crate) mod proxy;
pub(crate) mod reference;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod taste;
pub(crate) mod up;
pub(crate) mod upgrade;

/// Where a configuration is looked for if the command line does not say.
const DEFAULT_FILE: &str = "rempart.yaml";
