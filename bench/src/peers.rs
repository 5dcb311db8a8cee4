//! The systems that are measured, and how each is started: its configuration from `peers/`, one worker, its
//! own folder, a free port.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use rempart_base::Now;
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Tree, pin_current};
use crate::{Outcome, pause, program, sink};

const START_S_MAX: u64 = 10;
const STOP_S_MAX: u64 = 5;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum System {
    /// This project.
    Rempart,
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
    /// H2O.
    H2o,
    /// Caddy.
    Caddy,
    /// A canned answer: the mark for hits. It passes nothing through.
    Floor,
}

impl System {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 6] =
        [Self::Rempart, Self::Nginx, Self::Haproxy, Self::H2o, Self::Caddy, Self::Floor];

    /// As it is typed and written in the results.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rempart => "rempart",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::H2o => "h2o",
            Self::Caddy => "caddy",
            Self::Floor => "floor",
        }
    }

    /// Name and text of its configuration; `None` for what passes nothing through.
    const fn template(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Rempart => Some(("rempart.yaml", include_str!("../peers/rempart.yaml"))),
            Self::Nginx => Some(("nginx.conf", include_str!("../peers/nginx.conf"))),
            Self::Haproxy => Some(("haproxy.cfg", include_str!("../peers/haproxy.cfg"))),
            Self::H2o => Some(("h2o.conf", include_str!("../peers/h2o.conf"))),
            Self::Caddy => Some(("Caddyfile", include_str!("../peers/Caddyfile"))),
            Self::Floor => None,
        }
    }

    /// Whether it is measured on pass-through works.
    #[must_use]
    pub(crate) const fn proxies(self) -> bool {
        self.template().is_some()
    }

    fn command(self, config: &Path, folder: &Path, rempart: &Path) -> Command {
        let mut command = program("setpriv");
        // The peer ends with the rig, however that ends.
        command.args(["--pdeathsig", "TERM", "--"]);
        match self {
            Self::Rempart => command.arg(rempart).args(["up", "-c"]).arg(config),
            Self::Nginx => command.args(["nginx", "-e"]).arg(folder.join("error.log")).arg("-c").arg(config),
            Self::Haproxy => command.args(["haproxy", "-db", "-f"]).arg(config),
            Self::H2o => command.args(["h2o", "-c"]).arg(config),
            Self::Caddy => command
                .args(["caddy", "run", "--adapter", "caddyfile", "--config"])
                .arg(config)
                .env("GOMAXPROCS", "1"),
            Self::Floor => command.arg("false"),
        };
        // Whatever a program keeps below HOME stays in the folder.
        command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command
    }

    /// The version as the program tells it, for the table's head.
    #[must_use]
    pub(crate) fn version(self, rempart: &Path) -> String {
        let mut command = match self {
            Self::Rempart | Self::Floor => Command::new(rempart),
            Self::Nginx | Self::Haproxy | Self::H2o | Self::Caddy => program(self.name()),
        };
        let flag = match self {
            Self::Rempart | Self::Floor => "--version",
            Self::Nginx | Self::Haproxy | Self::H2o => "-v",
            Self::Caddy => "version",
        };
        let Ok(output) = command.arg(flag).output() else { return "?".to_owned() };
        let text = [output.stdout, output.stderr].concat();
        version_in(&String::from_utf8_lossy(&text)).unwrap_or("?").to_owned()
    }
}

/// The first word that looks like a version, without what the distribution added.
fn version_in(text: &str) -> Option<&str> {
    let word = text.split(|c: char| c.is_whitespace() || c == '/').find(|word| {
        let digits = word.trim_start_matches('v');
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('.')
    })?;
    word.trim_start_matches('v').split(['-', '+']).next()
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
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it pinned to `core`, in front of the origin, and waits until it accepts.
    pub(crate) fn start(
        system: System,
        origin: u16,
        folder: &Path,
        rempart: &Path,
        core: usize,
    ) -> Outcome<Self> {
        let Some((name, template)) = system.template() else {
            return Err(format!("{} passes nothing through", system.name()).into());
        };
        let folder = folder.join(system.name());
        fs::create_dir_all(&folder)?;
        let log = folder.join("access.log");
        let [port, admin] = free_ports()?;
        let sink = if template.contains("{{sink}}") { sink::drain_into(&log)? } else { 0 };
        let text = template
            .replace("{{port}}", &port.to_string())
            .replace("{{admin}}", &admin.to_string())
            .replace("{{origin}}", &origin.to_string())
            .replace("{{sink}}", &sink.to_string())
            .replace("{{folder}}", &folder.display().to_string())
            .replace("{{log}}", &log.display().to_string())
            .replace("{{as_root}}", as_root(system));
        let config = folder.join(name);
        fs::write(&config, text)?;
        let said = File::create(folder.join("output.log"))?;
        let mut command = system.command(&config, &folder, rempart);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let child = spawn_on(core, &mut command)?;
        let mut running = Self { system, tree: Tree::of(child.id()), port, child, log };
        running.wait_until_it_accepts(&folder)?;
        // A worker may have pinned itself elsewhere.
        running.tree.pin(core)?;
        Ok(running)
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

    fn wait_until_it_accepts(&mut self, folder: &Path) -> Outcome<()> {
        let deadline = Now::read().after(Duration::from_secs(START_S_MAX));
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait()?.is_some();
            if ended || Now::read().mono > deadline.mono {
                let said = fs::read_to_string(folder.join("output.log")).unwrap_or_default();
                return Err(format!("{} does not serve. It said:\n{said}", self.system.name()).into());
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let members = self.tree.members().unwrap_or_default();
        signal(self.child.id(), Signal::TERM);
        let deadline = Now::read().after(Duration::from_secs(STOP_S_MAX));
        while Now::read().mono < deadline.mono && matches!(self.child.try_wait(), Ok(None)) {
            pause(Duration::from_millis(20));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            members.iter().for_each(|pid| signal(*pid, Signal::KILL));
            let _ = self.child.wait();
        }
    }
}

/// Starts a child that may run on this core alone, from its first instruction.
fn spawn_on(core: usize, command: &mut Command) -> Outcome<Child> {
    let cores = rustix::thread::sched_getaffinity(None)?;
    pin_current(core)?;
    let child = command.spawn();
    rustix::thread::sched_setaffinity(None, &cores)?;
    child.map_err(|error| format!("{} does not start: {error}", command.get_program().display()).into())
}

/// The line by which a server that is started as root keeps its workers root: they write into the rig's
/// folder, which only its owner can read.
fn as_root(system: System) -> &'static str {
    if !rustix::process::geteuid().is_root() {
        return "";
    }
    match system {
        System::Nginx => "user root;",
        System::H2o => "user: root",
        System::Rempart | System::Haproxy | System::Caddy | System::Floor => "",
    }
}

/// Ports that were free a moment ago, held together so that they differ.
fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
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
    fn versions_as_programs_tell_them() {
        assert_eq!(version_in("nginx version: nginx/1.22.1"), Some("1.22.1"));
        assert_eq!(version_in("HAProxy version 2.6.12-1+deb12u4 2026/10/17"), Some("2.6.12"));
        assert_eq!(version_in("h2o version 2.2.5\nOpenSSL: OpenSSL 3.0.19"), Some("2.2.5"));
        assert_eq!(version_in("v2.6.2 h1:abc"), Some("2.6.2"));
        assert_eq!(version_in("no idea"), None);
    }

    #[test]
    fn every_placeholder_is_one_that_start_fills_in() {
        let known =
            ["{{port}}", "{{admin}}", "{{origin}}", "{{sink}}", "{{folder}}", "{{log}}", "{{as_root}}"];
        for (name, template) in System::ALL.into_iter().filter_map(System::template) {
            let filled = known.iter().fold(template.to_owned(), |text, key| text.replace(key, ""));
            assert!(!filled.contains("{{"), "{name} has an unknown placeholder");
            assert!(template.contains("{{port}}") && template.contains("{{origin}}"), "{name}");
        }
    }

    #[test]
    fn free_ports_differ() {
        let [a, b] = free_ports().unwrap();
        assert_ne!(a, b);
    }
}
