//! What the machine has, and what this process has of it.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// What the machine has for this process, as it was when the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's limit of open descriptors.
    pub descriptors_max: usize,
    /// The memory of the control group or of the machine, in bytes; `None` if nobody says.
    pub memory_bytes_max: Option<u64>,
    /// Descriptors that this process needs for itself.
    pub own_descriptors: usize,
    /// Resident memory before the first visitor, in bytes.
    pub own_memory_bytes: u64,
}

/// What a worker opens for itself once it runs, and the control thread with what asks it.
const DESCRIPTORS_PER_WORKER: usize = 4;
const DESCRIPTORS_OF_CONTROL: usize = 12;

impl Machine {
    /// Looks. To be called before the first visitor.
    #[must_use]
    pub fn look(workers: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        let later = workers * DESCRIPTORS_PER_WORKER + DESCRIPTORS_OF_CONTROL;
        Self {
            descriptors_max: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
            memory_bytes_max: memory_bytes_max(Path::new("/")),
            own_descriptors: descriptors_open().unwrap_or(0) + later,
            own_memory_bytes: resident_bytes().unwrap_or(0),
        }
    }
}

/// The open descriptors of this process. A kernel before 6.2 does not say how many, so they are counted there.
pub(super) fn descriptors_open() -> Option<usize> {
    let folder = Path::new("/proc/self/fd");
    let said = usize::try_from(std::fs::metadata(folder).ok()?.len()).ok()?;
    if said > 0 {
        return Some(said);
    }
    // One of them is the folder itself.
    Some(std::fs::read_dir(folder).ok()?.count().saturating_sub(1))
}

/// The resident memory of this process, in bytes.
pub(super) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Has the allocator give back what it keeps in case it is needed again: else what was freed still counts.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time, by any thread; the allocator locks what it touches.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Memory of this size and more is given back to the system as soon as nobody holds it: slices of large bodies.
#[cfg(target_env = "gnu")]
const APART_BYTES: libc::c_int = 512 * 1024;
/// So much may lie idle at the end of what a thread has allocated. The same that the allocator comes to by itself.
#[cfg(target_env = "gnu")]
const IDLE_BYTES: libc::c_int = 4 * 1024 * 1024;

/// Keeps large pieces of memory apart from small ones. To be called once, before there are threads. Otherwise the
/// allocator keeps what was freed for the core that had taken it, and with each core the same store could take as
/// much memory again.
pub fn keep_large_apart() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both only set a number of the allocator's, and no other thread runs yet.
    let _ = unsafe {
        (
            libc::mallopt(libc::M_MMAP_THRESHOLD, APART_BYTES),
            libc::mallopt(libc::M_TRIM_THRESHOLD, IDLE_BYTES),
        )
    };
}

/// The least of: the limits of the control groups that this process is in, and the machine's memory.
fn memory_bytes_max(root: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let (folder, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        least_of_group(&root.join(folder), path, file)
    });
    limits.chain(machine_bytes(root)).min()
}

/// The least limit of a group and of those that it is in. In a container the path may be one of the outside;
/// the group of the container itself is then the root that is seen.
fn least_of_group(folder: &Path, path: &str, file: &str) -> Option<u64> {
    let group = folder.join(path.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|ancestor| ancestor.starts_with(folder));
    // `max` is no number, and no limit.
    let limit = |group: &Path| std::fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    groups.filter_map(limit).min()
}

fn machine_bytes(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn machine(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        memory_bytes_max(root.path())
    }

    const TOTAL: (&str, &str) = ("proc/meminfo", "MemTotal:        1000 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_least_limit_counts_wherever_it_stands() {
        let group = ("proc/self/cgroup", "0::/a/b\n");
        let outer = ("sys/fs/cgroup/a/memory.max", "5000\n");
        assert_eq!(machine(&[TOTAL, group, outer, ("sys/fs/cgroup/a/b/memory.max", "max\n")]), Some(5000));
        assert_eq!(machine(&[TOTAL, group, outer, ("sys/fs/cgroup/a/b/memory.max", "4000\n")]), Some(4000));
        assert_eq!(machine(&[TOTAL, group]), Some(1_024_000));
        assert_eq!(machine(&[]), None);
    }

    #[test]
    fn groups_of_the_first_version_and_of_a_container_are_found() {
        let first = ("proc/self/cgroup", "5:cpu:/\n4:memory:/x\n0::/\n");
        let limit = ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "7000\n");
        assert_eq!(machine(&[TOTAL, first, limit]), Some(7000));
        let outside = ("proc/self/cgroup", "0::/seen/from/outside\n");
        assert_eq!(machine(&[TOTAL, outside, ("sys/fs/cgroup/memory.max", "6000\n")]), Some(6000));
    }

    #[test]
    fn what_this_process_has_is_found() {
        let before = descriptors_open().unwrap();
        let files: Vec<_> = (0..10).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // Other tests of this program open and close files meanwhile.
        assert!(descriptors_open().unwrap() + 10 > before && files.len() == 10);
        assert!(resident_bytes().unwrap() > 100_000);
    }
}
