//! `supervisor.sock` in `data_dir`: how a running supervisor is told to upgrade, and how another one takes
//! over from it. A socket that keeps messages apart; each is one short text, and may carry descriptors. Only
//! root and the supervisor's own account are listened to.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, UCred, accept_with, bind,
    connect, listen, recvmsg, sendmsg, socket_with,
};
use rustix::process::{Pid, geteuid, umask};

const NAME: &str = "supervisor.sock";
/// Its name until this supervisor serves: until then its predecessor is the one to be told things.
const NAME_NEXT: &str = "supervisor.sock.next";
/// So many may be connected without having said anything; one more, and the oldest is hung up on.
const CALLERS_MAX: usize = 8;
/// The longest message.
const MESSAGE_BYTES_MAX: usize = 8192;
/// The most descriptors that one message carries.
pub(super) const FDS_MAX: usize = 64;

/// Where a supervisor is called.
pub(super) struct Inbox {
    socket: OwnedFd,
    data_dir: PathBuf,
    is_published: bool,
    callers: Vec<Call>,
    /// Not while the kernel has no descriptor to give: who waits would only wake us again and again.
    may_accept: bool,
}

/// A connection to or from another process.
pub(crate) struct Call {
    socket: OwnedFd,
    /// Who is at the other end.
    pub(super) pid: Pid,
}

/// A message as it came.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) fds: Vec<OwnedFd>,
}

impl Inbox {
    /// Opens it where nobody looks yet.
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(NAME_NEXT);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let socket = seqpacket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        // Private from its first moment: a mode that is set afterwards leaves a gap.
        let before = umask(Mode::from_raw_mode(0o177));
        let bound = bind(&socket, &SocketAddrUnix::new(&path)?);
        umask(before);
        bound?;
        listen(&socket, i32::try_from(CALLERS_MAX).unwrap_or(1))?;
        Ok(Self {
            socket,
            data_dir: data_dir.to_owned(),
            is_published: false,
            callers: Vec::new(),
            may_accept: true,
        })
    }

    /// Puts it where it is looked for.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        std::fs::rename(self.data_dir.join(NAME_NEXT), self.data_dir.join(NAME))?;
        self.is_published = true;
        Ok(())
    }

    /// What there is to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.callers.iter().map(AsFd::as_fd).chain(self.may_accept.then_some(self.socket.as_fd()))
    }

    /// Whoever has said something, with what that is. Does not wait.
    pub(super) fn heard(&mut self) -> Vec<(Call, String)> {
        self.accept();
        let mut said = Vec::new();
        for call in std::mem::take(&mut self.callers) {
            match call.heard() {
                Ok(Some(heard)) => said.push((call, heard.text)),
                Ok(None) => self.callers.push(call),
                Err(_) => {}
            }
        }
        said
    }

    fn accept(&mut self) {
        let refused = loop {
            match accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK).map(Call::over) {
                Ok(Ok(call)) => self.callers.push(call),
                Ok(Err(error)) => tracing::warn!(%error, "a caller of supervisor.sock was turned away"),
                Err(error) => break error,
            }
            if self.callers.len() > CALLERS_MAX {
                self.callers.remove(0);
            }
        };
        self.may_accept = refused == rustix::io::Errno::AGAIN;
    }
}

/// A start that failed leaves nothing behind.
impl Drop for Inbox {
    fn drop(&mut self) {
        if !self.is_published {
            std::fs::remove_file(self.data_dir.join(NAME_NEXT)).ok();
        }
    }
}

impl Call {
    /// Calls the supervisor that runs on this `data_dir`. What is waited for comes within this time, if one is
    /// given.
    ///
    /// # Errors
    /// None runs there, or it is another account's.
    pub(crate) fn to(data_dir: &Path, patience: Option<Duration>) -> io::Result<Self> {
        let socket = seqpacket(SocketFlags::CLOEXEC)?;
        connect(&socket, &SocketAddrUnix::new(data_dir.join(NAME))?)?;
        set_socket_timeout(&socket, Timeout::Recv, patience)?;
        Self::over(socket)
    }

    fn over(socket: OwnedFd) -> io::Result<Self> {
        let UCred { uid, pid, .. } = socket_peercred(&socket)?;
        // The folder may be another account's, who can put sockets of its own there.
        if uid.is_root() || uid == geteuid() {
            Ok(Self { socket, pid })
        } else {
            Err(io::Error::new(ErrorKind::PermissionDenied, "the other end is another account's"))
        }
    }

    /// The same connection once more.
    pub(super) fn again(&self) -> Result<Self, String> {
        let socket = self.socket.try_clone().map_err(|error| error.to_string())?;
        Ok(Self { socket, pid: self.pid })
    }

    /// Says something; what is too long is cut.
    ///
    /// # Errors
    /// The other end is gone.
    pub(crate) fn say(&self, text: &str) -> io::Result<()> {
        self.hand(text.get(..text.floor_char_boundary(MESSAGE_BYTES_MAX)).unwrap_or_default(), &[])
    }

    /// Says something and hands at most [`FDS_MAX`] descriptors over.
    pub(super) fn hand(&self, text: &str, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let text = [IoSlice::new(text.as_bytes())];
        Ok(sendmsg(&self.socket, &text, &mut control, SendFlags::NOSIGNAL).map(drop)?)
    }

    /// What the other end says next, or `None` if that would have to be waited for (by the end that called: for
    /// longer than it wants to).
    ///
    /// # Errors
    /// The other end is gone, or says what is too long.
    pub(super) fn heard(&self) -> io::Result<Option<Heard>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut room = [0; MESSAGE_BYTES_MAX];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let read = match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut room)], &mut control, flags) {
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rights = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            // Only descriptors are asked for.
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        });
        let fds = rights.flatten().collect();
        if read.bytes == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let text = room.get(..read.bytes).and_then(|text| std::str::from_utf8(text).ok());
        match text {
            Some(text) if !read.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) => {
                Ok(Some(Heard { text: text.to_owned(), fds }))
            }
            Some(_) | None => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// Waits for what the other end says next.
    ///
    /// # Errors
    /// It is gone, or takes too long.
    pub(crate) fn answer(&self) -> io::Result<String> {
        self.heard()?.map(|heard| heard.text).ok_or_else(|| ErrorKind::TimedOut.into())
    }
}

fn seqpacket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

impl AsFd for Call {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_as_long_as_the_bound_and_not_longer() {
        let folder = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(folder.path()).unwrap();
        assert!(Call::to(folder.path(), None).is_err(), "not published yet");
        inbox.publish().unwrap();
        for (bytes, is_heard) in [(MESSAGE_BYTES_MAX, true), (MESSAGE_BYTES_MAX + 1, false)] {
            let call = Call::to(folder.path(), None).unwrap();
            call.hand(&"x".repeat(bytes), &[]).unwrap();
            assert_eq!(inbox.heard().len(), usize::from(is_heard), "{bytes} bytes");
        }
        let call = Call::to(folder.path(), None).unwrap();
        call.say(&"x".repeat(MESSAGE_BYTES_MAX + 1)).unwrap();
        assert_eq!(inbox.heard()[0].1.len(), MESSAGE_BYTES_MAX, "cut");
    }

    #[test]
    fn of_many_silent_callers_the_oldest_is_hung_up_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(folder.path()).unwrap();
        inbox.publish().unwrap();
        let call = || {
            let call = Call::to(folder.path(), Some(Duration::from_millis(1))).unwrap();
            (call, inbox.heard().len())
        };
        let mut call = call;
        let calls: Vec<Call> = (0..=CALLERS_MAX).map(|_| call().0).collect();
        assert_eq!(inbox.callers.len(), CALLERS_MAX);
        assert!(calls[0].heard().is_err(), "hung up on");
        assert!(calls[1].heard().unwrap().is_none(), "still there");
    }
}
