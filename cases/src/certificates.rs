//! Self-signed certificates for the case's servers, and TLS for its clients.

use crate::case::{CertificateOrder, Protocol};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A certificate and its key.
pub struct Made {
    /// The certificate.
    pub der: CertificateDer<'static>,
    key: KeyPair,
}

/// Makes what the case ordered, and writes `NAME.pem` and `NAME.key` into the folder.
///
/// # Errors
/// Says which could not be made or written.
pub fn make(orders: &[CertificateOrder], folder: &Path) -> Result<BTreeMap<String, Made>, String> {
    let mut all = BTreeMap::new();
    for order in orders {
        let made = one(order, folder).map_err(|what| format!("certificate {}: {what}", order.name))?;
        all.insert(order.name.clone(), made);
    }
    Ok(all)
}

fn one(order: &CertificateOrder, folder: &Path) -> Result<Made, String> {
    let text = |error: rcgen::Error| error.to_string();
    let key = KeyPair::generate().map_err(text)?;
    let mut wanted = CertificateParams::new(order.hosts.clone()).map_err(text)?;
    if order.expired {
        (wanted.not_before, wanted.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    }
    let certificate = wanted.self_signed(&key).map_err(text)?;
    let write = |suffix: &str, text: String| {
        std::fs::write(folder.join(format!("{}.{suffix}", order.name)), text)
            .map_err(|error| error.to_string())
    };
    write("pem", certificate.pem())?;
    write("key", key.serialize_pem())?;
    Ok(Made { der: certificate.der().clone(), key })
}

/// TLS for a scripted origin with this certificate.
///
/// # Errors
/// Says what rustls refused.
pub fn server(made: &Made) -> Result<Arc<ServerConfig>, String> {
    let key = PrivateKeyDer::Pkcs8(made.key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![made.der.clone()], key)
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
}

/// TLS for a scripted client, which wants nothing but this protocol: it takes any certificate, since the case looks at
/// which one it was.
///
/// # Errors
/// Says what rustls refused.
pub fn client(protocol: Protocol) -> Result<Arc<ClientConfig>, String> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider())))
        .with_no_client_auth();
    if protocol == Protocol::Http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
