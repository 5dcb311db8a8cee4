//! A request's story in plain words.

use serde_json::Value;

use super::origin;
use crate::commands::events::stored::{number, status, text};
use crate::commands::events::{rule, stored};

/// What each code of a fault means, and what to do.
const ERRORS: &str = include_str!("../../../../../docs/errors/README.md");
/// So wide is the column of headings.
const HEADING: usize = 9;

/// The story. Without a line, events tell what they know.
pub(super) fn of(ray: &str, line: Option<&Value>, events: &[Value]) -> String {
    let mut story = Story(format!("Request {ray}"));
    let Some(source) = line.or(events.last()) else { return story.0 };
    let moment = match text(source, "EdgeStartTimestamp") {
        "" => text(source, "Datetime"),
        moment => moment,
    };
    story.0.push_str(&format!(", {moment}\n\n"));
    story.rows("Who", &who(source));
    story.rows("Asked", &asked(source));
    story.rows("Zone", &[zone(source)]);
    story.rows("Rules", &rules(line, events));
    match line {
        Some(line) => {
            story.rows("Cache", &cache(line));
            story.rows("Origin", &origin::told(line));
            story.rows("Answer", &answer(line));
            story.rows("Took", &took(line));
            story.rows("Fault", &fault(line));
        }
        None => {
            story.rows("Answer", &[format!("status {}", status(source, "EdgeResponseStatus"))]);
            story.rows(
                "Note",
                &["its line in the access log was not found: the rest is not known".to_owned()],
            );
        }
    }
    story.0
}

struct Story(String);

impl Story {
    fn rows(&mut self, heading: &str, rows: &[String]) {
        for (at, row) in rows.iter().enumerate() {
            let heading = if at == 0 { heading } else { "" };
            self.0.push_str(&format!("{heading:HEADING$}{row}\n"));
        }
    }
}

fn who(source: &Value) -> Vec<String> {
    let text = |key| text(source, key);
    let port = number(source, "ClientSrcPort").map(|port| format!(", port {port}"));
    let mut rows = vec![format!("{}{}", text("ClientIP"), port.unwrap_or_default())];
    let (tls, cipher) = (text("ClientSSLProtocol"), text("ClientSSLCipher"));
    if !tls.is_empty() {
        rows.push(format!("over {tls} ({cipher})"));
    } else if source.get("EdgeStartTimestamp").is_some() {
        rows.push("without TLS".to_owned());
    }
    if !text("ClientRequestUserAgent").is_empty() {
        rows.push(format!("calls itself {}", text("ClientRequestUserAgent")));
    }
    rows
}

fn asked(source: &Value) -> Vec<String> {
    let text = |key| text(source, key);
    if text("ClientRequestMethod").is_empty() {
        return vec!["what it asked could not be read".to_owned()];
    }
    let url = match text("ClientRequestURI") {
        "" => stored::url(source),
        uri => format!("{}://{}{uri}", text("ClientRequestScheme"), text("ClientRequestHost")),
    };
    let mut rows =
        vec![format!("{} {url} in {}", text("ClientRequestMethod"), text("ClientRequestProtocol"))];
    if !text("ClientRequestReferer").is_empty() {
        rows.push(format!("coming from {}", text("ClientRequestReferer")));
    }
    if let Some(bytes) = number(source, "ClientRequestBytes") {
        rows.push(format!("{bytes} bytes came from the visitor"));
    }
    rows
}

fn zone(source: &Value) -> String {
    let release = number(source, "Release").map(|release| format!(", release {release}"));
    match text(source, "ZoneName") {
        "" => "none: no zone answers for this host".to_owned(),
        zone => format!("{zone}{}", release.unwrap_or_default()),
    }
}

fn rules(line: Option<&Value>, events: &[Value]) -> Vec<String> {
    let mut rows = Vec::new();
    for event in events {
        rows.push(format!("{}: {}", text(event, "Action"), rule(event)));
        if !text(event, "Matched").is_empty() {
            rows.push(format!("    because {}", text(event, "Matched")));
        }
    }
    let list = |key: &str| -> Vec<&str> {
        let values = line.and_then(|line| line.get(key)).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    if events.is_empty() {
        let (ids, actions) = (list("SecurityRuleIDs"), list("SecurityActions"));
        let sources = list("SecuritySources");
        for ((id, action), source) in ids.iter().zip(&actions).zip(&sources) {
            rows.push(format!("{action}: {id} ({source}); its event is not kept any more"));
        }
    }
    for (name, action) in list("MatchedRules").iter().zip(list("MatchedRuleActions")) {
        rows.push(format!("{action}: {name}"));
    }
    if rows.is_empty() {
        rows.push("none matched".to_owned());
    }
    rows
}

fn cache(line: &Value) -> Vec<String> {
    let status = text(line, "CacheCacheStatus");
    let why = match status {
        "" => return vec!["had no part in it".to_owned()],
        "hit" => "answered from what is stored",
        "miss" => "nothing was stored: fetched from the origin, and stored if it may be",
        "expired" => "what is stored was too old: fetched anew",
        "revalidated" => "what is stored was too old, and the origin has confirmed it",
        "updating" => "answered with what is stored, which is too old, while another request confirms it",
        "stale" => "answered with what is stored though it is too old, since the origin fails",
        "bypass" => "its kind is stored, but the settings, the request or the answer say no",
        "dynamic" => "its kind is not stored: by extension and settings it is not for the cache",
        _ => "",
    };
    let mut rows = vec![format!("{status}: {why}")];
    if let Some(waited) = number(line, "CacheLockWaitedMs") {
        rows.push(format!("waited {waited} ms for another request that fetched the same"));
    }
    rows
}

fn answer(line: &Value) -> Vec<String> {
    let kind = text(line, "EdgeResponseContentType");
    let kind = if kind.is_empty() { String::new() } else { format!(", {kind}") };
    let bytes = number(line, "EdgeResponseBytes").unwrap_or(0);
    let body = number(line, "EdgeResponseBodyBytes").unwrap_or(0);
    vec![match number(line, "EdgeResponseStatus") {
        None | Some(0) => "none: the connection ended before there was one".to_owned(),
        Some(499) => format!("499: the visitor went away or got no answer; {bytes} bytes had been sent"),
        Some(status) => format!("{status}{kind}; {bytes} bytes, {body} of them body"),
    }]
}

fn took(line: &Value) -> Vec<String> {
    let moment = |key| millis_of_day(text(line, key));
    let (Some(begun), Some(ended)) = (moment("EdgeStartTimestamp"), moment("EdgeEndTimestamp")) else {
        return Vec::new();
    };
    // Midnight may lie between.
    let took = (ended + 86_400_000 - begun) % 86_400_000;
    vec![format!("{took} ms from its head to the end of the answer")]
}

/// Of an RFC 3339 moment with milliseconds in UTC.
fn millis_of_day(moment: &str) -> Option<u64> {
    let (_, time) = moment.split_once('T')?;
    let mut parts = time.trim_end_matches('Z').splitn(3, ':');
    let (hours, minutes) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let (seconds, millis) = parts.next()?.split_once('.')?;
    Some(((hours * 60 + minutes) * 60 + seconds.parse::<u64>().ok()?) * 1000 + millis.parse::<u64>().ok()?)
}

fn fault(line: &Value) -> Vec<String> {
    let code = text(line, "Fault");
    if code.is_empty() {
        return Vec::new();
    }
    let detail = text(line, "FaultDetail");
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let mut rows = vec![format!("{code}{detail}")];
    rows.extend(meaning(code).map(str::to_owned));
    rows
}

/// What `docs/errors` says under this heading.
fn meaning(code: &str) -> impl Iterator<Item = &'static str> {
    let heading = format!("## {code}");
    let lines = ERRORS.lines().skip_while(move |line| line.trim_end() != heading).skip(1);
    lines.take_while(|line| !line.starts_with('#')).filter(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_story_says_who_what_why_and_how_long() {
        let line = json!({
            "RayID": "00000000000000aa", "EdgeStartTimestamp": "2026-01-02T23:59:59.999Z",
            "EdgeEndTimestamp": "2026-01-03T00:00:00.010Z", "ClientIP": "192.0.2.9", "ClientSrcPort": 4711,
            "ClientRequestHost": "a.test", "ClientRequestMethod": "GET", "ClientRequestPath": "/x",
            "ClientRequestURI": "/x?y", "ClientRequestProtocol": "HTTP/2", "ClientRequestScheme": "https",
            "ClientSSLProtocol": "TLSv1.3", "ClientSSLCipher": "AES", "EdgeResponseStatus": 502,
            "CacheCacheStatus": "dynamic", "ZoneName": "a.test", "Release": 12, "OriginURL": "http://o.test",
            "OriginResponseStatus": 0, "Fault": "origin-refused",
        });
        let story = of("00000000000000aa", Some(&line), &[]);
        for part in [
            "192.0.2.9, port 4711",
            "over TLSv1.3 (AES)",
            "GET https://a.test/x?y in HTTP/2",
            "a.test, release 12",
            "none matched",
            "dynamic: its kind is not stored",
            "http://o.test could not be reached",
            "502",
            "11 ms from its head",
        ] {
            assert!(story.contains(part), "{part}: {story}");
        }
    }

    #[test]
    fn an_event_alone_is_told_too() {
        let event = json!({
            "RayID": "00000000000000aa", "Datetime": "2026-01-02T00:00:00.000Z", "Action": "block", "Ref": "r",
            "Source": "firewallCustom", "ZoneName": "a.test", "Matched": "http.host = \"a.test\"",
            "ClientRequestMethod": "GET", "EdgeResponseStatus": 403,
        });
        let story = of("00000000000000aa", None, &[event]);
        for part in ["block: r (firewallCustom)", "because http.host = \"a.test\"", "403", "was not found"] {
            assert!(story.contains(part), "{part}: {story}");
        }
    }

    #[test]
    fn every_fault_has_its_meaning() {
        for fault in ["unknown-host", "bad-request", "client-gone", "loop"] {
            assert!(meaning(fault).count() > 0, "{fault}");
        }
    }
}
