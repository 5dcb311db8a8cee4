//! A folder with a configuration, for tests.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails, and not every test uses everything"
)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rempart_config::{Compiler, HeldBack, Snapshot, Source, ZonePlan};
use tempfile::TempDir;

/// A folder with a configuration, and a clock that is far enough ahead that the files are not fresh.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
}

impl Site {
    pub(crate) fn new(main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("zones.d")).unwrap();
        let site = Self { folder };
        site.main(main);
        site
    }

    pub(crate) fn main(&self, main: &str) {
        self.write("rempart.yaml", &format!("listen: {{http: [\":80\"]}}\n{main}"));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        // As an editor does it: a new file in the place of the old one.
        let path = self.path(name);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn zone(&self, name: &str, port: u16) {
        self.write(&format!("zones.d/{name}.yaml"), &zone(name, port));
    }

    /// A key and a certificate for it, in two files.
    pub(crate) fn certificate(&self, file: &str, host: &str) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new([host.to_owned()]).unwrap().self_signed(&key).unwrap();
        self.write(&format!("zones.d/{file}.pem"), &certificate.pem());
        self.write(&format!("zones.d/{file}.key"), &key.serialize_pem());
    }

    /// A compiler as a new process has it.
    pub(crate) fn compiler(&self, base: Option<&Arc<Snapshot>>) -> Compiler {
        let compiler = Compiler::new(Source::File(self.path("rempart.yaml")));
        match base {
            Some(base) => compiler.with_base(Arc::clone(base)),
            None => compiler,
        }
    }

    /// Compiles in a new process.
    pub(crate) fn compile(&self, base: Option<&Arc<Snapshot>>) -> Arc<Snapshot> {
        self.compiler(base).compile(later()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) fn refuse(&self, base: Option<&Arc<Snapshot>>) -> String {
        self.compiler(base).compile(later()).map(|_| ()).expect_err("this must be refused").to_string()
    }
}

pub(crate) fn later() -> Now {
    Now::read().after(Duration::from_secs(60))
}

pub(crate) fn zone(name: &str, port: u16) -> String {
    format!("name: {name}\norigins: [\"http://127.0.0.1:{port}\"]\n")
}

/// The zone that answers for a host.
pub(crate) fn plan(snapshot: &Snapshot, host: &str) -> Arc<ZonePlan> {
    Arc::clone(snapshot.zone_for_host(host.as_bytes()).unwrap_or_else(|| panic!("{host} has no zone")))
}

/// Where a host's content comes from; `503` if it is held back.
pub(crate) fn origin(snapshot: &Snapshot, host: &str) -> String {
    let plan = plan(snapshot, host);
    if plan.is_held_back { "503".into() } else { plan.origins[0].label.to_string() }
}

pub(crate) fn port(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What is held back: the names, each with whether it has a version and with the codes of what is wrong.
pub(crate) fn held(snapshot: &Snapshot) -> Vec<(String, bool, String)> {
    let codes =
        |held: &HeldBack| held.diagnostics.0.iter().map(|d| d.code.as_ref()).collect::<Vec<_>>().join(" ");
    let mut held: Vec<_> =
        snapshot.held.iter().map(|held| (held.zone.to_string(), held.has_version, codes(held))).collect();
    held.sort();
    held
}

/// One that is held back, for comparison.
pub(crate) fn one(zone: &str, has_version: bool, codes: &str) -> (String, bool, String) {
    (zone.into(), has_version, codes.into())
}
