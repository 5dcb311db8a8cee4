//! Which certificate a TLS visitor is shown: its zone's, or the one that this installation signed for
//! itself, so that HTTPS works from the first minute.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::running::Running;

const FILE: &str = "self-signed.pem";

/// Chooses by server name from the releases that run when the handshake happens.
pub struct Certificates {
    current: Arc<ArcSwap<Running>>,
    own: Arc<CertifiedKey>,
}

impl Certificates {
    /// A chooser that falls back on `own`.
    #[must_use]
    pub const fn new(current: Arc<ArcSwap<Running>>, own: Arc<CertifiedKey>) -> Self {
        Self { current, own }
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| {
            // Which release the visitor gets is decided with its request, so both answer here. A zone that
            // only the canary has is shown to all: only those who get the canary reach it.
            let running = self.current.load();
            // One that everybody gets is asked first: a certificate that was renewed is shown at once.
            let [first, second] = match &running.canary {
                Some(canary) if canary.percent >= 100 => [Some(&canary.snapshot), Some(&running.stable)],
                Some(canary) => [Some(&running.stable), Some(&canary.snapshot)],
                None => [Some(&running.stable), None],
            };
            [first, second].into_iter().flatten().find_map(|snapshot| snapshot.certificate_for(name))
        });
        Some(named.unwrap_or_else(|| Arc::clone(&self.own)))
    }
}

/// The self-signed certificate of `data_dir`, made if it is not there.
///
/// # Errors
/// It cannot be read, made or written.
pub fn self_signed(data_dir: &Path) -> io::Result<Arc<CertifiedKey>> {
    let path = data_dir.join(FILE);
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
        Err(error) => return Err(error),
    };
    parse(&pem).map_err(|error| {
        io::Error::other(format!("{}: {error}; remove it to have it made anew", path.display()))
    })
}

fn make(path: &Path) -> io::Result<Vec<u8>> {
    let names = vec!["localhost".to_owned(), "rempart.invalid".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    // Written beside and renamed: a crash leaves no half certificate.
    let beside = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    Ok(pem.into_bytes())
}

fn parse(pem: &[u8]) -> Result<Arc<CertifiedKey>, Box<dyn std::error::Error>> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(pem)?)?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = self_signed(folder.path()).unwrap();
        let second = self_signed(folder.path()).unwrap();
        assert_eq!(first.cert, second.cert);
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "not a certificate").unwrap();
        let error = self_signed(folder.path()).unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
    }
}
