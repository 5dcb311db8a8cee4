//! What the supervisor hands to an edge beside the descriptors themselves: one environment variable that
//! says which inherited descriptor is what.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rempart_edge::BoundListener;
use rempart_wire::ProxyProtocol;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;
use serde::{Deserialize, Serialize};

use crate::output::Failure;
use crate::sockets::Bound;

/// The variable's name. Its value is a [`Handover`] in JSON.
pub(crate) const VARIABLE: &str = "REMPART_HANDOVER";

/// Everything that an edge cannot find out by itself.
#[derive(Serialize, Deserialize)]
pub(crate) struct Handover {
    listeners: Vec<Listening>,
    ready_fd: RawFd,
    /// Handed to the configured account when privileges are dropped.
    pub(crate) data_dir: PathBuf,
    /// How much the edge says about itself.
    pub(crate) log_level: String,
}

#[derive(Serialize, Deserialize)]
struct Listening {
    address: SocketAddr,
    tls: bool,
    proxy_protocol: Prefix,
    fds: Vec<RawFd>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Prefix {
    Off,
    V1,
    V2,
    Any,
}

impl Handover {
    /// Describes these sockets; `ready` is the pipe on which the edge says that it serves.
    pub(crate) fn of(bound: &[Bound], ready: impl AsFd, data_dir: PathBuf, log_level: &str) -> Self {
        let listeners = bound.iter().map(|bound| Listening {
            address: bound.address,
            tls: bound.tls,
            proxy_protocol: match bound.proxy_protocol {
                ProxyProtocol::Off => Prefix::Off,
                ProxyProtocol::V1 => Prefix::V1,
                ProxyProtocol::V2 => Prefix::V2,
                ProxyProtocol::Any => Prefix::Any,
            },
            fds: bound.sockets.iter().map(AsRawFd::as_raw_fd).collect(),
        });
        Self {
            listeners: listeners.collect(),
            ready_fd: ready.as_fd().as_raw_fd(),
            data_dir,
            log_level: log_level.to_owned(),
        }
    }

    /// Every descriptor that the edge must inherit.
    pub(crate) fn fds(&self) -> Vec<RawFd> {
        self.listeners.iter().flat_map(|l| l.fds.iter().copied()).chain([self.ready_fd]).collect()
    }

    /// What this process was handed by its supervisor.
    ///
    /// # Errors
    /// This process was not started by a supervisor.
    pub(crate) fn received() -> Result<Self, Failure> {
        let text = std::env::var(VARIABLE).map_err(|_| {
            Failure::Text("an edge is started by its supervisor: use `rempart up` instead".to_owned())
        })?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::Text(format!("{VARIABLE} is malformed: {error}")))
    }

    /// Takes the descriptors over.
    ///
    /// # Errors
    /// One of them is closed or, of the listeners, no listening socket.
    pub(crate) fn open(&self) -> io::Result<(Vec<BoundListener>, ReadyPipe)> {
        let listeners = self.listeners.iter().map(Listening::open).collect::<io::Result<_>>()?;
        Ok((listeners, ReadyPipe(adopt(self.ready_fd)?)))
    }
}

impl Listening {
    fn open(&self) -> io::Result<BoundListener> {
        let sockets = self.fds.iter().map(|fd| {
            let fd = adopt(*fd)?;
            if !socket_acceptconn(&fd)? {
                return Err(io::Error::from(io::ErrorKind::InvalidInput));
            }
            Ok(TcpListener::from(fd))
        });
        Ok(BoundListener {
            address: self.address,
            tls: self.tls,
            proxy_protocol: match self.proxy_protocol {
                Prefix::Off => ProxyProtocol::Off,
                Prefix::V1 => ProxyProtocol::V1,
                Prefix::V2 => ProxyProtocol::V2,
                Prefix::Any => ProxyProtocol::Any,
            },
            sockets: sockets.collect::<io::Result<_>>()?,
        })
    }
}

/// The edge's end of the pipe on which it says, once, whether it serves.
pub(crate) struct ReadyPipe(OwnedFd);

impl ReadyPipe {
    /// Tells the supervisor. Without one (it has died) there is nobody to tell.
    pub(crate) fn tell(self, outcome: Result<(), String>) {
        let message = match outcome {
            Ok(()) => "ready\n".to_owned(),
            Err(text) => format!("failed: {text}"),
        };
        std::fs::File::from(self.0).write_all(message.as_bytes()).ok();
    }
}

/// Owns an inherited descriptor, and keeps it from being inherited further.
fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number comes from the supervisor, which opened it for this process and for nobody else
    // in it; each number is adopted once. fcntl below fails if it is not open.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}
