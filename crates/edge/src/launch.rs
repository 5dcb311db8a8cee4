//! From what the supervisor hands over to a process that serves.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use rempart_base::InstallationId;
use rempart_cache::Purges;
use rempart_origin::{Origins, Shelves};
use rempart_releases::Store;
pub use rempart_wire::ProxyProtocol;
use rempart_wire::{Door, TlsAcceptor};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::access_log::{CoreLog, Writer};
use crate::budgets::{Budgets, keep_large_apart};
use crate::cache::CacheTier;
use crate::certificates::{self, Certificates};
use crate::control::{self, Beginning, Inlets, Note, Rollout};
use crate::core::Core;
use crate::installation;
use crate::line::Line;
use crate::metrics::CoreMetrics;
use crate::page::Slot;
use crate::purging::Purging;
use crate::running::Running;
use crate::worker::{self, Handle, Listening, Order, Worker};

/// The folder of the release store in `data_dir`.
pub const RELEASES: &str = "releases";
/// How many good releases are kept until the release that runs says how many: as many as may be.
const GENERATIONS_AT_START: usize = 100;

/// Told once: with `Ok` when visitors are served, with the reason when they will not be.
pub type OnReady = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Everything that an edge process needs to start.
pub struct Launch {
    /// The listening sockets, bound already.
    pub listeners: Vec<BoundListener>,
    /// The admin endpoint's socket, bound already; `None` is off.
    pub admin: Option<std::net::TcpListener>,
    /// This edge's slots of the page that it shares with its supervisor, one for each worker.
    pub slots: &'static [Slot],
    /// To the supervisor, which runs tasters.
    pub line: Line,
    /// Up to which purge the log in `data_dir` is written: shared by all edges of that folder.
    pub tide: &'static AtomicU64,
    /// Where the releases are.
    pub data_dir: PathBuf,
    /// What to begin with.
    pub boot: Boot,
    /// The how-manieth edge of its supervisor this is, from 1.
    pub generation: u64,
    /// See [`OnReady`].
    pub on_ready: OnReady,
}

/// What an edge begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// A tasted candidate lies in the store: publish it and begin with it.
    Candidate,
    /// What the store says is to run.
    Stored,
    /// What the store says is to run, unless that still bakes: the edge before died of itself (not killed by
    /// somebody), or was stuck.
    AfterCrash,
    /// Edges crashed again and again soon after their start: mark what the store says is to run as bad, and
    /// begin with what was good before it.
    StepBack,
}

/// One address that is listened on.
pub struct BoundListener {
    /// The address as bound.
    pub address: SocketAddr,
    /// Whether visitors speak TLS here.
    pub tls: bool,
    /// Whether, and which, PROXY protocol header comes first.
    pub proxy_protocol: ProxyProtocol,
    /// One `SO_REUSEPORT` socket for each worker.
    pub sockets: Vec<std::net::TcpListener>,
}

/// Why an edge did not start, or did not stop well. The text is complete: it names what and where.
#[derive(Debug)]
pub struct StartError(pub String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

fn error(what: &str) -> impl Fn(io::Error) -> StartError {
    move |error| StartError(format!("{what}: {error}"))
}

/// Serves until told to stop, and then until the drain is over.
///
/// # Errors
/// The configuration is refused, or the machine does not give what it takes. `on_ready` has been told too.
pub fn run(launch: Launch) -> Result<(), StartError> {
    #[cfg(feature = "fault")]
    rempart_config::fault::this_is(rempart_config::fault::Process::Edge);
    keep_large_apart();
    let Launch { listeners, admin, slots, line, tide, data_dir, boot, generation, on_ready } = launch;
    let begun = Begun { data_dir, boot, generation, line, tide };
    match prepare(begun, listeners, admin, slots) {
        Ok(prepared) => prepared.serve(on_ready),
        Err(error) => {
            on_ready(Err(error.to_string()));
            Err(error)
        }
    }
}

/// How this edge was begun.
struct Begun {
    data_dir: PathBuf,
    boot: Boot,
    generation: u64,
    line: Line,
    tide: &'static AtomicU64,
}

/// An edge that is ready to serve: nothing that may fail is left to do.
struct Prepared {
    beginning: Beginning,
    rollout: Rollout,
    notes: Vec<Note>,
    inlets: Inlets,
    workers: Vec<Seat>,
    shared: Shared,
}

/// What one worker gets for itself.
struct Seat {
    listening: Vec<Listening>,
    orders: UnboundedReceiver<Order>,
}

/// What every worker is made from.
struct Shared {
    running: Arc<Running>,
    all: Arc<[Handle]>,
    writer: Arc<Writer>,
    shelves: Arc<Shelves>,
    cache: Arc<CacheTier>,
    loop_token: Box<[u8]>,
}

fn prepare(
    begun: Begun,
    listeners: Vec<BoundListener>,
    admin: Option<std::net::TcpListener>,
    slots: &'static [Slot],
) -> Result<Prepared, StartError> {
    let Begun { data_dir, boot, generation, line, tide } = begun;
    let store = Store::open(&data_dir.join(RELEASES), GENERATIONS_AT_START)
        .map_err(error(&format!("the release store in {}", data_dir.display())))?;
    let (rollout, notes) = control::boot(store, boot).map_err(StartError)?;
    let running = Arc::new(rollout.running());
    let current = Arc::new(ArcSwap::new(Arc::clone(&running)));
    let settings = Arc::clone(&running.newest().settings);
    let own = certificates::self_signed(&data_dir).map_err(error("the self-signed certificate"))?;
    let installation = installation::id(&data_dir).map_err(error("the id of this installation"))?;
    let access = &settings.log.access;
    let writer =
        Arc::new(Writer::start(&access.to, access.queue_bytes_max).map_err(|e| StartError(e.to_string()))?);
    writer.keep_events(&data_dir, settings.log.security_events_max);
    let inlets = Inlets::open(&data_dir, admin).map_err(|e| StartError(e.to_string()))?;
    let purges = Purges::open(&data_dir, tide)
        .map_err(error(&format!("the log of purges in {}", data_dir.display())))?;
    let cache = Arc::new(CacheTier::new(&settings.cache, purges));
    let acceptor = TlsAcceptor::new(Arc::new(Certificates::new(Arc::clone(&current), own)))
        .map_err(|error| StartError(format!("TLS cannot be set up: {error}")))?;
    let (workers, handles) = hand_out(listeners, slots, &acceptor);
    let all: Arc<[Handle]> = handles.into();
    let beginning = Beginning {
        data_dir,
        running: current,
        workers: Arc::clone(&all),
        writer: Arc::clone(&writer),
        cache: Arc::clone(&cache),
        purging: Purging::start(Arc::clone(&cache)).map_err(error("the thread that purges"))?,
        generation,
        boot,
        line,
        budgets: Budgets::new(settings.budgets, Arc::clone(&all)),
    };
    let loop_token = loop_token(installation);
    let shared = Shared { running, all, writer, shelves: Arc::default(), cache, loop_token };
    Ok(Prepared { beginning, rollout, notes, inlets, workers, shared })
}

fn loop_token(installation: InstallationId) -> Box<[u8]> {
    format!("rempart; id={installation}").into_bytes().into()
}

/// Gives each worker its socket of every listener. There are as many workers as the supervisor has bound
/// sockets for, whatever the release says that runs now.
fn hand_out(
    mut listeners: Vec<BoundListener>,
    slots: &'static [Slot],
    acceptor: &TlsAcceptor,
) -> (Vec<Seat>, Vec<Handle>) {
    let workers = listeners.iter().map(|listener| listener.sockets.len()).max().unwrap_or(1);
    let doors: Vec<Arc<Door>> = listeners
        .iter()
        .map(|listener| {
            let tls = listener.tls.then(|| acceptor.clone());
            Arc::new(Door { address: listener.address, proxy_protocol: listener.proxy_protocol, tls })
        })
        .collect();
    (0..workers)
        .map(|index| {
            let (orders, inbox) = unbounded_channel();
            // A worker beyond the page, or without one, beats for the others alone.
            let slot = slots.get(index).unwrap_or_else(|| Box::leak(Box::default()));
            let sockets = listeners.iter_mut().zip(&doors);
            let listening = sockets.filter_map(|(listener, door)| {
                let socket = listener.sockets.pop()?;
                Some(Listening { socket, door: Arc::clone(door) })
            });
            (
                Seat { listening: listening.collect(), orders: inbox },
                Handle { orders, metrics: Arc::new(CoreMetrics::default()), slot },
            )
        })
        .unzip()
}

impl Prepared {
    /// Starts the threads and stays until the last worker has ended.
    fn serve(self, on_ready: OnReady) -> Result<(), StartError> {
        let Self { beginning, rollout, notes, inlets, workers, shared } = self;
        let shared = Arc::new(shared);
        let mut threads = Vec::new();
        for (index, seat) in workers.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let work = move || worker::or_abort(index, || work(index, seat, &shared));
            let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(work);
            threads.push(thread.map_err(error("a worker thread"))?);
        }
        let controlling = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || control::run(beginning, rollout, notes, inlets, on_ready))
            .map_err(error("the control thread"))?;
        let lost = threads.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_err).count();
        shared.writer.stop();
        drop(controlling);
        if lost == 0 { Ok(()) } else { Err(StartError(format!("{lost} workers ended in a panic"))) }
    }
}

fn work(index: usize, seat: Seat, shared: &Shared) {
    let Seat { listening, orders } = seat;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // How often sockets are looked at while tasks are ready.
        .event_interval(61)
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, index, "a worker has no runtime"),
    };
    let Some(own) = shared.all.get(index) else { return };
    let metrics = Arc::clone(&own.metrics);
    let origins = Origins::new(Arc::clone(&shared.shelves), shared.all.len(), Arc::clone(&metrics.origins));
    let log = CoreLog::new(Arc::clone(&shared.writer));
    let core = Core::new(
        &shared.running,
        own.slot,
        origins,
        metrics,
        log,
        shared.loop_token.clone(),
        Arc::clone(&shared.cache),
    );
    let all = Arc::clone(&shared.all);
    runtime.block_on(worker::run(Worker { index, all, core, listening, orders }));
}
