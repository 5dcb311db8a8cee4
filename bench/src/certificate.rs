//! The certificate that every system shows its visitors: self-signed, ECDSA P-256, for one name.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::Outcome;

/// What visitors over TLS ask for.
pub(crate) const HOST: &str = "bench.test";

/// A certificate in files.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The certificate (PEM). Who verifies trusts it alone.
    pub cert: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// Both in one file, as `HAProxy` wants them.
    pub both: PathBuf,
}

impl Certificate {
    /// A new one, in this folder.
    pub(crate) fn make(folder: &Path) -> Outcome<Self> {
        // rcgen's own choice is ECDSA over P-256.
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
        let (cert, key) = (cert.pem(), signing_key.serialize_pem());
        let made = Self {
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
            both: folder.join("both.pem"),
        };
        fs::write(&made.cert, &cert)?;
        fs::write(&made.key, &key)?;
        fs::write(&made.both, format!("{cert}{key}"))?;
        Ok(made)
    }
}
