//! Room 3, toward origins: resolving names, connecting, TLS, a pool for each core, and one HTTP/1
//! exchange on a connection. Whether a failed exchange is tried again is decided in `edge`.

pub mod addresses;
pub mod config;
pub mod connect;
pub mod connection;
pub mod counts;
pub mod lease;
pub mod plan;
pub mod pool;

pub use connect::Dialer;
pub use connection::Connection;
pub use counts::{Counters, OriginCounts};
pub use pool::{Origins, Shelves};
