//! What came of the requests of a load.

use std::io::ErrorKind;

use crate::http::Broken;
use crate::stats::Histogram;

/// Failures that are told in words; the others are counted.
const MESSAGES_MAX: usize = 5;

/// What came of all requests.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) reset: u64,
    pub(crate) wrongly_routed: u64,
    pub(crate) retried: u64,
    pub(crate) closed_between: u64,
    pub(crate) reused_origin: u64,
    pub(crate) latency_us: Histogram,
    messages: Vec<String>,
}

impl Tally {
    pub(crate) fn is_clean(&self) -> bool {
        self.sent > 0 && self.ok == self.sent
    }

    pub(crate) fn count_bad(&mut self, which: &str, ended: Ended) {
        let (count, what) = match ended {
            Ended::Ok { .. } => return,
            Ended::Failed(what) => (&mut self.failed, what),
            Ended::Reset(what) => (&mut self.reset, what),
            Ended::WronglyRouted(what) => (&mut self.wrongly_routed, what),
        };
        *count += 1;
        if self.messages.len() < MESSAGES_MAX {
            self.messages.push(format!("{which}: {what}"));
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.reset += other.reset;
        self.wrongly_routed += other.wrongly_routed;
        self.retried += other.retried;
        self.closed_between += other.closed_between;
        self.reused_origin += other.reused_origin;
        self.latency_us.merge(&other.latency_us);
        self.messages.extend(other.messages);
        self.messages.truncate(MESSAGES_MAX);
    }
}

impl std::fmt::Display for Tally {
    #[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "sent           {}", self.sent)?;
        writeln!(f, "ok             {}", self.ok)?;
        writeln!(f, "failed         {}", self.failed)?;
        writeln!(f, "reset          {}", self.reset)?;
        writeln!(f, "wrongly routed {}", self.wrongly_routed)?;
        writeln!(f, "retried        {} (closed unanswered on a reused connection)", self.retried)?;
        writeln!(f, "reconnected    {} (closed between two requests)", self.closed_between)?;
        let quantile = |share| self.latency_us.quantile(share);
        let (p50, p99, max) = (quantile(0.5), quantile(0.99), self.latency_us.max());
        writeln!(f, "latency        p50 {p50} µs, p99 {p99} µs, max {max} µs")?;
        let reused = self.reused_origin as f64 / self.ok.max(1) as f64 * 100.0;
        write!(f, "origin reuse   {reused:.1} % of answers came on a connection that the origin knew")?;
        for message in &self.messages {
            write!(f, "\n  {message}")?;
        }
        Ok(())
    }
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Ok { reused_origin: bool },
    Failed(String),
    Reset(String),
    WronglyRouted(String),
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        let when = if broken.answer_began { "in the midst of its answer" } else { "before its answer" };
        let what = format!("{} {when}", broken.cause);
        if matches!(broken.cause.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) {
            Self::Reset(what)
        } else {
            Self::Failed(what)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_clean_only_if_all_was_answered() {
        let mut tally = Tally { sent: 2, ok: 1, ..Tally::default() };
        tally.count_bad("request 1", Ended::Reset("gone".to_owned()));
        assert!(!tally.is_clean());
        assert_eq!((tally.reset, tally.messages.len()), (1, 1));
        assert!(!Tally::default().is_clean(), "nothing sent proves nothing");
        assert!(Tally { sent: 2, ok: 2, retried: 1, ..Tally::default() }.is_clean());
    }
}
