//! What the supervisor hands to an edge process.

use std::net::SocketAddr;
use std::path::PathBuf;

pub use rempart_wire::ProxyProtocol;

/// Everything that an edge process needs to start.
pub struct Launch {
    /// The configuration file; read again at every reload.
    pub config_path: PathBuf,
    /// The listening sockets, bound already.
    pub listeners: Vec<BoundListener>,
    /// Called once: with `Ok` when visitors are served, with the reason when they will not be.
    pub on_ready: Box<dyn FnOnce(Result<(), String>) + Send>,
    /// Gives up root for the named account. Called after configuration, keys and logs are open and before
    /// the first byte from the network is read.
    pub drop_privileges: Box<dyn FnOnce(&str) -> std::io::Result<()> + Send>,
}

/// One address that is listened on.
pub struct BoundListener {
    /// The address as bound.
    pub address: SocketAddr,
    /// Whether visitors speak TLS here.
    pub tls: bool,
    /// Whether, and which, PROXY protocol header comes first.
    pub proxy_protocol: ProxyProtocol,
    /// One `SO_REUSEPORT` socket for each worker.
    pub sockets: Vec<std::net::TcpListener>,
}
