//! One `rempart up` for one case: its configuration, its folder, its ports and its end.

use crate::case::{Case, Client, Configuration, Protocol};
use crate::peer::left;
use rempart_base::Now;
use rustix::process::{Pid, Signal, kill_process_group};
use socket2::{Domain, Socket, Type};
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A port that nobody else is given while this lives. It is bound and does not listen: with
/// `SO_REUSEADDR` and `SO_REUSEPORT` Rempart can bind it too, and no connection ever comes to this socket.
pub struct Reserved {
    /// The port.
    pub port: u16,
    _socket: Socket,
}

/// Reserves a free port of 127.0.0.1.
///
/// # Errors
/// Of the system.
pub fn reserve() -> io::Result<Reserved> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let port = socket.local_addr()?.as_socket_ipv4().map_or(0, |address| address.port());
    Ok(Reserved { port, _socket: socket })
}

/// The folder and the ports of one case.
pub struct Place {
    /// Gone when this is dropped.
    pub folder: tempfile::TempDir,
    /// Port for plain HTTP.
    pub http: Reserved,
    /// Port for HTTPS.
    pub https: Reserved,
}

impl Place {
    /// Makes both.
    ///
    /// # Errors
    /// Of the system.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("rempart-case-").tempdir()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        Ok(Self { folder, http: reserve()?, https: reserve()? })
    }

    /// Where the access log goes.
    #[must_use]
    pub fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// The configuration of a case, with these origins.
    #[must_use]
    pub fn configuration(&self, case: &Case, protocol: Protocol, origins: &[String]) -> String {
        let folder = self.folder.path().display();
        let Configuration { top, zone, zones, listener } = &case.configuration;
        let brings = |lines: &[String], key: &str| lines.iter().any(|line| line.starts_with(key));
        let mut out = String::from("listen:\n");
        let mut line = |indent: usize, text: &str| {
            // Writing to a String does not fail.
            let _ = writeln!(out, "{:indent$}{text}", "");
        };
        line(2, &format!("http:\n    - address: \"127.0.0.1:{}\"", self.http.port));
        listener.iter().for_each(|text| line(6, text));
        let is_secure = |client: &Client| client.tls.is_some() || client.wrong_port;
        if protocol == Protocol::Http2 || case.clients.iter().any(is_secure) {
            line(2, &format!("https: [\"127.0.0.1:{}\"]", self.https.port));
        }
        line(0, &format!("data_dir: {folder}/data\nworkers: 1"));
        if rustix::process::geteuid().is_root() {
            line(0, "user: root");
        }
        if !brings(top, "admin:") {
            line(0, "admin: {listen: off}");
        }
        line(0, &format!("log: {{access: {{to: {folder}/access.log}}}}"));
        top.iter().for_each(|text| line(0, text));
        line(0, "zones:\n  - name: shop.test");
        if !brings(zone, "origins:") {
            line(4, &format!("origins: [{}]", origins.join(", ")));
        }
        zone.iter().for_each(|text| line(4, text));
        zones.iter().for_each(|text| line(2, text));
        out
    }
}

/// A running Rempart. Dropping it ends its whole process group.
pub struct Server {
    child: Child,
    output: PathBuf,
    ended: bool,
}

impl Server {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// Says why it is not, with what it has printed.
    pub fn start(program: &Path, place: &Place, configuration: &str, until: Instant) -> Result<Self, String> {
        let text = |error: io::Error| format!("starting {}: {error}", program.display());
        let folder = place.folder.path();
        let file = folder.join("rempart.yaml");
        fs::write(&file, configuration).map_err(text)?;
        let output = folder.join("output");
        let printed = File::create(&output).map_err(text)?;
        let notices = UnixDatagram::bind(folder.join("notify")).map_err(text)?;
        let child = Command::new(program)
            .arg("up")
            .arg("-c")
            .arg(&file)
            .env("NOTIFY_SOCKET", folder.join("notify"))
            .stdin(Stdio::null())
            .stdout(printed.try_clone().map_err(text)?)
            .stderr(printed)
            .process_group(0)
            .spawn()
            .map_err(text)?;
        let mut server = Self { child, output, ended: false };
        match server.wait_ready(&notices, until) {
            Ok(()) => Ok(server),
            Err(what) => {
                server.stop();
                Err(format!("{what}\n{}--- configuration\n{configuration}", server.printed()))
            }
        }
    }

    /// `READY=1` comes on the socket that systemd would give.
    fn wait_ready(&mut self, notices: &UnixDatagram, until: Instant) -> Result<(), String> {
        /// How long the end of the process may go unnoticed.
        const LOOK: Duration = Duration::from_millis(100);
        let mut notice = [0; 1024];
        while let Some(left) = left(until) {
            let asked = notices.set_read_timeout(Some(left.min(LOOK)));
            asked.map_err(|error| error.to_string())?;
            if let Ok(count) = notices.recv(&mut notice) {
                let lines = notice.get(..count).unwrap_or_default();
                if lines.split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                    return Ok(());
                }
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("rempart ended before it was ready: {status}"));
            }
        }
        Err("rempart did not say READY=1 in time".to_owned())
    }

    /// Ends it at once and waits for that.
    pub fn stop(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }

    /// What it has printed, for a failure's message.
    #[must_use]
    pub fn printed(&self) -> String {
        let text = fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default();
        format!("--- rempart printed\n{}\n", last.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Connects to a port of 127.0.0.1.
///
/// # Errors
/// Of the system, or that it took too long.
pub fn connect(port: u16, until: Instant) -> Result<TcpStream, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let left = left(until).unwrap_or(Duration::from_millis(1));
    let stream = TcpStream::connect_timeout(&address, left).map_err(|error| format!("{address}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// How long Rempart may take to start: a debug build on a busy machine makes its key and certificate.
#[must_use]
pub fn start_deadline() -> Instant {
    Now::read().mono + Duration::from_secs(30)
}
