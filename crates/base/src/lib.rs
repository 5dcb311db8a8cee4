//! Room 0: what every other room may lean on. Identifiers, the clock as a value, secrets and the
//! operator's mistakes. Nothing here touches a socket, a file, a clock or an executor.

pub mod clock;
pub mod config;
pub mod date;
pub mod diagnostic;
pub mod hash;
pub mod ids;
pub mod prefix;
pub mod secret;

pub use clock::Now;
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use hash::{ContentHasher, content_hash};
pub use ids::{InstallationId, RayId};
pub use secret::Secret;
