//! The pages that rules show.

use std::net::IpAddr;

use rempart_features::rulesets::plan;

use super::reply::{Body, Reply};
use crate::text::RayText;

/// A kind of refusal: what custom errors may say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `cf.response.error_type`.
    pub(super) error_type: &'static str,
    /// `cf.response.1xxx_code`.
    pub(super) error_code: u16,
    /// A sentence for the visitor.
    text: &'static str,
}

/// A rule of the firewall.
pub(super) const WAF: Refusal = Refusal {
    error_type: "waf",
    error_code: 1020,
    text: "This request is not allowed by the rules of this site.",
};
/// An access rule.
pub(super) const BANNED: Refusal =
    Refusal { error_type: "ip_ban", error_code: 1006, text: "Your address is not allowed to see this site." };
/// A lockdown.
pub(super) const LOCKED: Refusal =
    Refusal { error_type: "waf", error_code: 1106, text: "Your address is not allowed to see this page." };
/// Hotlink protection.
pub(super) const HOTLINK: Refusal = Refusal {
    error_type: "1xxx",
    error_code: 1011,
    text: "This site does not let others show its images. Please go to the site itself.",
};

/// The page for a refused request.
#[must_use]
pub(super) fn blocked(ray: &RayText, refusal: Refusal) -> Reply {
    let Refusal { error_type, error_code, text } = refusal;
    Reply { error_type, error_code, ..page(403, "Access denied", text, ray) }
}

/// The page for a visitor who is to prove something that nobody can ask for here: it counts as a refusal.
#[must_use]
pub(super) fn challenge(ray: &RayText) -> Reply {
    let text = "This site wants to check your browser before it lets you in, and that check is not available here. \
                The request was refused.";
    let mut reply = page(403, "Check not available", text, ray);
    reply.fields.push(("CF-Mitigated", b"challenge".as_slice().into()));
    Reply { error_type: "managed_challenge", ..reply }
}

/// What the operator has written, for this visitor.
#[must_use]
pub(super) fn custom(reply: &plan::Reply, status: u16, ip: IpAddr, ray: &RayText) -> Reply {
    Reply {
        fields: vec![("Content-Type", reply.content_type.as_str().as_bytes().into()), no_store()],
        is_custom: true,
        ..Reply::of(reply.status.unwrap_or(status), Body::written(&reply.content, ip, ray))
    }
}

fn no_store() -> (&'static str, Box<[u8]>) {
    ("Cache-Control", b"no-store".as_slice().into())
}

/// It shows nothing that the request brought, so nothing has to be escaped.
fn page(status: u16, title: &str, text: &str, ray: &RayText) -> Reply {
    let ray = String::from_utf8_lossy(ray.as_bytes());
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{status}: {title}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:10vh auto;padding:0 1rem;\
         color:#222}}h1{{font-weight:500}}small{{color:#666}}</style>\n<h1>{title} <small>{status}</small></h1>\n\
         <p>{text}\n<p><small>Ray ID: {ray} &middot; served by Rempart</small>\n</html>\n"
    );
    let content_type = ("Content-Type", b"text/html; charset=utf-8".as_slice().into());
    Reply { fields: vec![content_type, no_store()], ..Reply::of(status, page.into()) }
}
