//! Asking, and judging the answer.

use std::io;
use std::time::Duration;

use rempart_config::{Snapshot, ZonePlan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::kitchen::Kitchen;
use super::menu::Course;
use super::origin::CALLED_AS;
use super::{Checks, Portion, panics};
use crate::rules;

/// No answer is longer: a page of ours, or that of the stand-in.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// What came back.
struct Answer {
    status: u16,
    called_as: Option<String>,
    host: Vec<u8>,
}

/// Asks one thing.
///
/// # Errors
/// Why the release must not be published, naming zone, request and, where it is known, the stage.
pub(super) fn ask(
    kitchen: &Kitchen,
    snapshot: &Snapshot,
    course: &Course<'_>,
    portion: &Portion,
    checks: &mut Checks,
) -> Result<(), String> {
    checks.requests += 1;
    let asked = kitchen.runtime.block_on(exchange(kitchen, course, portion.answer_timeout));
    let named = |what: String| format!("{}: {what}", name(course));
    if let Some(panic) = panics::noted() {
        return Err(named(panic));
    }
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return Err(named(stuck(kitchen, &error))),
    };
    checks.answered += 1;
    *checks.by_status.entry(answer.status).or_default() += 1;
    judge(snapshot, course, &answer).map_err(named)
}

fn name(course: &Course<'_>) -> String {
    match course.zone {
        Some(zone) => format!("zone {}, {}", zone.name, course.what),
        None => format!("a recent request, {}", course.what),
    }
}

/// What the worker was doing, if it says.
fn stuck(kitchen: &Kitchen, error: &io::Error) -> String {
    match kitchen.slot.read() {
        Some(mark) => format!("{error}, in the stage {}{}", mark.stage, panics::rule(&mark.rule)),
        None => error.to_string(),
    }
}

fn judge(snapshot: &Snapshot, course: &Course<'_>, answer: &Answer) -> Result<(), String> {
    let zone = snapshot.zone_for_host(&answer.host);
    // Behind this edge stands nobody who fails: such a status is ours.
    let is_held_back = zone.is_some_and(|zone| zone.is_held_back);
    if answer.status >= 500 && !(is_held_back && answer.status == 503) {
        return Err(format!("it is answered with {}", answer.status));
    }
    match (zone, &answer.called_as) {
        (Some(zone), Some(label)) if !has_origin(zone, label) && !rules::reroutes(snapshot, zone) => {
            Err(format!("it is answered by {label}, which is no origin of zone {}", zone.name))
        }
        (None, Some(label)) if course.zone.is_some() => {
            Err(format!("it is answered by {label}, though no zone has this host"))
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

fn has_origin(zone: &ZonePlan, label: &str) -> bool {
    zone.origins.iter().any(|origin| *origin.label == *label)
}

async fn exchange(kitchen: &Kitchen, course: &Course<'_>, patience: Duration) -> io::Result<Answer> {
    let mut stream = UnixStream::from_std(kitchen.connect(course.tls)?)?;
    let mut bytes = Vec::new();
    let exchanging = async {
        // A refusal may come before all is written, and ends the writing.
        let _ = stream.write_all(&course.bytes).await;
        let (mut reader, _writer) = stream.split();
        (&mut reader).take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await
    };
    let late =
        |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} ms", patience.as_millis()));
    let read = timeout(patience, exchanging).await.map_err(late)?;
    match (Answer::read(&bytes, &course.bytes), read) {
        (Some(answer), _) => Ok(answer),
        (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is not answered")),
        (None, Err(error)) => Err(error),
    }
}

impl Answer {
    /// Reads what matters; the worker's own encoder wrote it.
    fn read(bytes: &[u8], request: &[u8]) -> Option<Self> {
        let status = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        let status = std::str::from_utf8(status).ok()?.parse().ok()?;
        let called_as = field(bytes, CALLED_AS).map(|value| String::from_utf8_lossy(value).into_owned());
        let host = field(request, "Host").unwrap_or_default();
        let host = host.split(|byte| *byte == b':').next().unwrap_or_default().to_vec();
        Some(Self { status, called_as, host })
    }
}

/// The value of a field in a head.
fn field<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let lines = message.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (own, value) = line.split_at_checked(name.len())?;
        if own.eq_ignore_ascii_case(name.as_bytes()) { value.strip_prefix(b": ") } else { None }
    })
}
