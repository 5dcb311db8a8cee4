//! Room 4: the whole configuration. A file becomes a tree whose every node knows its place (`yaml`), the
//! tree becomes what the operator wrote ([`tree`]), and that becomes an immutable [`Snapshot`]
//! ([`compile`]). There is one validator: whoever wants to know whether a configuration is good compiles it.

pub mod prefix;
pub mod settings;
pub mod snapshot;
pub mod table;
pub mod zone;

pub use prefix::{Prefix, PrefixSet};
pub use settings::{AccessLog, AccessTo, Account, Level, Log, Settings};
pub use snapshot::Snapshot;
pub use zone::{HostPattern, ZoneCertificate, ZonePlan};
