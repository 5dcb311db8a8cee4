//! What is remembered of an exchange, and its line in the access log. Field names are Cloudflare's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rempart_base::{Now, RayId};
use rempart_cache::CacheStatus;
use rempart_flow::{Fault, Fields, Known, RequestHead, Scheme, Version};
use rempart_origin::Connection;
use rempart_origin::plan::OriginPlan;
use rempart_wire::{Moved, Peer};

use crate::faults;
use crate::json::Line;
use crate::key;
use crate::rules::Ruling;
use crate::text::{IpText, RayText, SecondText};

const NS_PER_MS: u64 = 1_000_000;

/// What is remembered of an exchange.
pub struct Record {
    /// Its id.
    pub ray: RayId,
    /// When its head was complete.
    pub started: Now,
    /// When its answer was.
    pub ended: Now,
    /// The answer's status.
    pub status: u16,
    /// Why it failed, if it did.
    pub fault: Option<Fault>,
    /// The origin that was asked last and could not be reached.
    pub origin_label: Option<Arc<OriginPlan>>,
    /// What is known of the origin.
    pub origin: Option<OriginFacts>,
    /// Bytes that came from the origin.
    pub origin_bytes: u64,
    /// Bytes from and to the visitor.
    pub moved: Moved,
    /// What the cache did.
    pub cache: CacheFacts,
    content_type: ShortText,
}

/// What the cache did for an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFacts {
    /// What happened.
    pub status: CacheStatus,
    /// Bytes of the body that the visitor got and that no origin had to send for it: from the store, or from a
    /// fetch that another exchange began.
    pub bytes_saved: u64,
    /// How long it waited for the head of another's fetch, if it was answered from one.
    pub waited: Option<Duration>,
    /// Ranges that it fetched because it had fallen behind what a fill and the store hold.
    pub refetches: u32,
}

impl CacheFacts {
    /// The cache had no part in it.
    pub const NONE: Self = Self { status: CacheStatus::None, bytes_saved: 0, waited: None, refetches: 0 };
}

/// What is known of the origin that was asked.
pub struct OriginFacts {
    address: Option<Arc<str>>,
    status: u16,
    answered_at: Instant,
    /// Of a connection that was opened for this exchange: DNS, TCP and TLS.
    opening: Option<(Duration, Duration, Duration)>,
    tls_version: Option<&'static str>,
}

/// A text that outlives the head it came from without memory of its own; cut off where it is longer than
/// any content type in use.
struct ShortText {
    room: [u8; 64],
    len: usize,
}

impl ShortText {
    const EMPTY: Self = Self { room: [0; 64], len: 0 };

    fn new(text: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        short.len = text.len().min(short.room.len());
        if let (Some(room), Some(text)) = (short.room.get_mut(..short.len), text.get(..short.len)) {
            room.copy_from_slice(text);
        }
        short
    }

    fn as_bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }
}

impl Record {
    /// Of an exchange that begins.
    #[must_use]
    pub const fn new(ray: RayId, started: Now) -> Self {
        Self {
            ray,
            started,
            ended: started,
            status: 0,
            fault: None,
            origin_label: None,
            origin: None,
            origin_bytes: 0,
            moved: Moved { received: 0, sent: 0, sent_body: 0 },
            cache: CacheFacts::NONE,
            content_type: ShortText::EMPTY,
        }
    }

    /// Notes what an origin did.
    pub fn origin(&mut self, connection: &Connection, now: Now) {
        let facts = connection.facts();
        self.origin_bytes = connection.received();
        self.origin = Some(OriginFacts {
            address: facts.address.clone(),
            status: if connection.is_unanswered() { 0 } else { connection.head().status },
            answered_at: now.mono,
            opening: (!connection.is_reused()).then_some((facts.dns, facts.tcp, facts.tls)),
            tls_version: facts.tls_version,
        });
    }

    /// Notes the type of the answer.
    pub fn content_type(&mut self, fields: &Fields) {
        if let Some(value) = fields.first(Known::ContentType) {
            self.content_type = ShortText::new(value);
        }
    }

    /// The same, of an answer that is this edge's own.
    pub fn content_type_is(&mut self, value: &[u8]) {
        self.content_type = ShortText::new(value);
    }

    /// The status that an origin gave; 0 if none was asked, or none answered.
    #[must_use]
    pub fn origin_status(&self) -> u16 {
        self.origin.as_ref().map_or(0, |origin| origin.status)
    }

    /// When the origin's head came.
    #[must_use]
    pub fn answered_at(&self) -> Instant {
        self.origin.as_ref().map_or(self.started.mono, |origin| origin.answered_at)
    }
}

/// What the log shows beside the record.
pub struct Facts<'a> {
    /// The request, if it could be read.
    pub head: Option<&'a RequestHead>,
    /// Who sent it.
    pub peer: &'a Peer,
    /// Whose it was.
    pub zone: Option<&'a str>,
    /// The number of the release that it ran on.
    pub release: u64,
    /// Its id as text.
    pub ray: &'a RayText,
    /// The visitor's address.
    pub client: &'a IpText,
    /// This place.
    pub colo: [u8; 3],
    /// What rules have decided.
    pub ruling: Option<&'a Ruling<'a>>,
}

/// Writes one line. Fields that mean nothing for this exchange are left out.
pub fn write(out: &mut Vec<u8>, record: &Record, facts: &Facts<'_>, second: &SecondText) {
    // One growth at most, whatever the fields.
    out.reserve(1024);
    let mut line = Line::begin(out, "RayID", facts.ray.id());
    line.time(key!("EdgeStartTimestamp"), record.started, second);
    if record.started.unix_ns / NS_PER_MS == record.ended.unix_ns / NS_PER_MS {
        line.same_time(key!("EdgeEndTimestamp"));
    } else {
        line.time(key!("EdgeEndTimestamp"), record.ended, second);
    }
    line.raw_text(key!("ClientIP"), facts.client.as_bytes());
    line.number(key!("ClientSrcPort"), facts.peer.address.port().into());
    if let Some(head) = facts.head {
        request(&mut line, head);
    }
    line.number(key!("ClientRequestBytes"), record.moved.received);
    if let Some(tls) = &facts.peer.tls {
        line.raw_text(key!("ClientSSLProtocol"), tls.version.as_bytes());
        line.raw_text(key!("ClientSSLCipher"), tls.cipher.as_bytes());
    }
    line.raw_text(key!("EdgeColoCode"), &facts.colo);
    line.status(key!("EdgeResponseStatus"), record.status);
    line.number(key!("EdgeResponseBytes"), record.moved.sent);
    line.number(key!("EdgeResponseBodyBytes"), record.moved.sent_body);
    let content_type = record.content_type.as_bytes();
    if !content_type.is_empty() {
        line.text(key!("EdgeResponseContentType"), content_type);
    }
    if record.cache.status != CacheStatus::None {
        cache(&mut line, record);
    }
    if let Some(origin) = &record.origin {
        self::origin(&mut line, origin, record);
    } else if let Some(label) = &record.origin_label {
        line.text(key!("OriginURL"), label.label.as_bytes());
    }
    match &record.origin {
        Some(origin) => line.status(key!("OriginResponseStatus"), origin.status),
        None => line.literal(",\"OriginResponseStatus\":0"),
    }
    if let Some(zone) = facts.zone {
        line.raw_text(key!("ZoneName"), zone.as_bytes());
        line.number(key!("Release"), facts.release);
    }
    if let Some(fault) = record.fault {
        line.raw_text(key!("Fault"), faults::shown(fault).code.as_bytes());
        let detail = faults::detail(fault);
        if !detail.is_empty() {
            line.raw_text(key!("FaultDetail"), detail.as_bytes());
        }
    }
    if let Some(ruling) = facts.ruling {
        rules(&mut line, ruling);
    }
    line.end();
}

/// So much of a rule's description stands in the log.
const DESCRIPTION_BYTES_MAX: usize = 128;

/// What rules have decided, if any has.
#[cold]
fn rules(line: &mut Line<'_>, ruling: &Ruling<'_>) {
    let all = ruling.matched.all();
    if let Some(decisive) = ruling.matched.decisive() {
        let description = decisive.description;
        let end = (0..=DESCRIPTION_BYTES_MAX).rev().find(|end| description.is_char_boundary(*end));
        let cut = end.and_then(|end| description.get(..end)).unwrap_or(description);
        line.raw_text(key!("SecurityAction"), decisive.action.as_bytes());
        line.text(key!("SecurityRuleID"), decisive.id.as_bytes());
        line.text(key!("SecurityRuleDescription"), cut.as_bytes());
    }
    if !all.is_empty() {
        line.texts(key!("SecurityActions"), all.iter().map(|found| found.action.as_bytes()));
        line.texts(key!("SecurityRuleIDs"), all.iter().map(|found| found.id.as_bytes()));
        line.texts(key!("SecuritySources"), all.iter().map(|found| found.source.as_bytes()));
    }
    let others = || ruling.matched.others();
    if others().next().is_some() {
        line.texts(key!("MatchedRules"), others().map(|(name, _)| name.as_bytes()));
        line.texts(key!("MatchedRuleActions"), others().map(|(_, action)| action.as_bytes()));
    }
    line.members(&ruling.logged);
}

fn request(line: &mut Line<'_>, head: &RequestHead) {
    line.text(key!("ClientRequestHost"), head.bytes(head.host));
    // A token (RFC 9110 section 5.6.2) needs no escapes.
    // Extended CONNECT goes its way as the GET that asks HTTP/1.1 for the same.
    let method = if head.protocol.is_some() { b"CONNECT" } else { head.bytes(head.method_text) };
    line.raw_text(key!("ClientRequestMethod"), method);
    let path = head.bytes(head.path);
    let path_is_plain = line.text(key!("ClientRequestPath"), path);
    if path_is_plain && head.query.is_none() {
        line.raw_text(key!("ClientRequestURI"), path);
    } else {
        line.text(key!("ClientRequestURI"), head.bytes(head.path_and_query));
    }
    line.literal(spoken(head.version, head.scheme));
    for (name, known) in [
        (key!("ClientRequestReferer"), Known::Referer),
        (key!("ClientRequestUserAgent"), Known::UserAgent),
        (key!("ClientXRequestedWith"), Known::XRequestedWith),
    ] {
        if let Some(value) = head.fields.first(known) {
            line.text(name, value);
        }
    }
}

/// Protocol and scheme, of which there are few.
const fn spoken(version: Version, scheme: Scheme) -> &'static str {
    macro_rules! spoken {
        ($version:literal, $scheme:literal) => {
            concat!(",\"ClientRequestProtocol\":\"", $version, "\",\"ClientRequestScheme\":\"", $scheme, "\"")
        };
    }
    match (version, scheme) {
        (Version::Http10, Scheme::Http) => spoken!("HTTP/1.0", "http"),
        (Version::Http10, Scheme::Https) => spoken!("HTTP/1.0", "https"),
        (Version::Http11, Scheme::Http) => spoken!("HTTP/1.1", "http"),
        (Version::Http11, Scheme::Https) => spoken!("HTTP/1.1", "https"),
        (Version::Http2, Scheme::Http) => spoken!("HTTP/2", "http"),
        (Version::Http2, Scheme::Https) => spoken!("HTTP/2", "https"),
        (Version::Http3, Scheme::Http) => spoken!("HTTP/3", "http"),
        (Version::Http3, Scheme::Https) => spoken!("HTTP/3", "https"),
    }
}

/// Every request that gets as far as the cache goes through it, whatever it makes of it.
fn cache(line: &mut Line<'_>, record: &Record) {
    line.literal(logged(record.cache.status));
    line.number(key!("CacheResponseBytes"), record.moved.sent);
    line.status(key!("CacheResponseStatus"), record.status);
    if let Some(waited) = record.cache.waited {
        line.millis(key!("CacheLockWaitedMs"), waited);
    }
}

/// The log's word for a status: the header's in lower case.
const fn logged(status: CacheStatus) -> &'static str {
    macro_rules! logged {
        ($word:literal) => {
            concat!(",\"CacheCacheStatus\":\"", $word, "\"")
        };
    }
    match status {
        CacheStatus::None => logged!("unknown"),
        CacheStatus::Hit => logged!("hit"),
        CacheStatus::Miss => logged!("miss"),
        CacheStatus::Expired => logged!("expired"),
        CacheStatus::Stale => logged!("stale"),
        CacheStatus::Revalidated => logged!("revalidated"),
        CacheStatus::Updating => logged!("updating"),
        CacheStatus::Bypass => logged!("bypass"),
        CacheStatus::Dynamic => logged!("dynamic"),
    }
}

fn origin(line: &mut Line<'_>, origin: &OriginFacts, record: &Record) {
    if let Some(address) = &origin.address {
        line.raw_text(key!("OriginIP"), address.as_bytes());
    }
    line.number(key!("OriginResponseBytes"), record.origin_bytes);
    let took = origin.answered_at.saturating_duration_since(record.started.mono);
    line.number(key!("OriginResponseTime"), u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    if let Some((dns, tcp, tls)) = origin.opening {
        line.millis(key!("OriginDNSResponseTimeMs"), dns);
        line.millis(key!("OriginTCPHandshakeDurationMs"), tcp);
        line.millis(key!("OriginTLSHandshakeDurationMs"), tls);
    }
    if let Some(version) = origin.tls_version {
        line.raw_text(key!("OriginSSLProtocol"), version.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_what_the_header_says_in_lower_case() {
        for status in CacheStatus::ALL {
            let word = status.as_str().to_ascii_lowercase();
            assert_eq!(logged(status), format!(",\"CacheCacheStatus\":\"{word}\""));
        }
    }

    #[test]
    fn protocol_and_scheme_are_named_as_everywhere() {
        for version in [Version::Http10, Version::Http11, Version::Http2, Version::Http3] {
            for scheme in [Scheme::Http, Scheme::Https] {
                let (protocol, name) = (version.as_str(), scheme.as_str());
                assert_eq!(
                    spoken(version, scheme),
                    format!(",\"ClientRequestProtocol\":\"{protocol}\",\"ClientRequestScheme\":\"{name}\"")
                );
            }
        }
    }

    #[test]
    fn the_cache_stands_in_the_line_if_it_had_a_part() {
        let mut record = Record::new(RayId(7), Now::read());
        let line = |record: &Record| {
            let mut out = Vec::new();
            let mut line = Line::begin(&mut out, "RayID", b"7");
            cache(&mut line, record);
            line.end();
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        };
        (record.status, record.moved.sent) = (206, 900);
        record.cache = CacheFacts {
            status: CacheStatus::Updating,
            waited: Some(Duration::from_millis(12)),
            ..CacheFacts::NONE
        };
        let shown = line(&record);
        assert_eq!(shown["CacheCacheStatus"], "updating");
        assert_eq!((&shown["CacheResponseBytes"], &shown["CacheResponseStatus"]), (&900.into(), &206.into()));
        assert_eq!(shown["CacheLockWaitedMs"], 12);
        record.cache.waited = None;
        assert!(line(&record).get("CacheLockWaitedMs").is_none());
    }
}
