//! Room 3, toward visitors: sockets, the PROXY protocol, TLS and HTTP/1. No policy: what a request means
//! is decided in `edge`.

pub mod config;
pub mod proxy_protocol;

pub use proxy_protocol::ProxyProtocol;
