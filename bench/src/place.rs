//! Where a measurement takes place: which cores, and which of our own programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process};

/// What every command that measures systems is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Place {
    /// The core of the systems that are measured
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,
    /// The core of the origin, of whoever asks, and of the sink of logs
    #[arg(long, default_value_t = 1)]
    pub(crate) load_core: usize,
    /// Rempart's binary [default: target/release/rempart]
    #[arg(long)]
    rempart: Option<PathBuf>,
}

impl Place {
    /// Where this package lies.
    pub(crate) fn house() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// Rempart's binary.
    pub(crate) fn rempart(&self) -> PathBuf {
        self.rempart.clone().unwrap_or_else(|| Self::house().join("../target/release/rempart"))
    }

    /// Asks for the packages of peers and generators, and lets this thread and what it starts run on the load's core
    /// alone, with as many descriptors as it may have, before everything else there.
    pub(crate) fn take(&self) -> Outcome<process::Precedence> {
        let status = Command::new("sh").arg(Self::house().join("setup.sh")).status()?;
        if !status.success() {
            return Err("the packages above are missing".into());
        }
        process::pin_current(self.load_core)?;
        let ahead = process::Precedence::take();
        let _ = process::raise_descriptors();
        Ok(ahead)
    }
}
