//! One end of a connection, with a deadline on everything.

use crate::text::show;
use rempart_base::Now;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// One end of a connection.
pub struct Peer {
    stream: Stream,
    /// Read from the connection and not yet looked at.
    pub unread: Vec<u8>,
}

/// What carries it.
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS, as a client.
    TlsClient(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// TLS, as a server.
    TlsServer(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// What came of waiting for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// There are more unread bytes than before.
    More,
    /// The other side has closed or reset.
    End,
    /// Nothing came in time.
    Late,
}

impl Peer {
    /// A peer that has not read anything yet.
    #[must_use]
    pub const fn new(stream: Stream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Waits for bytes until then.
    pub fn fill(&mut self, until: Instant) -> Filled {
        let Some(left) = left(until) else { return Filled::Late };
        if self.socket().set_read_timeout(Some(left)).is_err() {
            return Filled::End;
        }
        let mut chunk = [0; 64 << 10];
        loop {
            return match self.stream.read(&mut chunk) {
                Ok(0) => Filled::End,
                Ok(count) => {
                    self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    Filled::More
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_late(&error) => Filled::Late,
                // A reset, or TLS without its closing alert: either way the connection is over.
                Err(_) => Filled::End,
            };
        }
    }

    /// Takes what has arrived already, without waiting.
    pub fn fill_now(&mut self) -> Filled {
        if self.socket().set_nonblocking(true).is_err() {
            return Filled::End;
        }
        let mut chunk = [0; 4096];
        let filled = match self.stream.read(&mut chunk) {
            Ok(0) => Filled::End,
            Ok(count) => {
                self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Filled::More
            }
            Err(error) if is_late(&error) => Filled::Late,
            Err(_) => Filled::End,
        };
        // Left non-blocking the next read would only come back too early and be told as late.
        let _ = self.socket().set_nonblocking(false);
        filled
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// Says how the connection failed.
    pub fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), String> {
        let left = left(until).unwrap_or(Duration::from_millis(1));
        self.socket().set_write_timeout(Some(left)).map_err(|error| error.to_string())?;
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .map_err(|error| format!("writing {} failed: {error}", show(bytes)))
    }

    /// Closes the sending half; over TLS with its closing alert.
    pub fn finish(&mut self) {
        match &mut self.stream {
            Stream::TlsClient(tls) => tls.conn.send_close_notify(),
            Stream::TlsServer(tls) => tls.conn.send_close_notify(),
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
        // The other side may be gone already, which is what closing wants.
        let _ = self.stream.flush();
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// Sends RST instead of FIN.
    pub fn reset(self) {
        // Without lingering the kernel resets; if the option fails, the connection is closed instead
        // and the case's expectation tells.
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    /// The certificate that the server showed, DER.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        match &self.stream {
            Stream::TlsClient(tls) => Some(tls.conn.peer_certificates()?.first()?.to_vec()),
            Stream::Tcp(_) | Stream::Unix(_) | Stream::TlsServer(_) => None,
        }
    }

    /// Shakes hands now instead of with the first bytes.
    ///
    /// # Errors
    /// Says why the handshake failed.
    pub fn shake_hands(&mut self, until: Instant) -> Result<(), String> {
        let left = left(until).unwrap_or(Duration::from_millis(1));
        let socket = self.socket();
        let timeouts =
            socket.set_read_timeout(Some(left)).and_then(|()| socket.set_write_timeout(Some(left)));
        timeouts.map_err(|error| error.to_string())?;
        let done = match &mut self.stream {
            Stream::TlsClient(tls) => tls.conn.complete_io(&mut tls.sock).map(drop),
            Stream::TlsServer(tls) => tls.conn.complete_io(&mut tls.sock).map(drop),
            Stream::Tcp(_) | Stream::Unix(_) => Ok(()),
        };
        done.map_err(|error| format!("the TLS handshake failed: {error}"))
    }

    fn socket(&self) -> SockRef<'_> {
        match &self.stream {
            Stream::Tcp(tcp) => SockRef::from(tcp),
            Stream::Unix(unix) => SockRef::from(unix),
            Stream::TlsClient(tls) => SockRef::from(&tls.sock),
            Stream::TlsServer(tls) => SockRef::from(&tls.sock),
        }
    }
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(into),
            Self::Unix(unix) => unix.read(into),
            Self::TlsClient(tls) => tls.read(into),
            Self::TlsServer(tls) => tls.read(into),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes),
            Self::Unix(unix) => unix.write_all(bytes),
            Self::TlsClient(tls) => tls.write_all(bytes),
            Self::TlsServer(tls) => tls.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.flush(),
            Self::Unix(unix) => unix.flush(),
            Self::TlsClient(tls) => tls.flush(),
            Self::TlsServer(tls) => tls.flush(),
        }
    }
}

/// What is left of the time until then; nothing once it has come.
#[must_use]
pub fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Now::read().mono).filter(|left| !left.is_zero())
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
