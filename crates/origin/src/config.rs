//! What the operator writes about origins.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use rempart_base::config::{Context, Decode, FromText, Node, Shape, Shown, Spanned, Value};

use crate::plan::Endpoint;

rempart_base::config! {
    /// Time-outs and bounds toward origins.
    pub struct UpstreamConfig overridden by UpstreamOverrides {
        /// Time to connect, resolving aside; then 522.
        connect_timeout_ms: u32 = 15_000, in 10..=600_000;
        /// Time for the TLS handshake; then 525.
        tls_timeout_ms: u32 = 10_000, in 10..=600_000;
        /// Time from the end of the request to the head of the answer; then 524.
        response_timeout_ms: u32 = 125_000, in 10..=86_400_000;
        /// How long an idle connection is kept.
        idle_timeout_ms: u32 = 60_000, in 0..=3_600_000;
        /// How long the body of an answer may pause, or the origin may not take the body of a request.
        body_idle_timeout_ms: u32 = 125_000, in 10..=86_400_000;
        /// How long `100 Continue` is waited for before the body is sent anyway.
        expect_continue_timeout_ms: u32 = 1000, in 0..=600_000;
        /// Connections to one origin, in the whole process.
        connections_max: usize = 1024, in 1..=1_000_000;
        /// Idle connections to one origin that are kept, in the whole process; 0 keeps none.
        idle_connections_max: usize = 256, in 0..=1_000_000;
        /// Bytes of an answer's head; more is answered by 520.
        head_bytes_max: usize = 131_072, in 1024..=16_777_216;
        /// Fields of an answer's head; more is answered by 520.
        fields_max: usize = 256, in 16..=4096;
        /// Interim answers (1xx) before the final one.
        interim_max: usize = 16, in 0..=1024;
        /// Visitors that may wait for a connection to one origin; the next one gets 503.
        pending_max: usize = 1024, in 0..=1_000_000;
        /// A name's addresses are kept at least so long, whatever its TTL.
        dns_ttl_min_ms: u32 = 1000, in 0..=86_400_000;
        /// A name's addresses are kept at most so long.
        dns_ttl_max_ms: u32 = 300_000, in 1000..=86_400_000;
        /// Time to resolve a name; then 530.
        dns_timeout_ms: u32 = 5000, in 10..=600_000;
        /// Whether HTTP/2 is offered to `https://` origins; those that do not take it are spoken to in HTTP/1.1. To
        /// `h2c://` origins HTTP/2 is spoken whatever this says. Upgrades use HTTP/1.1, but for WebSocket on an HTTP/2
        /// connection that is open already and whose origin has offered that (RFC 8441).
        http2: bool = true;
        /// An HTTP/2 connection on which exchanges wait and nothing has come for so long is asked for a sign of life.
        http2_ping_after_ms: u32 = 10_000, in 10..=86_400_000;
        /// Time for that sign; then the connection is given up.
        http2_ping_timeout_ms: u32 = 10_000, in 10..=600_000;
    }
}

rempart_base::config! {
    /// One origin.
    pub struct OriginConfig {
        required {
            /// `http://HOST:PORT`, `https://HOST:PORT`, `h2c://HOST:PORT` (HTTP/2 in cleartext, spoken without asking)
            /// or `unix:/PATH` (cleartext over a Unix socket). The port may be left out: 80, and 443 for `https`.
            url: Spanned<OriginUrl>;
        }
        /// The `Host` that the origin is sent; without it, the visitor's.
        host_header: Option<HostHeader> = None;
        /// The name that the origin's certificate must hold for, and that TLS asks for; without it, the host
        /// of `url`. Only for `https`.
        sni: Option<Spanned<String>> = None;
        /// Certificates (PEM) of the authorities that may have signed the origin's; without it, those that
        /// the system trusts. Only for `https`.
        ca_file: Option<Spanned<PathBuf>> = None;
        /// Whether the origin's certificate is verified. `false` lets anybody in between read along.
        verify: bool = true;
    }
}

/// An origin as it stands in a list: the URL alone, or a mapping.
#[derive(Clone, Debug)]
pub struct OriginEntry(pub OriginConfig);

/// The address of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginUrl {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Whether HTTP/2 is spoken without asking ("prior knowledge", RFC 9113 section 3.3).
    pub http2: bool,
}

/// The value of a `Host` field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostHeader(pub String);

rempart_base::config_text!(OriginUrl, HostHeader);

impl Decode for OriginEntry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => OriginConfig::decode(node, cx).map(Self),
            Value::Scalar(_) | Value::List(_) => {
                let url = Spanned::decode(node, cx)?;
                Some(Self(OriginConfig { url, host_header: None, sni: None, ca_file: None, verify: true }))
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![OriginUrl::shape(), OriginConfig::shape()])
    }

    fn show(&self) -> Shown {
        self.0.url.show()
    }
}

impl FromText for OriginUrl {
    const EXPECTED: &'static str =
        "`http://HOST:PORT`, `https://HOST:PORT`, `h2c://HOST:PORT` or `unix:/PATH`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let (tls, http2, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, false, rest),
            Some(("https", rest)) => (true, false, rest),
            Some(("h2c", rest)) => (false, true, rest),
            Some(_) => return Err("has another scheme than http, https, h2c and unix".into()),
            None => return Err("has no scheme".into()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err("has a path: requests keep their own".into());
        }
        if authority.contains('@') {
            return Err("carries a user name".into());
        }
        let (host, port) = host_and_port(authority, if tls { 443 } else { 80 })?;
        Ok(Self { endpoint: endpoint(host, port)?, tls, http2 })
    }

    fn to_text(&self) -> String {
        let scheme = match (self.tls, self.http2) {
            (true, _) => "https",
            (false, true) => "h2c",
            (false, false) => "http",
        };
        match &self.endpoint {
            Endpoint::Ip(address) => format!("{scheme}://{address}"),
            Endpoint::Name { name, port } => format!("{scheme}://{name}:{port}"),
            Endpoint::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl FromText for HostHeader {
    const EXPECTED: &'static str = "a host and optional port, such as `app.internal` or `app.internal:8080`";

    fn from_text(text: &str) -> Result<Self, String> {
        let (host, _) = host_and_port(text, 0)?;
        endpoint(host, 0)?;
        Ok(Self(text.into()))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

fn unix(path: &str) -> Result<OriginUrl, String> {
    // The address of a Unix socket holds 108 bytes, one of them the final zero (unix(7)).
    const PATH_BYTES_MAX: usize = 107;
    if !path.starts_with('/') {
        return Err("names no absolute path".into());
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("is longer than the {PATH_BYTES_MAX} bytes that a socket's path may have"));
    }
    if path.contains('\0') {
        return Err("has a zero byte".into());
    }
    Ok(OriginUrl { endpoint: Endpoint::Unix(path.into()), tls: false, http2: false })
}

fn host_and_port(authority: &str, default: u16) -> Result<(&str, u16), String> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let port = match port {
        None => default,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().ok().filter(|port| *port > 0).ok_or("has no valid port")?
        }
        Some(_) => return Err("has no valid port".into()),
    };
    if host.is_empty() { Err("has no host".into()) } else { Ok((host, port)) }
}

fn endpoint(host: &str, port: u16) -> Result<Endpoint, String> {
    if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = v6.parse().map_err(|_| "has no valid IPv6 address")?;
        return Ok(Endpoint::Ip((IpAddr::V6(address), port).into()));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(_) => Ok(Endpoint::Ip((address, port).into())),
            IpAddr::V6(_) => Err("has an IPv6 address without brackets".into()),
        };
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    // A last label of digits would be read as an address by some and as a name by others.
    let last_is_number = name.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > 253 || last_is_number || !name.split('.').all(label_is_good) {
        return Err("has no valid host name (write international names in punycode)".into());
    }
    Ok(Endpoint::Name { name: name.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written_in_one_form() {
        for (text, normal) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://Origin.Example/", "https://origin.example:443"),
            ("http://app", "http://app:80"),
            ("h2c://app", "h2c://app:80"),
            ("h2c://[::1]:50051", "h2c://[::1]:50051"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]:443"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(OriginUrl::from_text(text).map(|url| url.to_text()), Ok(normal.into()), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_url() {
        for text in [
            "127.0.0.1:9000",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:0",
            "http://a:65536",
            "http://a:+1",
            "http://a/path",
            "http://a?q",
            "http://u@a",
            "http://::1",
            "http://a b",
            "http://1.2.3.4.5",
            "http://127.1",
            "http://-a",
            "http://a..b",
            "unix:run/app",
            "unix:",
            "http://ex\u{e4}mple",
        ] {
            assert!(OriginUrl::from_text(text).is_err(), "{text}");
        }
        let longest = format!("unix:/{}", "a".repeat(106));
        assert!(OriginUrl::from_text(&longest).is_ok());
        assert!(OriginUrl::from_text(&format!("{longest}a")).is_err());
    }

    #[test]
    fn a_host_header_is_a_host_and_nothing_else() {
        assert!(HostHeader::from_text("app.internal:8080").is_ok());
        for text in ["", "a\r\nb", "http://a", "a/b", "a:b"] {
            assert!(HostHeader::from_text(text).is_err(), "{text:?}");
        }
    }
}
