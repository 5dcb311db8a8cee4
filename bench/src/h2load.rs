//! One run of h2load, which asks over HTTP/2 and TLS, and what it says.

use std::process::Command;

use crate::Outcome;
use crate::certificate::HOST;
use crate::wrk::HEADERS;

/// Connections.
pub(crate) const CONNECTIONS: u32 = 16;
/// One cipher for everybody: which one is nothing that is compared here.
const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// What to ask.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Where to, on 127.0.0.1.
    pub port: u16,
    /// What for.
    pub path: &'static str,
    /// Requests at a time on each connection.
    pub streams: u32,
}

/// What one run has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    /// Answers that came whole with a status of 2xx.
    pub requests: u64,
    /// How long it ran.
    pub wall_s: f64,
    /// Requests that failed, had an error or were not answered in time.
    pub failed: u64,
    /// Answers with another status.
    pub refused: u64,
    /// What was negotiated: `h2`.
    pub protocol: String,
    /// … and below it: `TLSv1.3`.
    pub tls: String,
}

impl Load {
    /// Sends so many requests from one thread. Fails if any request failed, or went otherwise than over HTTP/2 and
    /// TLS 1.3.
    pub(crate) fn run(&self, requests: u64) -> Outcome<Run> {
        let mut command = Command::new("h2load");
        command
            .args(["-t", "1", "-c", &CONNECTIONS.to_string(), "-m", &self.streams.to_string()])
            .args(["-n", &requests.max(CONNECTIONS.into()).to_string()])
            .arg(format!("--tls13-ciphers={CIPHER}"))
            .arg(format!("--connect-to=127.0.0.1:{}", self.port));
        for header in HEADERS {
            command.args(["-H", header]);
        }
        command.arg(format!("https://{HOST}:{}{}", self.port, self.path));
        let output = command
            .output()
            .map_err(|error| format!("h2load does not start (package nghttp2-client): {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let run = parse(&text).ok_or_else(|| {
            format!("h2load said nothing of use: {text}{}", String::from_utf8_lossy(&output.stderr))
        })?;
        if run.protocol != "h2" || run.tls != "TLSv1.3" {
            return Err(format!(
                "void: h2load did not speak h2 over TLSv1.3 but {:?} over {:?}",
                run.protocol, run.tls
            )
            .into());
        }
        if run.failed > 0 || run.refused > 0 || run.requests == 0 {
            return Err(format!(
                "void: of requests to {}, {} were answered, {} failed and {} answers were no 2xx",
                self.path, run.requests, run.failed, run.refused
            )
            .into());
        }
        Ok(run)
    }
}

/// Reads h2load's report.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<Run> {
    let mut run = Run::default();
    let (mut is_timed, mut is_summed) = (false, false);
    for line in text.lines() {
        if let Some(protocol) = line.strip_prefix("Application protocol: ") {
            protocol.trim().clone_into(&mut run.protocol);
        } else if let Some(tls) = line.strip_prefix("TLS Protocol: ") {
            tls.trim().clone_into(&mut run.tls);
        } else if let Some(rest) = line.strip_prefix("finished in ") {
            run.wall_s = duration_s(rest.split(',').next()?)?;
            is_timed = true;
        } else if let Some(counts) = line.strip_prefix("requests: ") {
            run.failed = count(counts, "failed")? + count(counts, "errored")? + count(counts, "timeout")?;
            // What was begun and has neither come nor failed is lost without a word.
            let unfinished = count(counts, "total")?.saturating_sub(count(counts, "done")?);
            run.failed = run.failed.max(unfinished);
        } else if let Some(counts) = line.strip_prefix("status codes: ") {
            run.requests = count(counts, "2xx")?;
            run.refused = count(counts, "3xx")? + count(counts, "4xx")? + count(counts, "5xx")?;
            is_summed = true;
        }
    }
    (is_timed && is_summed).then_some(run)
}

/// The number before this word in `1 total, 2 done, …`.
fn count(counts: &str, word: &str) -> Option<u64> {
    counts.split(", ").find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
}

/// h2load writes `1.02s`, `133.48ms`, `900us`, and minutes as `62.00s`.
fn duration_s(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "starting benchmark...
spawning thread #0: 16 total client(s). 20000 total requests
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2
progress: 100% done

finished in 133.48ms, 149835.18 req/s, 151.05MB/s
requests: 20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 20.16MB (21142096) total, 294.55KB (301616) headers (space savings 93.02%), 19.53MB (20480000) data
";

    #[test]
    fn a_clean_report() {
        let run = parse(CLEAN).unwrap();
        assert_eq!((run.requests, run.failed, run.refused), (20_000, 0, 0));
        assert_eq!((run.protocol.as_str(), run.tls.as_str()), ("h2", "TLSv1.3"));
        assert!((run.wall_s - 0.13348).abs() < 1e-9);
    }

    #[test]
    fn failures_and_other_statuses_are_counted() {
        let text = CLEAN
            .replace("0 failed, 0 errored, 0 timeout", "3 failed, 2 errored, 1 timeout")
            .replace("20000 2xx, 0 3xx, 0 4xx, 0 5xx", "19981 2xx, 2 3xx, 4 4xx, 7 5xx");
        let run = parse(&text).unwrap();
        assert_eq!((run.requests, run.failed, run.refused), (19_981, 6, 13));
    }

    #[test]
    fn what_neither_came_nor_failed_is_lost() {
        let text = CLEAN.replace("20000 done, 20000 succeeded", "19990 done, 19990 succeeded");
        assert_eq!(parse(&text).unwrap().failed, 10);
    }

    #[test]
    fn what_was_negotiated_is_told() {
        let text = CLEAN.replace("Application protocol: h2", "Application protocol: http/1.1");
        assert_eq!(parse(&text).unwrap().protocol, "http/1.1");
        assert_eq!(parse(&CLEAN.replace("Application", "No")).unwrap().protocol, "");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration_s("1.02s"), Some(1.02));
        assert_eq!(duration_s("250us"), Some(0.00025));
        assert_eq!(duration_s("1.02"), None);
    }

    #[test]
    fn no_report_is_no_run() {
        assert_eq!(parse("spawning thread #0: 1 total client(s). 1 total requests\n"), None);
    }
}
