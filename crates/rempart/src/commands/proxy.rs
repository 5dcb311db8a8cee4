//! `rempart proxy`: one origin served without a configuration file. One is made, and all goes the same
//! way as with `up`.

use std::env::{temp_dir, var_os};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rempart_base::Now;
use rempart_config::{Compiler, Source, for_proxy};
use rustix::process::geteuid;

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
        let source = for_proxy(&self.from, &self.to);
        Compiler::new(source.clone()).compile(Now::read()).map_err(Failure::Refused)?;
        let config = self
            .write(&source)
            .map_err(|error| Failure::Text(format!("the configuration cannot be written: {error}")))?;
        Up { config, data_dir: None, take_over: false, why: None }.run()
    }

    /// A folder for each address, so that several can run beside each other; and no admin endpoint, over
    /// whose port they would quarrel.
    fn write(&self, source: &Source) -> io::Result<PathBuf> {
        let text = match source {
            Source::Text { text, .. } => text.clone(),
            Source::File(path) => fs::read_to_string(path)?,
        };
        let name: String =
            self.from.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
        let folder = state_folder().join("proxy").join(name);
        // Root gives itself up after binding, and reads the file again at a reload.
        let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
        DirBuilder::new().recursive(true).mode(mode).create(&folder)?;
        let file = folder.join("rempart.yaml");
        let head = "# Written by `rempart proxy` at each start.\ndata_dir: ./data\nadmin: {listen: off}\n";
        fs::write(&file, format!("{head}{text}"))?;
        Ok(file)
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
