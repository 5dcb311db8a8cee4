//! What the supervisor hands to an edge beside the descriptors themselves: one environment variable that
//! says which inherited descriptor is what. A supervisor may start an edge of another version: what is added
//! here later has a default, and nothing is taken away.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use rempart_edge::line::Line;
use rempart_edge::page::{Page, Slot};
use rempart_edge::taste::report::Prefix;
use rempart_edge::{Boot, BoundListener};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{Pid, getpid, getppid};
use serde::{Deserialize, Serialize};

use crate::output::Failure;
use crate::sockets::Sockets;
use crate::supervisor::Order;

/// The variable's name. Its value is a [`Handover`] in JSON.
pub(crate) const VARIABLE: &str = "REMPART_HANDOVER";

/// Everything that an edge cannot find out by itself.
#[derive(Serialize, Deserialize)]
pub(crate) struct Handover {
    listeners: Vec<Listening>,
    admin_fd: Option<RawFd>,
    ready_fd: RawFd,
    page_fd: RawFd,
    line_fd: RawFd,
    #[serde(default)]
    tide_fd: Option<RawFd>,
    /// Handed to the configured account when privileges are dropped.
    pub(crate) data_dir: PathBuf,
    /// With which to live and to end.
    #[serde(default)]
    supervisor: Option<i32>,
    /// As which account to serve, if root started all this. Not what a release says: the store belongs to that
    /// account, and whoever has it could write `root` there. `None` is the owner of `data_dir`.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// Where the operator's files want the access log.
    #[serde(default)]
    pub(crate) access_log: Option<PathBuf>,
    /// How much the edge says about itself.
    pub(crate) log_level: String,
    boot: Begin,
    /// The how-manieth edge this is.
    pub(crate) generation: u64,
}

/// Sockets of one address. What kind they are is written down: later ones may be datagram sockets, which
/// an edge that does not know them must not take for these.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Listening {
    Tcp { address: SocketAddr, tls: bool, proxy_protocol: Prefix, fds: Vec<RawFd> },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Begin {
    Candidate,
    Stored,
    AfterCrash,
    StepBack,
}

/// What is told to an edge anew at each start.
pub(crate) struct Start<'a> {
    /// On which it says that it serves.
    pub(crate) ready: &'a dyn AsFd,
    /// Its page.
    pub(crate) page: &'a Page,
    /// Its end of the line.
    pub(crate) line: &'a Line,
    /// What it begins with.
    pub(crate) boot: Boot,
    /// The how-manieth it is.
    pub(crate) generation: u64,
}

/// What an edge has when it has taken everything over.
pub(crate) struct Opened {
    pub(crate) listeners: Vec<BoundListener>,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) ready: ReadyPipe,
    pub(crate) slots: &'static [Slot],
    pub(crate) line: Line,
    pub(crate) tide: &'static AtomicU64,
    pub(crate) boot: Boot,
}

impl Handover {
    /// Describes these sockets and the rest.
    pub(crate) fn of(sockets: &Sockets, start: &Start<'_>, order: &Order) -> Self {
        let listeners = sockets.listeners.iter().map(|bound| Listening::Tcp {
            address: bound.address,
            tls: bound.tls,
            proxy_protocol: bound.proxy_protocol.into(),
            fds: bound.sockets.iter().map(AsRawFd::as_raw_fd).collect(),
        });
        Self {
            listeners: listeners.collect(),
            admin_fd: sockets.admin.as_ref().map(AsRawFd::as_raw_fd),
            ready_fd: start.ready.as_fd().as_raw_fd(),
            page_fd: start.page.as_fd().as_raw_fd(),
            line_fd: start.line.as_fd().as_raw_fd(),
            tide_fd: sockets.tide.as_ref().map(|tide| tide.as_fd().as_raw_fd()),
            data_dir: order.data_dir.clone(),
            supervisor: Some(getpid().as_raw_nonzero().get()),
            user: order.user.clone(),
            access_log: order.access_log.clone(),
            log_level: order.log_level.clone(),
            boot: match start.boot {
                Boot::Candidate => Begin::Candidate,
                Boot::Stored => Begin::Stored,
                Boot::AfterCrash => Begin::AfterCrash,
                Boot::StepBack => Begin::StepBack,
            },
            generation: start.generation,
        }
    }

    /// Every descriptor that the edge must inherit.
    pub(crate) fn fds(&self) -> Vec<RawFd> {
        let listeners = self.listeners.iter().flat_map(|listening| match listening {
            Listening::Tcp { fds, .. } => fds.iter().copied(),
        });
        listeners
            .chain(self.admin_fd)
            .chain(self.tide_fd)
            .chain([self.ready_fd, self.page_fd, self.line_fd])
            .collect()
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

    /// Who has started this process.
    pub(crate) fn supervisor(&self) -> Option<Pid> {
        self.supervisor.map_or_else(getppid, Pid::from_raw)
    }

    /// Takes the descriptors over.
    ///
    /// # Errors
    /// One of them is closed or not what it is said to be.
    pub(crate) fn open(&self) -> io::Result<Opened> {
        let listeners = self.listeners.iter().map(Listening::open).collect::<io::Result<_>>()?;
        // An edge without a page that it can read serves all the same; its supervisor sees no heartbeat
        // begin, and does not wait for one.
        let page = Page::map(adopt(self.page_fd)?);
        let tide = self.tide_fd.map(adopt).transpose()?.and_then(|fd| Page::map(fd).ok());
        Ok(Opened {
            listeners,
            admin: self.admin_fd.map(listening).transpose()?,
            ready: ReadyPipe(adopt(self.ready_fd)?),
            slots: page.map_or(&[], Page::forever),
            line: Line::inherited(adopt(self.line_fd)?)?,
            tide: tide.map_or_else(|| Box::leak(Box::default()), Page::tide),
            boot: match self.boot {
                Begin::Candidate => Boot::Candidate,
                Begin::Stored => Boot::Stored,
                Begin::AfterCrash => Boot::AfterCrash,
                Begin::StepBack => Boot::StepBack,
            },
        })
    }
}

impl Listening {
    fn open(&self) -> io::Result<BoundListener> {
        let Self::Tcp { address, tls, proxy_protocol, fds } = self;
        Ok(BoundListener {
            address: *address,
            tls: *tls,
            proxy_protocol: (*proxy_protocol).into(),
            sockets: fds.iter().map(|fd| listening(*fd)).collect::<io::Result<_>>()?,
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

fn listening(fd: RawFd) -> io::Result<TcpListener> {
    let fd = adopt(fd)?;
    if !socket_acceptconn(&fd)? {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    Ok(TcpListener::from(fd))
}

/// Owns an inherited descriptor, and keeps it from being inherited further.
fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number comes from the supervisor, which opened it for this process and for nobody else
    // in it; each number is adopted once. fcntl below fails if it is not open.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}
