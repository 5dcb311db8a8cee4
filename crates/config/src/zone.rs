//! One zone, ready to run.

mod compile;
pub(crate) mod placeholder;

use std::fmt;
use std::sync::Arc;

use rempart_base::{Diagnostic, Diagnostics};
use rempart_cache::CachePlan;
use rempart_features::ZoneFeatures;
use rempart_origin::plan::OriginPlan;
use rustls::sign::CertifiedKey;

pub(crate) use compile::{Bench, broken, compile};

use crate::source::{Spot, ZoneSource};

/// Everything that runs for one zone. Compiled once for a content and shared by every snapshot in which
/// that content stands.
#[derive(Debug)]
pub struct ZonePlan {
    /// The domain: lower case, punycode, without a final dot. State is kept by it.
    pub name: Arc<str>,
    /// The hosts that it answers for. Never empty.
    pub hosts: Box<[HostPattern]>,
    /// Whether there is no good version of it: every request is answered by `Fault::ZoneHeldBack`.
    pub is_held_back: bool,
    /// Where its content comes from. Empty only for a zone that is held back.
    pub origins: Box<[Arc<OriginPlan>]>,
    /// What it shows to TLS visitors; may be empty.
    pub certificates: Box<[Arc<ZoneCertificate>]>,
    /// How it caches.
    pub cache: Arc<CachePlan>,
    /// Its rules and what else an operator decides about requests; `None`: nothing of it is written.
    pub features: Option<Arc<ZoneFeatures>>,
    /// Of everything above: equal hashes are equal plans.
    pub hash: u64,
    /// Stages that fail on purpose.
    #[cfg(feature = "fault")]
    pub test: crate::fault::TestStages,
}

/// What one written zone has come to.
#[derive(Debug)]
pub(crate) enum Slot {
    /// A plan.
    Good(ZoneRecord),
    /// Something is wrong with it.
    Bad(BadZone),
    /// A release says that there is no version of it that could run.
    Absent(BadZone),
}

/// A plan and what it was made from.
#[derive(Clone, Debug)]
pub(crate) struct ZoneRecord {
    pub(crate) plan: Arc<ZonePlan>,
    pub(crate) source: Arc<ZoneSource>,
}

/// What can be known of a zone that has no plan.
#[derive(Debug)]
pub(crate) struct BadZone {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) hosts: Box<[HostPattern]>,
    pub(crate) spot: Spot,
    /// What is wrong with it.
    pub(crate) found: Diagnostics,
}

impl Slot {
    /// Everything that was found in it.
    pub(crate) fn found(&self) -> &[Diagnostic] {
        match self {
            Self::Good(record) => &record.source.warnings,
            Self::Bad(bad) | Self::Absent(bad) => &bad.found.0,
        }
    }

    /// Where it stands.
    pub(crate) fn spot(&self) -> &Spot {
        match self {
            Self::Good(record) => &record.source.spot,
            Self::Bad(bad) | Self::Absent(bad) => &bad.spot,
        }
    }

    /// Its name, if that can be read.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Good(record) => Some(&record.plan.name),
            Self::Bad(bad) | Self::Absent(bad) => bad.name.as_ref(),
        }
    }
}

/// Hosts of a zone. The text is lower case, punycode, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Just this one.
    Exact(Arc<str>),
    /// `*.NAME`: everything under it, at any depth, but not NAME itself.
    Under(Arc<str>),
    /// `*`: what no other zone answers for.
    Any,
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Under(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// A certificate chain and its key, checked against each other.
#[derive(Debug)]
pub struct ZoneCertificate {
    /// Chain and key.
    pub key: Arc<CertifiedKey>,
    /// The names that the certificate holds for.
    pub names: Box<[HostPattern]>,
    /// Seconds since 1970 after which it is no longer valid.
    pub not_after_unix_s: i64,
    /// Of chain and key.
    pub hash: u64,
}

impl ZoneCertificate {
    /// Whether it holds for this lower-case name. A certificate's wildcard stands for one label
    /// (RFC 6125 section 6.4.3), unlike a zone's.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| match pattern {
            HostPattern::Exact(exact) => name.eq_ignore_ascii_case(exact),
            HostPattern::Under(parent) => {
                name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
            }
            HostPattern::Any => false,
        })
    }
}
