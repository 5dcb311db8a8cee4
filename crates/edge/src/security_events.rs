//! Security events on disk: the newest of them, in a ring of a fixed number of slots that outlives the process. The
//! thread of the access log writes it; anybody may read it meanwhile, also with no edge running.

mod keeper;
mod line;
mod ring;
pub mod slot;

pub(crate) use self::keeper::{Keeper, Kept};
pub use self::line::line;
pub use self::ring::{Ring, each};

/// The file in `data_dir`.
pub const FILE: &str = "events.ring";
/// No ring has more slots, however it was configured.
pub const SLOTS_MAX: usize = 100_000;
