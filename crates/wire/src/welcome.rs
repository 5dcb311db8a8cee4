//! From an accepted socket to a stream that is ready for HTTP: PROXY protocol header, TLS handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rempart_io::{Socket, Stream};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Limits;
use crate::proxy_protocol::{self, HEADER_BYTES_MAX, ProxyProtocol};
use crate::tls::TlsAcceptor;
use crate::visitor::Peer;

/// What a listener's connections begin with.
#[derive(Clone)]
pub struct Door {
    /// The address listened on.
    pub address: SocketAddr,
    /// The PROXY protocol header that is demanded.
    pub proxy_protocol: ProxyProtocol,
    /// TLS, or cleartext.
    pub tls: Option<TlsAcceptor>,
}

/// Why a connection did not get as far as HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// The PROXY header is missing, malformed or late.
    ProxyHeader,
    /// The TLS handshake failed or took too long.
    Tls,
    /// The socket failed.
    Socket,
}

/// Brings a connection through the door, each step within the limits' time for handshakes.
///
/// # Errors
/// Why it was turned away; closing it is all that can be done.
pub async fn welcome(mut tcp: TcpStream, door: &Door, limits: &Limits) -> Result<(Stream, Peer), Turned> {
    let patience = limits.tls_handshake_timeout;
    // An answer leaves in one write; Nagle would only hold its last segment back.
    tcp.set_nodelay(true).map_err(|_| Turned::Socket)?;
    let mut address = tcp.peer_addr().map_err(|_| Turned::Socket)?;
    let mut local = tcp.local_addr().map_err(|_| Turned::Socket)?;
    if door.proxy_protocol != ProxyProtocol::Off {
        let header = timeout(patience, read_header(&mut tcp, door.proxy_protocol)).await;
        if let Some((from, to)) = header.map_err(|_| Turned::ProxyHeader)?.map_err(|_| Turned::ProxyHeader)? {
            (address, local) = (from, to);
        }
    }
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let local = SocketAddr::new(local.ip().to_canonical(), local.port());
    let socket = Socket::Tcp(tcp);
    let Some(acceptor) = &door.tls else {
        return Ok((Stream::Plain(socket), Peer { address, local, tls: None, is_inside: false }));
    };
    let (stream, facts) = timeout(patience, acceptor.accept(socket, limits.http2_streams_max > 0))
        .await
        .map_err(|_| Turned::Tls)?
        .map_err(|_| Turned::Tls)?;
    Ok((stream, Peer { address, local, tls: Some(Arc::new(facts)), is_inside: false }))
}

/// Reads exactly the header: what follows belongs to TLS or HTTP, which read for themselves. So bytes are
/// looked at first, and taken only as far as they belong to the header.
async fn read_header(
    tcp: &mut TcpStream,
    accept: ProxyProtocol,
) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
    let mut bytes = [0; HEADER_BYTES_MAX];
    let mut have = 0;
    loop {
        let rest = bytes.get_mut(have..).unwrap_or_default();
        let seen = tcp.peek(rest).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let all = bytes.get(..have + seen).unwrap_or_default();
        let header = proxy_protocol::parse(accept, all).map_err(|_| io::ErrorKind::InvalidData)?;
        let take = header.map_or(seen, |header| header.bytes - have);
        let into = bytes.get_mut(have..have + take).unwrap_or_default();
        tcp.read_exact(into).await?;
        have += take;
        if let Some(header) = header {
            return Ok(header.addresses);
        }
    }
}
