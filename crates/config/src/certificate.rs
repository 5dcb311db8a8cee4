//! A chain and its key from PEM files: parsed, and checked against each other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rempart_base::config::{Context, FromText as _, Problem, Reference};
use rempart_base::content_hash;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::files::{Inputs, Stamp};
use crate::tree::CertificateConfig;
use crate::zone::{HostPattern, ZoneCertificate};

/// Certificates that have been read, so that zones share them and a reload reads only what has changed.
#[derive(Debug, Default)]
pub struct Certificates {
    known: HashMap<(PathBuf, Reference), Known>,
}

#[derive(Debug)]
struct Known {
    stamps: (Option<Stamp>, Option<Stamp>),
    certificate: Arc<ZoneCertificate>,
}

impl Certificates {
    /// The certificate that is configured, or a report of what is wrong with it.
    pub fn compile(
        &mut self,
        config: &CertificateConfig,
        inputs: &mut Inputs<'_>,
        cx: &mut Context,
    ) -> Option<Arc<ZoneCertificate>> {
        let key = &config.key.value.0;
        let key_stamp = match key {
            Reference::Env(_) => None,
            Reference::File(path) => inputs.stamp(path),
        };
        let stamps = (inputs.stamp(&config.cert.value), key_stamp);
        let name = (inputs.resolve(&config.cert.value), resolved(key, inputs));
        if let Some(known) = self.known.get(&name).filter(|known| known.stamps == stamps) {
            return Some(Arc::clone(&known.certificate));
        }
        let certificate = Arc::new(read(config, inputs, cx)?);
        if inputs.is_settled() {
            self.known.insert(name, Known { stamps, certificate: Arc::clone(&certificate) });
        }
        Some(certificate)
    }

    /// Forgets the certificates that no zone uses any more.
    pub fn sweep(&mut self) {
        self.known.retain(|_, known| Arc::strong_count(&known.certificate) > 1);
    }
}

fn resolved(key: &Reference, inputs: &Inputs<'_>) -> Reference {
    match key {
        Reference::Env(name) => Reference::Env(name.clone()),
        Reference::File(path) => Reference::File(inputs.resolve(path)),
    }
}

fn read(config: &CertificateConfig, inputs: &mut Inputs<'_>, cx: &mut Context) -> Option<ZoneCertificate> {
    let chain = inputs.read(&config.cert.value).and_then(|pem| chain(&pem));
    let key = crate::secret::reveal(&config.key.value.0, inputs).and_then(|pem| private_key(&pem));
    // Both are read before either is given up, so that both are reported.
    let chain = chain.map_err(|problem| cx.in_key("cert", |cx| cx.error(config.cert.mark, problem)));
    let key = key.map_err(|problem| cx.in_key("key", |cx| cx.error(config.key.mark, problem)));
    let (chain, key) = (chain.ok()?, key.ok()?);
    match certificate(chain, &key) {
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
