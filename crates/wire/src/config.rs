//! What the operator writes about listeners and limits toward visitors, and its run-ready form.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::ProxyProtocol;

/// Where a listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// `":8080"`: every address of this machine, IPv6 and IPv4.
    Every {
        /// The port.
        port: u16,
    },
    /// One address and port.
    At(SocketAddr),
}

impl ListenAddress {
    /// The address to bind. For [`ListenAddress::Every`] it is `[::]`, to be bound with `IPV6_V6ONLY`
    /// off, so that IPv4 visitors come in too; on a machine without IPv6 bind `0.0.0.0` instead.
    #[must_use]
    pub fn socket_address(self) -> SocketAddr {
        match self {
            Self::Every { port } => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Self::At(address) => address,
        }
    }
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub address: ListenAddress,
    /// What its connections begin with.
    pub proxy_protocol: ProxyProtocol,
}

/// The listeners of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// Cleartext.
    pub http: Vec<Listener>,
    /// TLS.
    pub https: Vec<Listener>,
}

/// The limits toward visitors, ready to run with. Zero rates are off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of a request's target.
    pub target_bytes_max: usize,
    /// Fields of a request's head.
    pub fields_max: usize,
    /// Bytes of a request's trailer section.
    pub trailer_bytes_max: usize,
    /// Fields of a request's trailer section.
    pub trailer_fields_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: u64,
    /// From a head's first byte to its last.
    pub head_read_timeout: Duration,
    /// From one request's end to the next one's first byte.
    pub keepalive_timeout: Duration,
    /// Between two pieces of a request's body.
    pub body_idle_timeout: Duration,
    /// A visitor who takes not one byte for so long is left.
    pub write_idle_timeout: Duration,
    /// Slowest mean rate of a request's body, once `rate_grace` is over; 0 is off.
    pub body_rate_min_bytes_per_s: u64,
    /// Slowest mean rate at which a visitor takes an answer, once `rate_grace` is over; 0 is off.
    pub send_rate_min_bytes_per_s: u64,
    /// How long a transfer may go without a minimum rate.
    pub rate_grace: Duration,
    /// After so many requests a connection is closed.
    pub requests_per_connection_max: u64,
    /// Visitors' connections in the whole process; `None`: from the descriptor limit.
    pub connections_max: Option<usize>,
    /// From a connection's first byte to the end of its TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// The prefix of a request's body that is kept so that it can be sent a second time.
    pub replay_bytes_max: usize,
    /// From the order to stop until open exchanges are cut.
    pub drain_timeout: Duration,
}
