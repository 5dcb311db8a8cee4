//! Room 2: HTTP/2, both sides, as a pure layer (RFC 9113, RFC 7541): bytes in, events and bytes out. No sockets,
//! no clock, no TLS, no policy.
//!
//! A [`Connection`] is fed with what was read ([`Connection::receive`]), says what happened
//! ([`Connection::poll_event`]), and is asked for what is to be written ([`Connection::output`]). Between these
//! calls a driver takes heads and bodies and gives others.

mod budget;
mod config;
mod connection;
mod event;
mod flow_control;
mod frame;
pub mod hpack;
pub mod message;
mod output;
mod priority;
mod settings;
mod stream;
mod streams;

pub use budget::{Allowance, Budget, Budgets};
pub use config::Config;
pub use connection::{Connection, Failure, HeadBlock, Violation};
pub use event::{Broken, By, Event, StreamId};
pub use frame::{ErrorCode, HEAD_BYTES as FRAME_HEAD_BYTES, PREFACE};
pub use priority::{Priority, PriorityField};
pub use stream::Moved;
