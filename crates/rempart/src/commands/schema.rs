//! `rempart schema`: the JSON Schema of the configuration, made from its types.

use crate::output::{Failure, say};

/// Prints it.
#[expect(clippy::unnecessary_wraps, reason = "every command answers the same way")]
pub(crate) fn run() -> Result<(), Failure> {
    say(&format!("{:#}\n", rempart_config::schema()));
    Ok(())
}
