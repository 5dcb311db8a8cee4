//! Many visitors of one object that nobody has stored. `crowd` starts Rempart before an origin of its own and
//! counts what the origin was asked: once for ten thousand visitors of a small object, once for twenty
//! readers of a large one, and once more for a reader that fell out of the window.

mod body;
mod origin;
mod visitors;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;

use self::body::Body;
use self::origin::{Origin, Seen};
use self::visitors::{Crowd, Pace};
use crate::peers::{free_ports, stop, wait_until_it_accepts};
use crate::process::{Tree, raise_descriptors};
use crate::{Outcome, pause, program};

/// Descriptors that this program needs beside its connections.
const DESCRIPTORS_OWN: u64 = 256;
/// What a connection under way may cost, in bytes: its state, an exchange, its place in a fetch.
const VISITOR_BYTES_MAX: u64 = 40 << 10;
/// What the process may grow by beside store, fetches and visitors, in bytes.
const SLACK_BYTES: u64 = 32 << 20;
/// How many lines of each log a failure shows.
const LINES_SHOWN: usize = 60;
/// How often memory is read while they read.
const LOOK: Duration = Duration::from_millis(200);

/// The two crowds.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Rempart's binary
    #[arg(long, default_value = "target/release/rempart")]
    rempart: PathBuf,
    /// Seconds instead of minutes, with a hundredth of the bytes
    #[arg(long)]
    short: bool,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Scale {
    visitors: usize,
    object_bytes: u64,
    readers: usize,
    large_bytes: u64,
    /// What the store may hold while the large object is read: less than it is.
    memory_bytes: u64,
}

const LONG: Scale = Scale {
    visitors: 10_000,
    object_bytes: 10 << 20,
    readers: 20,
    large_bytes: 5 << 30,
    memory_bytes: 256 << 20,
};
const SHORT: Scale = Scale {
    visitors: 500,
    object_bytes: 3 << 20,
    readers: 20,
    large_bytes: 256 << 20,
    memory_bytes: 128 << 20,
};

/// Has a crowd come, and tells what was seen.
type Meet = fn(&Server, &Origin, &Arc<Body>, Scale) -> Outcome<String>;

/// Runs both and prints what the origin saw and what memory was used.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let scale = if options.short { SHORT } else { LONG };
    let wanted = scale.visitors as u64 + DESCRIPTORS_OWN;
    let limit = raise_descriptors();
    if limit < wanted {
        return Err(format!("{wanted} descriptors are needed and {limit} allowed: ulimit -n {wanted}").into());
    }
    let mut failed = 0;
    let crowds: [(&str, Meet, u64); 2] = [
        ("many visitors of one cold object", many, scale.object_bytes),
        ("many readers of one large object", large, scale.large_bytes),
    ];
    for (name, crowd, bytes) in crowds {
        match meet(options, scale, bytes, crowd) {
            Ok(told) => println!("ok      {name}: {told}"),
            Err(error) => {
                failed += 1;
                println!("FAILED  {name}: {error}");
            }
        }
    }
    println!(
        "test result: {}. {} passed; {failed} failed",
        if failed == 0 { "ok" } else { "FAILED" },
        2 - failed
    );
    if failed == 0 { Ok(()) } else { Err("the crowd was not served as promised".into()) }
}

/// Starts everything, has a crowd come, and on failure tells what Rempart said.
fn meet(options: &Options, scale: Scale, bytes: u64, crowd: Meet) -> Outcome<String> {
    let body = Arc::new(Body::new(bytes));
    let origin = Origin::start(Arc::clone(&body))?;
    let server = Server::start(&options.rempart, origin.port, scale)?;
    crowd(&server, &origin, &body, scale).map_err(|error| format!("{error}\n{}", server.said()).into())
}

/// All ask at once for what nobody has.
fn many(server: &Server, origin: &Origin, body: &Arc<Body>, scale: Scale) -> Outcome<String> {
    let before = server.tree.pss_bytes()?;
    let begun = Now::read();
    let mut crowd = Crowd::new(server.port, Arc::clone(body));
    for _ in 0..scale.visitors {
        crowd.ask(Pace::Free)?;
    }
    origin.begin();
    let largest = watch(&mut crowd, server.tree, before)?;
    let took = Now::read().mono.saturating_duration_since(begun.mono);
    let seen = origin.seen();
    expect_asked(&seen, 1, 0)?;
    let bound = scale.memory_bytes + scale.visitors as u64 * VISITOR_BYTES_MAX + SLACK_BYTES;
    within(largest.saturating_sub(before), bound)?;
    let told = format!(
        "{} visitors, {} MiB each, {:.1} s: {}; PSS {} → {} MiB (may grow by {})",
        scale.visitors,
        scale.object_bytes >> 20,
        took.as_secs_f64(),
        seen,
        before >> 20,
        largest >> 20,
        bound >> 20,
    );
    Ok(told)
}

/// Readers at like pace, and one that stops early and goes on when what it wants is stored no longer.
fn large(server: &Server, origin: &Origin, body: &Arc<Body>, scale: Scale) -> Outcome<String> {
    let before = server.tree.pss_bytes()?;
    let begun = Now::read();
    let mut crowd = Crowd::new(server.port, Arc::clone(body));
    for _ in 0..scale.readers {
        crowd.ask(Pace::Abreast)?;
    }
    crowd.ask(Pace::Pauses { at: scale.large_bytes / 64 })?;
    origin.begin();
    let mut largest = watch(&mut crowd, server.tree, before)?;
    let took = Now::read().mono.saturating_duration_since(begun.mono);
    let seen = origin.seen();
    // The one that pauses may still be taking what its socket has room for.
    expect_asked(&seen, 1, seen.ranges.len().min(1))?;
    crowd.go_on()?;
    largest = largest.max(watch(&mut crowd, server.tree, before)?);
    let after = origin.seen();
    expect_asked(&after, 1, 1)?;
    let bound = scale.memory_bytes + scale.readers as u64 * (1 << 20) + SLACK_BYTES;
    within(largest.saturating_sub(before), bound)?;
    let told = format!(
        "{} readers, {} MiB each, {:.1} s: {seen}; with one that paused: {after}; PSS {} → {} MiB (may grow by {})",
        scale.readers,
        scale.large_bytes >> 20,
        took.as_secs_f64(),
        before >> 20,
        largest >> 20,
        bound >> 20,
    );
    Ok(told)
}

/// Has them read until none goes on, and tells the most memory that the server had meanwhile.
fn watch(crowd: &mut Crowd, tree: Tree, before: u64) -> Outcome<u64> {
    let mut largest = before;
    let mut due = Now::read();
    while crowd.step()? {
        if Now::read().mono >= due.mono {
            largest = largest.max(tree.pss_bytes()?);
            due = Now::read().after(LOOK);
        }
    }
    Ok(largest.max(tree.pss_bytes()?))
}

fn expect_asked(seen: &Seen, whole: usize, ranged: usize) -> Outcome<()> {
    if (seen.whole, seen.ranges.len()) == (whole, ranged) {
        return Ok(());
    }
    Err(format!("the origin was asked otherwise than {whole} + {ranged} ranges: {seen}").into())
}

fn within(grown: u64, bound: u64) -> Outcome<()> {
    if grown <= bound {
        return Ok(());
    }
    Err(format!("memory grew by {} MiB, at most {} were allowed", grown >> 20, bound >> 20).into())
}

/// Rempart, before the crowd's origin.
struct Server {
    port: u16,
    tree: Tree,
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(rempart: &Path, origin: u16, scale: Scale) -> Outcome<Self> {
        let memory_bytes = scale.memory_bytes;
        // Near its bound it takes nobody new; and each visitor may need a connection to the origin, too, unless told.
        let connections = scale.visitors * 5 / 4;

        let folder = tempfile::tempdir()?;
        let [port, admin] = free_ports()?;
        let config = folder.path().join("rempart.yaml");
        let root = if rustix::process::geteuid().is_root() { "user: root\n" } else { "" };
        fs::write(
            &config,
            format!(
                "listen: {{http: [\"127.0.0.1:{port}\"]}}\n\
                 data_dir: {0}/data\n\
                 workers: 2\n\
                 {root}\
                 admin: {{listen: \"127.0.0.1:{admin}\"}}\n\
                 log: {{access: {{to: {0}/access.log}}}}\n\
                 limits: {{send_rate_min_bytes_per_s: 0}}\n\
                 budgets: {{connections_max: {connections}}}\n\
                 cache: {{memory_bytes_max: {memory_bytes}}}\n\
                 zones:\n  - {{name: crowd.test, hosts: [\"*\"], origins: [\"http://127.0.0.1:{origin}\"]}}\n",
                folder.path().display()
            ),
        )?;
        let said = fs::File::create(folder.path().join("output.log"))?;
        let mut command = program("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(rempart).args(["up", "-c"]).arg(&config);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", rempart.display()))?;
        wait_until_it_accepts(&mut child, port, folder.path(), "rempart")?;
        pause(LOOK);
        Ok(Self { port, tree: Tree::of(child.id()), child, folder })
    }

    /// The last of what it has said, and of its log.
    fn said(&self) -> String {
        let last = |name: &str| {
            let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n")
        };
        format!("{}\n{}", last("output.log"), last("access.log"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child, self.tree);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_judged_at_the_bound_and_one_past_it() {
        assert!(within(10 << 20, 10 << 20).is_ok());
        assert!(within((10 << 20) + 1, 10 << 20).is_err());
    }

    #[test]
    fn one_request_more_than_promised_fails() {
        let seen = Seen { whole: 1, ranges: vec!["bytes=5-".to_owned()] };
        assert!(expect_asked(&seen, 1, 1).is_ok());
        assert!(expect_asked(&seen, 1, 0).is_err());
        assert!(expect_asked(&seen, 2, 1).is_err());
    }
}
