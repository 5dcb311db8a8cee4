//! What happens when connections, descriptors or memory run out: idle connections go first, then nobody new
//! comes in, no zone takes it all, and what is under way goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of it is test code"
)]

mod stand;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rempart_base::Now;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use stand::{Folder, Origin, PATIENCE, Up, ask, configuration, rempart, text};

const GREETING: &str = "from the origin";

/// A folder before these origins, each with a zone of its own (`a.example`, `b.example`), on one core.
fn folder(origins: &[&Origin], budgets: &str) -> Folder {
    let folder = Folder::new();
    let zones: String = ["a.example", "b.example"]
        .iter()
        .zip(origins)
        .map(|(name, origin)| {
            // Each request is to keep the origin busy for itself.
            let cache = "{level: bypass}";
            format!("  - name: {name}\n    cache: {cache}\n    origins: [\"http://{}\"]\n", origin.address)
        })
        .collect();
    let shared = configuration(origins[0].address, "root").replace("workers: 2", "workers: 1");
    let (shared, _) = shared.split_once("zones:").unwrap();
    folder.write(&format!("{shared}budgets: {{{budgets}}}\nzones:\n{zones}"));
    folder
}

/// A visitor whose connection stays.
struct Visitor(TcpStream);

impl Visitor {
    fn new(up: &Up) -> Self {
        let stream = TcpStream::connect(up.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn ask(&mut self, host: &str, target: &str) {
        // Who is closed at once cannot even ask; that there is no answer says so.
        let _ = write!(self.0, "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    }

    /// One answer, up to the end of the text that it ends with.
    fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut byte = [0; 1];
        while !answer.ends_with(GREETING.as_bytes()) && !answer.ends_with(b"</html>\n") {
            if self.0.read(&mut byte).unwrap() == 0 {
                break;
            }
            answer.extend(byte);
        }
        text(&answer)
    }

    /// Waits until it is closed, and not by a reset.
    fn is_closed(&mut self) {
        assert_eq!(self.0.read(&mut [0; 1]).unwrap(), 0);
    }

    /// Whether it is open and silent at this moment.
    fn is_open(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let peeked = self.0.peek(&mut [0; 1]).map_err(|error| error.kind());
        self.0.set_nonblocking(false).unwrap();
        peeked == Err(ErrorKind::WouldBlock)
    }
}

/// A visitor with a request that the origin holds.
fn held(up: &Up, origin: &Origin, host: &str) -> Visitor {
    let mut visitor = Visitor::new(up);
    visitor.ask(host, "/held");
    origin.await_held();
    visitor
}

/// A visitor who has had an answer, and stays.
fn idle(up: &Up, host: &str) -> Visitor {
    let mut visitor = Visitor::new(up);
    visitor.ask(host, "/");
    assert!(visitor.answer().ends_with(GREETING));
    visitor
}

/// The whole answer to a request on a connection of its own; empty if it does not come in.
fn once(up: &Up, host: &str) -> String {
    let mut stream = TcpStream::connect(up.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    // Who is closed at once may see a reset if its request comes behind that.
    let _ = stream.read_to_end(&mut answer);
    text(&answer)
}

fn budgets(folder: &Folder) -> Value {
    let output = ask(&["status", "--json", "--data-dir", folder.data_dir().to_str().unwrap()]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status["budgets"].clone()
}

fn resource<'a>(budgets: &'a Value, name: &str) -> &'a Value {
    let resources = budgets["resources"].as_array().unwrap();
    resources.iter().find(|resource| resource["resource"] == name).unwrap()
}

/// Looks again and again until it is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Now::mono();
    while !is_so() {
        assert!(Now::mono() - begun < PATIENCE, "{what} has not come about in {PATIENCE:?}");
    }
}

/// What a process has used of a core so far.
fn cpu(pid: Pid) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

#[test]
fn at_the_most_connections_one_comes_in_for_an_idle_one_and_one_past_it_does_not() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "connections_max: 4");
    let up = folder.up();
    let mut busy: Vec<Visitor> = (0..2).map(|_| held(&up, &origin, "a.example")).collect();
    let mut longest = idle(&up, "a.example");
    busy.push(held(&up, &origin, "a.example"));
    // Four are in, one of them idle: a fifth comes in for it, a sixth for nobody.
    busy.push(held(&up, &origin, "a.example"));
    longest.is_closed();
    let mut beyond = Visitor::new(&up);
    beyond.is_closed();
    until("a look", || resource(&budgets(&folder), "connections")["used"] == 4);
    let seen = budgets(&folder);
    let connections = resource(&seen, "connections");
    assert_eq!((&connections["max"], &connections["from"]), (&4.into(), &"the configuration".into()));
    assert_eq!(connections["level"], "closing-idle", "{seen}");
    assert!(seen["shed"]["new_refused"].as_u64() >= Some(1), "{seen}");
    assert!(seen["shed"]["idle_closed"].as_u64() >= Some(1), "{seen}");
    busy.iter().for_each(|_| origin.release());
    for mut visitor in busy {
        assert!(visitor.answer().ends_with(GREETING), "who was under way is not shed");
    }
    up.line_with("connections: ");
    until("the end of the shedding", || once(&up, "a.example").ends_with(GREETING));
    up.line_with("nothing is shed any more");
}

#[test]
fn the_idle_one_may_be_on_another_core() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "connections_max: 3");
    let text = fs::read_to_string(folder.file()).unwrap();
    folder.write(&text.replace("workers: 1", "workers: 2"));
    let up = folder.up();
    let mut busy = [held(&up, &origin, "a.example"), held(&up, &origin, "a.example")];
    let mut before = idle(&up, "a.example");
    // The kernel chooses the core that accepts: in twenty times it is each of the two.
    let mut refused = 0;
    for _ in 0..20 {
        let next = loop {
            until("idleness", || budgets(&folder)["connections_idle"] == 1 || !before.is_open());
            let mut next = Visitor::new(&up);
            next.ask("a.example", "/");
            if next.answer().ends_with(GREETING) {
                break next;
            }
            // The idle one was told to go a moment before, by a look, and has not gone yet.
            refused += 1;
        };
        before.is_closed();
        before = next;
    }
    assert!(refused <= 3, "{refused} of 20");
    assert_eq!(budgets(&folder)["shed"]["new_refused"], refused);
    busy.iter().for_each(|_| origin.release());
    assert!(busy.iter_mut().all(|visitor| visitor.answer().ends_with(GREETING)));
}

#[test]
fn who_never_asks_makes_room_for_who_does() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "connections_max: 2");
    let text = fs::read_to_string(folder.file()).unwrap();
    let https = "http: [\"127.0.0.1:0\"]\n  https: [\"127.0.0.1:0\"]";
    folder.write(&text.replace("http: [\"127.0.0.1:0\"]", https));
    let up = folder.up();
    let tls: SocketAddr = up.https.unwrap();
    let begun = Now::mono();
    let mut silent = Visitor::new(&up);
    let mut without_a_handshake = Visitor(TcpStream::connect(tls).unwrap());
    without_a_handshake.0.set_read_timeout(Some(PATIENCE)).unwrap();
    until("both", || resource(&budgets(&folder), "connections")["used"] == 2);
    until("room", || once(&up, "a.example").ends_with(GREETING));
    silent.is_closed();
    without_a_handshake.is_closed();
    let took = Now::mono() - begun;
    assert!(took < Duration::from_secs(8), "the time-outs of ten seconds were not waited for: {took:?}");
}

#[test]
fn at_nine_tenths_of_the_connections_the_longest_idle_are_closed_until_eight_tenths() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "connections_max: 20");
    let up = folder.up();
    let mut busy = held(&up, &origin, "a.example");
    let mut visitors: Vec<Visitor> = (0..16).map(|_| idle(&up, "a.example")).collect();
    // Seventeen. One below the bound nobody is closed, however often is looked.
    let calm = budgets(&folder);
    assert_eq!((&calm["level"], &calm["shed"]["idle_closed"]), (&"calm".into(), &0.into()), "{calm}");
    visitors.push(idle(&up, "a.example"));
    let (first, others) = visitors.split_at_mut(2);
    first.iter_mut().for_each(Visitor::is_closed);
    until("the end of the shedding", || budgets(&folder)["level"] == "calm");
    assert!(others.iter().all(Visitor::is_open), "only the two that had idled longest");
    assert_eq!(budgets(&folder)["shed"]["idle_closed"], 2);
    origin.release();
    assert!(busy.answer().ends_with(GREETING));
}

#[test]
fn a_zone_that_takes_it_all_has_its_share_and_another_is_served() {
    let (slow, quick) = (Origin::start(), Origin::start());
    let folder = folder(&[&slow, &quick], "connections_max: 40");
    let up = folder.up();
    let greedy: Vec<Visitor> = (0..36).map(|_| held(&up, &slow, "a.example")).collect();
    let mut refused = String::new();
    until("a refusal", || {
        assert!(once(&up, "b.example").ends_with(GREETING), "the other zone is served all the while");
        refused = once(&up, "a.example");
        refused.starts_with("HTTP/1.1 503")
    });
    assert!(refused.contains("Retry-After: 2\r\n") && refused.contains("fair share"), "{refused}");
    let seen = budgets(&folder);
    assert_eq!(seen["share"]["zones_active"], 2, "{seen}");
    assert_eq!(seen["share"]["requests_per_zone"], 20, "{seen}");
    assert_eq!(seen["share"]["at_their_share"][0]["zone"], "a.example", "{seen}");
    assert!(seen["shed"]["requests_over_share"].as_u64() >= Some(1), "{seen}");
    greedy.iter().for_each(|_| slow.release());
    for mut visitor in greedy {
        assert!(visitor.answer().ends_with(GREETING), "what was under way goes on");
    }
    until("the end of the shortage", || budgets(&folder)["share"].is_null());
    assert!(once(&up, "a.example").ends_with(GREETING));
}

#[test]
fn short_of_memory_nobody_new_comes_in_until_what_was_freed_is_given_back() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "memory_bytes_max: 16777216");
    let up = folder.up();
    assert!(!resource(&budgets(&folder), "memory_bytes")["clamped"].is_null());
    let mut waits = idle(&up, "a.example");
    // Each of these has buffers full of what it does not take.
    let mut floods = Vec::new();
    until("a shortage of memory", || {
        let mut flood = Visitor::new(&up);
        flood.ask("a.example", "/flood");
        // It has come in if there is an answer.
        let came_in = matches!(flood.0.read(&mut [0; 16]), Ok(1..));
        floods.push(flood);
        !came_in
    });
    waits.is_closed();
    let short = budgets(&folder);
    assert_eq!(resource(&short, "memory_bytes")["level"], "refusing-new", "{short}");
    let under_way = &mut floods[0];
    under_way.0.read_exact(&mut vec![0; 4 << 20]).unwrap();
    drop(floods);
    until("the end of the shortage", || budgets(&folder)["level"] == "calm");
    assert!(once(&up, "a.example").ends_with(GREETING));
}

#[test]
fn without_a_descriptor_visitors_wait_and_no_core_spins() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "");
    let up = folder.up();
    let mut busy = held(&up, &origin, "a.example");
    let mut waits = idle(&up, "a.example");
    let limit = |current| {
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        prlimit(Some(up.edge()), Resource::Nofile, Rlimit { current, maximum }).unwrap()
    };
    // Not one more can be opened, whatever is closed.
    let before = limit(Some(3));
    let mut late = Visitor::new(&up);
    late.ask("a.example", "/");
    up.line_with("accepting failed");
    waits.is_closed();
    let edge = up.edge();
    let used = cpu(edge);
    late.0.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let silence = late.0.read(&mut [0; 1]).map_err(|error| error.kind());
    assert!(matches!(silence, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "it waits: {silence:?}");
    let used = cpu(edge).saturating_sub(used);
    assert!(used < Duration::from_millis(300), "{used:?} of a core in a second of waiting");
    origin.release();
    assert!(busy.answer().ends_with(GREETING), "what was under way goes on");
    limit(before.current);
    late.0.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(late.answer().ends_with(GREETING), "and who has waited is served");
    until("the end of the shortage", || budgets(&folder)["level"] == "calm");
    assert!(budgets(&folder)["shed"]["accepts_failed"].as_u64() >= Some(1));
}

#[test]
fn a_small_limit_of_descriptors_is_lived_with() {
    let origin = Origin::start();
    let folder = folder(&[&origin], "");
    let file = folder.file();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\""]);
    command.arg(rempart(&[]).get_program()).args(["up", "-c", file.to_str().unwrap()]);
    command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
    let up = Up::start(command);
    let seen = budgets(&folder);
    assert_eq!(resource(&seen, "descriptors")["max"], 112, "{seen}");
    let mut busy = held(&up, &origin, "a.example");
    // Far more than there are descriptors for: each is served, and the longest idle go.
    let visitors: Vec<Visitor> = (0..300).map(|_| idle(&up, "a.example")).collect();
    let open = visitors.iter().filter(|visitor| visitor.is_open()).count();
    let seen = budgets(&folder);
    let max = resource(&seen, "connections")["max"].as_u64().unwrap();
    assert!(open > 0 && open as u64 <= max, "{open} of {max} are open");
    assert!(seen["shed"]["idle_closed"].as_u64() >= Some(300 - max), "{seen}");
    assert_eq!(seen["shed"]["accepts_failed"], 0, "{seen}");
    origin.release();
    assert!(busy.answer().ends_with(GREETING));
}
