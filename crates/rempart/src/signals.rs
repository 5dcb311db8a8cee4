//! Signals as something to wait for beside other things: blocked, and read from a descriptor.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals and what they mean.
pub(crate) type Meanings<T> = &'static [(libc::c_int, T)];

/// The signals that have come and were not read yet.
pub(crate) struct Signals<T: 'static> {
    fd: OwnedFd,
    meanings: Meanings<T>,
}

impl<T: Copy> Signals<T> {
    /// From now on these signals do nothing by themselves. To be called before any other thread exists.
    /// Children inherit that, and have to [`unblock`].
    pub(crate) fn with(meanings: Meanings<T>) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` initialises the set before it is used; all pointers are valid for the
        // calls; the descriptor is new and owned by nobody else.
        unsafe {
            // Ignored, as a careless parent may have left it, it would never come.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            libc::sigemptyset(set.as_mut_ptr());
            for (number, _) in meanings {
                libc::sigaddset(set.as_mut_ptr(), *number);
            }
            if libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self { fd: OwnedFd::from_raw_fd(fd), meanings })
        }
    }

    /// The next one that has come; does not wait.
    pub(crate) fn next(&self) -> Option<T> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        let read = rustix::io::read(&self.fd, &mut record).ok()?;
        // `ssi_signo` is the first field.
        let number = u32::from_ne_bytes(record.get(..read)?.first_chunk().copied()?);
        self.meanings.iter().find(|(n, _)| u32::try_from(*n) == Ok(number)).map(|(_, means)| *means)
    }
}

/// Lets every signal through again. Only system calls, so that a child may call it before exec.
pub(crate) fn unblock() -> io::Result<()> {
    let mut none = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set before it is used; all pointers are valid for the calls.
    let done = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl<T> AsFd for Signals<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
