//! Root is given up once everything that needs it is open.

use std::ffi::{CStr, CString};
use std::fs::DirBuilder;
use std::io::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::ptr::{null, null_mut};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chownat, fstat, openat};
use rustix::process::{Gid, Pid, Signal, Uid, geteuid, getppid, set_parent_process_death_signal};

const PASSWD_BYTES_MAX: usize = 1 << 20;
/// Folders inside `data_dir` deeper than this are not ours.
const DEPTH_MAX: u32 = 8;

/// What is handed to the account that serves.
pub(crate) struct Belongings<'a> {
    /// With all that is in it.
    pub(crate) data_dir: &'a Path,
    /// Made if it is not there, in a folder of root's where the account could not.
    pub(crate) access_log: Option<&'a Path>,
}

/// Becomes the named account (without a name, whoever owns `data_dir`) and hands its belongings to it. Does
/// nothing unless this process is root's, or if the account is `root`.
///
/// # Errors
/// There is no such account, or the kernel refuses. The process must then not serve.
pub(crate) fn drop_to(
    user: Option<&str>,
    belongings: &Belongings<'_>,
    supervisor: Option<Pid>,
) -> Result<()> {
    if !geteuid().is_root() || user == Some("root") {
        return Ok(());
    }
    let account = match user {
        Some(user) => Account::named(user)?,
        None => match Account::owner_of(belongings.data_dir)? {
            Some(owner) => owner,
            None => return Ok(()),
        },
    };
    hand_over(belongings.data_dir, &account)?;
    if let Some(access_log) = belongings.access_log {
        hand_over_file(access_log, &account)?;
    }
    account.become_it()?;
    // SAFETY: a plain system call.
    if unsafe { libc::setuid(0) } == 0 {
        return Err(Error::other("root was given up and could be taken back"));
    }
    // The kernel forgets this when the account changes.
    end_with(supervisor)
}

/// Binds the life of this process to its supervisor's.
///
/// # Errors
/// That has died already.
pub(crate) fn end_with(supervisor: Option<Pid>) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() == supervisor { Ok(()) } else { Err(Error::other("the supervisor has died")) }
}

struct Account {
    /// For its groups.
    name: Option<CString>,
    uid: libc::uid_t,
    gid: libc::gid_t,
}

impl Account {
    /// None but root's own.
    fn owner_of(folder: &Path) -> Result<Option<Self>> {
        let about = std::fs::metadata(folder)?;
        Ok((about.uid() != 0).then(|| Self { name: None, uid: about.uid(), gid: about.gid() }))
    }

    fn named(user: &str) -> Result<Self> {
        let name = CString::new(user)?;
        let mut buffer = vec![0; 1024];
        loop {
            match look_up(&name, &mut buffer) {
                Ok(Some((uid, gid))) => return Ok(Self { name: Some(name), uid, gid }),
                Ok(None) => {
                    let text = format!("there is no account `{user}`: create it, or set `user`");
                    return Err(Error::new(ErrorKind::NotFound, text));
                }
                Err(error)
                    if error.raw_os_error() == Some(libc::ERANGE) && buffer.len() < PASSWD_BYTES_MAX =>
                {
                    buffer.resize(buffer.len() * 2, 0);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// libc's calls and not bare system calls: they change every thread of the process.
    fn become_it(&self) -> Result<()> {
        // SAFETY: the name is a C string; no group is given; the rest are numbers.
        unsafe {
            done(match &self.name {
                Some(name) => libc::initgroups(name.as_ptr(), self.gid),
                None => libc::setgroups(0, null()),
            })?;
            done(libc::setgid(self.gid))?;
            done(libc::setuid(self.uid))
        }
    }
}

fn look_up(name: &CStr, buffer: &mut [libc::c_char]) -> Result<Option<(libc::uid_t, libc::gid_t)>> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = null_mut();
    // SAFETY: all pointers are valid for the call, and the buffer's length is its own.
    let error = unsafe {
        libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len(), &raw mut found)
    };
    match error {
        // SAFETY: not null means that it points to `entry`, which is filled then.
        0 => Ok(unsafe { found.as_ref() }.map(|entry| (entry.pw_uid, entry.pw_gid))),
        error => Err(Error::from_raw_os_error(error)),
    }
}

fn done(result: libc::c_int) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

fn hand_over(data_dir: &Path, account: &Account) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(data_dir)?;
    let folder = openat(CWD, data_dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    hand_over_folder(folder, account, 0)
}

/// In a folder that is not root's the account can do what it may by itself, and could have planted a link.
fn hand_over_file(path: &Path, account: &Account) -> Result<()> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    // A bare file name stands in the folder that one is in.
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    // Where there is no such folder, who opens the file says so.
    let Ok(folder) = openat(CWD, above, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(());
    };
    if fstat(&folder)?.st_uid != 0 {
        return Ok(());
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(&folder, name, flags, Mode::from_raw_mode(0o640)) else { return Ok(()) };
    let about = fstat(&file)?;
    if FileType::from_raw_mode(about.st_mode).is_file() && about.st_nlink == 1 {
        chown(&file, account)?;
    }
    Ok(())
}

/// Follows no link: whoever owned this folder before may have put links to files of others into it.
fn hand_over_folder(folder: OwnedFd, account: &Account, depth: u32) -> Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in rustix::fs::Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let item = openat(&folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let about = fstat(&item)?;
        let kind = FileType::from_raw_mode(about.st_mode);
        if kind.is_dir() {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            hand_over_folder(openat(&folder, name, flags, Mode::empty())?, account, depth + 1)?;
        } else if kind.is_socket() || (kind.is_file() && about.st_nlink == 1) {
            chown(&item, account)?;
        }
    }
    chown(&folder, account)
}

fn chown(item: impl AsFd, account: &Account) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    Ok(chownat(item, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?)
}
