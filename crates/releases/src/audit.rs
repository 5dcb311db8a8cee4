//! Who did what, and why: `audit.log`, one JSON object a line, only ever appended.

use std::fs::File;
use std::io::{Error, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rempart_base::Now;
use rempart_base::date::rfc3339_seconds;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, fsync, openat};
use serde_json::{Value, json};

use crate::disk::give;
use crate::state::bounded;

const DETAILS_BYTES_MAX: usize = 64 * 1024;
const PASSWD_BYTES_MAX: u64 = 1 << 20;

/// The one who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The account's number.
    pub uid: u32,
    /// Its name, where `/etc/passwd` has it.
    pub user: Option<String>,
    /// The account that this person first logged in as, where the kernel knows it and it is another (`sudo`).
    pub login: Option<String>,
    /// The process, or that of the command line which asked for it.
    pub pid: u32,
}

impl Who {
    /// Whoever runs this process.
    #[must_use]
    pub fn this_process() -> Self {
        Self::peer(rustix::process::geteuid().as_raw(), std::process::id())
    }

    /// Whoever the kernel says is at the other end of a socket.
    #[must_use]
    pub fn peer(uid: u32, pid: u32) -> Self {
        let login = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok();
        let login = login.and_then(|text| text.trim().parse().ok());
        let login = login.filter(|login| *login != u32::MAX && *login != uid);
        let login = login.map(|login| user_name(login).unwrap_or_else(|| login.to_string()));
        Self { uid, user: user_name(uid), login, pid }
    }
}

/// The file.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
}

impl Audit {
    /// The audit file of a `data_dir`. It is made when something is written, and opened anew each time, so
    /// that it may be moved away at any moment.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("audit.log") }
    }

    /// Appends one line, and returns when it is on disk. `details` of more than 64 KiB are left out, and the
    /// line says so.
    ///
    /// # Errors
    /// The disk refuses. Whether the act is then done all the same is for the caller to decide.
    pub fn append(&self, who: &Who, what: &str, why: &str, details: &Value) -> Result<()> {
        let now = Now::read();
        let second = rfc3339_seconds(now.unix_s());
        let second = std::str::from_utf8(&second).map_err(Error::other)?;
        let millis = now.unix_ns / 1_000_000 % 1000;
        let is_short = details.to_string().len() <= DETAILS_BYTES_MAX;
        let line = json!({
            "time": format!("{second}.{millis:03}Z"),
            "what": bounded(what),
            "why": bounded(why),
            "uid": who.uid,
            "user": who.user,
            "login": who.login,
            "pid": who.pid,
            "details": if is_short { details.clone() } else { json!("too long to be kept") },
        });
        let mut file = self.open()?;
        // One that was torn by a crash must not swallow this one.
        let torn = if ends_in_a_line(&mut file)? { "" } else { "\n" };
        // A single call, so that lines of two processes do not mix.
        file.write_all(format!("{torn}{line}\n").as_bytes())?;
        Ok(fsync(&file)?)
    }

    fn open(&self) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(CWD, &self.path, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => self.create(flags)?,
            other => other?.into(),
        };
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(Error::other(format!("{} is not a file", self.path.display())));
        }
        Ok(file)
    }

    fn create(&self, flags: OFlags) -> Result<File> {
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(CWD, &self.path, flags | OFlags::CREATE, mode)?;
        let above = self.path.parent().unwrap_or(Path::new("."));
        let folder = openat(CWD, above, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        if fstat(&file)?.st_nlink == 1 {
            give(&file, &folder)?;
        }
        fsync(&folder)?;
        Ok(file.into())
    }
}

fn ends_in_a_line(file: &mut File) -> Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn user_name(uid: u32) -> Option<String> {
    let mut text = String::new();
    File::open("/etc/passwd").ok()?.take(PASSWD_BYTES_MAX).read_to_string(&mut text).ok()?;
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}
