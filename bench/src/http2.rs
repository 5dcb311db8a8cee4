//! Visitors over HTTP/2 and TLS: a client on the crate `h2`, which has nothing in common with what is measured, and
//! the three questions that h2load does not ask.

pub(crate) mod flood;
pub(crate) mod ground;
pub(crate) mod idle;
pub(crate) mod latency;
mod link;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::Request;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::Outcome;
use crate::certificate::HOST;

/// Windows as browsers have them, in bytes.
const STREAM_WINDOW_BYTES: u32 = 6 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 15 << 20;

/// A server on this machine, and how to trust it.
#[derive(Clone)]
pub(crate) struct Server {
    port: u16,
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl Server {
    /// The one on this port of 127.0.0.1; `certificate` is all that it is trusted for.
    pub(crate) fn on(port: u16, certificate: &Path) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(HOST)?;
        Ok(Self { port, tls: TlsConnector::from(Arc::new(config)), name })
    }

    /// A TLS connection from this address of the loopback, on which HTTP/2 was agreed.
    pub(crate) async fn connect(&self, from: Ipv4Addr) -> Outcome<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        let stream = socket.connect(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(self.name.clone(), stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err("h2 was not negotiated".into());
        }
        Ok(stream)
    }

    /// A visitor from this address. Must run within a runtime, which moves its bytes.
    pub(crate) async fn visit(&self, from: Ipv4Addr) -> Outcome<Visitor> {
        let stream = self.connect(from).await?;
        let (requests, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .enable_push(false)
            .handshake::<_, Bytes>(stream)
            .await?;
        let moves = tokio::spawn(async move { connection.await.map_err(|error| told(&error)) });
        Ok(Visitor { requests, moves })
    }
}

/// One connection. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Visitor {
    requests: SendRequest<Bytes>,
    moves: JoinHandle<Result<(), String>>,
}

impl Visitor {
    /// Asks, waits for status 200, and hands over the body as it comes.
    pub(crate) async fn begin(&self, path: &str) -> Outcome<RecvStream> {
        let mut requests = self.requests.clone().ready().await?;
        let request = Request::get(format!("https://{HOST}{path}")).body(())?;
        let (answer, _) = requests.send_request(request, true)?;
        let answer = answer.await?;
        if answer.status() != 200 {
            return Err(format!("{path} was answered with status {}", answer.status()).into());
        }
        Ok(answer.into_body())
    }

    /// Asks, and takes the answer as fast as it comes. Returns the length of its body.
    pub(crate) async fn ask(&self, path: &str) -> Outcome<u64> {
        let mut body = self.begin(path).await?;
        let mut bytes = 0;
        while let Some(piece) = body.data().await {
            let piece = piece?;
            bytes += piece.len() as u64;
            body.flow_control().release_capacity(piece.len())?;
        }
        Ok(bytes)
    }

    /// Whether the server has left the connection open.
    pub(crate) fn is_open(&self) -> bool {
        !self.moves.is_finished()
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.moves.abort();
    }
}

/// An error with what is behind it.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}
