//! Room 3, toward origins: resolving names, connecting, TLS, a pool for each core, and one exchange on a connection of
//! its own (HTTP/1) or of all (HTTP/2). Whether a failed exchange is tried again is decided in `edge`.

pub mod addresses;
pub mod config;
pub mod connect;
pub mod connection;
pub mod counts;
mod http1;
mod http2;
mod lease;
pub mod plan;
pub mod pool;
pub mod request;

pub use connect::Dialer;
pub use connection::{Connection, Piece};
pub use counts::{Counters, OriginCounts};
pub use pool::{Needs, Origins, Shelves};
pub use request::{FieldWriter, Request};
