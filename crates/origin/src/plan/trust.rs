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

use super::{Read, Wanted};

/// TLS clients by whom they trust, so that origins with the same settings share roots and sessions. Lives
/// on from one compilation to the next.
#[derive(Debug, Default)]
pub struct Trust {
    clients: HashMap<Trusted, Arc<ClientConfig>>,
    /// The hashes of files, by where they are in memory, so that a large one is hashed once.
    hashes: HashMap<usize, (Arc<[u8]>, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trusted {
    /// Nothing is verified.
    Anybody,
    /// The authorities that the system trusts, with this content.
    System(u64),
    /// Those in a file with this content.
    File(u64),
}

impl Trust {
    /// The client for these settings, and a hash of whom it trusts.
    pub(super) fn client(
        &mut self,
        verify: bool,
        ca_file: Option<&Path>,
        read: &mut Read<'_>,
    ) -> Result<(Arc<ClientConfig>, u64), Problem> {
        let (trusted, pem) = match ca_file {
            _ if !verify => (Trusted::Anybody, Arc::default()),
            None => {
                let authorities = read(Wanted::SystemAuthorities)?;
                (Trusted::System(self.hash(&authorities)), authorities)
            }
            Some(path) => {
                let pem = read(Wanted::File(path))?;
                (Trusted::File(self.hash(&pem)), pem)
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
        self.hashes.retain(|_, (content, _)| Arc::strong_count(content) > 1);
    }

    /// The content is held as long as its hash is, so that nothing else comes to stand where it stands.
    fn hash(&mut self, content: &Arc<[u8]>) -> u64 {
        let at = Arc::as_ptr(content).cast::<u8>() as usize;
        self.hashes.entry(at).or_insert_with(|| (Arc::clone(content), content_hash(content))).1
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
        Trusted::System(_) => builder.with_root_certificates(system_roots(pem)?),
        Trusted::File(_) => builder.with_root_certificates(roots(pem)?),
    };
    // Which protocols are offered is said when a connection is opened: an upgrade needs another than the rest.
    Ok(builder.with_no_client_auth())
}

/// The certificates of the authorities that this system trusts, one behind the other in one order, each behind
/// its length (four bytes, the highest first).
///
/// # Errors
/// The system has no list of them.
pub fn system_authorities() -> Result<Vec<u8>, Problem> {
    let mut authorities = rustls_native_certs::load_native_certs().certs;
    authorities.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    authorities.dedup();
    let mut bytes = Vec::new();
    for authority in authorities {
        let length = u32::try_from(authority.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&authority);
    }
    if bytes.is_empty() { Err(no_system_roots()) } else { Ok(bytes) }
}

fn system_roots(mut authorities: &[u8]) -> Result<RootCertStore, Problem> {
    let mut store = RootCertStore::empty();
    while let Some((length, rest)) = authorities.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((authority, rest)) = rest.split_at_checked(length) else { break };
        // Single certificates that do not parse are usual in system stores, and no reason to trust nobody.
        store.add_parsable_certificates([CertificateDer::from(authority)]);
        authorities = rest;
    }
    if store.is_empty() { Err(no_system_roots()) } else { Ok(store) }
}

fn no_system_roots() -> Problem {
    Problem::new(
        "no-system-roots",
        "this system has no list of trusted certificate authorities",
        "Install the package `ca-certificates`, or name a `ca_file`.",
    )
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
