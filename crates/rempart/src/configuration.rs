//! The configuration file, as the commands need it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::Now;
use rempart_base::config::Context;
use rempart_config::{Snapshot, yaml};

use crate::output::Failure;

/// The whole configuration.
///
/// # Errors
/// It is refused, with every reason.
pub(crate) fn load(path: &Path) -> Result<Arc<Snapshot>, Failure> {
    rempart_config::load(path, Now::read()).map_err(Failure::Refused)
}

/// The `data_dir` that a file names, whatever else is wrong with it: an edge that runs can be asked how it
/// is while its file is being edited.
///
/// # Errors
/// There is no such file, or it is not even YAML.
pub(crate) fn data_dir(path: &Path) -> Result<PathBuf, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let action = "name the configuration with -c, or its `data_dir` with --data-dir";
        Failure::Text(format!("{} cannot be read: {error}\n  to do: {action}", path.display()))
    })?;
    let mut context = Context::new(path.display().to_string().into());
    let tree = yaml::read(&text, &mut context).ok_or_else(|| Failure::Refused(context.finish()))?;
    let written = tree.key("data_dir").and_then(|node| node.text()).unwrap_or("./data");
    Ok(path.parent().unwrap_or(Path::new("")).join(written))
}
