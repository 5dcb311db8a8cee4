//! Room 3, toward visitors: sockets, the PROXY protocol, TLS, HTTP/1 and HTTP/2. No policy: what a request means
//! is decided in `edge`.

mod bounds;
pub mod config;
pub mod drain;
pub mod http1;
pub mod http2;
pub mod proxy_protocol;
pub mod tls;
pub mod visitor;
pub mod welcome;

pub use drain::{Drain, Guest};
pub use http1::{Http1, Next};
pub use http2::{Http2, Http2Stream};
pub use proxy_protocol::ProxyProtocol;
pub use tls::TlsAcceptor;
pub use visitor::{Moved, Peer, Prepared, TlsFacts, Visitor};
pub use welcome::{Door, Turned, welcome};
