//! Reading the files of a configuration: bounded, and with a stamp by which a change is noticed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rempart_base::Now;
use rempart_base::config::{Mark, Problem};
use rustix::fs::Stat;

/// Bytes of one configuration file. The error text calls it `config_bytes_max`.
pub const CONFIG_BYTES_MAX: u64 = 64 << 20;

/// Bytes of one certificate, key or secret file.
pub const PEM_BYTES_MAX: u64 = 1 << 20;

/// By which a change of a file is noticed without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    modified_ns: i64,
    changed_ns: i64,
    bytes: u64,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// The stamp of a file.
    #[must_use]
    pub fn of(file: &Stat) -> Self {
        let ns = |s: i64, ns: u64| s.saturating_mul(1_000_000_000).saturating_add_unsigned(ns);
        Self {
            modified_ns: ns(file.st_mtime, file.st_mtime_nsec),
            changed_ns: ns(file.st_ctime, file.st_ctime_nsec),
            bytes: u64::try_from(file.st_size).unwrap_or(0),
            inode: file.st_ino,
            device: file.st_dev,
        }
    }

    /// The stamp of the file at a path; `None` if there is none to see.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        rustix::fs::stat(path).ok().map(|file| Self::of(&file))
    }

    /// Whether the file was written so shortly before `now` that a later write could leave the same
    /// stamp: file systems tick more slowly than the clock.
    #[must_use]
    pub fn is_fresh(&self, now: Now) -> bool {
        const TICK_NS: i64 = 50_000_000;
        let now = i64::try_from(now.unix_ns).unwrap_or(i64::MAX);
        self.modified_ns.max(self.changed_ns).saturating_add(TICK_NS) > now
    }

    /// Whether both are of the same file, whatever it holds.
    #[must_use]
    pub const fn is_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode && self.device == other.device
    }
}

/// Reads a configuration file.
///
/// # Errors
/// It cannot be read, has more than [`CONFIG_BYTES_MAX`], or is not UTF-8.
pub fn read_config(path: &Path) -> Result<(String, Stamp), (Mark, Problem)> {
    let (bytes, stamp) =
        read(path, CONFIG_BYTES_MAX, "config_bytes_max").map_err(|problem| (Mark::START, problem))?;
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let good = wrong.as_bytes().get(..wrong.utf8_error().valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let last_line = good.rsplit('\n').next().unwrap_or_default();
        let mark = Mark {
            line: number(good.matches('\n').count() + 1),
            column: number(last_line.chars().count() + 1),
        };
        (mark, Problem::new("not-utf8", "this is not UTF-8 text", "Save the file as UTF-8."))
    })?;
    Ok((text, stamp))
}

/// Reads a certificate, key or secret.
///
/// # Errors
/// It cannot be read, or has more than [`PEM_BYTES_MAX`].
pub fn read_pem(path: &Path) -> Result<(Vec<u8>, Stamp), Problem> {
    read(path, PEM_BYTES_MAX, "pem_bytes_max")
}

fn read(path: &Path, bytes_max: u64, limit: &str) -> Result<(Vec<u8>, Stamp), Problem> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        let action = "Check the path, and that this account may read the file.";
        Problem::new("file-unreadable", format!("`{shown}` cannot be read: {error}"), action)
    };
    // A FIFO would block for ever, and a directory opens well: look before opening.
    let seen = std::fs::metadata(path).map_err(unreadable)?;
    if !seen.is_file() {
        let message = format!("`{shown}` is not a file");
        return Err(Problem::new("file-unreadable", message, "Name a file."));
    }
    let file = File::open(path).map_err(unreadable)?;
    let stamp = Stamp::of(&rustix::fs::fstat(&file).map_err(|error| unreadable(error.into()))?);
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.bytes.min(bytes_max)).unwrap_or(0) + 1);
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("`{shown}` is larger than {limit}, {bytes_max} bytes");
        return Err(Problem::new("file-too-large", message, "Split the file, or find out why it has grown.")
            .expecting(format!("at most {bytes_max} bytes")));
    }
    Ok((bytes, stamp))
}
