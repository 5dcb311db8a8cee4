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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn lines(data_dir: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(data_dir.join("audit.log")).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect()
    }

    #[test]
    fn each_act_is_one_line_whatever_the_text() {
        let data_dir = tempfile::tempdir().unwrap();
        let (audit, who) = (Audit::of(data_dir.path()), Who::this_process());
        audit.append(&who, "pin", "two\nlines \"quoted\"", &json!({"release": 7})).unwrap();
        audit.append(&who, "rollback", &"w".repeat(5000), &json!("x".repeat(DETAILS_BYTES_MAX))).unwrap();
        let lines = lines(data_dir.path());
        assert_eq!((lines.len(), &lines[0]["why"]), (2, &json!("two\nlines \"quoted\"")));
        assert_eq!((&lines[0]["what"], &lines[0]["details"]), (&json!("pin"), &json!({"release": 7})));
        assert_eq!(lines[0]["pid"], std::process::id());
        assert_eq!(lines[0]["uid"], rustix::process::geteuid().as_raw());
        let time = lines[0]["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
        assert_eq!(lines[1]["why"].as_str().unwrap().len(), crate::state::WHY_BYTES_MAX);
        assert_eq!(lines[1]["details"], "too long to be kept");
        let mode = std::fs::metadata(data_dir.path().join("audit.log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_line_does_not_swallow_the_next_and_nothing_is_taken_away() {
        let data_dir = tempfile::tempdir().unwrap();
        let audit = Audit::of(data_dir.path());
        std::fs::write(data_dir.path().join("audit.log"), "{\"what\":\"first\"}\n{\"wha").unwrap();
        audit.append(&Who::this_process(), "second", "", &Value::Null).unwrap();
        let lines = lines(data_dir.path());
        assert_eq!(
            (lines.len(), &lines[0]["what"], &lines[2]["what"]),
            (3, &json!("first"), &json!("second"))
        );
    }

    #[test]
    fn an_account_is_named_and_a_link_is_not_followed() {
        assert_eq!(Who::peer(0, 1).user.as_deref(), Some("root"));
        assert_eq!(Who::peer(u32::MAX - 7, 1).user, None);
        let data_dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), data_dir.path().join("audit.log")).unwrap();
        let audit = Audit::of(data_dir.path());
        audit.append(&Who::this_process(), "pin", "", &Value::Null).unwrap_err();
        assert_eq!(std::fs::read(outside.path()).unwrap(), b"");
    }
}
