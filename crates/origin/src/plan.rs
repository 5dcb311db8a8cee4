//! What runs of an origin: made by compilation, never changed, shared between snapshots.

mod route;
mod trust;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rempart_base::config::{Context, FromText, Mark, Problem};
use rempart_base::content_hash;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::config::{OriginConfig, UpstreamConfig};

pub use route::Route;
pub use trust::{Trust, system_authorities};

/// One origin, ready to be connected to.
#[derive(Clone, Debug)]
pub struct OriginPlan {
    /// Equal for equal addresses and TLS settings, in whatever zone and snapshot: pools and health are
    /// kept by it, so they survive reloads.
    pub id: u64,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How TLS is spoken to it; `None` is cleartext.
    pub tls: Option<TlsPlan>,
    /// In which protocol it is asked.
    pub offer: Offer,
    /// The `Host` it is sent; `None` passes the visitor's on.
    pub host_header: Option<Box<[u8]>>,
    /// Time-outs and bounds, shared by every origin that has the same.
    pub settings: Arc<Upstream>,
    /// What logs and metrics call it: the configured URL.
    pub label: Box<str>,
}

/// In which protocol an origin is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 if it takes it (ALPN, RFC 7301), else HTTP/1.1.
    Either,
    /// HTTP/2, without asking.
    Http2,
}

/// Where an origin is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A literal address.
    Ip(SocketAddr),
    /// A name that is to be resolved.
    Name {
        /// Lower case, without a final dot.
        name: Box<str>,
        /// The port.
        port: u16,
    },
    /// A Unix stream socket.
    Unix(PathBuf),
}

/// How TLS is spoken to an origin.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// The name asked for (SNI) and verified.
    pub server_name: ServerName<'static>,
    /// Whether the certificate is verified. The verifier is in `client_config` already; this is for
    /// those who want to say so.
    pub verify: bool,
    /// Roots, verifier and session store; one for all origins with the same settings.
    pub client_config: Arc<ClientConfig>,
}

/// Time-outs and bounds toward origins, ready to run with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Resolving aside, from the first SYN to a connection.
    pub connect_timeout: Duration,
    /// The TLS handshake.
    pub tls_timeout: Duration,
    /// From the end of the request to the head of the answer.
    pub response_timeout: Duration,
    /// An idle connection is closed after so long.
    pub idle_timeout: Duration,
    /// Between two pieces of an answer's body, and between two pieces of a request's that it takes.
    pub body_idle_timeout: Duration,
    /// How long a 100 Continue is waited for before the body is sent anyway.
    pub expect_continue_timeout: Duration,
    /// Connections to one origin, in the whole process.
    pub connections_max: usize,
    /// Of those, idle ones that are kept.
    pub idle_connections_max: usize,
    /// Bytes of an answer's head, and of its trailer section.
    pub head_bytes_max: usize,
    /// Fields of an answer's head, and of its trailer section.
    pub fields_max: usize,
    /// Interim answers (1xx) before the final one.
    pub interim_max: usize,
    /// Visitors that wait for a connection to one origin.
    pub pending_max: usize,
    /// A name's addresses are kept at least so long.
    pub dns_ttl_min: Duration,
    /// A name's addresses are kept at most so long.
    pub dns_ttl_max: Duration,
    /// Resolving a name.
    pub dns_timeout: Duration,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Silence on an HTTP/2 connection before it is asked for a sign of life.
    pub http2_ping_after: Duration,
    /// For that sign.
    pub http2_ping_timeout: Duration,
}

/// What compilation may need that does not stand in the configuration itself.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// A file that the configuration names.
    File(&'a Path),
    /// [`system_authorities`], as they are or as they were when a release was made.
    SystemAuthorities,
}

/// How compilation gets it: bounded, and files relative to the right folder. The same content is the same
/// `Arc` where that is cheap.
pub type Read<'a> = dyn FnMut(Wanted<'_>) -> Result<Arc<[u8]>, Problem> + 'a;

impl OriginPlan {
    /// Makes the plan of one origin, or reports what stands in the way.
    pub fn compile(
        config: &OriginConfig,
        settings: &Arc<Upstream>,
        trust: &mut Trust,
        read: &mut Read<'_>,
        cx: &mut Context,
    ) -> Option<Self> {
        let url = &config.url.value;
        let tls = if url.tls { Some(TlsPlan::compile(config, trust, read, cx)?) } else { None };
        if !url.tls {
            refuse_tls_keys(config, cx)?;
        }
        let identity = tls.as_ref().map(|(tls, authorities)| (&tls.server_name, tls.verify, *authorities));
        let offer = match (url.http2, url.tls && settings.http2) {
            (true, _) => Offer::Http2,
            (false, true) => Offer::Either,
            (false, false) => Offer::Http1,
        };
        Some(Self {
            id: content_hash(&(&url.endpoint, identity, offer)),
            offer,
            endpoint: url.endpoint.clone(),
            tls: tls.map(|(tls, _)| tls),
            host_header: config.host_header.as_ref().map(|host| host.0.as_bytes().into()),
            settings: Arc::clone(settings),
            label: url.to_text().into(),
        })
    }

    /// The hash of everything that makes this plan what it is.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        content_hash(&(self.id, &self.host_header, &self.settings))
    }
}

impl TlsPlan {
    /// The plan, and the hash of the authorities that it trusts.
    fn compile(
        config: &OriginConfig,
        trust: &mut Trust,
        read: &mut Read<'_>,
        cx: &mut Context,
    ) -> Option<(Self, u64)> {
        let (name, mark) = match &config.sni {
            Some(sni) => (sni.value.clone(), sni.mark),
            None => (host_of(&config.url.value.endpoint), config.url.mark),
        };
        let Ok(server_name) = ServerName::try_from(name) else {
            let problem =
                Problem::new("invalid-value", "this is not a name that TLS can ask for", "Correct the name.");
            cx.in_key("sni", |cx| cx.error(mark, problem.expecting("a host name or IP address")));
            return None;
        };
        let found = trust.client(config.verify, config.ca_file.as_ref().map(|ca| ca.value.as_path()), read);
        match found {
            Ok((client_config, authorities)) => {
                Some((Self { server_name, verify: config.verify, client_config }, authorities))
            }
            Err(problem) => {
                let mark = config.ca_file.as_ref().map_or(config.url.mark, |ca| ca.mark);
                let key = if config.ca_file.is_some() { "ca_file" } else { "url" };
                cx.in_key(key, |cx| cx.error(mark, problem));
                None
            }
        }
    }
}

fn host_of(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Ip(address) => address.ip().to_string(),
        Endpoint::Name { name, .. } => name.to_string(),
        Endpoint::Unix(_) => String::new(),
    }
}

/// Keys that would be ignored are mistakes: somebody believes that TLS is spoken.
fn refuse_tls_keys(config: &OriginConfig, cx: &mut Context) -> Option<()> {
    let sni = config.sni.as_ref().map(|sni| ("sni", sni.mark));
    let ca_file = config.ca_file.as_ref().map(|ca| ("ca_file", ca.mark));
    let written: Vec<(&str, Mark)> = [sni, ca_file].into_iter().flatten().collect();
    for (key, mark) in &written {
        let message = format!("`{key}` stands at an origin without TLS");
        let problem = Problem::new("invalid-value", message, "Remove it, or write `https://` in `url`.");
        cx.in_key(key, |cx| cx.error(*mark, problem));
    }
    written.is_empty().then_some(())
}

impl From<&UpstreamConfig> for Upstream {
    fn from(config: &UpstreamConfig) -> Self {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        Self {
            connect_timeout: ms(config.connect_timeout_ms),
            tls_timeout: ms(config.tls_timeout_ms),
            response_timeout: ms(config.response_timeout_ms),
            idle_timeout: ms(config.idle_timeout_ms),
            body_idle_timeout: ms(config.body_idle_timeout_ms),
            expect_continue_timeout: ms(config.expect_continue_timeout_ms),
            connections_max: config.connections_max,
            idle_connections_max: config.idle_connections_max,
            head_bytes_max: config.head_bytes_max,
            fields_max: config.fields_max,
            interim_max: config.interim_max,
            pending_max: config.pending_max,
            dns_ttl_min: ms(config.dns_ttl_min_ms),
            dns_ttl_max: ms(config.dns_ttl_max_ms.max(config.dns_ttl_min_ms)),
            dns_timeout: ms(config.dns_timeout_ms),
            http2: config.http2,
            http2_ping_after: ms(config.http2_ping_after_ms),
            http2_ping_timeout: ms(config.http2_ping_timeout_ms),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self::from(&UpstreamConfig::default())
    }
}
