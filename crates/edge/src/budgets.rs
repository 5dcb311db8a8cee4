//! What the process may take of connections, descriptors and memory, and what it sheds when it comes close:
//! idle connections first, those that have idled longest before others; then new connections. Exchanges under
//! way are never shed. While something is short, no zone has more than its fair share of them.
//!
//! The control thread looks, several times a second, and tells each core what follows ([`CoreBudget`]): a core
//! reads its own numbers, and nothing that cores share.

pub mod admission;
mod bounds;
mod core;
mod gauge;
mod look;
mod machine;
mod share;
mod status;

pub use self::bounds::Bounds;
pub use self::core::{CoreBudget, UnderWay};
pub use self::gauge::{Gauge, Level, Resource};
pub use self::look::{Budgets, Change, LOOK_CALM, LOOK_SHORT, Shed};
pub use self::machine::{Machine, give_memory_back, keep_large_apart};
pub use self::share::Fair;
