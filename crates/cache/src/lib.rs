//! Room 4: the cache. What is stored, under which key, for how long it is fresh, who fetches it, and what a
//! purge takes away. Nothing here reads a clock, touches a socket or starts a task: time comes in as a value,
//! and `edge` moves the bytes.

pub mod config;
pub mod decide;
pub mod fill;
pub mod key;
pub mod multipart;
pub mod object;
pub mod plan;
pub mod purge;
pub mod range;
pub mod slices;
pub mod status;
pub mod store;
mod weight;

pub use config::{CacheConfig, CacheSettings};
pub use fill::{Fills, Reader};
pub use key::{Key, KeyBuilder, KeyRef};
pub use object::{Body, Entry, Object, Stored};
pub use plan::{CachePlan, ZoneId};
pub use purge::Purges;
pub use status::CacheStatus;
pub use store::Store;
