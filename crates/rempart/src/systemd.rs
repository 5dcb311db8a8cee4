//! `sd_notify`: what the service manager is told, as datagrams to the socket that it names.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Result};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket; a child must not inherit it.
pub(crate) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The line to the service manager; without one, everything is told to nobody.
pub(crate) struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// The one that started this process, if it wants to be told.
    pub(crate) fn of_this_process() -> Self {
        let named = std::env::var_os(NOTIFY_SOCKET).filter(|name| !name.is_empty());
        Self(named.and_then(|name| match connect(&name) {
            Ok(line) => Some(line),
            Err(error) => {
                tracing::warn!(%error, socket = ?name, "the service manager cannot be told anything");
                None
            }
        }))
    }

    /// Visitors are served.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read again; `monotonic_us` is the time now by `CLOCK_MONOTONIC`.
    pub(crate) fn reloading(&self, monotonic_us: u64) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={monotonic_us}"));
    }

    /// What is going on, for people.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// Another process is the service from now on.
    pub(crate) fn main_pid(&self, pid: i32) {
        self.tell(&format!("MAINPID={pid}\nSTATUS=another supervisor has taken over"));
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    fn tell(&self, message: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!(%error, "the service manager did not take a message");
        }
    }
}

fn connect(name: &OsStr) -> Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().split_first() {
        Some((b'@', abstract_name)) => SocketAddr::from_abstract_name(abstract_name)?,
        Some((b'/', _)) => SocketAddr::from_pathname(name)?,
        Some(_) | None => return Err(Error::from(ErrorKind::InvalidInput)),
    };
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not stop the supervisor.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}
