//! Rules in real exchanges, over real sockets, in HTTP/1.1 and HTTP/2 alike: what each action does, in which order the
//! phases run, and what the log says of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "all of it is test code"
)]

mod access;
mod answers;
mod bodies;
mod budgets;
mod caching;
mod fields;
mod logs;
mod order;
mod requests;
mod responses;
mod site;
#[path = "../stand/mod.rs"]
mod stand;
#[path = "../http2/visitor.rs"]
#[allow(dead_code, reason = "the tests of HTTP/2 use the rest")]
mod visitor;
