//! Processes, as the kernel tells of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper, waitpid,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Outcome, until};

/// Makes this process the parent of whatever loses its own, so that nothing outlives the drill unseen.
pub(crate) fn adopt_orphans() -> Outcome<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// As many descriptors as may be: each connection has two ends here.
pub(crate) fn raise_descriptor_limit() -> Outcome<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// The living children of a process.
pub(crate) fn children(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries
        .map_while(Result::ok)
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| living_parent(*pid) == Some(parent)).collect()
}

/// The command of a process: the word behind the program's name.
pub(crate) fn command(pid: Pid) -> String {
    let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let word = line.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    String::from_utf8_lossy(word).into_owned()
}

/// Sends SIGSTOP and waits until every thread has stopped.
pub(crate) fn stop_and_await(pid: Pid, patience: Duration) -> Outcome<()> {
    kill_process(pid, Signal::STOP)?;
    until(patience, "a stopped process", || {
        let threads = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))?.map_while(Result::ok);
        let mut states = threads.filter_map(|thread| stat_of(&thread.path().join("stat")));
        Ok(states.all(|fields| fields.first().is_some_and(|state| state == "T")))
    })
}

/// Sends SIGKILL and waits until the kernel has closed everything that the process had open.
pub(crate) fn kill_and_await(pid: Pid, patience: Duration) -> Outcome<()> {
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    kill_process(pid, Signal::KILL)?;
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::try_from(patience)?))? {
        0 => Err(format!("process {} did not die in {patience:?}", pid.as_raw_nonzero()).into()),
        _ => Ok(()),
    }
}

/// Whether it runs (a zombie does not).
pub(crate) fn is_alive(pid: Pid) -> bool {
    living_parent(pid).is_some()
}

/// Kills every child of this process, those that come to it meanwhile as well, and buries them.
pub(crate) fn sweep(patience: Duration) -> Outcome<()> {
    until(patience, "the end of all children", || {
        for child in children(getpid()) {
            kill_process(child, Signal::KILL).ok();
        }
        loop {
            match waitpid(None, WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(false),
                Err(Errno::CHILD) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    })
}

fn living_parent(pid: Pid) -> Option<Pid> {
    let fields = stat(pid)?;
    let mut fields = fields.iter();
    let is_dead = matches!(fields.next()?.as_str(), "Z" | "X");
    if is_dead { None } else { Pid::from_raw(fields.next()?.parse().ok()?) }
}

/// CPU time of all threads that it has now.
pub(crate) fn cpu_ns(pid: Pid) -> Outcome<u64> {
    let threads = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))?.map_while(Result::ok);
    // A thread may end meanwhile.
    let read = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("schedstat")).ok();
    let first = |text: String| text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
    Ok(threads.filter_map(read).filter_map(first).sum())
}

/// The fields behind the name, which may hold anything itself: state, parent, …
fn stat(pid: Pid) -> Option<Vec<String>> {
    stat_of(Path::new(&format!("/proc/{}/stat", pid.as_raw_nonzero())))
}

fn stat_of(path: &Path) -> Option<Vec<String>> {
    let stat = fs::read_to_string(path).ok()?;
    Some(stat.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}
