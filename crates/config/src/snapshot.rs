//! A whole configuration, ready to run.

use std::sync::{Arc, Mutex};

use rempart_base::{Diagnostic, Diagnostics};
use rustls::sign::CertifiedKey;

use crate::compile::Tools;
use crate::settings::{Settings, SettingsSource};
use crate::table::ZoneTable;
use crate::zone::{ZonePlan, ZoneRecord};

/// A whole configuration, ready to run. Immutable: a change makes another, which shares with this one
/// everything that has not changed.
#[derive(Debug)]
pub struct Snapshot {
    /// Which release it is. The store numbers releases ([`Snapshot::renumbered`]); until then it is one more
    /// than that of the snapshot it was compiled after, and the same for the same content.
    pub number: u64,
    /// Of the whole content.
    pub hash: u64,
    /// The global values. The same `Arc` as before if nothing in them has changed.
    pub settings: Arc<Settings>,
    /// What the operator should know.
    pub warnings: Vec<Diagnostic>,
    /// Zones that do not run as they are written, because something is wrong with them.
    pub held: Vec<HeldBack>,
    pub(crate) source: Arc<SettingsSource>,
    pub(crate) table: ZoneTable,
    pub(crate) zones: Arc<[ZoneRecord]>,
    /// What the next compilation goes on with.
    pub(crate) tools: Arc<Mutex<Tools>>,
}

/// A zone that does not run as it is written: it keeps its last good version, or is answered by 503.
#[derive(Clone, Debug)]
pub struct HeldBack {
    /// The zone's name; the file's, where no name can be read.
    pub zone: Arc<str>,
    /// The file in which it stands, as the operator named it.
    pub file: Arc<str>,
    /// The line of the first mistake in that file; where the zone begins if it stands in another.
    pub line: u32,
    /// What is wrong. Never empty.
    pub diagnostics: Diagnostics,
    /// Whether a good version of before runs. Otherwise its hosts, as far as they can be read, get 503.
    pub has_version: bool,
}

impl Snapshot {
    /// The same content under another number: everything in it is shared.
    #[must_use]
    pub fn renumbered(&self, number: u64) -> Arc<Self> {
        Arc::new(Self {
            number,
            hash: self.hash,
            settings: Arc::clone(&self.settings),
            warnings: self.warnings.clone(),
            held: self.held.clone(),
            table: self.table.clone(),
            source: Arc::clone(&self.source),
            zones: Arc::clone(&self.zones),
            tools: Arc::clone(&self.tools),
        })
    }

    /// The zone that answers for a host: the port already stripped, in any case, with or without a
    /// final dot. The longest name wins; the catch-all comes last.
    #[must_use]
    pub fn zone_for_host(&self, host: &[u8]) -> Option<&Arc<ZonePlan>> {
        self.table.find(host)
    }

    /// The zone of this name: lower case, punycode, without a final dot.
    #[must_use]
    pub fn zone_named(&self, name: &str) -> Option<&Arc<ZonePlan>> {
        self.table.named(name)
    }

    /// Every zone, in the order of the files.
    pub fn zones(&self) -> impl ExactSizeIterator<Item = &Arc<ZonePlan>> {
        self.zones.iter().map(|zone| &zone.plan)
    }

    /// The certificate for a TLS server name: of the name's zone, the first one that holds for the name,
    /// else that zone's first. `None` if no zone has the name, or if it has no certificate.
    #[must_use]
    pub fn certificate_for(&self, sni: &str) -> Option<Arc<CertifiedKey>> {
        let zone = self.zone_for_host(sni.as_bytes())?;
        let name = sni.strip_suffix('.').unwrap_or(sni);
        let fitting = zone.certificates.iter().find(|certificate| certificate.covers(name));
        fitting.or_else(|| zone.certificates.first()).map(|certificate| Arc::clone(&certificate.key))
    }
}
