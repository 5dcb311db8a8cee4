//! A whole configuration, ready to run.

use std::sync::Arc;

use rempart_base::Diagnostic;
use rustls::sign::CertifiedKey;

use crate::settings::Settings;
use crate::table::ZoneTable;
use crate::zone::ZonePlan;

/// A whole configuration, ready to run. Immutable: a change makes another, which shares with this one
/// everything that has not changed.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the contents of this process from 1: the same content compiled again keeps its number.
    pub number: u64,
    /// Of the whole content.
    pub hash: u64,
    /// The global values. The same `Arc` as before if nothing in them has changed.
    pub settings: Arc<Settings>,
    /// What the operator should know.
    pub warnings: Vec<Diagnostic>,
    pub(crate) table: ZoneTable,
    pub(crate) zones: Box<[Arc<ZonePlan>]>,
}

impl Snapshot {
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
        self.zones.iter()
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
