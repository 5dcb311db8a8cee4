//! A small HTTP/1.1 client that knows how far an exchange came when it broke.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustix::net::RecvFlags;

use crate::Outcome;

/// No step of an exchange may take longer.
const STEP_S_MAX: u64 = 15;
/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// `http://address/target`.
#[derive(Clone, Debug)]
pub(crate) struct Url {
    /// Where to connect to.
    pub address: SocketAddr,
    /// Host and port as they were written.
    pub authority: String,
    /// The target, beginning with `/`.
    pub target: String,
}

impl Url {
    /// Parses, and resolves the name.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let rest =
            text.strip_prefix("http://").ok_or_else(|| format!("{text}: only http:// is known here"))?;
        let cut = rest.find('/').unwrap_or(rest.len());
        let (authority, target) = rest.split_at(cut);
        let named = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let address = named
            .to_socket_addrs()
            .map_err(|error| format!("{authority}: {error}"))?
            .next()
            .ok_or_else(|| format!("{authority} has no address"))?;
        let target = if target.is_empty() { "/" } else { target };
        Ok(Self { address, authority: authority.to_owned(), target: target.to_owned() })
    }
}

/// An exchange that did not end well.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Whether any byte of the answer came.
    pub answer_began: bool,
    /// What happened.
    pub cause: io::Error,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection can carry another request.
    pub keep_alive: bool,
}

/// What a connection looks like between two requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// Open and silent, as it should be.
    Open,
    /// The server has closed it, which it may.
    Closed,
    /// Bytes that nobody asked for.
    Unasked,
}

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Connection {
    /// Connects, within the time limit of a step.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let limit = Duration::from_secs(STEP_S_MAX);
        Self::over(TcpStream::connect_timeout(&address, limit)?)
    }

    /// The same from an address of this machine.
    pub(crate) fn open_from(from: Ipv4Addr, address: SocketAddr) -> io::Result<Self> {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddr::from((from, 0)))?;
        connect(&socket, &address)?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        let limit = Duration::from_secs(STEP_S_MAX);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        Ok(Self { stream, input: Vec::new() })
    }

    /// Looks at the connection without waiting.
    pub(crate) fn between(&self) -> Between {
        let mut byte = [0; 1];
        match rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Between::Closed,
            Ok(_) => Between::Unasked,
            Err(rustix::io::Errno::AGAIN) => Between::Open,
            Err(_) => Between::Closed,
        }
    }

    /// Sends a request and reads its answer whole.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer, Broken> {
        let head = self.begin(request)?;
        let broken = |cause| Broken { answer_began: true, cause };
        let body_bytes = head.body_bytes;
        self.input.drain(..head.bytes);
        while self.input.len() < body_bytes {
            self.read_more().map_err(broken)?;
        }
        let body = self.input.drain(..body_bytes).collect();
        Ok(Answer { status: head.status, body, keep_alive: head.keep_alive })
    }

    /// Sends a request, reads the head of its answer and hands over the stream, most of the body unread.
    pub(crate) fn exchange_head(mut self, request: &[u8]) -> Result<(u16, usize, TcpStream), Broken> {
        let head = self.begin(request)?;
        Ok((head.status, head.body_bytes, self.stream))
    }

    fn begin(&mut self, request: &[u8]) -> Result<Head, Broken> {
        self.input.clear();
        self.stream.write_all(request).map_err(|cause| Broken { answer_began: false, cause })?;
        loop {
            let broken = |cause| Broken { answer_began: false, cause };
            self.read_more()
                .map_err(|cause| Broken { answer_began: !self.input.is_empty(), ..broken(cause) })?;
            match head(&self.input) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) if self.input.len() < HEAD_BYTES_MAX => {}
                Ok(None) => {
                    return Err(Broken { answer_began: true, cause: malformed("its head is too long") });
                }
                Err(cause) => return Err(Broken { answer_began: true, cause }),
            }
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 32 << 10];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.input.extend_from_slice(buffer.get(..read).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// What matters of the head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    /// Its own length.
    pub bytes: usize,
    /// The status.
    pub status: u16,
    /// Length of the body.
    pub body_bytes: usize,
    /// Whether the connection can carry another request.
    pub keep_alive: bool,
}

/// The head at the beginning of `input`, if it is whole.
pub(crate) fn head(input: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(bytes) = response.parse(input).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let named = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let length = named("content-length").ok_or_else(|| malformed("it has no Content-Length"))?;
    let body_bytes = length.parse().map_err(|_| malformed("its Content-Length is no number"))?;
    let keep_alive = !named("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head { bytes, status: response.code.unwrap_or(0), body_bytes, keep_alive }))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = Url::parse("http://127.0.0.1:81/a?b=c").unwrap();
        assert_eq!((url.authority.as_str(), url.target.as_str()), ("127.0.0.1:81", "/a?b=c"));
        assert_eq!(Url::parse("http://127.0.0.1").unwrap().target, "/");
        assert!(Url::parse("https://127.0.0.1/").is_err());
    }

    #[test]
    fn heads() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let parsed = head(whole).unwrap().unwrap();
        assert_eq!((parsed.status, parsed.body_bytes, parsed.keep_alive), (200, 5, false));
        assert_eq!(whole.len() - parsed.bytes, 5);
        assert!(head(whole.split_at(20).0).unwrap().is_none());
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
