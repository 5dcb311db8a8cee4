//! One zone, ready to run.

mod compile;

use std::fmt;
use std::sync::Arc;

use rempart_origin::plan::OriginPlan;
use rustls::sign::CertifiedKey;

pub(crate) use compile::{Bench, ZoneRecord, compile};

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
    /// Of everything above: equal hashes are equal plans.
    pub hash: u64,
    /// Stages that fail on purpose.
    #[cfg(feature = "fault")]
    pub test: crate::fault::TestStages,
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
