//! Room 3, toward visitors: sockets, the PROXY protocol, TLS and HTTP/1. No policy: what a request means
//! is decided in `edge`.

mod bounds;
pub mod config;
pub mod drain;
pub mod http1;
pub mod proxy_protocol;
pub mod tls;
pub mod visitor;
pub mod welcome;

pub use drain::{Drain, Guest};
pub use http1::{Http1, Next};
pub use proxy_protocol::ProxyProtocol;
pub use tls::TlsAcceptor;
pub use visitor::{Moved, Peer, TlsFacts, Visitor};
pub use welcome::{Door, Turned, welcome};
