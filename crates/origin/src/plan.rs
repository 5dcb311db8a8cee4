//! What runs of an origin: made by compilation, never changed, shared between snapshots.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// One origin, ready to be connected to.
#[derive(Clone, Debug)]
pub struct OriginPlan {
    /// Equal for equal addresses and TLS settings, in whatever zone and snapshot: pools and health are
    /// kept by it, so they survive reloads.
    pub id: u64,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How TLS is spoken to it; `None` is cleartext.
    pub tls: Option<TlsPlan>,
    /// The `Host` it is sent; `None` passes the visitor's on.
    pub host_header: Option<Box<[u8]>>,
    /// Time-outs and bounds, shared by every origin that has the same.
    pub settings: Arc<Upstream>,
    /// What logs and metrics call it: the configured URL.
    pub label: Box<str>,
}

/// Where an origin is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A literal address.
    Ip(SocketAddr),
    /// A name that is to be resolved.
    Name {
        /// Lower case, without a final dot.
        name: Box<str>,
        /// The port.
        port: u16,
    },
    /// A Unix stream socket.
    Unix(PathBuf),
}

/// How TLS is spoken to an origin.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// The name asked for (SNI) and verified.
    pub server_name: ServerName<'static>,
    /// Whether the certificate is verified. The verifier is in `client_config` already; this is for
    /// those who want to say so.
    pub verify: bool,
    /// Roots, verifier and session store; one for all origins with the same settings.
    pub client_config: Arc<ClientConfig>,
}

/// Time-outs and bounds toward origins, ready to run with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Resolving aside, from the first SYN to a connection.
    pub connect_timeout: Duration,
    /// The TLS handshake.
    pub tls_timeout: Duration,
    /// From the end of the request to the head of the answer.
    pub response_timeout: Duration,
    /// An idle connection is closed after so long.
    pub idle_timeout: Duration,
    /// Between two pieces of an answer's body, and between two pieces of a request's that it takes.
    pub body_idle_timeout: Duration,
    /// How long a 100 Continue is waited for before the body is sent anyway.
    pub expect_continue_timeout: Duration,
    /// Connections to one origin, in the whole process.
    pub connections_max: usize,
    /// Of those, idle ones that are kept.
    pub idle_connections_max: usize,
    /// Bytes of an answer's head, and of its trailer section.
    pub head_bytes_max: usize,
    /// Fields of an answer's head, and of its trailer section.
    pub fields_max: usize,
    /// Interim answers (1xx) before the final one.
    pub interim_max: usize,
    /// Visitors that wait for a connection to one origin.
    pub pending_max: usize,
    /// A name's addresses are kept at least so long.
    pub dns_ttl_min: Duration,
    /// A name's addresses are kept at most so long.
    pub dns_ttl_max: Duration,
    /// Resolving a name.
    pub dns_timeout: Duration,
}
