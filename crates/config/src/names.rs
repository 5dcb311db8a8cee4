//! Domain names and host patterns as the operator writes them.

use std::sync::Arc;

use idna::AsciiDenyList;
use rempart_base::config::FromText;

use crate::table::HOST_BYTES_MAX;
use crate::zone::HostPattern;

/// A domain name in its one form: lower case, punycode, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(pub Arc<str>);

rempart_base::config_text!(Domain, HostPattern);

impl FromText for Domain {
    const EXPECTED: &'static str = "a domain name, such as `shop.example`";

    fn from_text(text: &str) -> Result<Self, String> {
        domain(text).map(Self)
    }

    fn to_text(&self) -> String {
        self.0.to_string()
    }
}

impl FromText for HostPattern {
    const EXPECTED: &'static str =
        "a host: `a.example`, `*.a.example` (everything under it), an IP address, or `*` (everything else)";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.strip_prefix('*') {
            Some("") => Ok(Self::Any),
            Some(rest) => match rest.strip_prefix('.') {
                Some(parent) => domain(parent).map(Self::Under),
                None => Err("has a `*` that is not a whole first label".into()),
            },
            None => host(text).map(Self::Exact),
        }
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

/// A name or an IP address; an IPv6 address keeps its brackets, as in `Host`.
fn host(text: &str) -> Result<Arc<str>, String> {
    if let Ok(v4) = text.parse::<std::net::Ipv4Addr>() {
        return Ok(v4.to_string().into());
    }
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(v6) => match v6.parse::<std::net::Ipv6Addr>() {
            Ok(v6) => Ok(format!("[{v6}]").into()),
            Err(_) => Err("is not an IPv6 address in brackets".into()),
        },
        None => domain(text),
    }
}

fn domain(text: &str) -> Result<Arc<str>, String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::EMPTY)
        .map_err(|_| "is not a valid international domain name")?;
    if ascii.is_empty() {
        return Err("is empty".into());
    }
    if ascii.len() > HOST_BYTES_MAX {
        return Err(format!("is longer than the {HOST_BYTES_MAX} bytes that a domain name may have"));
    }
    let last_is_number = ascii.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if last_is_number {
        return Err("looks like an IP address, and is none".into());
    }
    match ascii.split('.').find_map(wrong_label) {
        Some(wrong) => Err(wrong),
        None => Ok(ascii.into()),
    }
}

fn wrong_label(label: &str) -> Option<String> {
    let letter_is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if label.is_empty() {
        Some("has an empty label".into())
    } else if label.len() > 63 {
        Some("has a label that is longer than 63 bytes".into())
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("has a label that begins or ends with `-`".into())
    } else {
        let wrong = label.chars().find(|c| !u8::try_from(*c).is_ok_and(letter_is_good))?;
        Some(format!("has the character {wrong:?}, which no host name may have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Result<String, String> {
        HostPattern::from_text(text).map(|pattern| pattern.to_string())
    }

    #[test]
    fn hosts_have_one_form() {
        for (text, form) in [
            ("Shop.Example.", "shop.example"),
            ("*.Shop.example", "*.shop.example"),
            ("*", "*"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("*.B\u{dc}CHER.example", "*.xn--bcher-kva.example"),
            ("_dmarc.example", "_dmarc.example"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::0001]", "[::1]"),
        ] {
            assert_eq!(normal(text).as_deref(), Ok(form), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "*a.example",
            "a.*.example",
            "*.*",
            "-a.example",
            "a-.example",
            "a b",
            "a/b",
            "a:80",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "[::1",
            "xn--\u{fc}",
            "a\n",
        ] {
            assert!(normal(text).is_err(), "{text:?}: {:?}", normal(text));
        }
    }

    #[test]
    fn a_name_may_have_253_bytes_and_a_label_63() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert!(normal(&longest).is_ok());
        assert!(normal(&format!("{longest}a")).is_err());
        assert!(normal(&format!("{label}a.example")).is_err());
    }
}
