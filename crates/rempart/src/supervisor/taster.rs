//! The taster: a child that alone reads the operator's files. One at a time; it is killed when its time is over.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_edge::line::TasterEnd;
use rempart_edge::taste::report::{REPORT_BYTES_MAX, Report};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::Order;
use super::program::{Program, spawn_heir};

/// The taster knows its time too, and says more when it keeps it by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Before the first edge, the settings that say how long are not known.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Who wants to know: the edge's generation and its own number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) generation: u64,
    pub(super) id: u64,
}

/// The taster that runs and the one that comes next.
#[derive(Default)]
pub(super) struct Tasters {
    running: Option<(Taster, Vec<Asked>)>,
    /// One of each edge at most. One taster is the answer to all.
    next: Vec<Asked>,
}

impl Tasters {
    /// Remembers a request. Of those of one edge the newest counts; what an edge that leaves wants must not
    /// keep its successor waiting for an answer that never comes.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.next.retain(|other| other.generation != asked.generation);
        self.next.push(asked);
        self.next.sort_by_key(|asked| asked.generation);
    }

    /// When the running one's time is over.
    pub(super) fn due(&self) -> Option<Instant> {
        self.running.as_ref().and_then(|(taster, _)| taster.due())
    }

    /// Sees to the running one, and starts the next; returns how one has ended, with who asked for it.
    pub(super) fn step(
        &mut self,
        program: &Program,
        order: &Order,
        now: Instant,
    ) -> Option<(Vec<Asked>, TasterEnd)> {
        if let Some((taster, asked)) = &mut self.running {
            let end = taster.ended(now)?;
            let asked = std::mem::take(asked);
            self.running = None;
            return Some((asked, end));
        }
        if self.next.is_empty() {
            return None;
        }
        let asked = std::mem::take(&mut self.next);
        match Taster::start(program, order, now) {
            Ok(taster) => self.running = Some((taster, asked)),
            Err(error) => {
                tracing::error!(%error, "the taster cannot be started");
                return Some((asked, TasterEnd::NotStarted));
            }
        }
        None
    }
}

/// One taster that was started.
struct Taster {
    child: Child,
    kill_at: Instant,
    is_killed: bool,
}

impl Taster {
    fn start(program: &Program, order: &Order, now: Instant) -> io::Result<Self> {
        let mut command = program.command("taste");
        command.arg("-c").arg(&order.config_path).arg("--data-dir").arg(&order.data_dir);
        command.arg("--timeout-ms").arg(order.taster_timeout.as_millis().to_string());
        command.arg("--memory-bytes-max").arg(order.taster_memory_bytes_max.to_string());
        let child = spawn_heir(&mut command, Vec::new(), Signal::KILL)?;
        Ok(Self { child, kill_at: now + order.taster_timeout + GRACE, is_killed: false })
    }

    fn due(&self) -> Option<Instant> {
        (!self.is_killed).then_some(self.kill_at)
    }

    fn ended(&mut self, now: Instant) -> Option<TasterEnd> {
        if let Some(status) = self.child.try_wait().ok().flatten() {
            return Some(if self.is_killed { TasterEnd::TimedOut } else { end_of(status) });
        }
        if now >= self.kill_at && !self.is_killed {
            self.is_killed = true;
            // With whatever it has started itself.
            kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
        }
        None
    }
}

fn end_of(status: ExitStatus) -> TasterEnd {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match status.code() {
        Some(code) => TasterEnd::Exited(byte(code)),
        None => TasterEnd::Killed(status.signal().map_or(0, byte)),
    }
}

/// What a taster is for before the first edge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The operator's files.
    Boot,
    /// The stored release that would boot.
    Stored,
}

/// Tastes before the first edge is started, and waits for the end of it. The report comes back in memory that
/// is the taster's and ours: what lies in `data_dir` others may have written.
///
/// # Errors
/// It cannot be started or waited for.
pub(crate) fn taste_at_start(
    program: &Program,
    config: &Path,
    data_dir: &Path,
    kind: Kind,
) -> io::Result<(TasterEnd, io::Result<Report>)> {
    let told = File::from(memfd_create("rempart-taste", MemfdFlags::CLOEXEC)?);
    let mut command = program.command("taste");
    match kind {
        Kind::Boot => command.arg("--boot").arg("-c").arg(config),
        Kind::Stored => command.arg("--stored"),
    };
    command.arg("--data-dir").arg(data_dir);
    command.arg("--timeout-ms").arg(START_TIMEOUT.as_millis().to_string());
    command.stdout(told.try_clone()?);
    let kill_at = Now::mono() + START_TIMEOUT + GRACE;
    let child = spawn_heir(&mut command, Vec::new(), Signal::KILL)?;
    let mut taster = Taster { child, kill_at, is_killed: false };
    let process = pidfd_open(Pid::from_child(&taster.child), PidfdFlags::empty())?;
    loop {
        if let Some(end) = taster.ended(Now::mono()) {
            return Ok((end, report(&told)));
        }
        let left = taster.due().map(|due| due.saturating_duration_since(Now::mono()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn report(mut told: &File) -> io::Result<Report> {
    let mut text = Vec::new();
    told.rewind()?;
    told.take(REPORT_BYTES_MAX).read_to_end(&mut text)?;
    Report::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_that_wait_each_edge_keeps_its_newest() {
        let mut tasters = Tasters::default();
        for (generation, id) in [(2, 1), (1, 7), (2, 2), (1, 8)] {
            tasters.ask(Asked { generation, id });
        }
        let waiting = [Asked { generation: 1, id: 8 }, Asked { generation: 2, id: 2 }];
        assert_eq!(tasters.next, waiting);
    }
}
