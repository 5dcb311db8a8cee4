//! What a process says on standard error, kept with the time at which it came.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rempart_base::Now;

use crate::Outcome;

/// Lines that are kept; what comes on top is only counted.
const LINES_MAX: usize = 200_000;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// When it came.
    pub(crate) at: Instant,
    /// Its text, without colours.
    pub(crate) text: String,
}

/// All lines so far, of all readers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: Mutex<Vec<Line>>,
    came: Condvar,
}

impl Lines {
    /// Reads to the end, on a thread of its own. That ends when nobody holds the other end any more.
    pub(crate) fn read(&self, from: impl Read + Send + 'static) -> Outcome<()> {
        let inner = Arc::clone(&self.inner);
        let work = move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                let line = Line { at: Now::mono(), text: without_colours(&String::from_utf8_lossy(&line)) };
                let mut lines = inner.hold();
                if lines.len() < LINES_MAX {
                    lines.push(line);
                }
                inner.came.notify_all();
            }
        };
        std::thread::Builder::new().name("lines".to_owned()).spawn(work)?;
        Ok(())
    }

    /// How many there are, to wait for a later one.
    pub(crate) fn count(&self) -> usize {
        self.inner.hold().len()
    }

    /// Those from this place on that hold every one of these parts.
    pub(crate) fn with(&self, from: usize, parts: &[&str]) -> Vec<Line> {
        let lines = self.inner.hold();
        lines
            .iter()
            .skip(from)
            .filter(|line| parts.iter().all(|part| line.text.contains(part)))
            .cloned()
            .collect()
    }

    /// Waits for the first of those.
    pub(crate) fn await_with(&self, from: usize, parts: &[&str], patience: Duration) -> Outcome<Line> {
        let deadline = Now::mono() + patience;
        let mut lines = self.inner.hold();
        let mut seen = from;
        loop {
            for line in lines.iter().skip(seen) {
                if parts.iter().all(|part| line.text.contains(part)) {
                    return Ok(line.clone());
                }
            }
            seen = lines.len().max(from);
            let left = deadline.saturating_duration_since(Now::mono());
            if left.is_zero() {
                return Err(format!("in {patience:?} no line said {parts:?}").into());
            }
            lines = self.inner.came.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The last ones, for whoever has to find out.
    pub(crate) fn last(&self, count: usize) -> String {
        let lines = self.inner.hold();
        let from = lines.len().saturating_sub(count);
        lines.iter().skip(from).map(|line| format!("    | {}\n", line.text)).collect()
    }
}

impl Inner {
    fn hold(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log for terminals puts escape sequences between a name and its value.
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_parts_wherever_colours_stand() {
        let lines = Lines::default();
        lines.read(&b"first\n\x1b[32m INFO\x1b[0m back \x1b[3mpid\x1b[0m=7\nlast"[..]).unwrap();
        let patience = Duration::from_secs(10);
        assert_eq!(lines.await_with(0, &["back", "pid=7"], patience).unwrap().text, " INFO back pid=7");
        lines.await_with(0, &["last"], patience).unwrap();
        assert!(lines.await_with(1, &["first"], Duration::ZERO).is_err());
        assert_eq!((lines.count(), lines.with(0, &["pid"]).len()), (3, 1));
    }
}
