//! The line between an edge and its supervisor: a pair of sockets that keep messages apart, each of them 16
//! bytes long. The supervisor reads nothing else from an edge.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// How long every message is.
const MESSAGE_BYTES: usize = 16;
const TASTE: u32 = 1;
const TASTED: u32 = 2;

/// What the two say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the supervisor: have the operator's files tasted. The number comes back with the answer. Of requests
    /// that wait, only the newest is kept.
    Taste(u64),
    /// To the edge: the taster of that number has ended so.
    Tasted(u64, TasterEnd),
}

/// How a taster ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TasterEnd {
    /// By itself, with this code: 0 means that `taste.json` says the rest.
    Exited(u8),
    /// Killed by this signal, which nobody on our side sent.
    Killed(u8),
    /// It was killed because its time was over.
    TimedOut,
    /// It could not be started.
    NotStarted,
}

impl TasterEnd {
    const TIMED_OUT: u32 = 1000;
    const NOT_STARTED: u32 = 1001;

    fn to_number(self) -> u32 {
        match self {
            Self::Exited(code) => u32::from(code),
            Self::Killed(signal) => 256 + u32::from(signal),
            Self::TimedOut => Self::TIMED_OUT,
            Self::NotStarted => Self::NOT_STARTED,
        }
    }

    fn of_number(number: u32) -> Option<Self> {
        match number {
            Self::TIMED_OUT => Some(Self::TimedOut),
            Self::NOT_STARTED => Some(Self::NotStarted),
            256.. => u8::try_from(number - 256).ok().map(Self::Killed),
            code => u8::try_from(code).ok().map(Self::Exited),
        }
    }
}

impl Message {
    fn encode(self) -> [u8; MESSAGE_BYTES] {
        let (kind, end, id) = match self {
            Self::Taste(id) => (TASTE, 0, id),
            Self::Tasted(id, end) => (TASTED, end.to_number(), id),
        };
        (u128::from(kind) | u128::from(end) << 32 | u128::from(id) << 64).to_le_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let word = u128::from_le_bytes(bytes.try_into().ok()?);
        let [kind, end, ..] = [0, 32].map(|shift| (word >> shift) as u32);
        let id = (word >> 64) as u64;
        match kind {
            TASTE if end == 0 => Some(Self::Taste(id)),
            TASTED => TasterEnd::of_number(end).map(|end| Self::Tasted(id, end)),
            _ => None,
        }
    }
}

/// One end of the line. Nothing on it waits.
pub struct Line(UnixDatagram);

impl Line {
    /// Both ends of a new line; children inherit neither.
    ///
    /// # Errors
    /// The kernel gives no more descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self(one.into()), Self(other.into())))
    }

    /// The end that was inherited under this descriptor.
    ///
    /// # Errors
    /// It is no socket that could be one.
    pub fn inherited(fd: OwnedFd) -> io::Result<Self> {
        if rustix::net::sockopt::socket_type(&fd)? != SocketType::SEQPACKET {
            return Err(ErrorKind::InvalidInput.into());
        }
        let socket = UnixDatagram::from(fd);
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Says something.
    ///
    /// # Errors
    /// The other end is gone, or has not listened for so long that the line is full.
    pub fn say(&self, message: Message) -> io::Result<()> {
        self.0.send(&message.encode()).map(drop)
    }

    /// The next thing that the other end said, if it has said anything. What makes no sense (a newer version
    /// may say more) is passed over.
    ///
    /// # Errors
    /// The other end is gone: `UnexpectedEof`.
    pub fn heard(&self) -> io::Result<Option<Message>> {
        loop {
            let mut room = [0; MESSAGE_BYTES];
            match self.0.recv(&mut room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    if let Some(message) = room.get(..read).and_then(Message::decode) {
                        return Ok(Some(message));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// This end inside a runtime.
    ///
    /// # Errors
    /// The runtime has no reactor left for it.
    pub fn awaited(self) -> io::Result<AwaitedLine> {
        tokio::net::UnixDatagram::from_std(self.0).map(AwaitedLine)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The edge's end of the line.
pub struct AwaitedLine(tokio::net::UnixDatagram);

impl AwaitedLine {
    /// Says something, when there is room for it.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn say(&self, message: Message) -> io::Result<()> {
        self.0.send(&message.encode()).await.map(drop)
    }

    /// Waits for the next thing that the supervisor says. May be dropped and called again.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn heard(&self) -> io::Result<Message> {
        loop {
            let mut room = [0; MESSAGE_BYTES];
            let read = self.0.recv(&mut room).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(message) = room.get(..read).and_then(Message::decode) {
                return Ok(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_back_as_it_was() {
        let ends = [
            TasterEnd::Exited(0),
            TasterEnd::Exited(255),
            TasterEnd::Killed(9),
            TasterEnd::Killed(255),
            TasterEnd::TimedOut,
            TasterEnd::NotStarted,
        ];
        let (one, other) = Line::pair().unwrap();
        for message in ends.map(|end| Message::Tasted(u64::MAX, end)).into_iter().chain([Message::Taste(3)]) {
            one.say(message).unwrap();
            assert_eq!(other.heard().unwrap(), Some(message));
        }
        assert_eq!(other.heard().unwrap(), None);
        drop(one);
        assert_eq!(other.heard().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        let (one, other) = Line::pair().unwrap();
        for nonsense in
            [&[1; 15][..], &[1; 17], &[0xff; 16], &Message::Tasted(1, TasterEnd::TimedOut).encode()[..8]]
        {
            one.0.send(nonsense).unwrap();
        }
        one.say(Message::Taste(1)).unwrap();
        assert_eq!(other.heard().unwrap(), Some(Message::Taste(1)));
    }

    #[test]
    fn a_stream_is_no_line() {
        let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(Line::inherited(stream.into()).is_err());
    }

    #[tokio::test]
    async fn the_edge_waits_for_an_answer() {
        let (edge, supervisor) = Line::pair().unwrap();
        let edge = edge.awaited().unwrap();
        edge.say(Message::Taste(8)).await.unwrap();
        assert_eq!(supervisor.heard().unwrap(), Some(Message::Taste(8)));
        supervisor.say(Message::Tasted(8, TasterEnd::Exited(1))).unwrap();
        assert_eq!(edge.heard().await.unwrap(), Message::Tasted(8, TasterEnd::Exited(1)));
        drop(supervisor);
        assert!(edge.heard().await.is_err());
    }
}
