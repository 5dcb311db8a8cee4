//! What is asked: for every zone a page, for new and changed ones everything that reaches another part of the
//! program, and recent requests again.

use std::collections::HashSet;
use std::sync::Arc;

use rempart_config::{Difference, HostPattern, Snapshot, ZonePlan};

use super::Portion;

/// The longest head that is tried.
const LONG_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Left for the other fields of a long head.
const LONG_HEAD_ROOM_BYTES: usize = 512;

/// One request.
pub(super) struct Course<'a> {
    /// The zone that it is meant for; a recent request finds its own.
    pub(super) zone: Option<&'a Arc<ZonePlan>>,
    /// What it is, for the operator.
    pub(super) what: String,
    /// Whether it seems to come over TLS.
    pub(super) tls: bool,
    /// The whole message; the connection closes after it.
    pub(super) bytes: Vec<u8>,
}

/// Everything that is to be asked, what is new first.
pub(super) fn courses<'a>(
    snapshot: &'a Snapshot,
    difference: Option<&Difference>,
    portion: &'a Portion,
) -> impl Iterator<Item = Course<'a>> {
    let new = new_zones(snapshot, difference, portion);
    let known: HashSet<*const ZonePlan> = new.iter().map(|zone| Arc::as_ptr(zone)).collect();
    let left = portion.zones_max.saturating_sub(new.len());
    let step = snapshot.zones().len().div_ceil(left.max(1)).max(1);
    let others = snapshot.zones().step_by(step).filter(move |zone| !known.contains(&Arc::as_ptr(zone)));
    let head_bytes_max = snapshot.settings.limits.head_bytes_max;
    let thorough = portion.thorough_max;
    let own = new.into_iter().enumerate().flat_map(move |(at, zone)| {
        if at < thorough { everything(zone, head_bytes_max) } else { vec![page(zone)] }
    });
    let samples = portion.samples.iter().map(|sample| Course {
        zone: None,
        what: first_line(&sample.bytes),
        tls: sample.tls,
        bytes: sample.bytes.clone(),
    });
    own.chain(samples).chain(others.take(left).map(page))
}

fn new_zones<'a>(
    snapshot: &'a Snapshot,
    difference: Option<&Difference>,
    portion: &Portion,
) -> Vec<&'a Arc<ZonePlan>> {
    match difference {
        None => snapshot.zones().take(portion.zones_max).collect(),
        Some(difference) => {
            let names = difference.changed.iter().chain(&difference.added);
            names.filter_map(|name| snapshot.zone_named(name)).take(portion.zones_max).collect()
        }
    }
}

fn page(zone: &Arc<ZonePlan>) -> Course<'_> {
    course(zone, false, "GET", "/", "Accept: text/html\r\nAccept-Encoding: gzip, br\r\n", "")
}

/// A request for each way through the program.
fn everything(zone: &Arc<ZonePlan>, head_bytes_max: usize) -> Vec<Course<'_>> {
    let long = LONG_HEAD_BYTES_MAX.min(head_bytes_max).saturating_sub(LONG_HEAD_ROOM_BYTES);
    let long = format!("X-Long: {}\r\n", "y".repeat(long));
    let fields = "Content-Type: application/x-www-form-urlencoded\r\n";
    let exact = format!("{fields}Content-Length: 9\r\n");
    let chunked = format!("{fields}Transfer-Encoding: chunked\r\n");
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGFzdGUgdGFzdGUgdGFzdA==\r\n";
    vec![
        page(zone),
        course(zone, true, "GET", "/a/b?c=d&e=%20", "Cookie: a=b\r\nRange: bytes=0-1\r\n", ""),
        course(zone, false, "HEAD", "/", "", ""),
        course(zone, false, "POST", "/", &exact, "a=b&c=d&e"),
        course(zone, false, "POST", "/", &chunked, "3\r\na=b\r\n6\r\n&c=d&e\r\n0\r\n\r\n"),
        course(zone, false, "OPTIONS", "/", "Origin: http://taste.invalid\r\n", ""),
        course(zone, false, "GET", "/", &long, ""),
        course(zone, true, "GET", "/", upgrade, ""),
    ]
}

fn course<'a>(
    zone: &'a Arc<ZonePlan>,
    tls: bool,
    method: &str,
    target: &str,
    fields: &str,
    body: &str,
) -> Course<'a> {
    let connection = if fields.starts_with("Upgrade:") { "close, upgrade" } else { "close" };
    let host = host(zone);
    let bytes = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rempart-taster\r\n{fields}\
         Connection: {connection}\r\n\r\n{body}"
    );
    Course { zone: Some(zone), what: format!("{method} {target} of {host}"), tls, bytes: bytes.into_bytes() }
}

/// A name that the zone answers for. Another zone may have a longer one that it fits as well; then that one
/// answers, as it would for visitors.
fn host(zone: &ZonePlan) -> String {
    match zone.hosts.first() {
        Some(HostPattern::Exact(name)) => name.to_string(),
        Some(HostPattern::Under(name)) => format!("www.{name}"),
        Some(HostPattern::Any) | None => zone.name.to_string(),
    }
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(..120).unwrap_or(line)).into_owned()
}
