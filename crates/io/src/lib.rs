//! Room 3's common floor: what `wire` and `origin` both stand on when bytes meet sockets. A stream
//! (TCP, Unix, TLS), a read buffer from a pool of the core's own, a write queue, and a deadline that costs
//! nothing while it is not reached. No protocol is spoken here but the ends of HTTP/1 bodies.

pub mod body;
pub mod buffer;
pub mod deadline;
pub mod outbox;
pub mod patience;
pub mod stream;
pub mod tls;

pub use body::BodyReader;
pub use buffer::Buffer;
pub use deadline::Deadline;
pub use outbox::Outbox;
pub use patience::{Patience, Terms};
pub use stream::{Socket, Stream};
pub use tls::{Agreed, Tls};
