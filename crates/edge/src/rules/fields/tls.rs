//! What TLS agreed on, in the names that rules use.

/// OpenSSL's name of a cipher suite, as far as it has one; else the one that is agreed on.
pub(super) fn cipher(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("TLS13_") {
        return format!("AEAD-{}", short(rest));
    }
    match name.strip_prefix("TLS_").and_then(|rest| rest.split_once("_WITH_")) {
        Some((exchange, rest)) => {
            let rest = short(rest);
            // OpenSSL leaves the hash of this one out.
            let rest = rest
                .strip_suffix("-POLY1305-SHA256")
                .map_or(rest.clone(), |begin| format!("{begin}-POLY1305"));
            format!("{}-{rest}", exchange.replace('_', "-"))
        }
        None => name.to_owned(),
    }
}

fn short(rest: &str) -> String {
    rest.replace("AES_128", "AES128").replace("AES_256", "AES256").replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cipher_suites_are_called_as_openssl_does() {
        for (ours, theirs) in [
            ("TLS13_AES_128_GCM_SHA256", "AEAD-AES128-GCM-SHA256"),
            ("TLS13_CHACHA20_POLY1305_SHA256", "AEAD-CHACHA20-POLY1305-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(cipher(ours), theirs);
        }
    }
}
