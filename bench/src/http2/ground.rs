//! Where the systems stand that visitors over HTTP/2 come to.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::check::check;
use crate::http2::Server;
use crate::origins::Origin;
use crate::peers::{Running, Stand, System};
use crate::place::Place;
use crate::works::Work;
use crate::{Outcome, process};

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
        let ahead = place.take()?;
        let folder = tempfile::Builder::new().prefix("rempart-bench-").tempdir()?;
        let certificate = Certificate::make(folder.path())?;
        Ok(Self {
            folder,
            certificate,
            origin: Origin::start()?,
            rempart: place.rempart(),
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
