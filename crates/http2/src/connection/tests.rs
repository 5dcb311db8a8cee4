//! The connection, frame by frame.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the events that it waits for")]

mod budgets;
mod client;
mod drain;
mod flow;
mod kit;
mod pair;
mod random;
mod sending;
mod server;
mod turns;
