//! Room 5: runs exchanges.

pub mod launch;

pub use launch::{BoundListener, Launch};
