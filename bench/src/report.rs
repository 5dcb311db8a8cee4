//! From samples to a table that people read, a verdict on whether it may be believed, and JSON.

use std::fmt::Write;

use serde_json::json;

use crate::baselines;
use crate::peers::System;
use crate::stats::{Spread, median};
use crate::works::Work;

/// Two peers whose ratio moves further than this within a run were not measured on a quiet machine.
const PEER_SPREAD_MAX: f64 = 0.25;
/// Below this the generator was the limit.
const BUSY_MIN: f64 = 0.8;
/// Below this share of logged requests a system spared itself work that others did.
const LOGGED_MIN: f64 = 0.9;

/// One run of one system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Its own CPU time a request, user and system, in µs.
    pub cpu_us: f64,
    /// Requests a second.
    pub rps: f64,
    /// Its CPU time as a share of the run's.
    pub busy: f64,
    /// Its memory after the run.
    pub pss_bytes: u64,
    /// Lines in the access log a request.
    pub logged: f64,
}

/// All runs of one system on one work, in the order of the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Which system.
    pub system: System,
    /// One a round.
    pub samples: Vec<Sample>,
}

impl Series {
    /// Without samples yet.
    #[must_use]
    pub(crate) const fn new(system: System) -> Self {
        Self { system, samples: Vec::new() }
    }

    /// Median CPU time a request, in µs.
    #[must_use]
    pub(crate) fn cpu_us(&self) -> f64 {
        self.median(|sample| sample.cpu_us)
    }

    fn costs(&self) -> Vec<f64> {
        self.samples.iter().map(|sample| sample.cpu_us).collect()
    }

    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(&self.samples.iter().map(of).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }

    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    fn pss_bytes(&self) -> f64 {
        self.median(|sample| sample.pss_bytes as f64)
    }
}

/// The table of one work. The ratio is that of the first system (Rempart, if it is measured) to each other.
#[must_use]
pub(crate) fn table(work: Work, all: &[Series]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let of = first.system.name();
    let ratio_head = format!("{of} is, of it");
    let mut text = format!(
        "{:<13} {:>10} {:>9} {:>6} {:>9}  {ratio_head:<23} {:>8}\n",
        work.name(),
        "CPU µs",
        "req/s",
        "busy",
        "PSS MiB",
        "baseline"
    );
    for series in all {
        let _ = write!(
            text,
            "{:<13} {:>10.2} {:>9.0} {:>5.0}% {:>9.1}",
            series.system.name(),
            series.cpu_us(),
            series.median(|sample| sample.rps),
            series.median(|sample| sample.busy) * 100.0,
            series.pss_bytes() / f64::from(1 << 20),
        );
        let ratio =
            Spread::of_ratios(&first.costs(), &series.costs()).filter(|_| series.system != first.system);
        let ratio =
            ratio.map(|r| format!("{:.2} × ({:.2}–{:.2})", r.median, r.min, r.max)).unwrap_or_default();
        let baseline =
            baselines::ratio(work, first.system, series.system).filter(|_| series.system != first.system);
        let baseline = baseline.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let line = format!("  {ratio:<23} {baseline:>8}  {}", marks(series).join(", "));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn marks(series: &Series) -> Vec<String> {
    let mut marks = Vec::new();
    if series.median(|sample| sample.busy) < BUSY_MIN {
        marks.push("limited by the generator".to_owned());
    }
    let logged = series.median(|sample| sample.logged);
    if logged < LOGGED_MIN {
        marks.push(format!("logged {:.0}% of its requests", logged * 100.0));
    }
    marks
}

/// Why this run proves nothing, if so: two peers' ratio moved too far within it.
#[must_use]
pub(crate) fn void_reason(work: Work, all: &[Series]) -> Option<String> {
    let peers: Vec<&Series> = all.iter().filter(|series| series.system != System::Rempart).collect();
    for (nth, a) in peers.iter().enumerate() {
        for b in peers.iter().skip(nth + 1) {
            let spread = Spread::of_ratios(&a.costs(), &b.costs())?;
            if spread.width() > PEER_SPREAD_MAX {
                return Some(format!(
                    "void: on {} the ratio of {} to {} went from {:.2} to {:.2}, {:.0} % of its median; at most \
                     {:.0} % is believed. Something else used the machine: run it again when it is quiet.",
                    work.name(),
                    a.system.name(),
                    b.system.name(),
                    spread.min,
                    spread.max,
                    spread.width() * 100.0,
                    PEER_SPREAD_MAX * 100.0,
                ));
            }
        }
    }
    None
}

/// The medians of all works.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
pub(crate) fn json(measured: &[(Work, Vec<Series>)]) -> String {
    let rows: Vec<serde_json::Value> = measured
        .iter()
        .flat_map(|(work, all)| all.iter().map(move |series| (work, series)))
        .map(|(work, series)| {
            json!({
                "work": work.name(),
                "system": series.system.name(),
                "cpu_us_per_request": rounded(series.cpu_us(), 1000.0),
                "rps": rounded(series.median(|sample| sample.rps), 1.0),
                "pss_bytes": series.pss_bytes() as u64,
                "server_busy": rounded(series.median(|sample| sample.busy), 1000.0),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rows))
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(system: System, costs: &[f64]) -> Series {
        let sample = |cpu_us: &f64| Sample {
            cpu_us: *cpu_us,
            rps: 1e6 / cpu_us,
            busy: 1.0,
            pss_bytes: 3 << 20,
            logged: 1.0,
        };
        Series { system, samples: costs.iter().map(sample).collect() }
    }

    #[test]
    fn a_table_has_the_ratio_and_the_baseline() {
        let all = [series(System::Rempart, &[15.0, 16.0, 14.0]), series(System::Nginx, &[20.0, 20.0, 20.0])];
        let table = table(Work::Proxy1k, &all);
        let nginx = table.lines().find(|line| line.starts_with("nginx")).unwrap();
        assert!(nginx.contains("0.75 × (0.70–0.80)"), "{nginx}");
        assert!(nginx.ends_with("0.76"), "{nginx}");
    }

    #[test]
    fn idle_servers_and_missing_logs_are_marked() {
        let mut idle = series(System::H2o, &[10.0]);
        for sample in &mut idle.samples {
            (sample.busy, sample.logged) = (0.79, 0.5);
        }
        assert_eq!(marks(&idle), ["limited by the generator", "logged 50% of its requests"]);
        assert!(marks(&series(System::H2o, &[10.0])).is_empty());
    }

    #[test]
    fn a_run_is_void_above_a_quarter_and_not_at_it() {
        let nginx = || series(System::Nginx, &[20.0, 20.0, 20.0]);
        let at = [nginx(), series(System::Haproxy, &[20.0, 18.0, 23.0])];
        assert_eq!(void_reason(Work::Proxy1k, &at), None);
        let above = [nginx(), series(System::Haproxy, &[20.0, 16.0, 23.0])];
        assert!(void_reason(Work::Proxy1k, &above).unwrap().contains("nginx to haproxy"));
        // What Rempart itself does makes no run void.
        let ours = [nginx(), series(System::Rempart, &[20.0, 5.0, 40.0])];
        assert_eq!(void_reason(Work::Proxy1k, &ours), None);
    }

    #[test]
    fn json_has_a_row_a_system() {
        let all = vec![series(System::Rempart, &[15.0]), series(System::Nginx, &[20.0])];
        let rows: serde_json::Value = serde_json::from_str(&json(&[(Work::Proxy1k, all)])).unwrap();
        assert_eq!(rows[1]["system"], "nginx");
        assert_eq!(rows[1]["cpu_us_per_request"], 20.0);
        assert_eq!(rows[1]["rps"], 50_000.0);
        assert_eq!(rows[1]["pss_bytes"], 3 << 20);
    }
}
