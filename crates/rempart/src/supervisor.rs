//! The supervisor: the small process with the stable pid. It owns the listening sockets, starts the edge,
//! starts it again when it dies or is stuck, and stops it in good order. It runs the tasters too. One
//! thread, no runtime; it reads nothing that comes from the network, and nothing that the operator writes.

mod call;
mod child;
mod copies;
mod fleet;
mod program;
mod restart;
mod signals;
mod succession;
mod taster;
mod tend;
mod watch;
mod wishes;

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_edge::Boot;
use rempart_edge::line::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

pub(crate) use self::call::Call;
use self::call::Inbox;
use self::fleet::{Fleet, Phase};
pub(crate) use self::program::Program;
use self::restart::Crashes;
use self::signals::{Signals, Told};
pub(crate) use self::succession::Predecessor;
use self::succession::Succession;
use self::taster::{Asked, Tasters};
pub(crate) use self::taster::{Kind, taste_at_start};
use crate::output::Failure;
use crate::sockets::{Bound, Sockets};
use crate::systemd::ServiceManager;

/// What to supervise.
pub(crate) struct Order {
    /// The configuration that tasters read.
    pub(crate) config_path: PathBuf,
    /// Where the releases are, and whatever else must not be lost.
    pub(crate) data_dir: PathBuf,
    /// The account that serves, if this is root; `None` is the owner of `data_dir`.
    pub(crate) user: Option<String>,
    /// Where the operator wants the access log.
    pub(crate) access_log: Option<PathBuf>,
    /// How much the edge says about itself.
    pub(crate) log_level: String,
    /// What the first edge begins with.
    pub(crate) boot: Boot,
    /// How long open exchanges may go on after the order to stop.
    pub(crate) drain_timeout: Duration,
    /// An edge that dies sooner after its start has crashed.
    pub(crate) crash_window: Duration,
    /// How long the edge of another program may take until it serves.
    pub(crate) upgrade_ready: Duration,
    /// How long a taster may take.
    pub(crate) taster_timeout: Duration,
    /// How much memory a taster may take.
    pub(crate) taster_memory_bytes_max: u64,
}

/// Supervises until told to stop.
///
/// # Errors
/// The first edge did not come up, or the last one did not end in good order.
pub(crate) fn run(
    order: Order,
    sockets: Sockets,
    program: Program,
    predecessor: Option<Predecessor>,
) -> Result<(), Failure> {
    let inbox = Inbox::open(&order.data_dir)
        .map_err(|error| text(format!("supervisor.sock in {}: {error}", order.data_dir.display())))?;
    let signals = Signals::block().map_err(|error| text(format!("signals cannot be received: {error}")))?;
    let (crashes, boot) = (Crashes::within(order.crash_window), order.boot);
    let supervisor = Supervisor {
        order,
        sockets,
        program,
        before: None,
        signals,
        manager: ServiceManager::of_this_process(),
        inbox,
        predecessor,
        succession: Succession::default(),
        fleet: Fleet::default(),
        phase: Phase::Beginning,
        crashes,
        boot,
        generation: 0,
        tasters: Tasters::default(),
        put_off: Vec::new(),
        look_at: Now::mono(),
    };
    supervisor.run()
}

struct Supervisor {
    order: Order,
    sockets: Sockets,
    program: Program,
    /// The program before the last upgrade, until the new one has shown that it can.
    before: Option<Program>,
    signals: Signals,
    manager: ServiceManager,
    inbox: Inbox,
    /// Until this supervisor is in charge alone.
    predecessor: Option<Predecessor>,
    succession: Succession,
    fleet: Fleet,
    phase: Phase,
    crashes: Crashes,
    /// What the next edge begins with.
    boot: Boot,
    generation: u64,
    tasters: Tasters,
    /// Signals for an edge that cannot take them yet: before it serves they would kill it.
    put_off: Vec<Signal>,
    /// When the heartbeats are looked at again.
    look_at: Instant,
}

impl Supervisor {
    fn run(mut self) -> Result<(), Failure> {
        self.start(Now::mono());
        loop {
            if let Some(end) = self.ended() {
                return end;
            }
            self.wait().map_err(|error| text(format!("waiting failed: {error}")))?;
            let now = Now::mono();
            while let Some(told) = self.signals.next() {
                self.obey(told, now);
            }
            self.hear();
            self.tend(now);
            self.taste(now);
            self.answer(now);
            self.inherit();
        }
    }

    /// Until a signal, a word of an edge, or the moment at which something is due.
    fn wait(&self) -> io::Result<()> {
        let look_at = self.fleet.serving.is_some().then_some(self.look_at);
        let due =
            self.fleet.due().chain(look_at).chain(self.tasters.due()).chain(self.succession.due()).min();
        let timeout = due.map(|due| due.saturating_duration_since(Now::mono()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let edges = self.fleet.edges().flat_map(|edge| edge.fds());
        let calls = self.inbox.fds().chain(self.succession.heir.iter().map(AsFd::as_fd));
        // Until we serve it has nothing to say, and its end would be no reason to wake.
        let predecessor = self.predecessor.iter().filter(|_| matches!(self.phase, Phase::Serving));
        let calls = calls.chain(predecessor.map(|predecessor| predecessor.0.as_fd()));
        fds.extend(edges.chain(calls).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What a signal changes.
    fn obey(&mut self, told: Told, now: Instant) {
        match told {
            Told::Stop => self.stop(now),
            Told::Interrupt => match self.phase {
                Phase::Ending(_) => self.fleet.kill_all(),
                Phase::Beginning | Phase::Serving => self.stop(now),
            },
            Told::Reload => self.pass_on(Signal::HUP),
            Told::ReopenLogs => self.pass_on(Signal::USR1),
            // Seen by whoever has that child.
            Told::ChildChanged => {}
        }
    }

    fn pass_on(&mut self, signal: Signal) {
        if let Some(edge) = &self.fleet.serving {
            self.deliver(signal, edge);
        }
        // Those that leave write logs until they have left.
        if signal == Signal::USR1 {
            self.fleet.leaving.iter().for_each(|leaving| leaving.edge.signal(signal));
        }
        if self.fleet.starting.is_some() && !self.put_off.contains(&signal) {
            self.put_off.push(signal);
        }
    }

    fn deliver(&self, signal: Signal, edge: &child::EdgeProcess) {
        if signal != Signal::HUP {
            return edge.signal(signal);
        }
        // Whether the release was taken is known to the edge and told by `rempart ctl reload`; a refused
        // one changes nothing, so the service is as ready as before.
        self.manager.reloading(monotonic_us());
        edge.signal(signal);
        self.manager.ready(&self.serving());
    }

    /// What the edges want.
    fn hear(&mut self) {
        for edge in self.fleet.edges_mut() {
            if let Some(id) = edge.asked_for_taste() {
                self.tasters.ask(Asked { generation: edge.generation, id });
            }
        }
    }

    fn taste(&mut self, now: Instant) {
        // As long as one ends at once, the next can begin.
        while let Some((asked, end)) = self.tasters.step(&self.program, &self.order, now) {
            // Whoever asked may be gone; its successor asks anew.
            for asked in asked {
                let asker = self.fleet.edges().find(|edge| edge.generation == asked.generation);
                asker.into_iter().for_each(|edge| edge.say(Message::Tasted(asked.id, end)));
            }
        }
    }

    fn serving(&self) -> String {
        let urls: Vec<String> = self.sockets.listeners.iter().map(Bound::url).collect();
        format!("serving {}", urls.join(" "))
    }
}

fn text(text: String) -> Failure {
    Failure::Text(text)
}

/// For the service manager alone, which compares it with its own reading of this clock.
fn monotonic_us() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or(0)
}
