//! HTTP/2 toward origins over real sockets: against another implementation, and frame by frame.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "all of it is test code")]

mod ending;
mod moving;
mod sharing;
mod stand;
mod tls;
