//! Opening a connection: resolve, connect, TLS. Each step's failure has its own name, since visitors and
//! operators are told which it was (521 to 526, 530).

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::Fault;
use rempart_io::{Socket, Stream, Tls};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::addresses::Addresses;
use crate::plan::{Endpoint, Offer, OriginPlan, TlsPlan, Upstream as Terms};

/// What became known while connecting; for the log.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The address that answered, without its port, as text; `None` for a Unix socket.
    pub address: Option<Arc<str>>,
    /// Resolving the name.
    pub dns: Duration,
    /// The TCP handshake.
    pub tcp: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The TLS version, for example `TLSv1.3`; `None` in cleartext.
    pub tls_version: Option<&'static str>,
}

/// What is spoken on a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

/// How connections come about.
pub enum Dialer {
    /// Over the network, to the origins themselves.
    Network(Box<Addresses>),
    /// By asking somebody in this process, in cleartext whatever the plan says: nothing leaves the machine.
    StandIn(StandIn),
}

/// Who stands in for every origin: its end of a new connection, not blocking.
pub type StandIn = Box<dyn Fn(&OriginPlan) -> io::Result<StdUnixStream>>;

/// Opens a connection.
///
/// # Errors
/// What failed, as the fault of that step.
pub(crate) async fn open(
    plan: &OriginPlan,
    offer: Offer,
    dialer: &Dialer,
) -> Result<(Stream, Facts, Spoken), Fault> {
    let mut facts = Facts::default();
    let addresses = match dialer {
        Dialer::Network(addresses) => addresses,
        Dialer::StandIn(stand_in) => {
            let stream = stand_in(plan).and_then(UnixStream::from_std).map_err(|e| fault_of(&e))?;
            return Ok((Stream::Plain(Socket::Unix(stream)), facts, Spoken::Http1));
        }
    };
    let terms = &plan.settings;
    let socket = match &plan.endpoint {
        Endpoint::Ip(address) => tcp(&[*address], terms, &mut facts).await?,
        Endpoint::Name { name, port } => {
            let begun = Now::mono();
            let list = addresses.of(name, *port, terms).await?;
            facts.dns = Now::mono() - begun;
            tcp(&list, terms, &mut facts).await?
        }
        Endpoint::Unix(path) => {
            let connecting = timeout(terms.connect_timeout, UnixStream::connect(path)).await;
            Socket::Unix(connecting.map_err(|_| Fault::OriginConnectTimeout)?.map_err(|e| fault_of(&e))?)
        }
    };
    let (stream, spoken) = match &plan.tls {
        None if offer == Offer::Http2 => (Stream::Plain(socket), Spoken::Http2),
        None => (Stream::Plain(socket), Spoken::Http1),
        Some(tls) => secure(socket, tls, offer, terms, &mut facts).await?,
    };
    Ok((stream, facts, spoken))
}

/// Tries each address in turn within one time-out: an address that refuses costs nothing, one that is
/// silent at most its share.
async fn tcp(list: &[SocketAddr], terms: &Terms, facts: &mut Facts) -> Result<Socket, Fault> {
    let begun = Now::mono();
    let mut fault = Fault::OriginDns;
    for (tried, address) in list.iter().enumerate() {
        let left = terms.connect_timeout.saturating_sub(Now::mono() - begun);
        let share = left / u32::try_from(list.len() - tried).unwrap_or(1).max(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                facts.address = Some(address.ip().to_string().into());
                facts.tcp = Now::mono() - begun;
                tcp.set_nodelay(true).map_err(|e| fault_of(&e))?;
                return Ok(Socket::Tcp(tcp));
            }
            Ok(Err(error)) => fault = fault_of(&error),
            Err(_) => fault = Fault::OriginConnectTimeout,
        }
    }
    Err(fault)
}

async fn secure(
    socket: Socket,
    tls: &TlsPlan,
    offer: Offer,
    terms: &Terms,
    facts: &mut Facts,
) -> Result<(Stream, Spoken), Fault> {
    let begun = Now::mono();
    let offered: &[&[u8]] = match offer {
        Offer::Http1 => &[b"http/1.1"],
        Offer::Either => &[b"h2", b"http/1.1"],
        Offer::Http2 => &[b"h2"],
    };
    let connecting = Tls::connect(tls.client_config.clone(), tls.server_name.clone(), offered, socket);
    let handshake = timeout(terms.tls_timeout, connecting).await;
    let stream = handshake.map_err(|_| Fault::OriginTls)?.map_err(|error| tls_fault(&error))?;
    facts.tls = Now::mono() - begun;
    let agreed = stream.agreed();
    facts.tls_version = agreed.version;
    let is_http2 = agreed.protocol.as_deref() == Some(b"h2");
    let spoken = if is_http2 { Spoken::Http2 } else { Spoken::Http1 };
    Ok((Stream::Tls(Box::new(stream)), spoken))
}

fn tls_fault(error: &io::Error) -> Fault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Fault::OriginCertificate
        }
        _ => Fault::OriginTls,
    }
}

/// Descriptors and ports come free as other exchanges end.
const OVERLOADED: Fault = Fault::Overloaded { retry_after: Duration::from_secs(1) };

/// `ENFILE` and `EMFILE`, which have no kind of their own.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the list of io::ErrorKind is open")]
fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        // A Unix socket that is not there is an origin that does not listen.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::NotFound => {
            Fault::OriginRefused
        }
        io::ErrorKind::TimedOut => Fault::OriginConnectTimeout,
        // This machine has no port left toward the origin, or this process no descriptor: the origin is
        // not to blame.
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory => OVERLOADED,
        _ if is_out_of_descriptors(error) => OVERLOADED,
        _ => Fault::OriginUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_not_the_origins_fault() {
        // EMFILE, ENFILE, EADDRNOTAVAIL, ENOMEM of Linux.
        for code in [24, 23, 99, 12] {
            assert_eq!(fault_of(&io::Error::from_raw_os_error(code)), OVERLOADED, "{code}");
        }
        // EHOSTUNREACH
        assert_eq!(fault_of(&io::Error::from_raw_os_error(113)), Fault::OriginUnreachable);
    }
}
