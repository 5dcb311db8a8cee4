//! `rempart top`: one frame for scripts, and the live view as a person has it, on a terminal of our own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is test code")]

mod stand;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;
use stand::{Folder, ask, rempart, text};

/// Something that listens where an edge would, and counts 100 requests more each time it is asked.
fn counting(folder: &Folder) {
    fs::create_dir_all(folder.data_dir()).unwrap();
    let listener = UnixListener::bind(folder.data_dir().join("ctl.sock")).unwrap();
    std::thread::spawn(move || {
        for nth in 1_u64.. {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line.trim(), r#"{"command":"counts"}"#);
            let zone = |name: &str, requests: u64, failed: u64| {
                json!({
                    "zone": name, "statuses": {"2xx": requests, "5xx": failed}, "latencies": [requests, 0],
                    "bytes_out": requests * 2048, "bytes_saved": requests * 1024,
                    "cache": {"hit": requests * 3 / 4, "miss": requests / 4},
                })
            };
            let counts = json!({
                "uptime_ms": nth * 1000, "pid": 7, "release": 12, "workers": 2, "connections": 64,
                "latency_bounds_us": [1000],
                "zones": [zone("busy.example", nth * 100, 0), zone("broken.example", nth * 4, nth * 8)],
                "cache": {"entries": 5, "bytes": 1 << 20, "bytes_max": 1 << 30, "evicted": nth * 9},
                "origins": [{"origin": "http://10.0.0.5:8080", "asked": nth * 25, "failed": nth, "open": 3}],
            });
            let _ = stream.write_all(format!("{}\n", json!({"ok": true, "counts": counts})).as_bytes());
        }
    });
}

fn top(folder: &Folder) -> [String; 3] {
    ["top".to_owned(), "--data-dir".to_owned(), folder.data_dir().display().to_string()]
}

#[test]
fn once_prints_one_frame_without_a_word_for_terminals() {
    let folder = Folder::new();
    counting(&folder);
    let [command, flag, data_dir] = top(&folder);
    let output = ask(&[&command, &flag, &data_dir, "--once"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let words = |of: &str| {
        let line = said.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("{of}: {said}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let busy = ["busy.example", "100", "100", "0", "0", "0", "75.0", "200K", "100K", "500µs", "990µs"];
    assert_eq!(words("busy.example"), busy);
    assert_eq!(words("http://10.0.0.5:8080"), ["http://10.0.0.5:8080", "25", "1.0", "3"]);
    assert!(said.contains("1.0M of 1.0G  entries 5") && said.contains("evicted 9.0/s"), "{said}");
}

#[test]
fn without_an_edge_or_a_terminal_it_says_what_to_do() {
    let folder = Folder::new();
    let [command, flag, data_dir] = top(&folder);
    let output = ask(&[&command, &flag, &data_dir, "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("rempart up"), "{}", text(&output.stderr));
    let output = ask(&[&command, &flag, &data_dir]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--once"), "{}", text(&output.stderr));
}

/// `rempart top` on a terminal of 80 columns and 24 lines.
struct Watched {
    child: Child,
    screen: File,
    terminal: OwnedFd,
    seen: String,
}

impl Watched {
    fn start(folder: &Folder) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = rempart(&top(folder).each_ref().map(String::as_str));
        let handle = || Stdio::from(terminal.try_clone().unwrap());
        let child = command.stdin(handle()).stdout(handle()).stderr(handle()).spawn().unwrap();
        Self { child, screen: master.into(), terminal: terminal.into(), seen: String::new() }
    }

    /// Reads until this has been written, after what was waited for before.
    fn until(&mut self, part: &str) -> String {
        let mut buffer = [0; 4096];
        while !self.seen.contains(part) {
            let read = self.screen.read(&mut buffer).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap()));
        }
        let end = self.seen.find(part).unwrap() + part.len();
        let rest = self.seen.split_off(end);
        std::mem::replace(&mut self.seen, rest)
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// It has ended well, and the terminal is as it was.
    fn ends(&mut self) {
        self.until("\u{1b}[?1049l");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(self.echoes());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn live_it_sorts_by_key_and_ends_by_key() {
    let folder = Folder::new();
    counting(&folder);
    let mut watched = Watched::start(&folder);
    watched.until("\u{1b}[?1049h");
    // The second look has rates: 100 requests more in what the edge says was a second.
    let frame = watched.until("(now by requests)") + &watched.until("(now by requests)");
    assert!(!watched.echoes());
    let place = |frame: &str, zone: &str| frame.rfind(zone).unwrap_or_else(|| panic!("{zone}: {frame:?}"));
    assert!(frame.contains(" 75.0 "), "{frame:?}");
    assert!(place(&frame, "busy.example") < place(&frame, "broken.example"));
    watched.screen.write_all(b"xs").unwrap();
    let frame = watched.until("(now by errors)");
    assert!(place(&frame, "broken.example") < place(&frame, "busy.example"));
    watched.screen.write_all(b"q").unwrap();
    watched.ends();
}

#[test]
fn signals_end_it_and_the_terminal_is_as_it_was() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        counting(&folder);
        let mut watched = Watched::start(&folder);
        watched.until("(now by requests)");
        kill_process(Pid::from_child(&watched.child), signal).unwrap();
        watched.ends();
    }
}

#[test]
fn an_edge_that_goes_is_said_and_the_view_stays() {
    let folder = Folder::new();
    counting(&folder);
    let mut watched = Watched::start(&folder);
    watched.until("(now by requests)");
    fs::remove_file(folder.data_dir().join("ctl.sock")).unwrap();
    let frame = watched.until("no edge runs here");
    assert!(frame.contains("busy.example"), "{frame:?}");
    watched.screen.write_all(b"q").unwrap();
    watched.ends();
}
