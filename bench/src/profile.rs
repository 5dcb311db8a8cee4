//! Where a system's time goes, by stage: samples of perf's software clock, grouped by crate and module.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::peers::Running;
use crate::wrk::Run;

/// Stages with a smaller share are summed up in one line.
const SHARE_MIN: f64 = 0.01;
/// How often perf may fail.
const ATTEMPTS: usize = 3;

/// Loads the system once more and tells which stage took which share; `cpu_us` is its cost a request.
pub(crate) fn of(
    server: &Running,
    url: &str,
    duration_s: u64,
    folder: &Path,
    cpu_us: f64,
) -> Outcome<String> {
    let data = folder.join("perf.data");
    // A thread that ends while perf looks for all of them makes it fail: the idle ones of a pool do.
    let is_recorded = (0..ATTEMPTS).find_map(|_| record(server, url, duration_s, &data).transpose());
    is_recorded.unwrap_or_else(|| Err("perf record has failed".into()))?;
    let output = Command::new("perf")
        .args(["report", "--stdio", "-q", "-t", "|", "-F", "overhead,dso,symbol", "-i"])
        .arg(&data)
        .stderr(Stdio::null())
        .output()?;
    let stages = by_stage(&String::from_utf8_lossy(&output.stdout));
    if stages.is_empty() {
        return Err("perf report shows no samples".into());
    }
    Ok(table(server.system.name(), &stages, cpu_us))
}

/// Samples the system under load. `None`: perf has failed.
fn record(server: &Running, url: &str, duration_s: u64, data: &Path) -> Outcome<Option<()>> {
    let pids: Vec<String> = server.tree.members()?.iter().map(ToString::to_string).collect();
    let mut recording = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "1999", "-p", &pids.join(","), "-o"])
        .arg(data)
        .args(["--", "sleep", &duration_s.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("perf does not start (package linux-perf): {error}"))?;
    Run::against(url, duration_s)?;
    Ok(recording.wait()?.success().then_some(()))
}

fn table(name: &str, stages: &[(String, f64)], cpu_us: f64) -> String {
    let mut text = format!("time of {name} by stage, share and µs a request\n");
    let mut line = |stage: &str, share: f64| {
        let _ = writeln!(text, "  {stage:<28} {:>5.1}% {:>7.2}", share * 100.0, share * cpu_us);
    };
    let kernel = stages.iter().filter(|(stage, _)| stage == "kernel").map(|(_, share)| share).sum::<f64>();
    let total = stages.iter().map(|(_, share)| share).sum::<f64>();
    line("kernel", kernel);
    line("user", total - kernel);
    let mut rest = 0.0;
    for (stage, share) in stages.iter().filter(|(stage, _)| stage != "kernel") {
        if *share < SHARE_MIN {
            rest += share;
        } else {
            line(&format!("  {stage}"), *share);
        }
    }
    line("  smaller ones", rest);
    text
}

/// Shares by stage, the largest first.
fn by_stage(report: &str) -> Vec<(String, f64)> {
    let mut shares = BTreeMap::<String, f64>::new();
    for line in report.lines() {
        let mut fields = line.splitn(3, '|').map(str::trim);
        let (Some(share), Some(object), Some(symbol)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let Some(share) = share.strip_suffix('%').and_then(|share| share.parse::<f64>().ok()) else {
            continue;
        };
        *shares.entry(stage(object, symbol)).or_default() += share / 100.0;
    }
    let mut stages: Vec<(String, f64)> = shares.into_iter().collect();
    stages.sort_by(|a, b| b.1.total_cmp(&a.1));
    stages
}

/// The kernel; a crate, ours with its module; else the object that the code is in.
fn stage(object: &str, symbol: &str) -> String {
    let Some(symbol) = symbol.strip_prefix("[.]") else { return "kernel".to_owned() };
    // `<&mut dyn rempart_edge::log::Sink as core::fmt::Write>::write` is the type's doing.
    let path = symbol.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let path = ["mut ", "dyn "].iter().fold(path, |path, word| path.strip_prefix(word).unwrap_or(path));
    let end = path.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
    let mut parts = path.get(..end).unwrap_or_default().split("::");
    match (parts.next(), parts.next()) {
        (Some(room), Some(module)) if room.starts_with("rempart") => {
            let room = room.trim_start_matches("rempart_");
            // A function at the root of a room has no module.
            if parts.next().is_some() { format!("{room}::{module}") } else { room.to_owned() }
        }
        (Some(name), Some(_)) => name.to_owned(),
        _ => object.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_belong_to_stages() {
        let ours = |symbol| stage("rempart", symbol);
        assert_eq!(stage("[kernel.kallsyms]", "[k] tcp_sendmsg"), "kernel");
        assert_eq!(ours("[.] rempart_http1::request::parse"), "http1::request");
        assert_eq!(ours("[.] <rempart_edge::log::Line as core::fmt::Write>::write_str"), "edge::log");
        assert_eq!(ours("[.] <&mut rempart_edge::log::Line>::push"), "edge::log");
        assert_eq!(ours("[.] tokio::runtime::task::raw::poll"), "tokio");
        assert_eq!(ours("[.] memcpy"), "rempart");
        assert_eq!(stage("libc.so.6", "[.] malloc"), "libc.so.6");
    }

    #[test]
    fn shares_are_summed() {
        let report = "    60.00%|[kernel.kallsyms]|[k] tcp_sendmsg\n    10.00%|[kernel.kallsyms]|[k] read\n\
                      30.00%|rempart|[.] tokio::io::poll\n";
        let stages = by_stage(report);
        assert_eq!(stages.first().map(|(stage, _)| stage.as_str()), Some("kernel"));
        assert!((stages.first().unwrap().1 - 0.7).abs() < 1e-9);
        assert!(table("rempart", &stages, 10.0).contains("tokio                       30.0%    3.00"));
    }
}
