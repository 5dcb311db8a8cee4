//! What an exchange is, as far as rules may know.

use std::cell::OnceCell;

use rempart_base::Now;
use rempart_cache::key::push_authority;
use rempart_flow::{Fields, RequestHead, Scheme};
use rempart_rules::{Arena, Value};
use rempart_wire::Peer;

use crate::forward::{self, Client};
use crate::text::RayText;

/// A URL as rules see it, where it is not the one that the origin is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUri {
    /// The path.
    pub path: Box<[u8]>,
    /// What follows the `?`, if there is one.
    pub query: Option<Box<[u8]>>,
}

/// What an exchange is, as far as rules may know.
#[derive(Clone, Copy)]
pub struct Facts<'s> {
    /// The request as it came.
    pub own: &'s RequestHead,
    /// The request as rules have made it.
    pub head: &'s RequestHead,
    /// Its URL, normalised for rules alone.
    pub uri: Option<&'s SeenUri>,
    /// Who sent it, over what connection.
    pub peer: &'s Peer,
    /// Who the visitor is.
    pub client: Client,
    /// `CF-Ray`.
    pub ray: &'s RayText,
    /// Random bytes of this exchange, once somebody has asked for them.
    pub seed: &'s OnceCell<[u8; 16]>,
    /// When the request was there.
    pub started: Now,
    /// The zone's name.
    pub zone: &'s str,
    /// The response, in phases that have one.
    pub response: Option<Response<'s>>,
}

/// A response, as rules see it.
#[derive(Clone, Copy)]
pub struct Response<'s> {
    /// The status.
    pub status: u16,
    /// Its fields as rules have made them.
    pub fields: &'s Fields,
    /// Its fields before the first rule.
    pub raw: &'s Fields,
    /// What kind of failure of the edge it is; empty if it is none.
    pub error_type: &'static str,
    /// Cloudflare's number of that failure; 0 if it has none.
    pub error_code: u16,
    /// Until the origin's head was there, in milliseconds; 0 if no origin was asked.
    pub origin_ms: u64,
    /// In the edge, in milliseconds, without that.
    pub edge_ms: u64,
}

impl<'s> Facts<'s> {
    /// The path as rules see it.
    pub(crate) fn path(&self) -> &'s [u8] {
        let Self { head, uri, .. } = *self;
        uri.map_or_else(|| head.bytes(head.path), |uri| &uri.path)
    }

    /// The query as rules see it.
    pub(crate) fn query(&self) -> Option<&'s [u8]> {
        let Self { head, uri, .. } = *self;
        uri.map_or_else(|| head.query.map(|query| head.bytes(query)), |uri| uri.query.as_deref())
    }

    /// The same behind its question mark.
    pub(crate) fn query_text(&self) -> Vec<u8> {
        self.query().map_or_else(Vec::new, |query| [b"?", query].concat())
    }

    /// Random bytes, the same for every rule of the exchange.
    pub(super) fn seed(&self) -> &'s [u8] {
        self.seed.get_or_init(|| {
            let mut seed = [0; 16];
            // Without any the seed is no secret, but it is there.
            let _ = aws_lc_rs::rand::fill(&mut seed);
            seed
        })
    }

    /// How the visitor came.
    pub(super) fn scheme(&self) -> Scheme {
        forward::scheme(self.own, &self.client)
    }

    /// Scheme, host and this target. The scheme's own port is left out, as it is in the cache's keys.
    pub(super) fn full_uri(&self, target: &[u8]) -> Vec<u8> {
        let mut made = Vec::with_capacity(self.own.authority.len as usize + target.len() + 8);
        made.extend_from_slice(self.scheme().as_str().as_bytes());
        made.extend_from_slice(b"://");
        push_authority(&mut made, self.own, self.scheme());
        made.extend_from_slice(target);
        made
    }

    /// The same, made.
    pub(crate) fn host_text(&self) -> Vec<u8> {
        let host = self.own.bytes(self.own.host);
        host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
    }

    /// The host in lower case, without port and final dot: however a visitor spells it, a rule sees one name.
    pub(super) fn host<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        let host = self.own.bytes(self.own.host);
        let host = host.strip_suffix(b".").unwrap_or(host);
        if host.iter().any(u8::is_ascii_uppercase) {
            return Value::Bytes(arena.bytes(host.to_ascii_lowercase()));
        }
        Value::Bytes(host)
    }
}
