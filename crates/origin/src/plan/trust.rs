//! Whom we trust to have signed an origin's certificate.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rempart_base::config::Problem;
use rempart_base::content_hash;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::ReadFile;

/// TLS clients by whom they trust, so that origins with the same settings share roots and sessions. Lives
/// on from one compilation to the next.
#[derive(Debug, Default)]
pub struct Trust {
    clients: HashMap<Trusted, Arc<ClientConfig>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trusted {
    /// Nothing is verified.
    Anybody,
    /// The authorities that the system trusts.
    System,
    /// Those in a file with this content.
    File(u64),
}

impl Trust {
    /// The client for these settings, and a hash of whom it trusts.
    pub(super) fn client(
        &mut self,
        verify: bool,
        ca_file: Option<&Path>,
        read: &mut ReadFile<'_>,
    ) -> Result<(Arc<ClientConfig>, u64), Problem> {
        let (trusted, pem) = match ca_file {
            _ if !verify => (Trusted::Anybody, Vec::new()),
            None => (Trusted::System, Vec::new()),
            Some(path) => {
                let pem = read(path)?;
                (Trusted::File(content_hash(&pem)), pem)
            }
        };
        let client = match self.clients.get(&trusted) {
            Some(client) => Arc::clone(client),
            None => {
                let client = Arc::new(client(trusted, &pem)?);
                self.clients.insert(trusted, Arc::clone(&client));
                client
            }
        };
        Ok((client, content_hash(&trusted)))
    }

    /// Forgets the clients that no plan uses any more.
    pub fn sweep(&mut self) {
        self.clients.retain(|_, client| Arc::strong_count(client) > 1);
    }
}

fn client(trusted: Trusted, pem: &[u8]) -> Result<ClientConfig, Problem> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| Problem::new("tls-unusable", format!("TLS cannot be set up: {e}"), "Report this."))?;
    let builder = match trusted {
        Trusted::Anybody => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        }
        Trusted::System => builder.with_root_certificates(system_roots()?),
        Trusted::File(_) => builder.with_root_certificates(roots(pem)?),
    };
    let mut client = builder.with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(client)
}

fn system_roots() -> Result<RootCertStore, Problem> {
    let mut store = RootCertStore::empty();
    // Single certificates that do not parse are usual in system stores, and no reason to trust nobody.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err(Problem::new(
            "no-system-roots",
            "this system has no list of trusted certificate authorities",
            "Install the package `ca-certificates`, or name a `ca_file`.",
        ));
    }
    Ok(store)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, Problem> {
    let unusable = |why: String| {
        Problem::new(
            "ca-invalid",
            format!("this file cannot be used: {why}"),
            "Name a PEM file with certificates.",
        )
        .expecting("one or more PEM blocks `-----BEGIN CERTIFICATE-----`")
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        store.add(certificate).map_err(|e| unusable(e.to_string()))?;
    }
    if store.is_empty() { Err(unusable("no certificate is in it".into())) } else { Ok(store) }
}

/// `verify: false`: any certificate is taken, but the peer still proves that it has the key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
