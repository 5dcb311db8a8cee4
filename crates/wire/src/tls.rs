//! TLS toward visitors, by rustls.

use std::io;
use std::sync::Arc;

use rempart_io::{Socket, Stream};
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{ProtocolVersion, ServerConfig};
use tokio_rustls::TlsStream;

use crate::bounds::TLS_BUFFER_BYTES;
use crate::visitor::TlsFacts;

/// How TLS is accepted: one for all listeners and cores. Certificates are chosen by the resolver for each
/// handshake, so that a reload needs no new acceptor.
#[derive(Clone)]
pub struct TlsAcceptor {
    http1: tokio_rustls::TlsAcceptor,
    /// The same, which offers HTTP/2 too.
    http2: tokio_rustls::TlsAcceptor,
}

impl TlsAcceptor {
    /// TLS 1.2 and 1.3 with the provider's default suites, sessions resumed by tickets.
    ///
    /// # Errors
    /// The provider lacks a version or a source of random ticket keys: the machine has no randomness.
    pub fn new(resolver: Arc<dyn ResolvesServerCert>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets hold the session at the visitor; a cache here would be memory that visitors choose.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        let mut http2 = config.clone();
        http2.alpn_protocols.insert(0, b"h2".to_vec());
        Ok(Self { http1: Arc::new(config).into(), http2: Arc::new(http2).into() })
    }

    /// Runs a handshake, in which HTTP/2 is offered or not.
    ///
    /// # Errors
    /// The visitor's: it broke off, or nothing could be agreed on.
    pub async fn accept(&self, socket: Socket, has_http2: bool) -> io::Result<(Stream, TlsFacts)> {
        let acceptor = if has_http2 { &self.http2 } else { &self.http1 };
        let mut tls = acceptor.accept(socket).await?;
        // All that is gathered leaves in one write.
        tls.get_mut().1.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        let session = tls.get_ref().1;
        let facts = TlsFacts {
            server_name: session.server_name().map(Box::from),
            version: version_name(session.protocol_version()),
            cipher: session
                .negotiated_cipher_suite()
                .map_or_else(Box::default, |suite| suite.suite().as_str().unwrap_or("unknown").into()),
            is_http2: session.alpn_protocol() == Some(b"h2"),
        };
        Ok((Stream::Tls(Box::new(TlsStream::Server(tls))), facts))
    }
}

/// The name of a TLS version as logs write it.
const fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(_) | None => "unknown",
    }
}
