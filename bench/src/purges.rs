//! Purges at a rate, over the API, while something else is measured.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rempart_base::Now;
use serde_json::{Value, json};

use crate::http::{Answer, Connection, Url};
use crate::{Outcome, pause};

/// Names in one call: as many as the API takes of each kind.
const NAMES: u64 = 100;
/// What each call names, in turn. None of it is what is asked for meanwhile.
const KINDS: [(&str, &str, &str); 4] = [
    ("files", "http://bench.test/gone/", ""),
    ("tags", "gone-", ""),
    ("prefixes", "bench.test/gone/", "/"),
    ("hosts", "gone-", ".bench.test"),
];

/// Where purges go.
#[derive(Debug)]
pub(crate) struct Api {
    address: SocketAddr,
    zone_id: String,
    token: String,
}

impl Api {
    /// Of an edge whose admin endpoint is on this port, with its first zone.
    pub(crate) fn on(port: u16, token: &str) -> Outcome<Self> {
        let url = Url::parse(&format!("http://127.0.0.1:{port}/status"))?;
        let answer = get(&url)?;
        let status: Value = serde_json::from_slice(&answer.body)?;
        let id = status.pointer("/zone_ids/0/id").and_then(Value::as_str);
        let zone_id = id.ok_or("the status has no id of a zone")?.to_owned();
        Ok(Self { address: url.address, zone_id, token: token.to_owned() })
    }

    /// Purges at this rate until told to stop, and answers how many that were. Fails if one is refused.
    pub(crate) fn purge(&self, rate: u64, stop: &AtomicBool) -> Outcome<u64> {
        let mut connection = Connection::open(self.address)?;
        let every = Duration::from_secs(NAMES) / u32::try_from(rate.max(1))?;
        let (begun, mut calls) = (Now::mono(), 0_u32);
        while !stop.load(Ordering::Relaxed) {
            let due = begun + every * calls;
            if let Some(wait) = due.checked_duration_since(Now::mono()) {
                pause(wait);
            }
            let request = self.request(u64::from(calls));
            let answer = connection.exchange(request.as_bytes()).map_err(|broken| broken.cause)?;
            if answer.status != 200 {
                let (status, body) = (answer.status, String::from_utf8_lossy(&answer.body).into_owned());
                return Err(format!("a purge is refused with {status}: {body}").into());
            }
            calls += 1;
        }
        Ok(u64::from(calls) * NAMES)
    }

    fn request(&self, nth: u64) -> String {
        let Self { zone_id, token, .. } = self;
        let body = body(nth);
        format!(
            "POST /client/v4/zones/{zone_id}/purge_cache HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// What a call names: never the same twice.
fn body(nth: u64) -> String {
    let kind = usize::try_from(nth).ok().and_then(|nth| KINDS.get(nth % KINDS.len()));
    let (kind, before, after) = kind.copied().unwrap_or(("tags", "", ""));
    let names: Vec<String> =
        (nth * NAMES..(nth + 1) * NAMES).map(|number| format!("{before}{number}{after}")).collect();
    json!({kind: names}).to_string()
}

fn get(url: &Url) -> Outcome<Answer> {
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.target, url.authority);
    Ok(Connection::open(url.address)?.exchange(request.as_bytes()).map_err(|broken| broken.cause)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_name_a_hundred_of_one_kind_and_never_the_same() {
        let first: Value = serde_json::from_str(&body(0)).unwrap();
        assert_eq!(first["files"].as_array().unwrap().len(), 100);
        assert_eq!(first["files"][99], "http://bench.test/gone/99");
        let fourth: Value = serde_json::from_str(&body(3)).unwrap();
        assert_eq!(fourth["hosts"][0], "gone-300.bench.test");
        assert_ne!(body(0), body(4));
    }
}
