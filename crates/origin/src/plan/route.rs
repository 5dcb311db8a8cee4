//! An origin as a rule has it reached: elsewhere, under another name, or with another `Host`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rempart_base::content_hash;
use rustls::pki_types::ServerName;

use super::{Endpoint, OriginPlan, TlsPlan, Upstream};

/// What a rule changes of how an origin is reached. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// The `Host` that it is sent.
    pub host_header: Option<Box<[u8]>>,
    /// The name that TLS asks for and the certificate must hold for.
    pub server_name: Option<Box<str>>,
    /// Where it is: a name or an address.
    pub host: Option<Box<str>>,
    /// On which port.
    pub port: Option<u16>,
    /// How long it may take from the end of the request to the head of the answer.
    pub response_timeout: Option<Duration>,
}

impl Route {
    /// Bytes that say which origin is asked, and as what: two ways have the same only if they lead to the same origins
    /// under the same names. How long it may take is no part of it. `None`: nothing of that is changed.
    #[must_use]
    pub fn place(&self) -> Option<Box<[u8]>> {
        let Self { host_header, server_name, host, port, response_timeout: _ } = self;
        let port = port.map(u16::to_be_bytes);
        let parts: [Option<&[u8]>; 4] = [
            host_header.as_deref(),
            server_name.as_deref().map(str::as_bytes),
            host.as_deref().map(str::as_bytes),
            port.as_ref().map(<[u8; 2]>::as_slice),
        ];
        if parts.iter().all(Option::is_none) {
            return None;
        }
        let mut bytes = Vec::new();
        for part in parts {
            bytes.push(u8::from(part.is_some()));
            let part = part.unwrap_or_default();
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Some(bytes.into())
    }
}

impl OriginPlan {
    /// The same origin, reached so. Connections are shared only with what is reached in the very same way. `None`: TLS
    /// cannot ask for such a name.
    #[must_use]
    pub fn routed(&self, route: &Route) -> Option<Self> {
        let endpoint = self.endpoint.routed(route, self.tls.is_some());
        let tls = match (&self.tls, &route.server_name) {
            (Some(tls), Some(name)) => {
                Some(TlsPlan { server_name: ServerName::try_from(name.to_string()).ok()?, ..tls.clone() })
            }
            (tls, _) => tls.clone(),
        };
        let is_same_place = endpoint == self.endpoint
            && tls.as_ref().map(|tls| &tls.server_name) == self.tls.as_ref().map(|tls| &tls.server_name);
        let id = if is_same_place {
            self.id
        } else {
            content_hash(&("routed", self.id, &endpoint, tls.as_ref().map(|tls| &tls.server_name)))
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        Some(Self {
            id,
            label: if endpoint == self.endpoint { self.label.clone() } else { endpoint.label(scheme).into() },
            endpoint,
            tls,
            offer: self.offer,
            host_header: route.host_header.clone().or_else(|| self.host_header.clone()),
            settings: match route.response_timeout {
                Some(response_timeout) => Arc::new(Upstream { response_timeout, ..(*self.settings).clone() }),
                None => Arc::clone(&self.settings),
            },
        })
    }
}

impl Endpoint {
    fn routed(&self, route: &Route, is_tls: bool) -> Self {
        let own_port = match self {
            Self::Ip(address) => address.port(),
            Self::Name { port, .. } => *port,
            Self::Unix(_) if is_tls => 443,
            Self::Unix(_) => 80,
        };
        let port = route.port.unwrap_or(own_port);
        match (&route.host, self) {
            (Some(host), _) => match host.trim_matches(['[', ']']).parse::<IpAddr>() {
                Ok(ip) => Self::Ip(SocketAddr::new(ip, port)),
                Err(_) => Self::Name { name: host.to_ascii_lowercase().into(), port },
            },
            (None, Self::Ip(address)) => Self::Ip(SocketAddr::new(address.ip(), port)),
            (None, Self::Name { name, .. }) => Self::Name { name: name.clone(), port },
            (None, Self::Unix(path)) => Self::Unix(path.clone()),
        }
    }

    fn label(&self, scheme: &str) -> String {
        match self {
            Self::Ip(address) => format!("{scheme}://{address}"),
            Self::Name { name, port } => format!("{scheme}://{name}:{port}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Offer;

    fn plain(endpoint: Endpoint) -> OriginPlan {
        OriginPlan {
            id: 7,
            label: endpoint.label("http").into(),
            endpoint,
            tls: None,
            offer: Offer::Http1,
            host_header: None,
            settings: Arc::new(Upstream::default()),
        }
    }

    #[test]
    fn another_host_header_alone_shares_connections() {
        let origin = plain(Endpoint::Ip("127.0.0.1:80".parse().unwrap()));
        let routed = origin
            .routed(&Route { host_header: Some(b"shop.test".as_slice().into()), ..Route::default() })
            .unwrap();
        assert_eq!((routed.id, routed.host_header.as_deref()), (7, Some(b"shop.test".as_slice())));
        assert_eq!(routed.label, origin.label);
    }

    #[test]
    fn another_patience_shares_connections_too() {
        let origin = plain(Endpoint::Ip("127.0.0.1:80".parse().unwrap()));
        let response_timeout = Some(Duration::from_secs(3));
        let routed = origin.routed(&Route { response_timeout, ..Route::default() }).unwrap();
        assert_eq!((routed.id, routed.settings.response_timeout), (7, Duration::from_secs(3)));
    }

    #[test]
    fn another_place_has_connections_of_its_own() {
        let origin = plain(Endpoint::Name { name: "one.test".into(), port: 8080 });
        let port = origin.routed(&Route { port: Some(81), ..Route::default() }).unwrap();
        assert_eq!(port.endpoint, Endpoint::Name { name: "one.test".into(), port: 81 });
        let host = origin.routed(&Route { host: Some("Two.test".into()), ..Route::default() }).unwrap();
        assert_eq!(host.endpoint, Endpoint::Name { name: "two.test".into(), port: 8080 });
        let ip =
            origin.routed(&Route { host: Some("[::1]".into()), port: Some(5), ..Route::default() }).unwrap();
        assert_eq!(ip.endpoint, Endpoint::Ip("[::1]:5".parse().unwrap()));
        let ids = [origin.id, port.id, host.id, ip.id];
        assert!(ids.iter().enumerate().all(|(at, id)| ids.iter().skip(at + 1).all(|other| other != id)));
        assert_eq!(&*ip.label, "http://[::1]:5");
    }
}
