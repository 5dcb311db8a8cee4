//! The primary key.

use rempart_flow::{Known, RequestHead, Scheme};

use super::{KeyRef, Kind, fields, query, variant};
use crate::plan::{CachePlan, DeviceType, KeyPlan, language};

/// What memory of a builder is kept from one request to the next.
const KEPT_BYTES: usize = 16 << 10;

/// Builds keys in one piece of memory that is used again and again; one a core.
#[derive(Debug, Default)]
pub struct KeyBuilder {
    pub(super) bytes: Elements,
    primary_len: usize,
    primary_hash: u64,
    pub(super) scratch: Vec<Item>,
}

/// A part of a value on its way into the key: where it stands in the builder's memory, and its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rank: u16,
}

/// What an element is.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Element {
    Fingerprint = 1,
    Scheme,
    Host,
    Path,
    /// As it came, all of it.
    Query,
    /// What is left of it: some parameters, or in another order.
    QueryPart,
    /// One of the fields that count by default: a byte for which, then its value.
    DefaultField,
    /// A field that counts by default and has no number.
    OddField,
    /// How often a field that the settings name is there, as a number.
    Field,
    /// One value of it.
    FieldValue,
    /// Which fields and cookies that the settings name are there.
    Present,
    Cookie,
    CookieValue,
    Device,
    Language,
    /// A field that `Vary` names.
    VaryName,
    /// Its value; without this element it is absent.
    VaryValue,
    /// Where rules have the request go.
    Route,
    /// Which texts that the settings name a field contains.
    Contained,
}

/// Bytes with elements behind each other.
#[derive(Debug, Default)]
pub(super) struct Elements(pub(super) Vec<u8>);

impl Elements {
    /// Adds an element.
    pub(super) fn push(&mut self, element: Element, value: &[u8]) {
        let value_begins = self.begin(element);
        self.0.extend_from_slice(value);
        self.end(value_begins);
    }

    /// Begins an element whose bytes are appended to `.0`; [`Elements::end`] is told what this answers.
    pub(super) fn begin(&mut self, element: Element) -> usize {
        self.0.extend_from_slice(&[element as u8, 0, 0, 0, 0]);
        self.0.len()
    }

    /// Ends an element.
    pub(super) fn end(&mut self, value_begins: usize) {
        // A head is far smaller than 4 GiB.
        let len = u32::try_from(self.0.len() - value_begins).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(value_begins - 4..value_begins) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }

    /// Adds a number.
    pub(super) fn push_number(&mut self, element: Element, number: u64) {
        self.push(element, &number.to_le_bytes());
    }
}

impl KeyBuilder {
    /// The primary key of a request: zone id, scheme and host, path, query, and what the plan adds. `scheme` is the
    /// one that the origin is told: a trusted proxy may know better than the connection.
    pub fn primary(&mut self, head: &RequestHead, scheme: Scheme, plan: &CachePlan) -> KeyRef<'_> {
        let Self { bytes, scratch, .. } = self;
        bytes.0.clear();
        bytes.0.shrink_to(KEPT_BYTES);
        bytes.0.extend_from_slice(&plan.zone_id.0);
        // The kind, and the scheme as an element of one byte.
        bytes.0.extend_from_slice(&[Kind::Url as u8, Element::Scheme as u8, 1, 0, 0, 0, scheme as u8]);
        host(bytes, head, scheme, &plan.key);
        if let Some(route) = &plan.key.route {
            bytes.push(Element::Route, route);
        }
        bytes.push(Element::Path, head.bytes(head.path));
        if let Some(query) = head.query {
            query::push(bytes, scratch, head.bytes(head.path), head.bytes(query), plan);
        }
        fields::push_default(bytes, head, scheme, &plan.key);
        if plan.key.fingerprint != 0 {
            bytes.push_number(Element::Fingerprint, plan.key.fingerprint);
            chosen(bytes, head, &plan.key);
        }
        self.primary_len = self.bytes.0.len();
        let key = KeyRef::of(&self.bytes.0);
        self.primary_hash = key.hash;
        key
    }

    /// The key of the variant that this request selects by these fields (lower case): the primary key that was
    /// built last, and the normalised values (RFC 9111 section 4.1). `None`: by now the plan says that responses
    /// which vary by one of these are not stored, or by so many.
    pub fn variant(
        &mut self,
        head: &RequestHead,
        vary: &[Box<[u8]>],
        plan: &CachePlan,
    ) -> Option<KeyRef<'_>> {
        if vary.len() > plan.vary.fields_max {
            return None;
        }
        self.bytes.0.truncate(self.primary_len);
        for name in vary {
            variant::push(&mut self.bytes, &mut self.scratch, head, name, plan.vary.action(name))?;
        }
        Some(KeyRef::of(&self.bytes.0))
    }

    /// The primary key that was built last.
    #[must_use]
    pub fn last_primary(&self) -> KeyRef<'_> {
        let bytes = self.bytes.0.get(..self.primary_len).unwrap_or_default();
        KeyRef { hash: self.primary_hash, bytes }
    }
}

/// The host in lower case with its port, if that is not the scheme's own (RFC 9110 section 4.2.3).
fn host(bytes: &mut Elements, head: &RequestHead, scheme: Scheme, plan: &KeyPlan) {
    let begins = bytes.begin(Element::Host);
    if let Some(host) = &plan.host {
        bytes.0.extend_from_slice(host);
    } else {
        push_authority(&mut bytes.0, head, scheme);
    }
    bytes.end(begins);
}

/// Appends the host that a request is for as it stands in keys: in lower case, with its port if that is not the
/// scheme's own. What is asked for the cache is asked for under this name, since origins may take another spelling
/// for another host.
pub fn push_authority(out: &mut Vec<u8>, head: &RequestHead, scheme: Scheme) {
    let begins = out.len();
    let host = head.bytes(head.host);
    let port = head.bytes(head.authority).get(host.len()..).unwrap_or_default();
    let is_own = match scheme {
        Scheme::Http => matches!(port, b"" | b":" | b":80"),
        Scheme::Https => matches!(port, b"" | b":" | b":443"),
    };
    out.extend_from_slice(host);
    if !is_own {
        out.extend_from_slice(port);
    }
    if let Some(host) = out.get_mut(begins..) {
        host.make_ascii_lowercase();
    }
}

/// What the settings add.
fn chosen(bytes: &mut Elements, head: &RequestHead, plan: &KeyPlan) {
    fields::push_chosen(bytes, head, plan);
    if plan.device_type {
        bytes.push(Element::Device, &[DeviceType::of(head) as u8]);
    }
    if plan.language {
        let begins = bytes.begin(Element::Language);
        bytes.0.extend_from_slice(language(head));
        if let Some(language) = bytes.0.get_mut(begins..) {
            language.make_ascii_lowercase();
        }
        bytes.end(begins);
    }
}

/// Every value of a field that goes on to the origin, by its name in lower case. CGI and WSGI make one variable of
/// `X-Plan` and `X_Plan`, so the one counts as the other.
pub(super) fn values<'a>(head: &'a RequestHead, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let known = Known::from_name(name);
    let is_it = move |field: &rempart_flow::Field| {
        let is_same = match field.known == Known::Other {
            true => is_name(head.bytes(field.name), name),
            false => field.known == known,
        };
        is_same && !field.hop_by_hop
    };
    head.fields.list().iter().filter(move |field| is_it(field)).map(|field| head.bytes(field.value))
}

/// Whether a field's name is this one, whatever its case, and with `_` for `-`.
fn is_name(own: &[u8], name: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    own.len() == name.len() && own.iter().map(plain).eq(name.iter().map(plain))
}
