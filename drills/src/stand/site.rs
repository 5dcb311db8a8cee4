//! The configuration that a drill serves: one file of settings, one file a zone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::marks::Tenant;

/// What the settings of a drill are.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long a release bakes.
    pub(crate) bake_ms: u64,
    /// Requests that a bake needs.
    pub(crate) bake_requests_min: u64,
    /// Deaths within so long add up to a crash loop.
    pub(crate) crash_window_ms: u64,
    /// How long exchanges may go on in an edge that is told to leave.
    pub(crate) drain_timeout_ms: u64,
    /// Further lines, as they stand in the file.
    pub(crate) more: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bake_ms: 60_000,
            bake_requests_min: 100,
            crash_window_ms: 60_000,
            drain_timeout_ms: 3_000,
            more: String::new(),
        }
    }
}

impl Settings {
    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let Self { bake_ms, bake_requests_min, crash_window_ms, drain_timeout_ms, more } = self;
        format!(
            "listen: {{http: [\"127.0.0.1:0\"]}}\n\
             data_dir: ./data\n\
             workers: 2\n\
             user: root\n\
             admin: {{listen: off}}\n\
             log: {{access: {{to: off}}}}\n\
             limits: {{drain_timeout_ms: {drain_timeout_ms}}}\n\
             release: {{bake_ms: {bake_ms}, bake_requests_min: {bake_requests_min}}}\n\
             supervisor: {{crash_window_ms: {crash_window_ms}}}\n\
             include: zones.d/*.yaml\n\
             {more}"
        )
    }
}

/// The files in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    origin_port: u16,
}

impl Site {
    /// Writes settings and so many zones.
    pub(crate) fn write(
        folder: &Path,
        origin_port: u16,
        settings: &Settings,
        zones: &[Tenant],
    ) -> Outcome<Self> {
        let site = Self { folder: folder.to_owned(), origin_port };
        fs::create_dir_all(folder.join("zones.d"))?;
        site.settings(&settings.text())?;
        for tenant in zones {
            site.zone(tenant, "")?;
        }
        Ok(site)
    }

    /// The file of settings.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("rempart.yaml")
    }

    /// Replaces the file of settings.
    pub(crate) fn settings(&self, text: &str) -> Outcome<()> {
        replace(&self.file(), text)
    }

    /// The file of a zone.
    pub(crate) fn zone_file(&self, tenant: &Tenant) -> PathBuf {
        self.folder.join("zones.d").join(format!("{}.yaml", tenant.host))
    }

    /// The right text of a zone's file.
    pub(crate) fn zone_text(&self, tenant: &Tenant) -> String {
        let Tenant { host, .. } = tenant;
        format!(
            "name: {host}\nhosts: [{host}]\norigins: [\"http://{}:{}\"]\n",
            tenant.address(),
            self.origin_port
        )
    }

    /// Replaces a zone's file by the right one, with more at its end.
    pub(crate) fn zone(&self, tenant: &Tenant, more: &str) -> Outcome<()> {
        replace(&self.zone_file(tenant), &format!("{}{more}", self.zone_text(tenant)))
    }

    /// Replaces a zone's file by anything.
    pub(crate) fn zone_as(&self, tenant: &Tenant, text: &str) -> Outcome<()> {
        replace(&self.zone_file(tenant), text)
    }
}

/// Whole or not at all: a reader never meets half of it.
fn replace(path: &Path, text: &str) -> Outcome<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    Ok(fs::rename(&beside, path)?)
}
