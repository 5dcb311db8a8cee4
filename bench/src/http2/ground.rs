//! Where the systems stand that visitors over HTTP/2 come to.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::check::check;
use crate::http2::Server;
use crate::origins::Origin;
use crate::peers::{Running, Stand, System};
use crate::run::install_what_is_missing;
use crate::works::Work;
use crate::{Outcome, process};

/// What every such command is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Place {
    /// The core of the systems
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the origin and the visitors
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Rempart's binary [default: target/release/rempart]
    #[arg(long)]
    rempart: Option<PathBuf>,
}

/// The origin, and a folder for everybody.
#[derive(Debug)]
pub(crate) struct Ground {
    folder: TempDir,
    certificate: Certificate,
    origin: Origin,
    rempart: PathBuf,
    core: usize,
    _ahead: process::Precedence,
}

impl Ground {
    /// Prepares it, and lets this thread and what it starts run on the visitors' core alone.
    pub(crate) fn prepare(place: &Place) -> Outcome<Self> {
        let house = Path::new(env!("CARGO_MANIFEST_DIR"));
        let rempart = place.rempart.clone().unwrap_or_else(|| house.join("../target/release/rempart"));
        install_what_is_missing(house)?;
        process::pin_current(place.load_core)?;
        let ahead = process::Precedence::take();
        let _ = process::raise_descriptors();
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let certificate = Certificate::make(folder.path())?;
        Ok(Self {
            folder,
            certificate,
            origin: Origin::start()?,
            rempart,
            core: place.server_core,
            _ahead: ahead,
        })
    }

    /// Starts a system that answers hits and holds so many connections, and sees that it speaks HTTP/2. `nth` tells apart
    /// systems of one name.
    pub(crate) fn start(&self, system: System, nth: usize, connections: u32) -> Outcome<(Running, Server)> {
        let stand = Stand {
            folder: &self.folder.path().join(nth.to_string()),
            origin: self.origin.port,
            rempart: &self.rempart,
            core: Some(self.core),
            workers: 1,
            certificate: &self.certificate,
            connections,
        };
        let running = Running::start(system, Work::H2Hit1k, &stand)?;
        check(Work::H2Hit1k, &running)?;
        let server = self.server(running.port)?;
        Ok((running, server))
    }

    /// What listens there, whose certificate is ours.
    pub(crate) fn server(&self, port: u16) -> Outcome<Server> {
        Server::on(port, &self.certificate.cert)
    }
}
