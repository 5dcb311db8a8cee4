//! The supervisor: the small process with the stable pid. It owns the listening sockets, starts the edge,
//! starts it again when it dies, and stops it in good order. One thread, no runtime; it reads nothing
//! that comes from the network.

mod child;
mod restart;
mod signals;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_edge::Boot;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

use self::child::EdgeProcess;
use self::restart::Backoff;
use self::signals::{Signals, Told};
use crate::output::{Failure, complain};
use crate::sockets::{Bound, Sockets};
use crate::systemd::ServiceManager;

/// An edge that does not serve by then is given up.
const START_TIMEOUT_S: u64 = 120;
/// What an edge may take beyond its own drain timeout to end.
const STOP_GRACE_MS: u64 = 2_000;

/// What to supervise.
pub(crate) struct Order {
    /// The configuration that the edge reads.
    pub(crate) config_path: PathBuf,
    /// Where the edge keeps what it must not lose.
    pub(crate) data_dir: PathBuf,
    /// How much the edge says about itself.
    pub(crate) log_level: &'static str,
    /// How long open exchanges may go on after the order to stop.
    pub(crate) drain_timeout: Duration,
}

/// Supervises until told to stop.
///
/// # Errors
/// The first edge did not come up, or the last one did not end in good order.
pub(crate) fn run(order: Order, sockets: Sockets) -> Result<(), Failure> {
    let signals = Signals::block().map_err(|error| text(format!("signals cannot be received: {error}")))?;
    let manager = ServiceManager::of_this_process();
    let supervisor = Supervisor {
        order,
        sockets,
        signals,
        manager,
        backoff: Backoff::default(),
        generation: 1,
        put_off: Vec::new(),
    };
    supervisor.run()
}

struct Supervisor {
    order: Order,
    sockets: Sockets,
    signals: Signals,
    manager: ServiceManager,
    backoff: Backoff,
    generation: u64,
    /// Signals for an edge that cannot take them yet: before it serves they would kill it.
    put_off: Vec<Signal>,
}

enum Edge {
    /// Started, and not serving yet.
    Starting {
        process: EdgeProcess,
        which: Start,
        give_up_at: Instant,
    },
    Serving {
        process: EdgeProcess,
    },
    /// Died; the sockets' backlogs hold the visitors until the next one.
    Gone {
        restart_at: Instant,
    },
    /// Told to end.
    Draining {
        process: EdgeProcess,
        kill_at: Instant,
    },
    /// Killed for not ending.
    Killed {
        process: EdgeProcess,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Its failure is the command's failure.
    First,
    /// Its failure is one more death.
    Again,
}

enum Next {
    Go(Edge),
    End(Result<(), Failure>),
}

impl Supervisor {
    fn run(mut self) -> Result<(), Failure> {
        let process = EdgeProcess::start(&self.order, &self.sockets, Boot::Stored, self.generation)
            .map_err(|error| text(format!("the edge cannot be started: {error}")))?;
        let mut edge = starting(process, Start::First);
        loop {
            self.wait(&edge).map_err(|error| text(format!("waiting failed: {error}")))?;
            while let Some(told) = self.signals.next() {
                match self.obey(told, edge) {
                    Next::Go(next) => edge = next,
                    Next::End(end) => return end,
                }
            }
            match self.step(edge, Now::mono()) {
                Next::Go(next) => edge = next,
                Next::End(end) => return end,
            }
        }
    }

    /// Until a signal, a word of a starting edge, or the moment at which something is due.
    fn wait(&self, edge: &Edge) -> io::Result<()> {
        let (due, ready) = match edge {
            Edge::Starting { process, give_up_at, .. } => (Some(*give_up_at), process.ready_fd()),
            Edge::Serving { .. } | Edge::Killed { .. } => (None, None),
            Edge::Gone { restart_at } => (Some(*restart_at), None),
            Edge::Draining { kill_at, .. } => (Some(*kill_at), None),
        };
        let timeout = due.map(|due| due.saturating_duration_since(Now::mono()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(ready.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What a signal changes.
    fn obey(&mut self, told: Told, edge: Edge) -> Next {
        match told {
            Told::Stop => self.stop(edge),
            Told::Interrupt => match edge {
                Edge::Draining { process, .. } => kill(process),
                Edge::Starting { .. } | Edge::Serving { .. } | Edge::Gone { .. } | Edge::Killed { .. } => {
                    self.stop(edge)
                }
            },
            Told::Reload => self.pass_on(Signal::HUP, edge),
            Told::ReopenLogs => self.pass_on(Signal::USR1, edge),
            // Seen by `step`.
            Told::ChildChanged => Next::Go(edge),
        }
    }

    fn stop(&self, edge: Edge) -> Next {
        match edge {
            Edge::Starting { process, .. } | Edge::Serving { process } => {
                self.manager.stopping();
                tracing::info!(pid = process.pid(), "stopping");
                process.signal(Signal::TERM);
                let patience = self.order.drain_timeout + Duration::from_millis(STOP_GRACE_MS);
                Next::Go(Edge::Draining { process, kill_at: Now::mono() + patience })
            }
            Edge::Gone { .. } => Next::End(Ok(())),
            Edge::Draining { .. } | Edge::Killed { .. } => Next::Go(edge),
        }
    }

    fn pass_on(&mut self, signal: Signal, edge: Edge) -> Next {
        match &edge {
            Edge::Serving { process } => self.deliver(signal, process),
            Edge::Starting { .. } if !self.put_off.contains(&signal) => self.put_off.push(signal),
            // Whoever starts reads everything anew; whoever ends does not need to.
            Edge::Starting { .. } | Edge::Gone { .. } | Edge::Draining { .. } | Edge::Killed { .. } => {}
        }
        Next::Go(edge)
    }

    fn deliver(&self, signal: Signal, process: &EdgeProcess) {
        if signal != Signal::HUP {
            return process.signal(signal);
        }
        // Whether the release was taken is known to the edge and told by `rempart ctl reload`; a refused
        // one changes nothing, so the service is as ready as before.
        self.manager.reloading(monotonic_us());
        process.signal(signal);
        self.manager.ready(&self.serving());
    }

    /// What has happened to the edge since, and what is due by now.
    fn step(&mut self, edge: Edge, now: Instant) -> Next {
        match edge {
            Edge::Starting { mut process, which, give_up_at } => {
                if process.serves() {
                    return self.served(process, which);
                }
                match process.ended() {
                    Ok(Some(status)) => self.start_failed(&mut process, which, status, now),
                    Ok(None) | Err(_) if now < give_up_at => {
                        Next::Go(Edge::Starting { process, which, give_up_at })
                    }
                    Ok(None) | Err(_) => {
                        tracing::error!(pid = process.pid(), "the edge did not start in {START_TIMEOUT_S} s");
                        process.signal(Signal::KILL);
                        Next::Go(starting(process, which))
                    }
                }
            }
            Edge::Serving { mut process } => match process.ended() {
                Ok(Some(status)) => self.died(&process, &how(status), now),
                Ok(None) | Err(_) => Next::Go(Edge::Serving { process }),
            },
            Edge::Gone { restart_at } if now < restart_at => Next::Go(Edge::Gone { restart_at }),
            Edge::Gone { .. } => self.start_again(now),
            Edge::Draining { mut process, kill_at } => match process.ended() {
                Ok(Some(status)) if status.success() => Next::End(Ok(())),
                Ok(Some(status)) => {
                    Next::End(Err(text(format!("the edge stopped in disorder: {}", how(status)))))
                }
                Ok(None) | Err(_) if now < kill_at => Next::Go(Edge::Draining { process, kill_at }),
                Ok(None) | Err(_) => kill(process),
            },
            Edge::Killed { mut process } => match process.ended() {
                Ok(Some(_)) => {
                    Next::End(Err(text("the edge did not drain in time and was killed".to_owned())))
                }
                Ok(None) | Err(_) => Next::Go(Edge::Killed { process }),
            },
        }
    }

    fn served(&mut self, process: EdgeProcess, which: Start) -> Next {
        let serving = self.serving();
        match which {
            Start::First => complain(&format!("rempart: {serving}\n")),
            Start::Again => tracing::info!(pid = process.pid(), "the edge is back"),
        }
        self.manager.ready(&serving);
        for signal in std::mem::take(&mut self.put_off) {
            self.deliver(signal, &process);
        }
        Next::Go(Edge::Serving { process })
    }

    fn start_failed(
        &mut self,
        process: &mut EdgeProcess,
        which: Start,
        status: ExitStatus,
        now: Instant,
    ) -> Next {
        // What it said just before it ended.
        process.serves();
        let reason = process.reason().unwrap_or_else(|| format!("the edge did not start: {}", how(status)));
        match which {
            Start::First => Next::End(Err(text(reason))),
            Start::Again => self.died(process, &reason, now),
        }
    }

    fn died(&mut self, process: &EdgeProcess, how: &str, now: Instant) -> Next {
        let life = now.saturating_duration_since(process.since);
        let delay = self.backoff.after_life_of(life);
        let (lived_s, restart_in_ms) = (life.as_secs(), delay.as_millis());
        tracing::error!(pid = process.pid(), lived_s, restart_in_ms, "the edge died: {how}");
        self.manager.status("the edge died and is started again");
        // What was put off is read anew by the next one.
        self.put_off.clear();
        Next::Go(Edge::Gone { restart_at: now + delay })
    }

    fn start_again(&mut self, now: Instant) -> Next {
        self.generation += 1;
        match EdgeProcess::start(&self.order, &self.sockets, Boot::Stored, self.generation) {
            Ok(process) => Next::Go(starting(process, Start::Again)),
            Err(error) => {
                let delay = self.backoff.after_life_of(Duration::ZERO);
                tracing::error!(%error, "the edge cannot be started");
                Next::Go(Edge::Gone { restart_at: now + delay })
            }
        }
    }

    fn serving(&self) -> String {
        let urls: Vec<String> = self.sockets.listeners.iter().map(Bound::url).collect();
        format!("serving {}", urls.join(" "))
    }
}

fn starting(process: EdgeProcess, which: Start) -> Edge {
    let give_up_at = Now::mono() + Duration::from_secs(START_TIMEOUT_S);
    Edge::Starting { process, which, give_up_at }
}

fn kill(process: EdgeProcess) -> Next {
    process.signal(Signal::KILL);
    Next::Go(Edge::Killed { process })
}

fn how(status: ExitStatus) -> String {
    // "signal: 9 (SIGKILL)" or "exit status: 1"
    status.to_string()
}

fn text(text: String) -> Failure {
    Failure::Text(text)
}

/// For the service manager alone, which compares it with its own reading of this clock.
fn monotonic_us() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or(0)
}
