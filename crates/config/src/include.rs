//! Which files an `include` means.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use rempart_base::config::Problem;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::files::Stamp;

/// Included files of one configuration.
pub const FILES_MAX: usize = 200_000;

/// The files that an `include` means.
#[derive(Debug)]
pub struct Listing {
    /// Where they are, from where this process stands.
    pub folder: PathBuf,
    opened: OwnedFd,
    /// The names, each with a final zero. One buffer instead of one allocation a file: a listing comes and
    /// goes with each reload, and many small holes would stay in the heap.
    names: Vec<u8>,
    /// Where each begins, sorted by name.
    starts: Vec<u32>,
}

/// The files that a pattern means. `*` and `?` may stand in its last part; they mean no hidden file.
///
/// # Errors
/// The folder cannot be read, or there are too many.
pub fn expand(pattern: &str, base: &Path) -> Result<Listing, Problem> {
    let path = base.join(pattern);
    let name = path.file_name().unwrap_or_default().as_bytes();
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    if folder.as_os_str().as_bytes().iter().any(is_wildcard) {
        let message = "a wildcard stands in the folder's name";
        return Err(Problem::new("include-invalid", message, "Name each folder.")
            .expecting("`*` and `?` in the last part of the path only"));
    }
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(read, flags, Mode::empty()).map_err(|error| unresolved(&folder, error))?;
    let mut listing = Listing { folder, opened, names: Vec::new(), starts: Vec::new() };
    if name.iter().any(is_wildcard) {
        listing.list(name)?;
    } else {
        listing.push(name);
    }
    Ok(listing)
}

impl Listing {
    /// How many there are: some may turn out to be no files.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Visits every file in the order of their names, with its name and what it is now. What is neither a
    /// file nor a link to one is passed over; what cannot be looked at (a link that leads nowhere) is an error.
    pub fn for_each(&self, mut visit: impl FnMut(&OsStr, Result<Stamp, Problem>)) {
        const FILES_AT_ONCE: usize = 8192;
        for starts in self.starts.chunks(FILES_AT_ONCE) {
            for (start, looked) in starts.iter().zip(self.look_at_each(starts)) {
                let name = OsStr::from_bytes(self.name(*start).to_bytes());
                match looked {
                    Ok(Some(stamp)) => visit(name, Ok(stamp)),
                    Ok(None) => {}
                    Err(error) => visit(name, Err(unresolved(&self.folder.join(name), error))),
                }
            }
        }
    }

    fn list(&mut self, pattern: &[u8]) -> Result<(), Problem> {
        let opened = self.opened.try_clone().map_err(|_| too_many_files())?;
        let mut buffer = Vec::with_capacity(1 << 16);
        let mut entries = RawDir::new(&opened, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|error| unresolved(&self.folder, error))?;
            let name = entry.file_name().to_bytes();
            if entry.file_type() != FileType::Directory && matches(pattern, name) {
                self.push(name);
            }
            if self.len() > FILES_MAX {
                return Err(too_many_files());
            }
        }
        let mut starts = std::mem::take(&mut self.starts);
        starts.sort_unstable_by(|a, b| self.name(*a).cmp(self.name(*b)));
        self.starts = starts;
        Ok(())
    }

    fn push(&mut self, name: &[u8]) {
        // FILES_MAX names of at most 255 bytes are far below 4 GiB.
        self.starts.push(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.extend_from_slice(name);
        self.names.push(0);
    }

    fn name(&self, start: u32) -> &CStr {
        let names = self.names.get(start as usize..).unwrap_or_default();
        CStr::from_bytes_until_nul(names).unwrap_or_default()
    }

    /// Looks at files on as many cores as there are: for tens of thousands of files this is most of the
    /// time that a reload takes.
    fn look_at_each(&self, starts: &[u32]) -> Vec<Result<Option<Stamp>, Errno>> {
        const FILES_A_THREAD_MIN: usize = 1024;
        const THREADS_MAX: usize = 4;
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let share = starts.len().div_ceil(cores).max(FILES_A_THREAD_MIN);
        let look = |starts: &[u32]| starts.iter().map(|start| self.look_at(*start)).collect::<Vec<_>>();
        if starts.len() <= share {
            return look(starts);
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                starts.chunks(share).map(|starts| scope.spawn(move || look(starts))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    /// `None`: this is no file.
    fn look_at(&self, start: u32) -> Result<Option<Stamp>, Errno> {
        let stat = rustix::fs::statat(&self.opened, self.name(start), AtFlags::empty())?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok(is_file.then(|| Stamp::of(&stat)))
    }
}

/// There are more than [`FILES_MAX`].
#[must_use]
pub fn too_many_files() -> Problem {
    let message = format!("more than {FILES_MAX} files are included");
    Problem::new("include-invalid", message, "Put several zones into one file.")
}

fn unresolved(path: &Path, error: Errno) -> Problem {
    let message = format!("`{}` cannot be read: {}", path.display(), std::io::Error::from(error));
    Problem::new("include-unresolved", message, "Check the path; it is relative to the folder of this file.")
}

const fn is_wildcard(byte: &u8) -> bool {
    matches!(*byte, b'*' | b'?')
}

/// Whether a name fits a pattern. A final star is remembered and stretched when what follows does not fit,
/// so the work is at most the product of the two lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(wanted) if wanted == byte => (p, n) = (p + 1, n + 1),
            Some(_) | None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stretch_and_question_marks_stand_for_one() {
        for (pattern, name) in [
            ("*.yaml", "a.yaml"),
            ("*.yaml", "a.yaml.yaml"),
            ("*", "x"),
            ("a*b*c", "a-b-b-c"),
            ("?.yaml", "z.yaml"),
            (".*", ".hidden"),
            ("zone-*", "zone-"),
        ] {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.yaml", "a.yml"),
            ("*.yaml", "a.yaml~"),
            ("*.yaml", ".a.yaml"),
            ("?.yaml", ".yaml"),
            ("a*b", "ac"),
            ("", "a"),
            ("?", ""),
            ("*", ".hidden"),
        ] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }
}
