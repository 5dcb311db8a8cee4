//! `rempart reference`: the reference of the configuration, made from its types.

use crate::output::{Failure, say};

/// Prints it.
#[expect(clippy::unnecessary_wraps, reason = "every command answers the same way")]
pub(crate) fn run() -> Result<(), Failure> {
    say(&rempart_config::reference());
    Ok(())
}
