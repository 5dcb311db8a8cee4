//! Where a release is tried: one worker, as an edge has it, on a thread of its own, so that it may hang; and
//! one runtime on this thread for whoever asks it and for the origin behind it.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use rempart_cache::Purges;
use rempart_config::{AccessTo, Snapshot};
use rempart_origin::{Dialer, Origins, Shelves};
use rempart_wire::{Peer, TlsFacts};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::origin::{self, Call};
use super::panics;
use crate::access_log::{CoreLog, Writer};
use crate::cache::CacheTier;
use crate::core::Core;
use crate::metrics::CoreMetrics;
use crate::page::Slot;
use crate::rules::trace::Trace;
use crate::running::Running;
use crate::worker::{self, Handle, Order, Worker};

/// A worker that has answered everything has nothing to drain; one that hangs is not waited for.
const CLOSING: Duration = Duration::from_millis(100);
/// Where visitors seem to come from: TEST-NET-1 (RFC 5737).
const VISITOR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 49_152);
/// Where they seem to have come to.
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)), 443);

/// Who is told what the worker does.
#[derive(Default)]
pub(super) struct Watching {
    /// What rules do.
    pub(super) rules: Option<Trace>,
    /// What the origin is asked.
    pub(super) origin: Option<Sender<String>>,
}

/// The worker under trial, and the runtime beside it.
pub(super) struct Kitchen {
    /// For this side of every connection.
    pub(super) runtime: LocalRuntime,
    /// Where the worker says what it is about to run.
    pub(super) slot: &'static Slot,
    orders: UnboundedSender<Order>,
}

impl Kitchen {
    /// Starts the worker.
    pub(super) fn open(snapshot: &Arc<Snapshot>) -> io::Result<Self> {
        Self::open_with(snapshot, Watching::default())
    }

    /// Starts the worker, and watches what it does.
    pub(super) fn open_with(snapshot: &Arc<Snapshot>, watching: Watching) -> io::Result<Self> {
        let runtime = local_runtime()?;
        let slot: &'static Slot = Box::leak(Box::default());
        let (orders, inbox) = unbounded_channel();
        let (calls, called) = unbounded_channel();
        let writer = Arc::new(Writer::start(&AccessTo::Off, 1 << 20)?);
        let handle = Handle { orders: orders.clone(), metrics: Arc::new(CoreMetrics::default()), slot };
        let running = Running::only(Arc::clone(snapshot));
        panics::watch_slot(slot);
        std::thread::Builder::new()
            .name("worker-0".into())
            .spawn(move || work(&running, slot, handle, inbox, calls, (writer, watching.rules)))?;
        runtime.spawn_local(origin::serve(called, watching.origin));
        Ok(Self { runtime, slot, orders })
    }

    /// A connection to the worker, as from a visitor.
    pub(super) fn connect(&self, tls: bool) -> io::Result<UnixStream> {
        self.connect_from(VISITOR, tls)
    }

    /// The same, as from this one.
    pub(super) fn connect_from(&self, address: SocketAddr, tls: bool) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let facts = || {
            let (version, cipher) = ("TLSv1.3", "TLS13_AES_256_GCM_SHA384".into());
            Arc::new(TlsFacts { server_name: None, version, cipher, is_http2: false })
        };
        let peer = Peer { address, local: LOCAL, tls: tls.then(facts), is_inside: true };
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the worker has ended");
        self.orders.send(Order::Inside(theirs, peer)).map_err(gone)?;
        Ok(ours)
    }

    /// Lets the worker end. Its thread is not waited for: it may hang.
    pub(super) fn close(self) {
        let _ = self.orders.send(Order::Drain(CLOSING));
    }
}

fn work(
    running: &Running,
    slot: &'static Slot,
    own: Handle,
    orders: UnboundedReceiver<Order>,
    calls: UnboundedSender<Call>,
    (writer, trace): (Arc<Writer>, Option<Trace>),
) {
    let Ok(runtime) = local_runtime() else { return };
    let metrics = Arc::clone(&own.metrics);
    let dialer = Dialer::StandIn(Box::new(move |plan| origin::call(&calls, plan)));
    let origins =
        Origins::new(Arc::<Shelves>::default(), 1, Arc::clone(&metrics.origins)).with_dialer(dialer);
    let loop_token = b"rempart; id=taster".as_slice().into();
    let cache = Arc::new(CacheTier::new(&running.stable.settings.cache, Purges::default()));
    let mut core = Core::new(running, slot, origins, metrics, CoreLog::new(writer), loop_token, cache);
    core.trace = trace;
    let all = Arc::new([own]);
    runtime.block_on(worker::run(Worker { index: 0, all, core, listening: Vec::new(), orders }));
}

fn local_runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}
