//! The cache as exchanges use it: what all cores share, and what is done for more than one visitor.

mod asked;
mod errand;
mod forwarded;
mod missing;
mod part;
pub mod pump;
mod says;
mod settle;
mod source;

use std::sync::atomic::{AtomicU64, Ordering};

use rempart_cache::CacheSettings;
use rempart_cache::fill::Bounds;
use rempart_cache::{Fills, Purges, Store};

pub use self::asked::{Asked, renewed};
pub use self::errand::{Answer, Duty, Errand};
pub use self::forwarded::Fetched;
pub use self::missing::{Instead, Missing};
pub use self::part::{LONE, OfLone, Span, of_lone};
pub use self::says::Says;
pub use self::settle::{Lead, Settled, Stale, settle};
pub use self::source::{Lacks, Source};

/// What all cores share: what is stored, what is on its way, what was purged.
pub struct CacheTier {
    /// What is stored.
    pub store: Store,
    /// What is on its way.
    pub fills: Fills,
    /// What was purged.
    pub purges: Purges,
    ids: AtomicU64,
}

impl CacheTier {
    /// An empty one.
    #[must_use]
    pub fn new(limits: &CacheSettings, purges: Purges) -> Self {
        Self {
            store: Store::new(limits.memory_bytes_max),
            fills: Fills::new(Bounds::from(limits)),
            purges,
            ids: AtomicU64::new(1),
        }
    }

    /// The id of a new body.
    pub fn id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}
