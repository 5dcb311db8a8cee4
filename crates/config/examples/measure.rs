//! What compiling many zones costs, by hand:
//!
//!     cargo run --release -p rempart-config --example measure -- files 50000
//!     cargo run --release -p rempart-config --example measure -- one-file 50000
//!     cargo run --release -p rempart-config --example measure -- write 50000 one; … write 50000 two
//!     cargo run --release -p rempart-config --example measure -- load one two
//!     valgrind --tool=callgrind target/release/examples/measure lookups 50000
//!
//! `write` compiles and writes a release (the word behind the number is its file; one called `two` differs in one
//! zone); `load` loads two as an edge does, with nothing else in its memory. `lookups` looks up the same hosts whatever the number of zones, so that two runs can be compared.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on stops")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use rempart_base::Now;
use rempart_config::{Compiler, Snapshot, Source};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let first = arguments.next().unwrap_or_default();
    let second = arguments.next().unwrap_or_default();
    let zones: usize = first.parse().unwrap_or(50_000);
    let folder = tempfile::tempdir().unwrap();
    match mode.as_str() {
        "files" => in_files(folder.path(), zones),
        "one-file" => in_one_file(folder.path(), zones),
        "write" => write_release(folder.path(), zones, &second),
        "load" => load(&first, &second),
        "lookups" => lookups(folder.path(), zones),
        _ => println!("files, one-file, write, load or lookups, then the number of zones"),
    }
}

fn in_files(folder: &Path, zones: usize) {
    fs::create_dir(folder.join("zones.d")).unwrap();
    fs::write(folder.join("rempart.yaml"), "listen: {http: [\":80\"]}\ninclude: zones.d/*.yaml\n").unwrap();
    for i in 0..zones {
        fs::write(folder.join(format!("zones.d/{i}.yaml")), zone(i, 9000)).unwrap();
    }
    let mut compiler = Compiler::new(Source::File(folder.join("rempart.yaml")));
    let mut held = step("all", &mut compiler);
    for round in 1..=20 {
        fs::write(folder.join("zones.d/7.yaml"), zone(7, 9000 + round)).unwrap();
        held = step("one changed", &mut compiler);
        drop(step("none changed", &mut compiler));
    }
    drop(held);
}

fn in_one_file(folder: &Path, zones: usize) {
    write_one_file(folder, zones, 9000);
    let mut compiler = Compiler::new(Source::File(folder.join("rempart.yaml")));
    let held = step("all", &mut compiler);
    write_one_file(folder, zones, 9001);
    drop(step("read again, one changed", &mut compiler));
    drop(held);
}

fn lookups(folder: &Path, zones: usize) {
    write_one_file(folder, zones, 9000);
    let mut compiler = Compiler::new(Source::File(folder.join("rempart.yaml")));
    let snapshot = compiler.compile(Now::read()).unwrap();
    look_up(&snapshot);
}

fn write_release(folder: &Path, zones: usize, to: &str) {
    write_one_file(folder, zones, if to.ends_with("two") { 9001 } else { 9000 });
    let mut compiler = Compiler::new(Source::File(folder.join("rempart.yaml")));
    let snapshot = step("all", &mut compiler);
    let started = begin();
    let body = snapshot.encode();
    println!("encoded: {}, {} bytes", told(started), body.len());
    fs::write(to, body).unwrap();
}

fn load(one: &str, two: &str) {
    let (one, two) = (fs::read(one).unwrap(), fs::read(two).unwrap());
    println!("both bodies: {} KiB resident", resident_kib());
    let load = |what: &str, body: &[u8], base: Option<&Snapshot>| {
        let started = begin();
        let snapshot = rempart_config::load_release(body, base, started.0).unwrap();
        println!("{what}: {}", told(started));
        snapshot
    };
    let first = load("cold", &one, None);
    let mut held = load("one changed", &two, Some(&first));
    for _ in 0..5 {
        held = load("one changed back", &one, Some(&held));
        held = load("one changed", &two, Some(&held));
    }
    let difference = rempart_config::Difference::between(&first, &held);
    println!("{difference:?}");
    drop((first, held));
}

#[inline(never)]
fn look_up(snapshot: &Snapshot) {
    for _ in 0..100_000 {
        for host in ["zone-0.example", "www.zone-0.example", "a.b.c.zone-0.example", "nobody.test"] {
            black_box(snapshot.zone_for_host(black_box(host.as_bytes())));
        }
    }
}

fn write_one_file(folder: &Path, zones: usize, port: u16) {
    let mut text = String::from("listen: {http: [\":80\"]}\nzones:\n");
    for i in 0..zones {
        let port = if i == 7 { port } else { 9000 };
        let _ = write!(text, "  - {}", zone(i, port).replace('\n', "\n    ").trim_end_matches(' '));
    }
    fs::write(folder.join("rempart.yaml"), text).unwrap();
}

fn zone(i: usize, port: u16) -> String {
    format!("name: zone-{i}.example\norigins: [\"http://127.0.0.1:{port}\"]\n")
}

fn step(what: &str, compiler: &mut Compiler) -> std::sync::Arc<Snapshot> {
    // An hour ahead, so that no file counts as written just now.
    let started = begin();
    let snapshot = compiler.compile(started.0.after(Duration::from_secs(3600))).unwrap();
    println!("{what}: {}, {:?}", told(started), compiler.work());
    snapshot
}

fn begin() -> (Now, u64) {
    (Now::read(), on_cpu_ns())
}

fn told((started, cpu_ns): (Now, u64)) -> String {
    let took = Now::read().mono - started.mono;
    let cpu_ms = (on_cpu_ns() - cpu_ns) as f64 / 1e6;
    let took_ms = took.as_secs_f64() * 1e3;
    format!("{took_ms:.1} ms, {cpu_ms:.1} ms of them on a core, {} KiB resident", resident_kib())
}

/// How long this thread has run, which does not grow when the machine is busy with others.
fn on_cpu_ns() -> u64 {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedstat.split_whitespace().next().unwrap().parse().unwrap()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap()
}
