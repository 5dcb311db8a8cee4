//! The head of a request as the origin gets it: the visitor's, without what belongs to its connection or
//! may not be believed, and with what the edge knows, in Cloudflare's names.

use std::net::IpAddr;

use rempart_cache::CachePlan;
use rempart_cache::key::push_authority;
use rempart_cache::plan::DeviceType;
use rempart_config::Snapshot;
use rempart_features::managed_transforms::without_visitor;
use rempart_flow::{Field, Known, RequestHead, Scheme, Version};
use rempart_origin::plan::OriginPlan;
use rempart_origin::{FieldWriter, Request};
use rempart_wire::Peer;

use crate::cache::Fetched;
use crate::rules::{Added, ForwardedFor};
use crate::text::{IpText, RayText};
use crate::websocket::{self, Key};

/// Who the visitor is, and whether the peer that says so is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The visitor's address: the peer's, or what a trusted peer's `X-Forwarded-For` says.
    pub ip: IpAddr,
    /// Whether the peer is one of `trusted_proxies`.
    pub via_trusted: bool,
}

impl Client {
    /// Finds the visitor: from a trusted peer, the last address in `X-Forwarded-For` that is not a trusted
    /// proxy itself. What stands before it was written by somebody whom nobody vouches for.
    #[must_use]
    pub fn of(head: &RequestHead, peer: &Peer, snapshot: &Snapshot) -> Self {
        let trusted = &snapshot.settings.trusted_proxies;
        let mut client = Self { ip: peer.address.ip(), via_trusted: false };
        if trusted.is_empty() || !trusted.contains(client.ip) {
            return client;
        }
        client.via_trusted = true;
        let values: Vec<&[u8]> = head.fields.values(Known::XForwardedFor).collect();
        for entry in values.into_iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
            let Some(ip) = std::str::from_utf8(entry).ok().and_then(|text| text.trim().parse().ok()) else {
                break;
            };
            client.ip = ip;
            if !trusted.contains(ip) {
                break;
            }
        }
        client
    }
}

/// What the encoder needs besides the head.
pub struct Forward<'a> {
    /// The request.
    pub head: &'a RequestHead,
    /// Who sent it.
    pub client: Client,
    /// That address as text.
    pub client_text: &'a IpText,
    /// Over which connection.
    pub peer: &'a Peer,
    /// `CF-Ray`.
    pub ray: &'a RayText,
    /// `CDN-Loop`.
    pub loop_token: &'a [u8],
    /// `Host` if request and origin name none.
    pub zone_name: &'a str,
    /// What is asked for the cache, and not for this visitor alone.
    pub fetched: Option<Fetched<'a>>,
    /// `CF-Device-Type`, for a zone that stores answers by it.
    pub device_type: Option<DeviceType>,
    /// The key of a WebSocket whose visitor has none.
    pub key: Option<&'a Key>,
    /// Whether the visitor waits for `100 Continue`, so that the origin is asked for it.
    pub expects_continue: bool,
    /// What rules add that only the edge may say.
    pub added: Option<&'a Added>,
    /// Whom it is sent to.
    pub origin: &'a OriginPlan,
}

impl Request for Forward<'_> {
    fn method(&self) -> &[u8] {
        // What HEAD finds stale is fetched anew with its body.
        if self.fetched.is_some() { b"GET" } else { self.head.bytes(self.head.method_text) }
    }

    fn target(&self) -> &[u8] {
        self.head.bytes(self.head.path_and_query)
    }

    fn protocol(&self) -> Option<&[u8]> {
        let is_asked = self.fetched.is_none() && websocket::is_asked(self.head);
        is_asked.then_some(b"websocket")
    }

    /// The origin's own, or the visitor's. What is asked for the cache is asked for under the host as it stands in the
    /// key: what an origin makes of another spelling is not to be everybody's.
    fn authority(&self, out: &mut Vec<u8>) {
        let authority = self.head.bytes(self.head.authority);
        match &self.origin.host_header {
            Some(host) => out.extend_from_slice(host),
            None if authority.is_empty() => out.extend_from_slice(self.zone_name.as_bytes()),
            None if self.fetched.is_some() => push_authority(out, self.head, scheme(self.head, &self.client)),
            None => out.extend_from_slice(authority),
        }
    }

    fn fields<W: FieldWriter>(&self, out: &mut W) {
        let head = self.head;
        out.fields(&head.fields, |field| self.goes_on::<W>(field));
        if let Some(fetched) = &self.fetched {
            fetched.encode(out);
        }
        if W::IS_HTTP1 && head.connection.upgrade {
            out.field(b"Connection", b"upgrade");
            for protocol in head.fields.values(Known::Upgrade) {
                out.field(b"Upgrade", protocol);
            }
            if let Some(key) = self.key {
                key.write(|name, value| out.field(name, value));
            }
        }
        if !W::IS_HTTP1 && takes_trailers(head) {
            // RFC 9113 section 8.2.2. Servers of gRPC demand it.
            out.field(b"TE", b"trailers");
        }
        self.own_fields(out);
    }
}

impl Forward<'_> {
    /// Whether a field of the head goes on to the origin.
    fn goes_on<W: FieldWriter>(&self, field: &Field) -> bool {
        let name = self.head.bytes(field.name);
        let is_other = field.known == Known::Other;
        let believed = self.client.via_trusted || !(is_other && is_claim(name));
        let asked = self.fetched.as_ref().is_none_or(|fetched| {
            fetched.passes(field.known) && !(is_other && (is_double(name) || Fetched::is_range(name)))
        });
        // RFC 8441 section 5: a stream has no key.
        let fits = W::IS_HTTP1 || !(is_other && websocket::is_key(name));
        !field.hop_by_hop && believed && asked && fits && self.passes(field.known) && !self.is_replaced(field)
    }

    /// Whether rules have something else sent in the place of what even a trusted peer says about its visitor, or nothing.
    fn is_replaced(&self, field: &Field) -> bool {
        let Some(added) = self.added.filter(|_| self.client.via_trusted) else { return false };
        let known = known_as(self.head.bytes(field.name));
        let is_address = matches!(
            known,
            Known::Forwarded
                | Known::XForwardedFor
                | Known::XRealIp
                | Known::TrueClientIp
                | Known::CfConnectingIp
        );
        // Of the others the head has them as rules have changed them.
        let is_edges = known == Known::TrueClientIp && added.fields.has(known);
        is_edges || (is_address && added.hides_visitor)
    }

    /// Whether the head has this field, and it goes on: what rules change stands in both.
    fn is_in_head<W: FieldWriter>(&self, name: &[u8]) -> bool {
        let is_it = |field: &Field| self.head.bytes(field.name).eq_ignore_ascii_case(name);
        self.head.fields.list().iter().any(|field| is_it(field) && self.goes_on::<W>(field))
    }

    fn own_fields<W: FieldWriter>(&self, out: &mut W) {
        if !self.added.is_some_and(|added| added.hides_connecting_ip) {
            out.field(b"CF-Connecting-IP", self.client_text.as_bytes());
        }
        match self.added.map_or(ForwardedFor::Whole, |added| added.forwarded_for) {
            ForwardedFor::Whole if self.client.via_trusted => {
                out.field_with(b"X-Forwarded-For", |out| self.forwarded_for(out));
            }
            ForwardedFor::Whole => out.field(b"X-Forwarded-For", self.client_text.as_bytes()),
            ForwardedFor::WithoutVisitor if self.client.via_trusted => {
                let mut whole = Vec::new();
                self.forwarded_for(&mut whole);
                if let Some(rest) = without_visitor(&whole) {
                    out.field(b"X-Forwarded-For", rest);
                }
            }
            ForwardedFor::WithoutVisitor | ForwardedFor::Gone => {}
        }
        if let Some(added) = self.added {
            out.fields(&added.fields, |field| !self.is_in_head::<W>(added.fields.bytes(field.name)));
        }
        let (scheme, visitor) = match scheme(self.head, &self.client) {
            Scheme::Http => (b"http".as_slice(), b"{\"scheme\":\"http\"}".as_slice()),
            Scheme::Https => (b"https".as_slice(), b"{\"scheme\":\"https\"}".as_slice()),
        };
        out.field(b"X-Forwarded-Proto", scheme);
        out.field(b"CF-Visitor", visitor);
        if let Some(device_type) = self.device_type {
            out.field(b"CF-Device-Type", device_type.as_str().as_bytes());
        }
        out.field(b"CF-Ray", self.ray.as_bytes());
        out.field(b"CDN-Loop", self.loop_token);
        // RFC 9110 section 7.6.3: by which version it came.
        let via: &[u8] = match self.head.version {
            Version::Http10 => b"1.0 rempart",
            Version::Http11 => b"1.1 rempart",
            Version::Http2 => b"2 rempart",
            Version::Http3 => b"3 rempart",
        };
        out.field(b"Via", via);
    }

    /// Who has sent the request on, the visitor first.
    fn forwarded_for(&self, out: &mut Vec<u8>) {
        for value in self.head.fields.values(Known::XForwardedFor) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(IpText::new(self.peer.address.ip()).as_bytes());
    }

    /// Whether an end-to-end field goes on to the origin.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field passes, known or not")]
    const fn passes(&self, known: Known) -> bool {
        match known {
            // Written anew.
            Known::Host
            | Known::ContentLength
            | Known::CfConnectingIp
            | Known::CfVisitor
            | Known::CfRay
            | Known::XForwardedFor
            | Known::XForwardedProto => false,
            // Claims about the visitor: only from somebody who is believed.
            Known::Forwarded | Known::XForwardedHost | Known::XRealIp | Known::TrueClientIp => {
                self.client.via_trusted
            }
            // RFC 9110 section 10.1.1: from HTTP/1.0 it means nothing, and to who has said 100 no more.
            Known::Expect => self.expects_continue,
            _ => true,
        }
    }
}

/// Whether a field of this name is believed to be the edge's word: what a visitor sends of it goes no further, and what
/// a rule sets of it does.
#[must_use]
pub fn is_for_edge_to_say(name: &[u8]) -> bool {
    let known = Known::from_name(name);
    if known == Known::Other {
        return is_claim(name);
    }
    matches!(
        known,
        Known::Forwarded
            | Known::XForwardedFor
            | Known::XForwardedHost
            | Known::XRealIp
            | Known::TrueClientIp
            | Known::CfConnectingIp
    )
}

/// Whether the visitor understands trailers (RFC 9110 section 10.1.4).
fn takes_trailers(head: &RequestHead) -> bool {
    let mut codings = head.fields.values(Known::Te).flat_map(|value| value.split(|byte| *byte == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// The kind of device, if the zone stores answers by it.
#[must_use]
pub fn device_type(head: &RequestHead, plan: &CachePlan) -> Option<DeviceType> {
    plan.key.device_type.then(|| DeviceType::of(head))
}

/// The visitor's scheme: the connection's, unless a trusted proxy ended TLS before us.
#[must_use]
pub fn scheme(head: &RequestHead, client: &Client) -> Scheme {
    if client.via_trusted {
        match head.fields.first(Known::XForwardedProto) {
            Some(b"https") => return Scheme::Https,
            Some(b"http") => return Scheme::Http,
            Some(_) | None => {}
        }
    }
    head.scheme
}

/// Whether a field is another spelling of one that the cache decides about, by which a visitor could have an origin see
/// what the cache does not: CGI and WSGI make one variable of `If-None-Match` and `If_None_Match` (RFC 3875 section
/// 4.1.18).
fn is_double(name: &[u8]) -> bool {
    name.contains(&b'_') && known_as(name) != Known::Other
}

/// What CGI and WSGI take a field of this name for.
fn known_as(name: &[u8]) -> Known {
    if !name.contains(&b'_') {
        return Known::from_name(name);
    }
    let hyphens: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    Known::from_name(&hyphens)
}

/// Whether a field claims, in a spelling of its own, what only an edge may say: a name that begins with
/// `CF-`, or one that CGI and WSGI make the same variable of (RFC 3875 section 4.1.18 maps `-` to `_`).
fn is_claim(name: &[u8]) -> bool {
    let begins_cf = matches!(name, [b'c' | b'C', b'f' | b'F', b'-' | b'_', ..]);
    begins_cf
        || (name.contains(&b'_')
            && matches!(
                known_as(name),
                Known::XForwardedFor
                    | Known::XForwardedProto
                    | Known::XForwardedHost
                    | Known::XRealIp
                    | Known::TrueClientIp
            ))
}
