//! Fields and cookies in the primary key.
//!
//! Fields that change an origin's answer without being part of the URL are how caches are poisoned: a visitor sends
//! one, and what comes back is stored for everybody. Cloudflare keeps apart what is asked for with `Origin` and with
//! those by which proxies and frameworks are told another host, path, scheme or method; so do we, and with every other
//! `X-Forwarded-…` and `X-Original-…`. CGI and WSGI make one variable of `-` and `_`, so the one counts as the other.

use rempart_flow::{Known, RequestHead, Scheme};

use super::build::{Element, Elements, values};
use crate::plan::KeyPlan;

/// The longest name that is looked at; a longer one that begins like these counts all the same.
const NAME_BYTES: usize = 32;

/// The fields that count whatever the settings say.
pub(super) fn push_default(bytes: &mut Elements, head: &RequestHead, scheme: Scheme, plan: &KeyPlan) {
    for field in head.fields.list() {
        if field.hop_by_hop {
            continue;
        }
        let value = head.bytes(field.value);
        if field.known != Known::Other {
            push_known(bytes, field.known, value, scheme, plan);
            continue;
        }
        let name = head.bytes(field.name);
        match odd(name) {
            Odd::No => {}
            Odd::Known(known) => push_known(bytes, known, value, scheme, plan),
            Odd::Scheme if value.eq_ignore_ascii_case(scheme.as_str().as_bytes()) => {}
            Odd::Scheme | Odd::Unnumbered => push_odd(bytes, name, value),
        }
    }
}

fn push_known(bytes: &mut Elements, known: Known, value: &[u8], scheme: Scheme, plan: &KeyPlan) {
    if counts(known, value, scheme, plan) {
        let begins = bytes.begin(Element::DefaultField);
        bytes.0.push(known as u8);
        bytes.0.extend_from_slice(value);
        bytes.end(begins);
    }
}

/// Whether a field counts by default.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other field does")]
fn counts(known: Known, value: &[u8], scheme: Scheme, plan: &KeyPlan) -> bool {
    match known {
        Known::Origin => !plan.exclude_origin,
        // What says the same as `X-Forwarded-Proto` makes no difference.
        Known::XForwardedScheme => !value.eq_ignore_ascii_case(scheme.as_str().as_bytes()),
        Known::XHost
        | Known::XForwardedHost
        | Known::XHttpMethod
        | Known::XHttpMethodOverride
        | Known::XMethodOverride
        | Known::XOriginalUrl
        | Known::XRewriteUrl
        | Known::Forwarded => true,
        _ => false,
    }
}

/// A field that the head's reader does not know.
enum Odd {
    /// Does not count.
    No,
    /// Another spelling of this one.
    Known(Known),
    /// Counts by its name, unless it says the scheme that the origin is told anyway.
    Scheme,
    /// Counts by its name.
    Unnumbered,
}

fn odd(name: &[u8]) -> Odd {
    // Nearly every name ends here.
    match name {
        [b'x' | b'X', b'-' | b'_', third, ..] if b"fhmorsu".contains(&third.to_ascii_lowercase()) => {}
        [b'f' | b'F', b'r' | b'R', b'o' | b'O', b'n' | b'N', b't' | b'T', ..] => {}
        _ => return Odd::No,
    }
    let mut plain = [0; NAME_BYTES];
    for (to, from) in plain.iter_mut().zip(name) {
        *to = if *from == b'_' { b'-' } else { from.to_ascii_lowercase() };
    }
    let plain = plain.get(..name.len()).unwrap_or(&plain);
    let known = Known::from_name(plain);
    if known != Known::Other {
        return Odd::Known(known);
    }
    match plain {
        b"x-scheme" | b"x-url-scheme" => Odd::Scheme,
        b"front-end-https" => Odd::Unnumbered,
        _ if plain.starts_with(b"x-forwarded-") || plain.starts_with(b"x-original-") => Odd::Unnumbered,
        _ => Odd::No,
    }
}

fn push_odd(bytes: &mut Elements, name: &[u8], value: &[u8]) {
    let begins = bytes.begin(Element::OddField);
    bytes.0.extend(name.iter().map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }));
    // Stands in no name.
    bytes.0.push(b':');
    bytes.0.extend_from_slice(value);
    bytes.end(begins);
}

/// The fields and cookies that the settings name. Which they are is told by the fingerprint.
pub(super) fn push_chosen(bytes: &mut Elements, head: &RequestHead, plan: &KeyPlan) {
    let is_there = |name: &[u8]| u8::from(values(head, name).next().is_some());
    for name in &plan.headers {
        push_all(bytes, (Element::Field, Element::FieldValue), values(head, name));
    }
    for (name, texts) in &plan.header_texts {
        let begins = bytes.begin(Element::Contained);
        bytes.0.push(is_there(name));
        bytes
            .0
            .extend(texts.iter().map(|text| u8::from(values(head, name).any(|value| contains(value, text)))));
        bytes.end(begins);
    }
    for name in &plan.cookies {
        push_all(bytes, (Element::Cookie, Element::CookieValue), cookies(head, name));
    }
    let is_set = |name: &[u8]| u8::from(cookies(head, name).next().is_some());
    let fields = plan.header_presence.iter().map(|name| is_there(name));
    let begins = bytes.begin(Element::Present);
    bytes.0.extend(fields.chain(plan.cookie_presence.iter().map(|name| is_set(name))));
    bytes.end(begins);
}

/// Whether a value contains a text, which is in lower case and not empty.
fn contains(value: &[u8], text: &[u8]) -> bool {
    value.windows(text.len().max(1)).any(|part| part.eq_ignore_ascii_case(text))
}

fn push_all<'a>(
    bytes: &mut Elements,
    (count, each): (Element, Element),
    all: impl Iterator<Item = &'a [u8]>,
) {
    bytes.push(count, &[]);
    all.for_each(|value| bytes.push(each, value));
}

/// Every value of a cookie, by its name (RFC 6265 section 4.2.1; names are case-sensitive).
fn cookies<'a>(head: &'a RequestHead, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let pairs = head.fields.values(Known::Cookie).flat_map(|value| value.split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let (own, value) = pair.trim_ascii().split_at_checked(name.len())?;
        match value {
            [] => Some(value),
            [b'=', value @ ..] => Some(value),
            _ => None,
        }
        .filter(|_| own == name)
    })
}
