//! How the log is kept on disk. Everything goes through the folder's own descriptor and follows no link.

use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rustix::event::poll;
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, fsync, ftruncate, openat, renameat,
    statat,
};
use rustix::io::Errno;
use rustix::time::Timespec;

const LOG: &str = "purges.log";
/// Until it is whole.
const NEXT: &str = "purges.log.next";
/// Held by whoever writes; the log itself may be replaced meanwhile.
const LOCK: &str = "purges.lock";
/// Others hold the lock while they write, and at worst while they sync what they have written; a stopped one is not
/// waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000 };

#[derive(Debug)]
pub(in crate::purge) struct Folder {
    folder: OwnedFd,
    lock: Arc<File>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Alone(Arc<File>);

impl Drop for Alone {
    fn drop(&mut self) {
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}

impl Folder {
    pub(super) fn open(data_dir: &Path) -> Result<Self> {
        let folder = openat(CWD, data_dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let lock = openat(&folder, LOCK, plain() | OFlags::CREATE, Mode::RUSR | Mode::WUSR)?;
        Ok(Self { folder, lock: Arc::new(lock.into()) })
    }

    pub(super) fn lock(&self) -> Result<Alone> {
        let until = Now::mono() + LOCK_TIMEOUT;
        loop {
            match flock(&self.lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Alone(Arc::clone(&self.lock))),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Now::mono() < until => {
                    // The kernel cannot be asked to stop waiting for a lock.
                    poll(&mut [], Some(&LOCK_POLL)).ok();
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    return Err(Error::new(ErrorKind::WouldBlock, "another process holds purges.lock"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The log, if there is one.
    pub(super) fn file(&self) -> Result<Option<File>> {
        match openat(&self.folder, LOG, plain(), Mode::empty()) {
            Ok(file) if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile => {
                Ok(Some(file.into()))
            }
            Ok(_) => Err(Error::new(ErrorKind::InvalidData, "purges.log is not a file")),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The log, if it is not this file any more.
    pub(super) fn other_than(&self, file: &File) -> Result<Option<File>> {
        if self.is_at(file, LOG)? { Ok(None) } else { self.file() }
    }

    fn is_at(&self, file: &File, name: &str) -> Result<bool> {
        let (ours, there) = (fstat(file)?, statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
        Ok((ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino))
    }

    /// Writes a log that is to take the place of the one that is there. `WouldBlock`: another process is about to.
    pub(super) fn write_beside(&self, content: &[&[u8]]) -> Result<File> {
        let flags = plain() | OFlags::CREATE;
        let mut file = File::from(openat(&self.folder, NEXT, flags, Mode::RUSR | Mode::WUSR)?);
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        if !self.is_at(&file, NEXT)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        ftruncate(&file, 0)?;
        content.iter().try_for_each(|part| file.write_all(part))?;
        fsync(&file)?;
        Ok(file)
    }

    /// Puts it there.
    pub(super) fn replace(&self) -> Result<()> {
        renameat(&self.folder, NEXT, &self.folder, LOG)?;
        Ok(fsync(&self.folder)?)
    }
}

fn plain() -> OFlags {
    OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK
}

pub(super) fn read_from(file: &File, at: u64, bytes_max: u64) -> Result<Vec<u8>> {
    let there = (fstat(file)?.st_size as u64).saturating_sub(at).min(bytes_max);
    let mut bytes = vec![0; usize::try_from(there).map_err(Error::other)?];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

pub(super) fn write_at(file: &File, at: u64, bytes: &[u8]) -> Result<()> {
    file.write_all_at(bytes, at)
}

/// Cuts off what is behind.
pub(super) fn cut(file: &File, at: u64) -> Result<()> {
    if fstat(file)?.st_size as u64 > at { Ok(ftruncate(file, at)?) } else { Ok(()) }
}
