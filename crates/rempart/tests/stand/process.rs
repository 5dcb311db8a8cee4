//! Processes that are not our children, as `/proc` and the kernel show them.

use std::fs::{self, read_to_string};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use rempart_base::Now;

use super::{PATIENCE, await_end};

/// The children of a process that live, the oldest first.
pub(crate) fn children(of: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let pids = processes.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let mut children: Vec<Pid> = pids.filter(|pid| parent(*pid) == Some(of)).collect();
    children.sort_by_key(|pid| pid.as_raw_nonzero());
    children
}

/// The edges among them.
pub(crate) fn edges(of: Pid) -> Vec<Pid> {
    children_that_run(of, "edge")
}

/// The tasters among them.
pub(crate) fn tasters(of: Pid) -> Vec<Pid> {
    children_that_run(of, "taste")
}

fn children_that_run(of: Pid, word: &str) -> Vec<Pid> {
    let mut children = children(of);
    children.retain(|pid| command(*pid).get(1).is_some_and(|first| first == word));
    children
}

/// Its command line.
fn command(pid: Pid) -> Vec<String> {
    let text = read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    text.split('\0').map(str::to_owned).collect()
}

/// The program that it runs.
pub(crate) fn program(pid: Pid) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).unwrap()
}

/// A variable of its environment.
pub(crate) fn variable(pid: Pid, name: &str) -> String {
    let text = read_to_string(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap();
    let mut variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    variables.find(|(found, _)| *found == name).unwrap().1.to_owned()
}

/// Its threads whose names begin so.
pub(crate) fn threads(pid: Pid, name: &str) -> Vec<Pid> {
    let folder = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let tasks = folder
        .map_while(Result::ok)
        .filter(|task| read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.starts_with(name)));
    tasks.filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?)).collect()
}

/// Stops it with all its threads, and waits until they stand.
pub(crate) fn stop(pid: Pid) {
    signal(pid, Signal::STOP);
    let until = Now::mono() + PATIENCE;
    while threads(pid, "").into_iter().any(|thread| state(thread).is_none_or(|state| state != "T")) {
        assert!(Now::mono() < until, "the process does not stop");
        std::thread::yield_now();
    }
}

/// Stops a process that may be about to end; answers whether it stands.
pub(crate) fn stop_in_time(pid: Pid) -> bool {
    let _ = kill_process(pid, Signal::STOP);
    let until = Now::mono() + PATIENCE;
    loop {
        match state(pid).as_deref() {
            Some("T") => return true,
            None | Some("Z") => return false,
            Some(_) => assert!(Now::mono() < until, "the process does not stop"),
        }
        std::thread::yield_now();
    }
}

fn state(pid: Pid) -> Option<String> {
    Some(fields(pid)?.first()?.clone())
}

/// The parent of a process that lives.
fn parent(pid: Pid) -> Option<Pid> {
    let fields = fields(pid)?;
    let parent = Pid::from_raw(fields.get(1)?.parse().ok()?);
    parent.filter(|_| fields.first().is_some_and(|state| state != "Z"))
}

/// The processor time that it has used, in hundredths of a second.
pub(crate) fn cpu_ticks(pid: Pid) -> u64 {
    let fields = fields(pid).unwrap();
    [11, 12].iter().map(|index| fields.get(*index).unwrap().parse::<u64>().unwrap()).sum()
}

/// State, parent and so on, from `/proc/PID/stat`.
fn fields(pid: Pid) -> Option<Vec<String>> {
    let stat = read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // "pid (name) state parent …", and the name may hold anything.
    Some(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect())
}

/// A process that nobody else ends if the test fails.
pub(crate) struct Stray {
    pub(crate) pid: Pid,
    process: OwnedFd,
}

impl Stray {
    pub(crate) fn of(pid: Pid) -> Self {
        Self { pid, process: pidfd_open(pid, PidfdFlags::empty()).unwrap() }
    }

    /// Stops it, and waits until it has ended.
    pub(crate) fn stop(&self) {
        pidfd_send_signal(&self.process, Signal::TERM).unwrap();
        self.await_end();
    }

    pub(crate) fn await_end(&self) {
        await_end(&self.process);
    }

    /// Waits for so long, in which it must not end.
    pub(crate) fn lives_for(&self, time: Duration) {
        let mut fds = [PollFd::new(&self.process, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&Timespec::try_from(time).unwrap())).unwrap(), 0);
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        pidfd_send_signal(&self.process, Signal::KILL).ok();
    }
}

/// One thread of another process, stopped as if it had run into a loop.
pub(crate) struct Stuck(Pid);

impl Stuck {
    pub(crate) fn stop(thread: Pid) -> Self {
        let tid = thread.as_raw_nonzero().get();
        // SAFETY: no memory is shared with the kernel; it is a thread of a process of this test's own.
        unsafe {
            assert_eq!(libc::ptrace(libc::PTRACE_SEIZE, tid, 0, 0), 0, "{}", std::io::Error::last_os_error());
            assert_eq!(libc::ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0), 0);
            assert_eq!(libc::waitpid(tid, std::ptr::null_mut(), libc::__WALL), tid);
        }
        Self(thread)
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let tid = self.0.as_raw_nonzero().get();
        // SAFETY: as above. Of a process that was killed meanwhile the tracer takes note, or it never ends.
        unsafe {
            if libc::ptrace(libc::PTRACE_DETACH, tid, 0, 0) != 0 {
                libc::waitpid(tid, std::ptr::null_mut(), libc::__WALL);
            }
        }
    }
}

/// Sends a signal.
pub(crate) fn signal(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}
