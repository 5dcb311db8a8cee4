//! Visitors of HTTP/2, frame by frame over TLS, through the whole program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "all of it is test code"
)]

mod ending;
mod floods;
#[cfg(feature = "fault")]
mod held;
mod limits;
mod patience;
mod requests;
mod shapes;
mod site;
mod smuggling;
#[path = "../stand/mod.rs"]
mod stand;
mod visitor;
