//! TLS, as far as the rest of the house knows of it: a stream over a socket, and what was agreed on. Behind it are
//! rustls for the handshake and for the records. Nobody else names a TLS stream, so that other records can be put here.

mod sizes;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rempart_base::Now;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use self::sizes::Sizes;
use crate::stream::Socket;

/// The plaintext of a record at the start of a connection: with what TLS and TCP add it fits into one packet of the
/// smallest usual size, so that the peer can read it as soon as that packet is there.
const SMALL_BYTES: usize = 1369;

/// TLS over a socket.
#[derive(Debug)]
pub struct Tls {
    stream: TlsStream<Socket>,
    sizes: Sizes,
}

/// What a handshake has agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// For example `TLSv1.3`.
    pub version: Option<&'static str>,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher: Option<&'static str>,
    /// The protocol on top (RFC 7301), if one was agreed on.
    pub protocol: Option<Box<[u8]>>,
    /// The name that a visitor has asked for, lower case.
    pub server_name: Option<Box<str>>,
}

impl Tls {
    /// Shakes hands with a visitor. Up to `buffer_bytes` of records wait in the session to be written. Records are small
    /// at the start, and after a pause: what a visitor waits for is readable as it comes. When it flows they are large.
    ///
    /// # Errors
    /// The visitor broke off, or nothing could be agreed on.
    pub async fn accept(config: Arc<ServerConfig>, socket: Socket, buffer_bytes: usize) -> io::Result<Self> {
        let mut stream = TlsAcceptor::from(config).accept(socket).await?;
        stream.get_mut().1.set_buffer_limit(Some(buffer_bytes));
        Ok(Self { stream: TlsStream::Server(stream), sizes: Sizes::growing() })
    }

    /// Shakes hands with an origin, which is offered these protocols.
    ///
    /// # Errors
    /// The origin broke off, nothing could be agreed on, or its certificate is not valid: then a `rustls::Error` is inside.
    pub async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        protocols: &[&[u8]],
        socket: Socket,
    ) -> io::Result<Self> {
        let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TlsConnector::from(config).with_alpn(protocols).connect(name, socket).await?;
        Ok(Self { stream: TlsStream::Client(stream), sizes: Sizes::large() })
    }

    /// What was agreed on.
    #[must_use]
    pub fn agreed(&self) -> Agreed {
        let session = self.stream.get_ref().1;
        Agreed {
            version: session.protocol_version().and_then(version_name),
            cipher: session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()),
            protocol: session.alpn_protocol().map(Box::from),
            server_name: match &self.stream {
                TlsStream::Server(server) => server.get_ref().1.server_name().map(Box::from),
                TlsStream::Client(_) => None,
            },
        }
    }

    pub(crate) fn socket(&self) -> &Socket {
        self.stream.get_ref().0
    }

    pub(crate) fn socket_mut(&mut self) -> &mut Socket {
        match &mut self.stream {
            TlsStream::Client(client) => client.get_mut().0,
            TlsStream::Server(server) => server.get_mut().0,
        }
    }

    /// Whether all that has come was read, and the peer has not said that it closes. What has come may have left the
    /// socket together with bytes that were wanted.
    pub(crate) fn is_drained(&mut self) -> bool {
        let state = match &mut self.stream {
            TlsStream::Client(client) => client.get_mut().1.process_new_packets(),
            TlsStream::Server(server) => server.get_mut().1.process_new_packets(),
        };
        state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
    }

    /// Writes small records as far as they are due, and behind them, in the same write, what is left in large ones.
    #[cold]
    fn poll_write_small(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.wants_write() {
            // What waits is bounded: no more before it has left.
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        }
        let mut taken = 0;
        while let Some(bytes_max) = self.sizes.small(SMALL_BYTES) {
            let count = self.encrypt(&part(bufs, taken, bytes_max))?;
            if count == 0 {
                break;
            }
            taken += count;
            self.sizes.wrote(count);
        }
        let rest = part(bufs, taken, usize::MAX);
        let written = if rest.iter().all(|piece| piece.is_empty()) {
            Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 0)
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(cx, &rest)
        };
        match written {
            Poll::Ready(Ok(count)) => Poll::Ready(Ok(taken + count)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if taken == 0 => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    /// Makes one record, as far as there is room, and writes nothing.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.stream {
            TlsStream::Client(client) => io::Write::write_vectored(&mut client.get_mut().1.writer(), pieces),
            TlsStream::Server(server) => io::Write::write_vectored(&mut server.get_mut().1.writer(), pieces),
        }
    }

    fn wants_write(&self) -> bool {
        self.stream.get_ref().1.wants_write()
    }

    /// Whether records are to be small now, given that so much is to be written. The clock is read only for what is
    /// large: everything else is a small record anyway.
    #[inline]
    fn is_small_due(&mut self, bytes: usize) -> bool {
        bytes > SMALL_BYTES && self.sizes.is_growing() && self.sizes.begin(Now::mono())
    }
}

/// At most so many bytes of these slices, behind the first `skip`. There are two at most: what is gathered, and a body.
fn part<'a>(bufs: &'a [IoSlice<'_>], mut skip: usize, mut bytes_max: usize) -> [IoSlice<'a>; 2] {
    let mut pieces = [IoSlice::new(&[]), IoSlice::new(&[])];
    let mut next = pieces.iter_mut();
    for buf in bufs {
        let (over, rest) = buf.split_at(skip.min(buf.len()));
        skip -= over.len();
        let rest = rest.get(..bytes_max).unwrap_or(rest);
        if rest.is_empty() {
            continue;
        }
        let Some(piece) = next.next() else { break };
        *piece = IoSlice::new(rest);
        bytes_max -= rest.len();
    }
    pieces
}

impl AsyncRead for Tls {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tls {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let tls = self.get_mut();
        if tls.is_small_due(buf.len()) {
            return tls.poll_write_small(cx, &[IoSlice::new(buf)]);
        }
        Pin::new(&mut tls.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tls = self.get_mut();
        if tls.is_small_due(bufs.iter().map(|buf| buf.len()).sum()) {
            return tls.poll_write_small(cx, bufs);
        }
        Pin::new(&mut tls.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// The name of a TLS version as logs write it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of versions is open, and these two are all that is spoken"
)]
const fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
