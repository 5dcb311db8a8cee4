//! TLS toward visitors, by rustls.

use std::io;
use std::sync::Arc;

use rempart_io::{Socket, Stream, Tls};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};

use crate::bounds::TLS_BUFFER_BYTES;
use crate::visitor::TlsFacts;

/// How TLS is accepted: one for all listeners and cores. Certificates are chosen by the resolver for each
/// handshake, so that a reload needs no new acceptor.
#[derive(Clone)]
pub struct TlsAcceptor {
    http1: Arc<ServerConfig>,
    /// The same, which offers HTTP/2 too.
    http2: Arc<ServerConfig>,
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
        Ok(Self { http1: Arc::new(config), http2: Arc::new(http2) })
    }

    /// Runs a handshake, in which HTTP/2 is offered or not.
    ///
    /// # Errors
    /// The visitor's: it broke off, or nothing could be agreed on.
    pub async fn accept(&self, socket: Socket, has_http2: bool) -> io::Result<(Stream, TlsFacts)> {
        let config = if has_http2 { &self.http2 } else { &self.http1 };
        // All that is gathered leaves in one write.
        let tls = Tls::accept(Arc::clone(config), socket, TLS_BUFFER_BYTES).await?;
        let agreed = tls.agreed();
        let facts = TlsFacts {
            server_name: agreed.server_name,
            version: agreed.version.unwrap_or("unknown"),
            cipher: agreed.cipher.unwrap_or("unknown").into(),
            is_http2: agreed.protocol.as_deref() == Some(b"h2"),
        };
        Ok((Stream::Tls(Box::new(tls)), facts))
    }
}
