//! What every test here stands on: the real program in a folder of its own, before an origin of ours.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is test code")]

pub(crate) mod call;
mod origin;
pub(crate) mod process;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rempart_base::Now;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use self::origin::Origin;

/// Nothing that is waited for takes longer, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program: in a test of a build that can fail on purpose, that build.
#[cfg(feature = "fault")]
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_rempart-fault");
/// The program.
#[cfg(not(feature = "fault"))]
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_rempart");

/// The program with these arguments.
pub(crate) fn rempart(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
    command
}

/// Runs it to its end.
pub(crate) fn ask(arguments: &[&str]) -> Output {
    rempart(arguments).output().unwrap()
}

/// What it wrote, for looking at.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits for a line of the access log, `access.log` in this folder, of which this is so.
pub(crate) fn logged(folder: &Folder, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Now::mono();
    loop {
        let log = fs::read_to_string(folder.path().join("access.log")).unwrap_or_default();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.find(|line| is_it(line)) {
            return line;
        }
        assert!(begun.elapsed() < PATIENCE, "{log}");
        std::thread::yield_now();
    }
}

/// A folder with a configuration in it.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With a file that serves this origin on a free port.
    pub(crate) fn before(origin: &Origin) -> Self {
        let folder = Self::new();
        folder.write(&configuration(origin.address, "root"));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("rempart.yaml")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn write(&self, configuration: &str) {
        fs::write(self.file(), configuration).unwrap();
    }

    /// Starts `rempart up` on it and waits until it serves.
    pub(crate) fn up(&self) -> Up {
        self.up_with(|_| {})
    }

    /// The same, with a change to how it is started.
    pub(crate) fn up_with(&self, change: impl FnOnce(&mut Command)) -> Up {
        let mut command = rempart(&["up", "-c", self.file().to_str().unwrap()]);
        change(&mut command);
        Up::start(command)
    }
}

/// A small configuration; port 0 is a free one. Each request reaches the origin.
pub(crate) fn configuration(origin: SocketAddr, user: &str) -> String {
    format!(
        "listen:\n  http: [\"127.0.0.1:0\"]\ndata_dir: ./data\nworkers: 2\nuser: {user}\nadmin:\n  listen: off\n\
         limits:\n  drain_timeout_ms: 10000\n\
         zones:\n  - name: test.example\n    hosts: [\"*\"]\n    origins: [\"http://{origin}\"]\n    \
         cache: {{level: bypass}}\n"
    )
}

/// A running `rempart up`. Killed at the end, if it still runs.
pub(crate) struct Up {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    /// What it said until it served.
    pub(crate) begun: Vec<String>,
    pub(crate) http: SocketAddr,
    /// Where it serves TLS, if it does.
    pub(crate) https: Option<SocketAddr>,
}

impl Up {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("| {line}");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut up =
            Self { child, lines, reader: Some(reader), begun: Vec::new(), http: nowhere, https: None };
        up.begun = up.lines_until("serving http://");
        let line = up.begun.last().unwrap();
        let address = |scheme| line.split(scheme).nth(1)?.split(' ').next()?.parse().ok();
        (up.http, up.https) = (address(" http://").unwrap(), address(" https://"));
        up
    }

    /// Waits for a line on standard error.
    pub(crate) fn line_with(&self, part: &str) -> String {
        self.lines_until(part).pop().unwrap()
    }

    /// All lines from the last one that was waited for to one with this in it.
    pub(crate) fn lines_until(&self, part: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(part)) {
            let line = self.lines.recv_timeout(PATIENCE);
            lines.push(line.unwrap_or_else(|_| panic!("no line says `{part}`")));
        }
        lines
    }

    /// Closes our end of its standard error, after one line more.
    pub(crate) fn stop_reading(&mut self, provoke_a_line: impl FnOnce(&Self)) {
        self.lines = channel().1;
        provoke_a_line(self);
        self.reader.take().unwrap().join().unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The edge that it has now, or the newest of several.
    pub(crate) fn edge(&self) -> Pid {
        *process::edges(self.pid()).last().expect("it has an edge")
    }

    /// The one that was there first of those that it has now.
    pub(crate) fn edge_that_serves(&self) -> Pid {
        *process::edges(self.pid()).first().expect("it has an edge")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        await_end(&pidfd_open(self.pid(), PidfdFlags::empty()).unwrap());
        self.child.wait().unwrap()
    }

    /// A connection with a request on it whose answer is still to be read.
    pub(crate) fn request(&self, target: &str) -> TcpStream {
        request(self.http, target)
    }

    /// The whole answer to a request.
    pub(crate) fn answer(&self, target: &str) -> String {
        read(self.request(target))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A connection to this address with a request on it.
pub(crate) fn request(http: SocketAddr, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n").unwrap();
    stream
}

/// What the stage that looks at bodies says when it holds `bytes` of `size`.
pub(crate) fn held(bytes: &[u8], size: usize, is_whole: bool) -> String {
    let sum = bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3));
    format!("test-body: {} of {size}, whole: {is_whole}, sum: {sum:x}", bytes.len())
}

/// Everything that still comes.
pub(crate) fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    text(&answer)
}

/// Waits until a process has ended, whose child it is.
pub(crate) fn await_end(process: &OwnedFd) {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    let ended = poll(&mut fds, Some(&Timespec::try_from(PATIENCE).unwrap())).unwrap();
    assert_eq!(ended, 1, "the process has not ended in {PATIENCE:?}");
}
