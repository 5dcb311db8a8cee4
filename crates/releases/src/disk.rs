//! The folder, and the few ways in which the store touches it. Everything goes through the folder's own
//! descriptor and follows no link: the folder may belong to an account that this process does not trust.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rempart_base::Now;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Gid, Mode, OFlags, Uid, fchown, flock, fstat, fsync, linkat,
    mkdirat, openat, renameat, unlinkat,
};
use rustix::process::geteuid;

/// Entries of the folder that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// How long a lock is waited for. Those who hold one work for milliseconds; a stopped one is not waited for.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// One folder.
pub(crate) struct Disk {
    folder: OwnedFd,
    path: PathBuf,
    #[cfg(test)]
    pub(crate) fuse: fuse::Fuse,
}

impl Disk {
    /// Opens the folder, and makes it (for its owner alone) if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let folder = match openat(CWD, path, flags, Mode::empty()) {
            Err(error) if error == rustix::io::Errno::NOENT => {
                make_folder(path)?;
                openat(CWD, path, flags, Mode::empty())
            }
            other => other,
        };
        let folder = folder.map_err(|error| named(path, Error::from(error)))?;
        Ok(Self {
            folder,
            path: path.to_owned(),
            #[cfg(test)]
            fuse: fuse::Fuse::default(),
        })
    }

    /// The names in the folder.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let entries = Dir::read_from(&self.folder)?.take(ENTRIES_MAX);
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str().ok()?.to_owned()));
        Ok(names.collect())
    }

    /// Opens a file for reading, with its length. Anything but a file is refused.
    pub(crate) fn file(&self, name: &str) -> Result<(File, u64)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.folder, name, flags, Mode::empty())?;
        let bytes = plain_file_bytes(&file)?;
        Ok((File::from(file), bytes))
    }

    /// The content of a small file.
    pub(crate) fn small_file(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>> {
        let (file, _) = self.file(name)?;
        let mut content = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut content)?;
        if content.len() as u64 > bytes_max {
            return Err(Error::new(ErrorKind::InvalidData, format!("it is longer than {bytes_max} bytes")));
        }
        Ok(content)
    }

    /// A file that is there whole or not at all: written beside, synced, then renamed.
    pub(crate) fn write_beside(&self, temporary: &str, parts: &[&[u8]]) -> Result<()> {
        self.remove(temporary)?;
        let written = self.write_parts(temporary, parts);
        if written.is_err() {
            // On a full disk it would take room that others need.
            self.remove(temporary).ok();
        }
        written
    }

    fn write_parts(&self, temporary: &str, parts: &[&[u8]]) -> Result<()> {
        let mut file = self.create(temporary)?;
        for part in parts {
            self.write(&mut file, part)?;
        }
        self.sync(&file)
    }

    /// Writes over the beginning of a file, in place, so that a full disk has no say in it. What is not a
    /// file of that one name is replaced: it may be a link to what is not ours.
    pub(crate) fn overwrite(&self, name: &str, content: &[u8]) -> Result<()> {
        if let Some(mut file) = self.own_file(name) {
            self.write(&mut file, content)?;
            return self.sync(&file);
        }
        self.remove(name)?;
        let mut file = self.create(name)?;
        self.write(&mut file, content)?;
        self.sync(&file)?;
        self.sync_folder()
    }

    fn own_file(&self, name: &str) -> Option<File> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.folder, name, flags, Mode::empty()).ok()?;
        let is_own = plain_file_bytes(&file).is_ok() && fstat(&file).is_ok_and(|about| about.st_nlink == 1);
        is_own.then(|| File::from(file))
    }

    fn create(&self, name: &str) -> Result<File> {
        self.step()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        give(&file, &self.folder)?;
        Ok(File::from(file))
    }

    /// Gives a file its final name, for good.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.step()?;
        renameat(&self.folder, from, &self.folder, to)?;
        self.sync_folder()
    }

    /// Gives a file a second name, for good. The name must be free.
    pub(crate) fn link(&self, from: &str, to: &str) -> Result<()> {
        self.step()?;
        linkat(&self.folder, from, &self.folder, to, AtFlags::empty())?;
        self.sync_folder()
    }

    /// Removes a file if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.step()?;
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a lock, which ends with the file that is returned.
    pub(crate) fn lock(&self, name: &str, sharing: Sharing, patience: Duration) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => match self.create(name) {
                // Another process was faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    File::from(openat(&self.folder, name, flags, Mode::empty())?)
                }
                other => other?,
            },
            Err(error) => return Err(error.into()),
        };
        let operation = match sharing {
            Sharing::Alone => FlockOperation::NonBlockingLockExclusive,
            Sharing::WithReaders => FlockOperation::NonBlockingLockShared,
        };
        let until = Now::mono() + patience;
        loop {
            match flock(&file, operation) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if Now::mono() < until => {
                    pause()?
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                    let text = format!("another process holds {}", self.path.join(name).display());
                    return Err(Error::new(ErrorKind::WouldBlock, text));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> Result<()> {
        #[cfg(test)]
        self.fuse.write(file, bytes)?;
        file.write_all(bytes)
    }

    fn sync(&self, file: impl AsFd) -> Result<()> {
        self.step()?;
        Ok(fsync(file)?)
    }

    fn sync_folder(&self) -> Result<()> {
        self.sync(&self.folder)
    }

    /// Every operation that changes something passes here, so that tests can end the process at each.
    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests fail here"))]
    fn step(&self) -> Result<()> {
        #[cfg(test)]
        self.fuse.step()?;
        Ok(())
    }
}

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    /// Nobody.
    Alone,
    /// Others that only read.
    WithReaders,
}

/// New things belong to whoever has the folder: the taster may be root, and the edge is not.
pub(crate) fn give(item: impl AsFd, folder: impl AsFd) -> Result<()> {
    let (folder, item_now) = (fstat(folder)?, fstat(&item)?);
    if geteuid().is_root() && (item_now.st_uid, item_now.st_gid) != (folder.st_uid, folder.st_gid) {
        fchown(item, Some(Uid::from_raw(folder.st_uid)), Some(Gid::from_raw(folder.st_gid)))?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) | None => Path::new("."),
    };
    std::fs::create_dir_all(above).map_err(|error| named(above, error))?;
    match mkdirat(CWD, path, Mode::RWXU) {
        Ok(()) => {}
        // Another process was faster, and gives it to its owner.
        Err(rustix::io::Errno::EXIST) => return Ok(()),
        Err(error) => return Err(named(path, error.into())),
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let above = openat(CWD, above, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    give(openat(CWD, path, flags, Mode::empty())?, &above)?;
    Ok(fsync(above)?)
}

fn plain_file_bytes(file: impl AsFd) -> Result<u64> {
    let about = fstat(file)?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return Err(Error::new(ErrorKind::InvalidData, "it is not a file"));
    }
    u64::try_from(about.st_size).map_err(Error::other)
}

/// A turn of waiting for a lock, which the kernel cannot be asked to end by itself.
fn pause() -> Result<()> {
    let pause = rustix::time::Timespec::try_from(LOCK_POLL).map_err(Error::other)?;
    match rustix::event::poll(&mut [], Some(&pause)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn named(path: &Path, error: Error) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
pub(crate) mod fuse {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::{Error, Result, Write};

    /// Ends all work after some operations, as a crash would; the write that it ends at is torn.
    #[derive(Default)]
    pub(crate) struct Fuse {
        left: Cell<Option<u64>>,
        blown: Cell<bool>,
        tear_at: Cell<usize>,
        pub(crate) done: Cell<u64>,
    }

    impl Fuse {
        /// A write that it ends at has written `tear_at` bytes.
        pub(crate) fn set(&self, operations: u64, tear_at: usize) {
            self.left.set(Some(operations));
            self.tear_at.set(tear_at);
        }

        pub(super) fn step(&self) -> Result<()> {
            self.done.set(self.done.get() + 1);
            match self.left.get() {
                Some(0) => {
                    self.blown.set(true);
                    Err(Error::other("the fuse has blown"))
                }
                left => {
                    self.left.set(left.map(|left| left - 1));
                    Ok(())
                }
            }
        }

        pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> Result<()> {
            let was_blown = self.blown.get();
            self.step().inspect_err(|_| {
                if !was_blown {
                    file.write_all(&bytes[..self.tear_at.get().min(bytes.len())]).unwrap();
                }
            })
        }
    }
}
