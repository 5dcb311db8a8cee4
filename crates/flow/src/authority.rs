//! An authority: host and optional port.

use std::net::Ipv6Addr;

use crate::bytes::{LABEL, is};
use crate::words::position_of;

/// A host longer than this is no name (RFC 1035 section 2.3.4 allows 255 bytes).
const HOST_BYTES_MAX: usize = 255;

/// An authority that has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host; an IPv6 literal in its brackets.
    pub host: &'a [u8],
    /// The port, if one is written.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `uri-host [ ":" port ]` (RFC 9110 section 7.2), and nothing else: no user information, no empty
    /// label, no empty port, no zone of an IPv6 address.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let host_len = match text {
            [b'[', ..] => literal_len(text)?,
            _ => name_len(text)?,
        };
        let (host, rest) = text.split_at_checked(host_len)?;
        let port = match rest {
            [] => None,
            [b':', digits @ ..] => Some(port(digits)?),
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Whether two name the same place, given the port that an absent one stands for.
    #[must_use]
    pub fn agrees_with(&self, other: &Authority<'_>, default_port: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

/// The length of an IPv6 literal at the beginning of the text, with its brackets.
fn literal_len(text: &[u8]) -> Option<usize> {
    let end = position_of(b']', text)?;
    let literal = std::str::from_utf8(text.get(1..end)?).ok()?;
    literal.parse::<Ipv6Addr>().is_ok().then_some(end + 1)
}

/// The length of the name at the beginning of the text. It ends before an empty label, which then is
/// neither the end of the text nor the colon of a port.
fn name_len(text: &[u8]) -> Option<usize> {
    let mut len = 0;
    loop {
        let rest = text.get(len..).unwrap_or_default();
        let label_len = rest.iter().take_while(|&&b| is(b, LABEL)).count();
        len += label_len;
        if label_len == 0 || rest.get(label_len) != Some(&b'.') {
            return (1..=HOST_BYTES_MAX).contains(&len).then_some(len);
        }
        len += 1;
    }
}

fn port(digits: &[u8]) -> Option<u16> {
    if !(1..=5).contains(&digits.len()) {
        return None;
    }
    let port = digits
        .iter()
        .try_fold(0, |port, &digit| digit.is_ascii_digit().then(|| 10 * port + u32::from(digit - b'0')));
    u16::try_from(port?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let good: &[(&str, &str, Option<u16>)] = &[
            ("shop.example", "shop.example", None),
            ("Shop.Example.", "Shop.Example.", None),
            ("under_score.example:8080", "under_score.example", Some(8080)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("h:65535", "h", Some(65535)),
            ("[::1]", "[::1]", None),
            ("[2001:db8::1]:443", "[2001:db8::1]", Some(443)),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", None),
        ];
        for &(text, host, port) in good {
            assert_eq!(
                Authority::parse(text.as_bytes()),
                Some(Authority { host: host.as_bytes(), port }),
                "{text}"
            );
        }
        let bad = [
            "",
            ":80",
            "h:",
            "h:65536",
            "h:000080",
            "h:+80",
            "h:8 0",
            "h:80:80",
            "a b",
            "a..b",
            ".a",
            ".",
            "u@h",
            "u:p@h",
            "h/",
            "h?",
            "h#",
            "h,h",
            "a%2eb",
            "h\\",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[::1]x",
            "[::1%eth0]",
            "[v1.a]",
            "[1.2.3.4]",
            "h\u{e9}",
            "h\t",
            "*.example",
        ];
        for text in bad {
            assert_eq!(Authority::parse(text.as_bytes()), None, "{text}");
        }
        assert!(Authority::parse(&[b'a'; 255]).is_some());
        assert!(Authority::parse(&[b'a'; 256]).is_none());
    }

    #[test]
    fn agreement_ignores_case_and_the_default_port() {
        let agree = |a: &str, b: &str, port| {
            let (a, b) = (Authority::parse(a.as_bytes()).unwrap(), Authority::parse(b.as_bytes()).unwrap());
            a.agrees_with(&b, port)
        };
        assert!(agree("A.example", "a.EXAMPLE:80", 80));
        assert!(agree("a:443", "a", 443));
        assert!(!agree("a:443", "a", 80));
        assert!(!agree("a", "b", 80));
        assert!(!agree("a:81", "a:82", 80));
    }
}
