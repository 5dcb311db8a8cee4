//! How a system is started: its configuration from `peers/`, one worker, its own folder, a free port.

mod system;

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rempart_base::Now;
use rustix::process::{Pid, Signal, kill_process};

pub(crate) use self::system::System;
use crate::certificate::Certificate;
use crate::process::Tree;
use crate::works::{Kind, Protocol, Work, body};
use crate::{Outcome, pause, process, sink};

const START_S_MAX: u64 = 10;
/// Who has it may purge.
pub(crate) const TOKEN: &str = "bench-token-of-no-secrecy-at-all";
const STOP_S_MAX: u64 = 5;
/// A server that has used less CPU time than this between two looks has nothing left to do.
const SETTLED_NS: u64 = 500_000;
const SETTLE_LOOK: Duration = Duration::from_millis(150);
const SETTLE_S_MAX: u64 = 5;

/// Where systems are started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stand<'a> {
    /// Where their folders are.
    pub folder: &'a Path,
    /// The origin's port on 127.0.0.1.
    pub origin: u16,
    /// Rempart's binary.
    pub rempart: &'a Path,
    /// The core that they run on; `None`: any.
    pub core: Option<usize>,
    /// Rempart's workers; its peers have one.
    pub workers: u32,
    /// What they show to visitors over TLS.
    pub certificate: &'a Certificate,
    /// How many visitors' connections they must be able to hold.
    pub connections: u32,
}

/// A system that serves now. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// Which one.
    pub system: System,
    /// All its processes.
    pub tree: Tree,
    /// Where it serves, on 127.0.0.1.
    pub port: u16,
    /// Its admin endpoint, if it has one.
    pub admin: u16,
    /// The certificate that it shows over TLS.
    pub certificate: PathBuf,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it, and waits until it accepts.
    pub(crate) fn start(system: System, work: Work, stand: &Stand<'_>) -> Outcome<Self> {
        let Some(files) = system.files(work.kind(), work.protocol()) else {
            return Err(format!("{} is not measured on this", system.name()).into());
        };
        let folder = stand.folder.join(system.name());
        fs::create_dir_all(&folder)?;
        let log = folder.join("access.log");
        let [port, admin] = free_ports()?;
        let wants_sink = files.iter().any(|(_, text)| text.contains("{{sink}}"));
        let sink = if wants_sink { sink::drain_into(&log)? } else { 0 };
        fs::write(folder.join("token"), TOKEN)?;
        if system.answers_from_files(work) {
            write_files(&folder.join("files"))?;
        }
        for (name, text) in files {
            let text = text
                .replace("{{port}}", &port.to_string())
                .replace("{{admin}}", &admin.to_string())
                .replace("{{workers}}", &stand.workers.to_string())
                .replace("{{origin}}", &stand.origin.to_string())
                .replace("{{sink}}", &sink.to_string())
                .replace("{{connections}}", &stand.connections.to_string())
                .replace("{{cert}}", &stand.certificate.cert.display().to_string())
                .replace("{{key}}", &stand.certificate.key.display().to_string())
                .replace("{{both}}", &stand.certificate.both.display().to_string())
                .replace("{{folder}}", &folder.display().to_string())
                .replace("{{log}}", &log.display().to_string())
                .replace("{{as_root}}", system.as_root());
            fs::write(folder.join(name), text)?;
        }
        let config = folder.join(files.first().map_or("", |(name, _)| name));
        let said = File::create(folder.join("output.log"))?;
        let mut command = system.command(&config, &folder, port, stand.rempart);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let child = spawn_on(stand.core, &mut command)?;
        let (tree, certificate) = (Tree::of(child.id()), stand.certificate.cert.clone());
        let mut running = Self { system, tree, port, admin, certificate, child, log };
        wait_until_it_accepts(&mut running.child, port, &folder, system.name())?;
        // A worker may have pinned itself elsewhere.
        if let Some(core) = stand.core {
            running.tree.pin(core)?;
        }
        Ok(running)
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// The CPU time of all its processes, read once they have nothing left to do: some write their log later.
    pub(crate) fn settled_cpu_ns(&self) -> Outcome<u64> {
        let deadline = Now::read().after(Duration::from_secs(SETTLE_S_MAX));
        let mut before = self.tree.cpu_ns()?;
        loop {
            pause(SETTLE_LOOK);
            let after = self.tree.cpu_ns()?;
            if after.saturating_sub(before) < SETTLED_NS || Now::read().mono > deadline.mono {
                return Ok(after);
            }
            before = after;
        }
    }

    /// How many lines its access log holds; the log is empty afterwards.
    pub(crate) fn take_logged(&self) -> Outcome<u64> {
        let mut lines = 0;
        let mut log = File::options().read(true).write(true).open(&self.log)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match log.read(&mut buffer)? {
                0 => break,
                read => lines += buffer.iter().take(read).filter(|byte| **byte == b'\n').count() as u64,
            }
        }
        log.set_len(0)?;
        Ok(lines)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop(&mut self.child, self.tree);
    }
}

/// What works about hits over HTTP/2 ask for, for a server that answers from files.
fn write_files(folder: &Path) -> io::Result<()> {
    for work in Work::ALL {
        if let (Kind::Hit, Protocol::Http2 { .. }) = (work.kind(), work.protocol()) {
            let file = folder.join(work.path().trim_start_matches('/'));
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, body(work.body_bytes()))?;
        }
    }
    Ok(())
}

/// Waits until a server accepts on 127.0.0.1; `folder` has what it says until then.
pub(crate) fn wait_until_it_accepts(child: &mut Child, port: u16, folder: &Path, name: &str) -> Outcome<()> {
    let deadline = Now::read().after(Duration::from_secs(START_S_MAX));
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait()?.is_some();
        if ended || Now::read().mono > deadline.mono {
            let said = fs::read_to_string(folder.join("output.log")).unwrap_or_default();
            return Err(format!("{name} does not serve. It said:\n{said}").into());
        }
        pause(Duration::from_millis(20));
    }
    Ok(())
}

/// Asks a server to end, and ends it if it does not.
pub(crate) fn stop(child: &mut Child, tree: Tree) {
    let members = tree.members().unwrap_or_default();
    signal(child.id(), Signal::TERM);
    let deadline = Now::read().after(Duration::from_secs(STOP_S_MAX));
    while Now::read().mono < deadline.mono && matches!(child.try_wait(), Ok(None)) {
        pause(Duration::from_millis(20));
    }
    if matches!(child.try_wait(), Ok(None)) {
        members.iter().for_each(|pid| signal(*pid, Signal::KILL));
        let _ = child.wait();
    }
}

/// Starts a child that may run on this core alone, from its first instruction; or on any.
fn spawn_on(core: Option<usize>, command: &mut Command) -> Outcome<Child> {
    let child = match core {
        Some(core) => process::pinned_to(core, || command.spawn())?,
        None => process::unpinned(|| command.spawn())?,
    };
    child.map_err(|error| format!("{} does not start: {error}", command.get_program().display()).into())
}

/// Ports that were free a moment ago, held together so that they differ.
pub(crate) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let [a, b] = free_ports().unwrap();
        assert_ne!(a, b);
    }
}
