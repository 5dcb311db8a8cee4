//! Small private files, written whole or not at all. Their folder may belong to an account that this process,
//! which may be root's, does not trust: no link is followed, and nothing but a file is opened.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, fchown, fstat, openat, renameat, unlinkat};

/// Reads a file of at most `bytes_max`.
///
/// # Errors
/// It is not there, is no file, or longer.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // A pipe would keep us waiting.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(folder(path)?, name(path)?, flags, Mode::empty())?);
    if !FileType::from_raw_mode(fstat(&file)?.st_mode).is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// Writes beside, then renames. The file belongs to whoever its folder belongs to: the taster may run as
/// root, and the edge that reads it does not.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, beside) = (folder(path)?, path.with_extension("new"));
    let beside = name(&beside)?;
    // A leftover may be a link, or somebody else's.
    let _ = unlinkat(&folder, beside, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&folder, beside, flags, Mode::RUSR | Mode::WUSR)?);
    let (owner, own) = (fstat(&folder)?, fstat(&file)?);
    if (owner.st_uid, owner.st_gid) != (own.st_uid, own.st_gid) && rustix::process::geteuid().is_root() {
        fchown(&file, Some(Uid::from_raw(owner.st_uid)), Some(Gid::from_raw(owner.st_gid)))?;
    }
    file.write_all(bytes)?;
    Ok(renameat(&folder, beside, &folder, name(path)?)?)
}

/// Removes it if it is there.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match unlinkat(folder(path)?, name(path)?, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn folder(path: &Path) -> io::Result<OwnedFd> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(CWD, folder, flags, Mode::empty())?)
}

fn name(path: &Path) -> io::Result<&std::ffi::OsStr> {
    path.file_name().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_and_no_pipe_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [real, planted] = ["real", "planted"].map(|name| folder.path().join(name));
        std::fs::create_dir(&real).unwrap();
        symlink(&real, &planted).unwrap();
        write(&real.join("file"), b"text").unwrap();
        assert_eq!(read(&real.join("file"), 4).unwrap(), b"text");
        assert!(read(&planted.join("file"), 4).is_err());
        assert!(write(&planted.join("file"), b"other").is_err());
        assert!(remove(&planted.join("file")).is_err());
        symlink(real.join("file"), real.join("link")).unwrap();
        assert!(read(&real.join("link"), 4).is_err());
        rustix::fs::mknodat(CWD, real.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(read(&real.join("pipe"), 4).is_err());
        write(&real.join("link"), b"own").unwrap();
        assert_eq!(read(&real.join("file"), 4).unwrap(), b"text");
        remove(&real.join("file")).unwrap();
        remove(&real.join("file")).unwrap();
        assert_eq!(read(&real.join("file"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
