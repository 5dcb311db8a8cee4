//! One run of the load generator wrk, and what it says.

use std::process::Command;

use crate::Outcome;
use crate::http::Url;

/// With `Host` (`:authority`), which every generator adds itself, the five headers of a request.
pub(crate) const HEADERS: [&str; 4] = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
];

/// The request as wrk sends it, for who sends it without wrk.
#[must_use]
pub(crate) fn request(url: &Url) -> String {
    format!("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n\r\n", url.target, url.authority, HEADERS.join("\r\n"))
}

/// What one run has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    /// Answers that came whole.
    pub requests: u64,
    /// How long it ran.
    pub wall_s: f64,
    /// Connections that failed: connect, read, write and time-out together.
    pub socket_errors: u64,
    /// Answers with a status of 400 or above.
    pub refused: u64,
}

impl Run {
    /// Loads `url` with 64 keep-alive connections from one thread. Fails if any request failed.
    pub(crate) fn against(url: &str, duration_s: u64) -> Outcome<Self> {
        let mut command = Command::new("wrk");
        command.args(["-t1", "-c64", &format!("-d{duration_s}s")]);
        for header in HEADERS {
            command.args(["-H", header]);
        }
        let output = command.arg(url).output().map_err(|error| format!("wrk does not start: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let run = parse(&text).ok_or_else(|| {
            format!("wrk said nothing of use: {text}{}", String::from_utf8_lossy(&output.stderr))
        })?;
        if run.socket_errors > 0 || run.refused > 0 || run.requests == 0 {
            return Err(format!(
                "void: of {} requests to {url}, {} connections failed and {} answers were 4xx or 5xx",
                run.requests, run.socket_errors, run.refused
            )
            .into());
        }
        Ok(run)
    }
}

/// Reads wrk's report.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<Run> {
    let mut run = Run { requests: 0, wall_s: 0.0, socket_errors: 0, refused: 0 };
    let mut summed = false;
    for line in text.lines().map(str::trim) {
        if let Some((requests, rest)) = line.split_once(" requests in ") {
            run.requests = requests.parse().ok()?;
            run.wall_s = duration_s(rest.split(',').next()?)?;
            summed = true;
        } else if let Some(errors) = line.strip_prefix("Socket errors:") {
            run.socket_errors = errors
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse::<u64>().ok())
                .sum();
        } else if let Some(refused) = line.strip_prefix("Non-2xx or 3xx responses:") {
            run.refused = refused.trim().parse().ok()?;
        }
    }
    summed.then_some(run)
}

/// wrk writes `4.00s`, `1.50m`, `2.00h` or `900.00ms`.
fn duration_s(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "Running 2s test @ http://127.0.0.1:8080/1k
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.18ms  256.97us   6.33ms   92.56%
    Req/Sec    54.36k     3.23k   57.68k    90.00%
  108203 requests in 2.01s, 118.02MB read
Requests/sec:  53903.88
Transfer/sec:     58.79MB
";

    #[test]
    fn a_clean_report() {
        let run = parse(CLEAN).unwrap();
        assert_eq!(run, Run { requests: 108_203, wall_s: 2.01, socket_errors: 0, refused: 0 });
    }

    #[test]
    fn failures_are_counted() {
        let text = CLEAN.replace(
            "Requests/sec",
            "  Socket errors: connect 0, read 3, write 20, timeout 1\n  Non-2xx or 3xx responses: 12\nRequests/sec",
        );
        let run = parse(&text).unwrap();
        assert_eq!((run.socket_errors, run.refused), (24, 12));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration_s("1.50m"), Some(90.0));
        assert_eq!(duration_s("4.00s"), Some(4.0));
        assert_eq!(duration_s("4.00"), None);
    }

    #[test]
    fn no_report_is_no_run() {
        assert_eq!(parse("unable to connect to 127.0.0.1:1 Connection refused"), None);
    }
}
