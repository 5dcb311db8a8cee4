//! The head of an answer as the visitor gets it: the origin's, without what belongs to its connection,
//! and with what the edge says about itself.

use std::time::Duration;

use rempart_base::RayId;
use rempart_cache::decide;
use rempart_flow::{BadResponse, BodyLength, Fault, Known, Method, RequestHead, ResponseHead};
use rempart_origin::Connection;
use rempart_wire::Visitor;

use crate::cache::Says;
use crate::faults;
use crate::text::RayText;
use crate::websocket::{self, Key};

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A body, maybe of no bytes.
    Body,
    /// Another protocol, both ways.
    Tunnel,
}

/// Writes the head of the origin's answer.
///
/// # Errors
/// The answer changes the protocol and nobody asked for it, or it does not say to what, or does not prove that it has
/// read the key; or it is a success that a visitor would take for such a change.
pub fn begin<V: Visitor>(
    visitor: &mut V,
    connection: &mut Connection,
    ray: &RayText,
    date: &[u8; 29],
    cache: &Says,
    key: Option<&Key>,
) -> Result<Kind, Fault> {
    let head = connection.head();
    if connection.has_connected() {
        visitor.begin(101);
        fields(visitor, head, ray, None, &Says::default());
        if let Some((name, proof)) = websocket::proof(visitor.head()) {
            visitor.field(name, &proof);
        }
        visitor.end_upgrade(b"websocket");
        connection.begin_tunnel();
        return Ok(Kind::Tunnel);
    }
    if head.status == 101 {
        let unexpected = Fault::BadResponse(BadResponse::UnexpectedUpgrade);
        let protocol: Box<[u8]> = head.fields.first(Known::Upgrade).ok_or(unexpected)?.into();
        // Before the end of the request its body would be taken for the new protocol (RFC 9110 section 7.8).
        if !visitor.head().connection.upgrade || !visitor.is_body_done() {
            return Err(unexpected);
        }
        if key.is_some_and(|key| !key.is_accepted_by(&head.fields)) {
            return Err(Fault::BadResponse(BadResponse::UpgradeUnproven));
        }
        visitor.begin(101);
        fields(visitor, head, ray, None, &Says::default());
        visitor.end_upgrade(&protocol);
        connection.begin_tunnel();
        return Ok(Kind::Tunnel);
    }
    if visitor.head().protocol.is_some() && (200..300).contains(&head.status) {
        // RFC 8441 section 5: to an extended CONNECT this says that the tunnel stands.
        return Err(Fault::BadResponse(BadResponse::UpgradeIgnored));
    }
    let is_head = visitor.head().method == Method::Head;
    visitor.begin(head.status);
    fields(visitor, head, ray, Some(date), cache);
    if head.body == BodyLength::None && (is_head || head.status == 304) {
        // How long the body would have been (RFC 9110 section 8.6).
        visitor.fields(&head.fields, |field| field.known == Known::ContentLength && !field.hop_by_hop);
        visitor.end(BodyLength::None);
    } else if head.body == BodyLength::None && head.status != 204 {
        visitor.end(BodyLength::Exact(0));
    } else {
        visitor.end(head.body);
    }
    Ok(Kind::Body)
}

/// What a visitor is told where a tunnel begins: HTTP/1.1 changes its protocol, a stream is connected (RFC 8441
/// section 5).
#[must_use]
pub const fn tunnel_status(head: &RequestHead) -> u16 {
    if head.protocol.is_some() { 200 } else { 101 }
}

fn fields<V: Visitor>(
    visitor: &mut V,
    head: &ResponseHead,
    ray: &RayText,
    date: Option<&[u8; 29]>,
    cache: &Says,
) {
    let mut has_date = false;
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field passes, known or not")]
    visitor.fields(&head.fields, |field| match field.known {
        _ if field.hop_by_hop => false,
        Known::ContentLength | Known::Server | Known::CfRay | Known::CfCacheStatus | Known::CacheTag => false,
        Known::Other if decide::is_for_edge_only(head.fields.bytes(field.name)) => false,
        Known::Date => {
            has_date = true;
            true
        }
        _ => true,
    });
    if let (false, Some(date)) = (has_date, date) {
        // RFC 9110 section 6.6.1.
        visitor.field(b"Date", date);
    }
    own_fields(visitor, ray);
    cache.write(visitor);
}

pub(crate) fn own_fields<V: Visitor>(visitor: &mut V, ray: &RayText) {
    visitor.field(b"Server", b"rempart");
    visitor.field(b"CF-Ray", ray.as_bytes());
}

/// Passes an interim answer on. A visitor of HTTP/1.0 gets none (RFC 9110 section 15.2).
pub fn interim<V: Visitor>(visitor: &mut V, head: &ResponseHead) {
    let request = visitor.head();
    let is_wanted = match head.status {
        100 => request.expects_continue,
        _ => request.version > rempart_flow::Version::Http10,
    };
    if !is_wanted {
        return;
    }
    visitor.begin(head.status);
    visitor.fields(&head.fields, |field| !field.hop_by_hop && field.known != Known::ContentLength);
    visitor.end_interim();
}

/// Writes the head of a fault's page, and returns its status and the page, which is empty if no body may
/// be sent.
pub fn fault<V: Visitor>(
    visitor: &mut V,
    fault: Fault,
    ray: RayId,
    colo: [u8; 3],
    date: &[u8; 29],
) -> (u16, String) {
    let shown = faults::shown(fault);
    if shown.status == 499 {
        visitor.abort();
        return (shown.status, String::new());
    }
    let page = faults::page(fault, ray, colo);
    visitor.begin(shown.status);
    visitor.field(b"Content-Type", b"text/html; charset=utf-8");
    visitor.field(b"Cache-Control", b"no-store");
    visitor.field(b"Date", date);
    if let Some(retry_after) = fault.retry_after() {
        let seconds = retry_after.max(Duration::from_secs(1)).as_secs();
        visitor.field(b"Retry-After", seconds.to_string().as_bytes());
    }
    if fault == Fault::MethodRefused {
        // RFC 9110 section 15.5.6. What else is allowed is for the origin to say.
        visitor.field(b"Allow", b"GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    }
    own_fields(visitor, &RayText::new(ray, colo));
    if visitor.head().method == Method::Head {
        visitor.field(b"Content-Length", page.len().to_string().as_bytes());
        visitor.end(BodyLength::None);
        return (shown.status, String::new());
    }
    visitor.end(BodyLength::Exact(page.len() as u64));
    (shown.status, page)
}
