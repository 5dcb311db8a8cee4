//! One byte stream, whatever carries it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::tls::Tls;

/// A socket, registered with this core's reactor or taken from it on the way to another core.
#[derive(Debug)]
pub enum Socket {
    /// TCP, registered.
    Tcp(TcpStream),
    /// Unix, registered.
    Unix(UnixStream),
    /// TCP, registered with no core.
    DetachedTcp(std::net::TcpStream),
    /// Unix, registered with no core.
    DetachedUnix(std::os::unix::net::UnixStream),
    /// Lost while it changed hands; every use answers `NotConnected`.
    Gone,
}

impl Socket {
    fn detach(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Tcp(tcp) => Self::DetachedTcp(tcp.into_std()?),
            Self::Unix(unix) => Self::DetachedUnix(unix.into_std()?),
            other @ (Self::DetachedTcp(_) | Self::DetachedUnix(_) | Self::Gone) => other,
        };
        Ok(())
    }

    fn attach(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::DetachedTcp(tcp) => Self::Tcp(TcpStream::from_std(tcp)?),
            Self::DetachedUnix(unix) => Self::Unix(UnixStream::from_std(unix)?),
            other @ (Self::Tcp(_) | Self::Unix(_) | Self::Gone) => other,
        };
        Ok(())
    }

    /// Whether the kernel holds bytes, or the end, that nobody has read. This asks the kernel itself: the
    /// reactor may not have heard of them yet.
    fn has_unread(&self) -> bool {
        let peek =
            |fd: BorrowedFd<'_>| rustix::net::recv(fd, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        let looked = match self {
            Self::Tcp(tcp) => peek(tcp.as_fd()),
            Self::Unix(unix) => peek(unix.as_fd()),
            Self::DetachedTcp(tcp) => peek(tcp.as_fd()),
            Self::DetachedUnix(unix) => peek(unix.as_fd()),
            Self::Gone => return true,
        };
        !matches!(looked, Err(Errno::AGAIN))
    }

    /// Whether nothing has come since the last read: no byte and no end. For a registered socket this asks
    /// the reactor's memory and makes no system call unless an event has come.
    fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(tcp) => tcp.try_read(&mut byte),
            Self::Unix(unix) => unix.try_read(&mut byte),
            Self::DetachedTcp(tcp) => tcp.peek(&mut byte),
            Self::DetachedUnix(unix) => io::Read::read(&mut &*unix, &mut byte),
            Self::Gone => Ok(0),
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A byte stream to a visitor or an origin.
#[derive(Debug)]
pub enum Stream {
    /// The socket itself.
    Plain(Socket),
    /// TLS over a socket. Boxed: a TLS session is a kilobyte, and most streams in memory are idle.
    Tls(Box<Tls>),
}

impl Stream {
    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.socket(),
        }
    }

    fn socket_mut(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.socket_mut(),
        }
    }

    /// Takes the stream from this core's reactor, so that it can travel to another core.
    ///
    /// # Errors
    /// The reactor refused; the stream is lost.
    pub fn detach(&mut self) -> io::Result<()> {
        self.socket_mut().detach()
    }

    /// Registers a stream that has travelled with this core's reactor.
    ///
    /// # Errors
    /// The reactor refused; the stream is lost.
    pub fn attach(&mut self) -> io::Result<()> {
        self.socket_mut().attach()
    }

    /// From now on the kernel takes no more while so many bytes wait in it to be sent, so that what is written next need
    /// not wait behind them. A failure leaves it as it was.
    pub fn bound_unsent(&self, bytes: u32) {
        if let Socket::Tcp(tcp) = self.socket() {
            // SAFETY: the descriptor is open as long as `tcp` lives, and the kernel reads the four bytes of `bytes`.

            unsafe {
                libc::setsockopt(
                    tcp.as_fd().as_raw_fd(),
                    libc::IPPROTO_TCP,
                    libc::TCP_NOTSENT_LOWAT,
                    (&raw const bytes).cast(),
                    size_of::<u32>() as libc::socklen_t,
                );
            }
        }
    }

    /// Makes the close that follows a reset, so that the peer can tell a broken body from a whole one.
    pub fn reset_on_close(&self) {
        if let Socket::Tcp(tcp) = self.socket() {
            // A failure leaves an ordinary close, which is all that is possible then.
            let _ = tcp.set_zero_linger();
        }
    }

    /// Whether the peer has sent what nobody has read yet.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.socket().has_unread()
    }

    /// Whether an idle stream is still open and silent. A byte that comes while nothing was asked for
    /// makes it unusable as much as an end does (a late answer must not meet the next request). In TLS such
    /// bytes may have left the socket together with those that were wanted, and wait in the session.
    #[must_use]
    pub fn is_quiet(&mut self) -> bool {
        let is_drained = match self {
            Self::Plain(_) => true,
            Self::Tls(tls) => tls.is_drained(),
        };
        is_drained && self.socket().is_quiet()
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
            Self::DetachedTcp(_) | Self::DetachedUnix(_) | Self::Gone => Poll::Ready(Err(unregistered())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_write(cx, buf),
            Self::DetachedTcp(_) | Self::DetachedUnix(_) | Self::Gone => Poll::Ready(Err(unregistered())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, bufs),
            Self::DetachedTcp(_) | Self::DetachedUnix(_) | Self::Gone => Poll::Ready(Err(unregistered())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Self::DetachedTcp(_) | Self::DetachedUnix(_) | Self::Gone => Poll::Ready(Err(unregistered())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}

fn unregistered() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the socket is on its way to another core")
}
