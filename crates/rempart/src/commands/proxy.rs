//! `rempart proxy`: one origin served without a configuration file. One is made, and all goes the same
//! way as with `up`.

use std::env::{temp_dir, var_os};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rustix::process::geteuid;
use serde_json::Value;

use super::up::Up;
use crate::output::Failure;

/// The arguments of `proxy`.
#[derive(clap::Args)]
pub(crate) struct Proxy {
    /// Where visitors come in, for example `:8080` or `127.0.0.1:8080`
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// The origin, for example `http://127.0.0.1:9000`
    #[arg(long, value_name = "URL")]
    to: String,
}

impl Proxy {
    /// Serves until told to stop.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let config = self
            .write()
            .map_err(|error| Failure::Text(format!("the configuration cannot be written: {error}")))?;
        Up { config }.run()
    }

    /// A folder for each address, so that several can run beside each other.
    fn write(&self) -> io::Result<PathBuf> {
        let name: String =
            self.from.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
        let folder = state_folder().join("proxy").join(name);
        // Root gives itself up after binding, and reads the file again at a reload.
        let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
        DirBuilder::new().recursive(true).mode(mode).create(&folder)?;
        let file = folder.join("rempart.yaml");
        std::fs::write(&file, self.configuration())?;
        Ok(file)
    }

    fn configuration(&self) -> String {
        // A JSON string is a YAML string too, whatever is in it.
        let (from, to) = (Value::from(self.from.as_str()), Value::from(self.to.as_str()));
        format!(
            "# Written by `rempart proxy` at each start.\n\
             listen:\n  http: [{from}]\n\
             data_dir: ./data\n\
             admin: {{listen: off}}\n\
             zones:\n  - name: proxy.localhost\n    hosts: [\"*\"]\n    origins: [{to}]\n"
        )
    }
}

/// Where this program keeps what is nobody's document.
fn state_folder() -> PathBuf {
    let named = |name| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || named("HOME").map(|home| home.join(".local/state"));
    match named("XDG_STATE_HOME") {
        Some(state) => state.join("rempart"),
        None if geteuid().is_root() => PathBuf::from("/var/lib/rempart"),
        None => home().map_or_else(temporary_folder, |state| state.join("rempart")),
    }
}

fn temporary_folder() -> PathBuf {
    temp_dir().join(format!("rempart-{}", geteuid().as_raw()))
}
