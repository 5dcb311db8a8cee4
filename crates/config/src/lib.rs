//! Room 4: the whole configuration. A file becomes a tree whose every node knows its place (`yaml`), the
//! tree becomes what the operator wrote ([`tree`]), and that becomes an immutable [`Snapshot`]
//! ([`compile`]). There is one validator: whoever wants to know whether a configuration is good compiles it.

mod bytes;
pub mod certificate;
pub mod compile;
pub mod difference;
#[cfg(feature = "fault")]
pub mod fault;
pub mod files;
pub mod include;
pub mod inputs;
pub mod names;
mod node_bytes;
pub mod reference;
pub mod release;
pub mod report;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod snapshot;
mod source;
pub mod table;
pub mod tree;
pub mod yaml;
pub mod zone;

pub use compile::{Compiler, RefusedZone, Source, Work, for_proxy, load};
pub use difference::Difference;
pub use reference::reference;
pub use release::{Outline, load_release};
pub use rempart_base::prefix::{Prefix, PrefixSet};
pub use report::{diagnostic_json, diagnostics_json};
pub use schema::schema;
pub use settings::{AccessLog, AccessTo, Account, Budgets, Level, Log, Release, Settings};
pub use snapshot::{HeldBack, Snapshot};
pub use zone::{HostPattern, ZoneCertificate, ZonePlan};
