//! Where a system's time goes, by stage: samples of perf's software clock, grouped by crate and module. What was
//! inlined is told by the debug information: a sample belongs to the innermost function of ours that it lies in,
//! with what that calls of the standard library.

mod samples;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use self::samples::{Samples, address_of, name_of};

use crate::Outcome;
use crate::generator::Generator;
use crate::peers::Running;

/// Stages with a smaller share are summed up in one line.
const SHARE_MIN: f64 = 0.01;
/// How often perf may fail.
const ATTEMPTS: usize = 3;

/// Loads the system once more and tells which stage took which share; `cpu_us` is its cost a request.
pub(crate) fn of(
    server: &Running,
    generator: &Generator,
    duration_s: u64,
    folder: &Path,
    cpu_us: f64,
) -> Outcome<String> {
    let data = folder.join("perf.data");
    // A thread that ends while perf looks for all of them makes it fail: the idle ones of a pool do.
    let is_recorded = (0..ATTEMPTS).find_map(|_| record(server, generator, duration_s, &data).transpose());
    is_recorded.unwrap_or_else(|| Err("perf record has failed".into()))?;
    let output = Command::new("perf")
        .args(["script", "--show-mmap-events", "-F", "pid,ip,sym,dso", "-i"])
        .arg(&data)
        .stderr(Stdio::null())
        .output()?;
    let samples = Samples::parse(&String::from_utf8_lossy(&output.stdout));
    let stages = by_stage(&samples, folder)?;
    if stages.is_empty() {
        return Err("perf has taken no samples".into());
    }
    Ok(table(server.system.name(), &stages, cpu_us))
}

/// Samples the system under load. `None`: perf has failed.
fn record(server: &Running, generator: &Generator, duration_s: u64, data: &Path) -> Outcome<Option<()>> {
    let pids: Vec<String> = server.tree.members()?.iter().map(ToString::to_string).collect();
    let mut recording = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "1999", "-p", &pids.join(","), "-o"])
        .arg(data)
        .args(["--", "sleep", &duration_s.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("perf does not start (package linux-perf): {error}"))?;
    generator.load(duration_s)?;
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
#[expect(clippy::cast_precision_loss, reason = "there are some thousands of samples")]
fn by_stage(samples: &Samples, folder: &Path) -> Outcome<Vec<(String, f64)>> {
    let mut counts = BTreeMap::<String, u64>::new();
    if samples.kernel > 0 {
        counts.insert("kernel".to_owned(), samples.kernel);
    }
    let mut files = BTreeMap::<&str, Vec<(u64, u64)>>::new();
    for ((path, place), count) in &samples.user {
        match place {
            Some(place) if !path.contains(".so") => files.entry(path).or_default().push((*place, *count)),
            Some(_) | None => *counts.entry(name_of(path)).or_default() += count,
        }
    }
    for (path, places) in files {
        for (stage, count) in in_file(path, &places, folder)? {
            *counts.entry(stage).or_default() += count;
        }
    }
    let total = counts.values().sum::<u64>().max(1) as f64;
    let mut stages: Vec<(String, f64)> =
        counts.into_iter().map(|(stage, count)| (stage, count as f64 / total)).collect();
    stages.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(stages)
}

/// The stages of these places (with how often each was met) of one program.
fn in_file(path: &str, places: &[(u64, u64)], folder: &Path) -> Outcome<Vec<(String, u64)>> {
    let program = fs::read(path)?;
    let known = places.iter().filter_map(|(place, count)| Some((address_of(&program, *place)?, *count)));
    let known: Vec<(u64, u64)> = known.collect();
    let asked = folder.join("addresses");
    fs::write(&asked, known.iter().map(|(address, _)| format!("{address:#x}\n")).collect::<String>())?;
    let output = Command::new("addr2line")
        .args(["-a", "-i", "-f", "-C", "-e", path])
        .stdin(File::open(&asked)?)
        .output()
        .map_err(|error| format!("addr2line does not start (package binutils): {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Each answer begins with the address, then two lines for each function, the innermost first.
    let mut answers: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        match answers.last_mut() {
            _ if line.starts_with("0x") => answers.push(Vec::new()),
            Some(answer) => answer.push(line),
            None => {}
        }
    }
    let stage_of = |answer: &Vec<&str>| stage(path, answer.iter().skip(1).step_by(2).copied());
    Ok(answers.iter().zip(&known).map(|(answer, (_, count))| (stage_of(answer), *count)).collect())
}

/// The innermost room of ours with its module; else the crate; else the program that the code is in.
fn stage<'a>(object: &str, sources: impl DoubleEndedIterator<Item = &'a str> + Clone) -> String {
    let ours = sources.clone().find_map(|source| {
        let (room, rest) = source.split_once("/crates/")?.1.split_once("/src/")?;
        let module = rest.split(['/', '.', ':']).next()?;
        Some(if module == "lib" { room.to_owned() } else { format!("{room}::{module}") })
    });
    let others = || {
        sources.clone().find_map(|source| {
            let package = source.split_once("/registry/src/")?.1.split('/').nth(1)?;
            Some(package.rsplit_once('-')?.0.to_owned())
        })
    };
    let library = || sources.clone().any(|source| source.contains("/rustc/")).then(|| "std".to_owned());
    ours.or_else(others).or_else(library).unwrap_or_else(|| name_of(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_belong_to_stages() {
        let stage = |sources: &[&str]| stage("/opt/rempart", sources.iter().copied());
        let (std, ours) =
            ("/rustc/5980/library/alloc/src/vec/mod.rs:31", "/x/crates/edge/src/exchange/give.rs:7");
        let tokio = "/cargo/registry/src/index.crates.io-19/tokio-1.54.0/src/runtime/task/raw.rs:3";
        assert_eq!(stage(&[std, ours, tokio]), "edge::exchange");
        assert_eq!(stage(&["/x/crates/cache/src/lib.rs:1"]), "cache");
        assert_eq!(stage(&["/x/crates/cache/src/key.rs:1"]), "cache::key");
        assert_eq!(stage(&[std, tokio]), "tokio");
        assert_eq!(stage(&[std]), "std");
        assert_eq!(stage(&["??:0"]), "rempart");
    }

    #[test]
    fn this_program_is_told_apart() {
        let samples = Samples { kernel: 3, user: [(("/lib/libc.so.6".to_owned(), Some(9)), 1)].into() };
        let folder = tempfile::tempdir().unwrap();
        let stages = by_stage(&samples, folder.path()).unwrap();
        assert_eq!(stages, [("kernel".to_owned(), 0.75), ("libc.so.6".to_owned(), 0.25)]);
        assert!(table("rempart", &stages, 10.0).contains("libc.so.6                   25.0%    2.50"));
    }
}
