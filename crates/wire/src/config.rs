//! What the operator writes about listeners and limits toward visitors, and its run-ready form.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use rempart_base::config::{Context, Decode, FromText, Node, Shape, Shown, Spanned, Value};

use crate::ProxyProtocol;

rempart_base::config! {
    /// Where to listen.
    pub struct ListenConfig {
        /// Listeners for cleartext HTTP. `":8080"` listens on every address of this machine.
        http: Vec<Spanned<Listener>> = Vec::new();
        /// Listeners for HTTPS.
        https: Vec<Spanned<Listener>> = Vec::new();
    }
}

rempart_base::config! {
    struct ListenerConfig {
        required {
            /// Where to listen.
            address: ListenAddress;
        }
        /// Whether every connection begins with a PROXY protocol header, written by a balancer in front:
        /// `off`, `v1` (text), `v2` (binary) or `any` of the two. Where it is not `off`, a connection
        /// without a header is closed.
        proxy_protocol: ProxyProtocol = ProxyProtocol::Off;
    }
}

rempart_base::config! {
    /// What one visitor may take.
    pub struct LimitsConfig {
        /// Bytes of a request's head; more is answered by 431.
        head_bytes_max: usize = 65_536, in 1024..=1_048_576;
        /// Bytes of a request's target (path and query); more is answered by 414.
        target_bytes_max: usize = 16_384, in 256..=1_048_576;
        /// Fields of a request's head; more is answered by 431.
        fields_max: usize = 128, in 16..=4096;
        /// Bytes of the trailer section behind a chunked request body.
        trailer_bytes_max: usize = 16_384, in 0..=1_048_576;
        /// Fields of that trailer section.
        trailer_fields_max: usize = 64, in 0..=4096;
        /// Bytes of a request's body; more is answered by 413.
        body_bytes_max: u64 = 16 << 30, in 0..=u64::MAX;
        /// Time from the first byte of a request's head to its last; then 408.
        head_read_timeout_ms: u32 = 10_000, in 100..=600_000;
        /// How long a connection may be idle between two requests.
        keepalive_timeout_ms: u32 = 75_000, in 0..=3_600_000;
        /// How long a request's body may pause; then 408.
        body_idle_timeout_ms: u32 = 60_000, in 100..=3_600_000;
        /// How long a visitor may take not one byte of an answer.
        write_idle_timeout_ms: u32 = 60_000, in 100..=3_600_000;
        /// Slowest mean rate of a request's body once `rate_grace_ms` is over; 0 is off.
        body_rate_min_bytes_per_s: u64 = 240, in 0..=1 << 30;
        /// Slowest mean rate at which a visitor takes an answer that is ready, once `rate_grace_ms` is
        /// over; 0 is off.
        send_rate_min_bytes_per_s: u64 = 240, in 0..=1 << 30;
        /// How long a transfer may run before the two rates are looked at.
        rate_grace_ms: u32 = 30_000, in 0..=3_600_000;
        /// Requests that a visitor may have under way at once on a connection of HTTP/2; one more is refused, and
        /// may be sent again (RFC 9113 section 5.1.2). 0: HTTP/2 is not offered.
        http2_streams_max: u32 = 128, in 0..=256;
        /// Requests on one connection; the answer to the last one closes it.
        requests_per_connection_max: u64 = 1_000_000, in 1..=u64::MAX;
        /// Time from a connection's first byte to the end of its TLS handshake.
        tls_handshake_timeout_ms: u32 = 10_000, in 100..=600_000;
        /// A tunnel (WebSocket, say) over which neither side sends anything for so long is closed.
        tunnel_idle_timeout_ms: u32 = 3_600_000, in 1_000..=86_400_000;
        /// The prefix of a request's body that is kept so that the request can be sent a second time.
        replay_bytes_max: usize = 65_536, in 0..=16_777_216;
        /// The beginning of a request's body that is held for rules that look into bodies, before the origin is asked;
        /// they see no more than that. No body is held that no rule asks for.
        body_inspect_bytes_max: usize = 131_072, in 0..=1_048_576;
        /// How long that beginning is waited for. Rules then see what has come, as of a longer body that was cut.
        body_inspect_timeout_ms: u32 = 5_000, in 10..=600_000;
        /// Bytes of bodies that the process holds for rules at once; a request that would need more is answered by 503.
        body_inspect_total_bytes_max: u64 = 268_435_456, in 1_048_576..=1 << 46;
        /// How long open exchanges may go on after the order to stop.
        drain_timeout_ms: u32 = 30_000, in 0..=3_600_000;
    }
}

/// Where a listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// `":8080"`: every address of this machine, IPv6 and IPv4.
    Every {
        /// The port.
        port: u16,
    },
    /// One address and port.
    At(SocketAddr),
}

impl ListenAddress {
    /// The address to bind. For [`ListenAddress::Every`] it is `[::]`, to be bound with `IPV6_V6ONLY`
    /// off, so that IPv4 visitors come in too; on a machine without IPv6 bind `0.0.0.0` instead.
    #[must_use]
    pub fn socket_address(self) -> SocketAddr {
        match self {
            Self::Every { port } => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Self::At(address) => address,
        }
    }
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listener {
    /// Where.
    pub address: ListenAddress,
    /// What its connections begin with.
    pub proxy_protocol: ProxyProtocol,
}

/// The listeners of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Listen {
    /// Cleartext.
    pub http: Vec<Listener>,
    /// TLS.
    pub https: Vec<Listener>,
}

/// The limits toward visitors, ready to run with. Zero rates are off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of a request's target.
    pub target_bytes_max: usize,
    /// Fields of a request's head.
    pub fields_max: usize,
    /// Bytes of a request's trailer section.
    pub trailer_bytes_max: usize,
    /// Fields of a request's trailer section.
    pub trailer_fields_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: u64,
    /// From a head's first byte to its last.
    pub head_read_timeout: Duration,
    /// From one request's end to the next one's first byte.
    pub keepalive_timeout: Duration,
    /// Between two pieces of a request's body.
    pub body_idle_timeout: Duration,
    /// A visitor who takes not one byte for so long is left.
    pub write_idle_timeout: Duration,
    /// Slowest mean rate of a request's body, once `rate_grace` is over; 0 is off.
    pub body_rate_min_bytes_per_s: u64,
    /// Slowest mean rate at which a visitor takes an answer, once `rate_grace` is over; 0 is off.
    pub send_rate_min_bytes_per_s: u64,
    /// How long a transfer may go without a minimum rate.
    pub rate_grace: Duration,
    /// Streams of a connection of HTTP/2; 0: it is not offered.
    pub http2_streams_max: u32,
    /// After so many requests a connection is closed.
    pub requests_per_connection_max: u64,
    /// From a connection's first byte to the end of its TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// A tunnel that is silent both ways for so long is closed.
    pub tunnel_idle_timeout: Duration,
    /// The prefix of a request's body that is kept so that it can be sent a second time.
    pub replay_bytes_max: usize,
    /// The beginning of a request's body that is held for rules.
    pub body_inspect_bytes_max: usize,
    /// How long it is waited for.
    pub body_inspect_timeout: Duration,
    /// Bytes of bodies that the process holds for rules at once.
    pub body_inspect_total_bytes_max: u64,
    /// From the order to stop until open exchanges are cut.
    pub drain_timeout: Duration,
}

impl From<&ListenConfig> for Listen {
    fn from(config: &ListenConfig) -> Self {
        let values = |list: &[Spanned<Listener>]| list.iter().map(|listener| listener.value).collect();
        Self { http: values(&config.http), https: values(&config.https) }
    }
}

impl From<&LimitsConfig> for Limits {
    fn from(config: &LimitsConfig) -> Self {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        Self {
            head_bytes_max: config.head_bytes_max,
            target_bytes_max: config.target_bytes_max,
            fields_max: config.fields_max,
            trailer_bytes_max: config.trailer_bytes_max,
            trailer_fields_max: config.trailer_fields_max,
            body_bytes_max: config.body_bytes_max,
            head_read_timeout: ms(config.head_read_timeout_ms),
            keepalive_timeout: ms(config.keepalive_timeout_ms),
            body_idle_timeout: ms(config.body_idle_timeout_ms),
            write_idle_timeout: ms(config.write_idle_timeout_ms),
            body_rate_min_bytes_per_s: config.body_rate_min_bytes_per_s,
            send_rate_min_bytes_per_s: config.send_rate_min_bytes_per_s,
            rate_grace: ms(config.rate_grace_ms),
            http2_streams_max: config.http2_streams_max,
            requests_per_connection_max: config.requests_per_connection_max,
            tls_handshake_timeout: ms(config.tls_handshake_timeout_ms),
            tunnel_idle_timeout: ms(config.tunnel_idle_timeout_ms),
            replay_bytes_max: config.replay_bytes_max,
            body_inspect_bytes_max: config.body_inspect_bytes_max,
            body_inspect_timeout: ms(config.body_inspect_timeout_ms),
            body_inspect_total_bytes_max: config.body_inspect_total_bytes_max,
            drain_timeout: ms(config.drain_timeout_ms),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&LimitsConfig::default())
    }
}

rempart_base::config_words!(ProxyProtocol {
    ProxyProtocol::Off = "off",
    ProxyProtocol::V1 = "v1",
    ProxyProtocol::V2 = "v2",
    ProxyProtocol::Any = "any",
});

rempart_base::config_text!(ListenAddress);

impl FromText for ListenAddress {
    const EXPECTED: &'static str =
        "an IP address and port, such as `127.0.0.1:8080`, `[::1]:8080` or `:8080`";

    fn from_text(text: &str) -> Result<Self, String> {
        let every = text.strip_prefix(':').map(|port| port.parse().map(|port| Self::Every { port }));
        match every {
            Some(Ok(every)) => Ok(every),
            Some(Err(_)) => Err("has no valid port".into()),
            None => text.parse().map(Self::At).map_err(|_| "is not an IP address and port".into()),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Every { port } => format!(":{port}"),
            Self::At(address) => address.to_string(),
        }
    }
}

impl Decode for Listener {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => {
                let ListenerConfig { address, proxy_protocol } = ListenerConfig::decode(node, cx)?;
                Some(Self { address, proxy_protocol })
            }
            Value::Scalar(_) | Value::List(_) => ListenAddress::decode(node, cx)
                .map(|address| Self { address, proxy_protocol: ProxyProtocol::Off }),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![ListenAddress::shape(), ListenerConfig::shape()])
    }

    fn show(&self) -> Shown {
        self.address.show()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_people_write_them() {
        assert_eq!(ListenAddress::from_text(":80"), Ok(ListenAddress::Every { port: 80 }));
        assert_eq!(ListenAddress::from_text(":80").unwrap().socket_address().to_string(), "[::]:80");
        for text in ["127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(ListenAddress::from_text(text).unwrap().to_text(), text);
        }
        for text in ["", ":", "8080", "localhost:80", "127.0.0.1", ":65536", "::1:80:"] {
            assert!(ListenAddress::from_text(text).is_err(), "{text}");
        }
    }
}
