//! What the kernel knows about a process and its descendants: who they are, the CPU time that they have
//! used, the memory that is theirs, and on which core they may run.

use std::{fs, io};

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// A process with all its descendants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    root: u32,
}

impl Tree {
    /// The tree below (and with) this process.
    #[must_use]
    pub(crate) const fn of(root: u32) -> Self {
        Self { root }
    }

    /// The process ids, the root first.
    pub(crate) fn members(self) -> io::Result<Vec<u32>> {
        let mut parents = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // A process may end while we look; it is then no member.
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some(parent) = parent_of(&stat) {
                parents.push((pid, parent));
            }
        }
        let mut members = vec![self.root];
        let mut next = 0;
        while let Some(&parent) = members.get(next) {
            members.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
            next += 1;
        }
        Ok(members)
    }

    /// User and system time of all threads that live now, in nanoseconds.
    pub(crate) fn cpu_ns(self) -> io::Result<u64> {
        let mut total = 0;
        for pid in self.members()? {
            for thread in threads(pid)? {
                total += thread_ns(&format!("/proc/{pid}/task/{thread}"));
            }
        }
        Ok(total)
    }

    /// The same of the threads whose name begins so.
    pub(crate) fn cpu_ns_of(self, name: &str) -> io::Result<u64> {
        let mut total = 0;
        for pid in self.members()? {
            for thread in threads(pid)? {
                let task = format!("/proc/{pid}/task/{thread}");
                let Ok(comm) = fs::read_to_string(format!("{task}/comm")) else { continue };
                if comm.starts_with(name) {
                    total += thread_ns(&task);
                }
            }
        }
        Ok(total)
    }

    /// Proportional set size of all members: private pages, and each shared page by its share.
    pub(crate) fn pss_bytes(self) -> io::Result<u64> {
        let mut total = 0;
        for pid in self.members()? {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            total += pss_of(&text).ok_or_else(|| io::Error::other(format!("no Pss of process {pid}")))?;
        }
        Ok(total)
    }

    /// Lets every thread of the tree run on this core alone.
    pub(crate) fn pin(self, core: usize) -> io::Result<()> {
        let cores = only(core);
        // Twice: a thread that was born during the first pass of an unpinned parent is found by the second.
        for _ in 0..2 {
            for pid in self.members()? {
                for thread in threads(pid)? {
                    match sched_setaffinity(Pid::from_raw(thread), &cores) {
                        // It ended meanwhile.
                        Err(rustix::io::Errno::SRCH) | Ok(()) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Lets the calling thread, and what it starts from now on, run on this core alone.
pub(crate) fn pin_current(core: usize) -> io::Result<()> {
    Ok(sched_setaffinity(None, &only(core))?)
}

/// Runs `act` in this thread pinned to this core.
pub(crate) fn pinned_to<T>(core: usize, act: impl FnOnce() -> T) -> io::Result<T> {
    within(&only(core), act)
}

/// Runs `act` in this thread on whichever core the kernel likes.
pub(crate) fn unpinned<T>(act: impl FnOnce() -> T) -> io::Result<T> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| all.set(core));
    within(&all, act)
}

fn within<T>(cores: &CpuSet, act: impl FnOnce() -> T) -> io::Result<T> {
    let before = rustix::thread::sched_getaffinity(None)?;
    sched_setaffinity(None, cores)?;
    let done = act();
    sched_setaffinity(None, &before)?;
    Ok(done)
}

/// While this lives, what this process starts goes before the other work of the machine, where that is
/// allowed (to root). It holds for all systems alike, and keeps a compiler in the background from being measured.
#[derive(Debug)]
pub(crate) struct Precedence {
    group_nice: Option<String>,
}

/// The kernel weighs whole sessions against each other first, and processes only within theirs.
const AUTOGROUP: &str = "/proc/self/autogroup";
const NICE: i32 = -15;

impl Precedence {
    /// Takes it, where allowed.
    pub(crate) fn take() -> Self {
        let _ = rustix::process::setpriority_process(None, NICE);
        let group = fs::read_to_string(AUTOGROUP).ok();
        let group_nice = group.and_then(|text| Some(text.trim().rsplit_once(' ')?.1.to_owned()));
        let _ = fs::write(AUTOGROUP, NICE.to_string());
        Self { group_nice }
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        // The session is the caller's shell too.
        if let Some(nice) = &self.group_nice {
            let _ = fs::write(AUTOGROUP, nice);
        }
    }
}

/// Raises the limit on open descriptors as far as it may go and returns it.
#[must_use]
pub(crate) fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn only(core: usize) -> CpuSet {
    let mut cores = CpuSet::new();
    cores.set(core);
    cores
}

/// 0 for a thread that has ended meanwhile.
fn thread_ns(task: &str) -> u64 {
    let text = fs::read_to_string(format!("{task}/schedstat")).unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn threads(pid: u32) -> io::Result<Vec<i32>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        threads.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(threads)
}

/// The parent in `/proc/PID/stat`. The name before it stands in brackets and may contain anything.
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn pss_of(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_look_like_the_rest() {
        assert_eq!(parent_of("12 (a) S 9 (b)) R 77 12 12 0"), Some(77));
        assert_eq!(parent_of("12 (a"), None);
    }

    #[test]
    fn pss_is_not_pss_dirty() {
        let text = "00400000-7fff rollup\nRss:  900 kB\nPss_Dirty: 7 kB\nPss:                 384 kB\n";
        assert_eq!(pss_of(text), Some(384 * 1024));
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let tree = Tree::of(std::process::id());
        let before = tree.cpu_ns().unwrap();
        let mut sum = 0_u64;
        (0..20_000_000_u64).for_each(|i| sum = std::hint::black_box(sum ^ i));
        assert!(tree.cpu_ns().unwrap() > before, "no time for {sum}");
        assert!(tree.pss_bytes().unwrap() > 100 * 1024);
        assert_eq!(tree.members().unwrap().first(), Some(&std::process::id()));
    }
}
