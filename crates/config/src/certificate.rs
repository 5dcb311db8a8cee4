//! A chain and its key from PEM files: parsed, and checked against each other.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_base::config::{Context, FromText as _, Problem};
use rempart_base::content_hash;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::inputs::{InputName, Inputs};
use crate::tree::CertificateConfig;
use crate::zone::{HostPattern, ZoneCertificate};

/// Chain and key, as they stand in their files.
type ChainAndKey = (Arc<[u8]>, Arc<[u8]>);

/// Certificates that have been parsed, by the content of chain and key, so that zones and snapshots share them.
#[derive(Debug, Default)]
pub struct Certificates {
    known: HashMap<ChainAndKey, Arc<ZoneCertificate>>,
}

impl Certificates {
    /// The certificate that is configured, or a report of what is wrong with it.
    pub fn compile(
        &mut self,
        config: &CertificateConfig,
        inputs: &mut Inputs<'_>,
        cx: &mut Context,
    ) -> Option<Arc<ZoneCertificate>> {
        let chain = inputs.get(&InputName::File(config.cert.value.clone()));
        let key = inputs.get(&InputName::from(&config.key.value.0));
        // Both are read before either is given up, so that both are reported.
        let chain = chain.map_err(|problem| cx.in_key("cert", |cx| cx.error(config.cert.mark, problem)));
        let key = key.map_err(|problem| cx.in_key("key", |cx| cx.error(config.key.mark, problem)));
        let content = (chain.ok()?, key.ok()?);
        if let Some(known) = self.known.get(&content) {
            return Some(Arc::clone(known));
        }
        let certificate = Arc::new(parse(config, &content, cx)?);
        self.known.insert(content, Arc::clone(&certificate));
        Some(certificate)
    }

    /// Forgets the certificates that no zone uses any more.
    pub fn sweep(&mut self) {
        self.known.retain(|_, certificate| Arc::strong_count(certificate) > 1);
    }
}

fn parse(config: &CertificateConfig, (cert, key): &ChainAndKey, cx: &mut Context) -> Option<ZoneCertificate> {
    let chain = chain(cert).map_err(|problem| cx.in_key("cert", |cx| cx.error(config.cert.mark, problem)));
    let key = private_key(key).map_err(|problem| cx.in_key("key", |cx| cx.error(config.key.mark, problem)));
    match certificate(chain.ok()?, &key.ok()?) {
        Ok(certificate) => Some(certificate),
        Err((in_key, problem)) => {
            let mark = if in_key == "key" { config.key.mark } else { config.cert.mark };
            cx.in_key(in_key, |cx| cx.error(mark, problem));
            None
        }
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(invalid("no certificate is in this file")),
        Err(error) => Err(invalid(&format!("this file is not PEM: {error}"))),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let message = format!("no private key can be read here: {error}");
        Problem::new(
            "key-invalid",
            message,
            "Name the private key that belongs to `cert`, without passphrase.",
        )
        .expecting("a PEM block `-----BEGIN PRIVATE KEY-----`")
    })
}

fn certificate(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<ZoneCertificate, (&'static str, Problem)> {
    let hash = content_hash(&(chain.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>(), key.secret_der()));
    let (names, not_after_unix_s) = chain
        .first()
        .ok_or("the chain is empty")
        .and_then(|leaf| X509Certificate::from_der(leaf).map_err(|_| "the first certificate does not parse"))
        .map(|(_, leaf)| (names(&leaf), leaf.validity().not_after.timestamp()))
        .map_err(|wrong| ("cert", invalid(wrong)))?;
    let key = any_supported_type(key).map_err(|error| {
        let problem = Problem::new(
            "key-invalid",
            format!("this key cannot be used: {error}"),
            "Use an ECDSA (P-256) or RSA (2048 bits or more) key.",
        );
        ("key", problem)
    })?;
    let key = CertifiedKey::new(chain, key);
    match key.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            let message = "this key does not belong to the first certificate of `cert`";
            let action = "Name the key with which the certificate was requested; the zone's own certificate comes first.";
            return Err(("key", Problem::new("key-mismatch", message, action)));
        }
        Err(error) => {
            return Err(("cert", invalid(&format!("the first certificate cannot be used: {error}"))));
        }
    }
    Ok(ZoneCertificate { key: Arc::new(key), names: names.into(), not_after_unix_s, hash })
}

fn names(leaf: &X509Certificate<'_>) -> Vec<HostPattern> {
    let text = |name: &GeneralName<'_>| -> Option<String> {
        if let GeneralName::DNSName(name) = name {
            return Some((*name).to_owned());
        }
        let GeneralName::IPAddress(bytes) = name else { return None };
        let v4 = <[u8; 4]>::try_from(*bytes).map(|v4| std::net::Ipv4Addr::from(v4).to_string());
        v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|v6| format!("[{}]", std::net::Ipv6Addr::from(v6))))
            .ok()
    };
    let alternatives = leaf.subject_alternative_name().ok().flatten();
    let names = alternatives.iter().flat_map(|extension| &extension.value.general_names);
    names.filter_map(|name| HostPattern::from_text(&text(name)?).ok()).collect()
}

fn invalid(message: &str) -> Problem {
    Problem::new(
        "certificate-invalid",
        message,
        "Name a PEM file with the chain, the zone's own certificate first.",
    )
    .expecting("one or more PEM blocks `-----BEGIN CERTIFICATE-----`")
}
