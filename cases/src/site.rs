//! The origins of a case: what listens for them, and what of it was touched.

use crate::case::{Origin, OriginKind, Protocol};
use crate::certificates::{self, Made};
use crate::peer::{Peer, Stream, left};
use crate::play::Open;
use crate::server::{Reserved, reserve};
use crate::text::show;
use rustls::{ServerConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// An origin that is ready for connections, or ready to refuse them.
pub struct Site {
    /// How the zone names it.
    pub url: String,
    /// Its port; 0 for a Unix socket.
    pub port: u16,
    doors: Doors,
}

enum Doors {
    Tcp(TcpListener),
    Unix(UnixListener),
    Refusing(#[expect(dead_code, reason = "held so that nobody else gets the port")] Reserved),
    Full(#[expect(dead_code, reason = "held so that the backlog stays full")] (Socket, Vec<Socket>)),
}

impl Site {
    /// Opens the doors.
    ///
    /// # Errors
    /// Of the system.
    pub fn open(origin: &Origin, folder: &Path) -> io::Result<Self> {
        let scheme = if matches!(origin.kind, OriginKind::Tls(_)) { "https" } else { "http" };
        let (port, doors) = match &origin.kind {
            OriginKind::Plain | OriginKind::Tls(_) | OriginKind::Untouched => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                (listener.local_addr()?.port(), Doors::Tcp(listener))
            }
            OriginKind::Unix => {
                let path = folder.join(format!("{}.sock", origin.name));
                let url = format!("\"unix:{}\"", path.display());
                return Ok(Self { url, port: 0, doors: Doors::Unix(UnixListener::bind(path)?) });
            }
            OriginKind::Refusing => {
                let reserved = reserve()?;
                (reserved.port, Doors::Refusing(reserved))
            }
            OriginKind::Full => full()?,
        };
        Ok(Self { url: format!("\"{scheme}://127.0.0.1:{port}\""), port, doors })
    }

    /// How its script comes by connections.
    #[must_use]
    pub fn connections<'a>(
        &'a self,
        kind: &'a OriginKind,
        certificates: &'a BTreeMap<String, Made>,
    ) -> Open<'a> {
        Box::new(move |until| {
            let stream = self.accept(until)?;
            let (OriginKind::Tls(name), Stream::Tcp(tcp)) = (kind, &stream) else {
                return Ok(Peer::new(stream));
            };
            let made = certificates.get(name).ok_or_else(|| format!("no `certificate {name}`"))?;
            let tls =
                ServerConnection::new(certificates::server(made)?).map_err(|error| error.to_string())?;
            let tcp = tcp.try_clone().map_err(|error| error.to_string())?;
            let mut peer = Peer::new(Stream::TlsServer(Box::new(StreamOwned::new(tls, tcp))));
            peer.shake_hands(until)?;
            Ok(peer)
        })
    }

    fn accept(&self, until: Instant) -> Result<Stream, String> {
        let left = left(until).unwrap_or(Duration::from_millis(1));
        let late = |error: io::Error| format!("nobody connected: {error}");
        // A listener's read timeout is also that of accept (socket(7)).
        match &self.doors {
            Doors::Tcp(listener) => {
                SockRef::from(listener).set_read_timeout(Some(left)).map_err(late)?;
                let (stream, _) = listener.accept().map_err(late)?;
                stream.set_nodelay(true).map_err(late)?;
                Ok(Stream::Tcp(stream))
            }
            Doors::Unix(listener) => {
                SockRef::from(listener).set_read_timeout(Some(left)).map_err(late)?;
                Ok(Stream::Unix(listener.accept().map_err(late)?.0))
            }
            Doors::Refusing(_) | Doors::Full(_) => Err("nobody can connect to this origin".to_owned()),
        }
    }

    /// The bytes that reached an untouched origin, if any did. Asked once Rempart has ended, so that
    /// nothing can come later.
    #[must_use]
    pub fn touched(&self) -> Option<String> {
        let Doors::Tcp(listener) = &self.doors else { return None };
        listener.set_nonblocking(true).ok()?;
        while let Ok((mut stream, _)) = listener.accept() {
            let mut bytes = [0; 512];
            // An accepted socket does not inherit the flag; Rempart has ended, so this read ends.
            let count = stream.read(&mut bytes).unwrap_or(0);
            if count > 0 {
                return Some(show(bytes.get(..count).unwrap_or_default()));
            }
        }
        None
    }
}

/// A listener whose backlog is full: Linux then drops further SYNs.
fn full() -> io::Result<(u16, Doors)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut fillers = Vec::new();
    for _ in 0..3 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        filler.set_nonblocking(true)?;
        // It is under way, or waits already: both fill.
        let _ = filler.connect(&address);
        fillers.push(filler);
    }
    let port = address.as_socket_ipv4().map_or(0, |address| address.port());
    Ok((port, Doors::Full((listener, fillers))))
}

/// How a client comes by connections.
#[must_use]
pub fn visits<'a>(port: u16, tls: &'a Option<Option<String>>, protocol: Protocol) -> Open<'a> {
    Box::new(move |until| {
        let tcp: TcpStream = crate::server::connect(port, until)?;
        let sni = match (tls, protocol) {
            (Some(sni), _) => sni,
            (None, Protocol::Http2) => &None,
            (None, Protocol::Http1) => return Ok(Peer::new(Stream::Tcp(tcp))),
        };
        let text = |error: rustls::Error| error.to_string();
        // An address as name sends no SNI.
        let name = sni.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
        let name = rustls::pki_types::ServerName::try_from(name).map_err(|error| error.to_string())?;
        let tls = rustls::ClientConnection::new(certificates::client(protocol)?, name).map_err(text)?;
        let mut peer = Peer::new(Stream::TlsClient(Box::new(StreamOwned::new(tls, tcp))));
        peer.shake_hands(until)?;
        Ok(peer)
    })
}
