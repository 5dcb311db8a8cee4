//! An event as one JSON object, with the names that Cloudflare's firewall events have.

use super::slot::EVENT_BYTES_MAX;
use crate::json::{Key, Line, escape};
use crate::key;
use crate::rules::events::Event;
use crate::text::{IpText, SecondText};

// How much of each text stands in it, in bytes as they stand there: with escapes.

/// Names of rules and rulesets, and what the operator says of them.
const NAME_BYTES: usize = 128;
/// A method.
const WORD_BYTES: usize = 32;
/// A host, and a zone's name.
const HOST_BYTES: usize = 256;
/// A path, and a query.
const TARGET_BYTES: usize = 512;
/// A user agent, and a referer.
const AGENT_BYTES: usize = 320;
/// What has matched.
const MATCHED_BYTES: usize = 512;
/// Keys, numbers, words of ours and an address.
const REST_BYTES: usize = 840;

const _: () = assert!(
    4 * NAME_BYTES + WORD_BYTES + 2 * (HOST_BYTES + TARGET_BYTES + AGENT_BYTES) + MATCHED_BYTES + REST_BYTES
        <= EVENT_BYTES_MAX,
    "all texts at their longest fit a slot"
);

/// The line of an event, without its end. Never longer than [`EVENT_BYTES_MAX`].
#[must_use]
pub fn line(event: &Event) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut line = Line::begin(&mut out, "RayID", &event.ray.hex());
    line.time(key!("Datetime"), event.at, &SecondText::default());
    line.raw_text(key!("Action"), event.action.as_bytes());
    line.raw_text(key!("Source"), event.source.as_bytes());
    text(&mut line, key!("RuleID"), event.rule_id.as_bytes(), NAME_BYTES);
    text(&mut line, key!("Ref"), event.rule.as_bytes(), NAME_BYTES);
    text(&mut line, key!("Description"), event.description.as_bytes(), NAME_BYTES);
    text(&mut line, key!("Ruleset"), event.ruleset.as_bytes(), NAME_BYTES);
    text(&mut line, key!("ZoneName"), event.zone.as_bytes(), HOST_BYTES);
    line.number(key!("Release"), event.release);
    line.raw_text(key!("ClientIP"), IpText::new(event.client).as_bytes());
    text(&mut line, key!("ClientRequestMethod"), &event.method, WORD_BYTES);
    line.raw_text(key!("ClientRequestScheme"), event.scheme.as_bytes());
    text(&mut line, key!("ClientRequestHost"), &event.host, HOST_BYTES);
    text(&mut line, key!("ClientRequestPath"), &event.path, TARGET_BYTES);
    text(&mut line, key!("ClientRequestQuery"), &event.query, TARGET_BYTES);
    line.raw_text(key!("ClientRequestProtocol"), event.protocol.as_bytes());
    text(&mut line, key!("ClientRequestUserAgent"), &event.user_agent, AGENT_BYTES);
    text(&mut line, key!("ClientRequestReferer"), &event.referer, AGENT_BYTES);
    text(&mut line, key!("Matched"), event.matched.as_bytes(), MATCHED_BYTES);
    line.number(key!("EdgeResponseStatus"), event.status.into());
    line.number(key!("OriginResponseStatus"), event.origin_status.into());
    line.number(key!("MatchIndex"), event.match_index.into());
    line.literal(",\"Kind\":\"firewall\"");
    line.end();
    // Its line end.
    out.pop();
    out
}

/// A text, cut so that with its escapes it takes no more than this. An empty one is left out.
fn text(line: &mut Line<'_>, key: Key, text: &[u8], bytes_max: usize) {
    let mut kept = text.get(..bytes_max).unwrap_or(text);
    let mut escaped = Vec::new();
    loop {
        escaped.clear();
        escape(&mut escaped, kept);
        match escaped.len().checked_sub(bytes_max) {
            None | Some(0) => break,
            // The longest escape is of six bytes.
            Some(over) => kept = kept.get(..kept.len() - over.div_ceil(6)).unwrap_or_default(),
        }
    }
    if !kept.is_empty() {
        line.raw_text(key, &escaped);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rempart_base::{Now, RayId};

    use super::*;

    fn event(text: &str) -> Event {
        Event {
            at: Now { unix_ns: 784_111_777_042_000_000, ..Now::read() },
            ray: RayId(0x1f),
            zone: text.into(),
            release: u64::MAX,
            rule_id: text.into(),
            rule: text.into(),
            description: text.into(),
            ruleset: text.into(),
            matched: text.into(),
            action: "managedChallenge",
            source: "firewallManaged",
            match_index: u32::MAX,
            client: IpAddr::from([0xffff; 8]),
            method: text.as_bytes().into(),
            host: text.as_bytes().into(),
            path: text.as_bytes().into(),
            query: text.as_bytes().into(),
            user_agent: text.as_bytes().into(),
            referer: text.as_bytes().into(),
            protocol: "HTTP/1.1",
            scheme: "https",
            status: u16::MAX,
            origin_status: u16::MAX,
        }
    }

    #[test]
    fn an_event_is_json_and_its_names_are_the_usual_ones() {
        let shown: serde_json::Value = serde_json::from_slice(&line(&event("a\"\n\u{e9}"))).unwrap();
        assert_eq!(
            (&shown["RayID"], &shown["Action"]),
            (&"000000000000001f".into(), &"managedChallenge".into())
        );
        assert_eq!(shown["Datetime"], "1994-11-06T08:49:37.042Z");
        assert_eq!(shown["ClientRequestPath"], "a\"\n\u{e9}");
        assert_eq!(shown["Kind"], "firewall");
        let empty: serde_json::Value = serde_json::from_slice(&line(&event(""))).unwrap();
        assert!(empty.get("ClientRequestQuery").is_none());
    }

    #[test]
    fn the_longest_texts_fit_whatever_they_are_of() {
        for text in ["x", "\u{1}", "\"", "\u{1f600}"] {
            let line = line(&event(&text.repeat(4096)));
            assert!(line.len() <= EVENT_BYTES_MAX, "{} bytes", line.len());
            assert!(line.len() > 3000, "{} bytes: more would have fitted", line.len());
            assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
        }
    }
}
