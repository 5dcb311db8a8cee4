//! HTTP/2 toward origins (RFC 9113). A [`Session`] is one connection, used by all exchanges of its core at once; an
//! [`Exchange`] is one stream of it; the task that reads and writes for all of them is its `Driver`. Exchanges put what
//! they say into the session and wake the driver, so that what many say at once leaves in one write; the driver
//! tells each exchange by its waker that something has come for it.

mod driver;
mod exchange;
mod session;
mod sessions;
mod state;

pub(crate) use exchange::Exchange;
pub(crate) use session::Session;
pub(crate) use sessions::{Sessions, Speaks, Turn};
