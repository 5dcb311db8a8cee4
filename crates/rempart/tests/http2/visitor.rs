//! A visitor that writes each frame itself, over TLS. It renews windows as bodies come, unless it is told not to.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rempart_http2::hpack::{Decoded, Decoder, Sink};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::stand::PATIENCE;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// The name of the first zone.
pub(crate) const NAME: &str = "test.example";

/// A name of the certificate that is shown to whoever asks for none.
pub(crate) const OWN_NAME: &str = "localhost";

pub(crate) type Fields = Vec<(String, String)>;

/// One stream as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Interim heads and the final one.
    pub(crate) heads: Vec<Fields>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) is_ended: bool,
    pub(crate) reset: Option<u32>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let status = self.heads.last().and_then(|head| find(head, ":status"));
        status.unwrap_or_else(|| panic!("no head has come: {self:?}")).parse().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        find(self.heads.last()?, name)
    }

    pub(crate) fn text(&self) -> String {
        crate::stand::text(&self.body)
    }

    const fn is_over(&self) -> bool {
        self.is_ended || self.reset.is_some()
    }
}

pub(crate) fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

struct Collect(Fields);

impl Sink for Collect {
    fn field(&mut self, field: Decoded<'_>) {
        self.0.push((crate::stand::text(field.name), crate::stand::text(field.value)));
    }
}

/// One connection.
pub(crate) struct Visitor {
    tls: StreamOwned<ClientConnection, TcpStream>,
    decoder: Decoder,
    /// A head whose end has not come.
    block: Option<(u32, u8, Vec<u8>)>,
    next_stream: u32,
    /// Whether windows are renewed.
    pub(crate) takes: bool,
    pub(crate) answers: BTreeMap<u32, Answer>,
    /// What each stream's window begins with.
    pub(crate) window_bytes: u64,
    /// Bytes of windows that were given back, by stream; of the connection at 0.
    pub(crate) given_back: BTreeMap<u32, u64>,
    /// The last stream and the code of each.
    pub(crate) goaways: Vec<(u32, u32)>,
    pongs: u64,
    pub(crate) is_closed: bool,
}

impl Visitor {
    /// Connects, and asks TLS for this name; for [`OWN_NAME`] without saying so.
    pub(crate) fn connect(https: SocketAddr, name: &str, known: &[CertificateDer<'static>]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(known.iter().cloned());
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_sni = name != OWN_NAME;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let plain = TcpStream::connect(https).unwrap();
        plain.set_nodelay(true).unwrap();
        plain.set_read_timeout(Some(PATIENCE)).unwrap();
        plain.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            tls: StreamOwned::new(tls, plain),
            decoder: Decoder::new(4096),
            block: None,
            next_stream: 1,
            takes: true,
            answers: BTreeMap::new(),
            window_bytes: 65_535,
            given_back: BTreeMap::new(),
            goaways: Vec::new(),
            pongs: 0,
            is_closed: false,
        }
    }

    /// Whether HTTP/2 is agreed on: a visitor that speaks nothing else.
    pub(crate) fn is_welcome(&mut self) -> bool {
        self.tls.conn.complete_io(&mut self.tls.sock).is_ok() && self.tls.conn.alpn_protocol() == Some(b"h2")
    }

    /// Begins as HTTP/2 does.
    pub(crate) fn begin(&mut self) {
        self.write(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat());
    }

    /// Writes bytes. Whether the other end still takes any: what it has said is there to be read.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.tls.write_all(bytes).and_then(|()| self.tls.flush()).is_ok()
    }

    /// Writes a frame.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload));
    }

    /// The number of a new stream.
    pub(crate) const fn stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        stream
    }

    /// Asks for a path with GET.
    pub(crate) fn ask(&mut self, path: &str) -> u32 {
        self.request(&get(path), END_STREAM)
    }

    /// The same, with a priority.
    pub(crate) fn ask_for(&mut self, path: &str, priority: &str) -> u32 {
        self.request(&[get(path).as_slice(), &[("priority", priority)]].concat(), END_STREAM)
    }

    /// Begins a POST.
    pub(crate) fn post(&mut self, path: &str, more: &[(&str, &str)]) -> u32 {
        self.request(&[&[(":method", "POST")], &get(path)[1..], more].concat(), 0)
    }

    /// Opens a stream with a head.
    pub(crate) fn request(&mut self, fields: &[(&str, &str)], flags: u8) -> u32 {
        let stream = self.stream();
        let bytes = head(stream, &block(fields), flags);
        self.write(&bytes);
        stream
    }

    /// Sends a piece of a body, which has to be as small as a frame and the windows.
    pub(crate) fn data(&mut self, stream: u32, bytes: &[u8], flags: u8) {
        self.send(DATA, flags, stream, bytes);
    }

    pub(crate) fn reset(&mut self, stream: u32) {
        self.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    /// Waits for the end of an answer, or its reset.
    pub(crate) fn answer(&mut self, stream: u32) -> &Answer {
        self.until(|visitor| visitor.answers.get(&stream).is_some_and(Answer::is_over));
        &self.answers[&stream]
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&mut self, path: &str) -> &Answer {
        let stream = self.ask(path);
        self.answer(stream)
    }

    /// Waits until everything that was sent was read, and what could be said to it at once has come.
    pub(crate) fn sync(&mut self) {
        let pongs = self.pongs;
        self.send(PING, 0, 0, &[7; 8]);
        self.until(|visitor| visitor.pongs > pongs);
    }

    /// Waits for GOAWAY and the end of the connection; the last code.
    pub(crate) fn goodbye(&mut self) -> u32 {
        self.until_closed();
        self.goaways.last().unwrap_or_else(|| panic!("it was closed without GOAWAY: {:?}", self.answers)).1
    }

    /// Reads until nothing more can come.
    pub(crate) fn until_closed(&mut self) {
        while !self.is_closed {
            self.read();
        }
    }

    /// Waits for so long, in which nothing may come but what is on its way.
    pub(crate) fn is_quiet_for(&mut self, time: Duration) {
        self.sync();
        self.is_silent_for(time);
    }

    /// Waits for so long, in which nothing may come.
    pub(crate) fn is_silent_for(&mut self, time: Duration) {
        self.tls.sock.set_read_timeout(Some(time)).unwrap();
        let error = self.fill(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        self.tls.sock.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// Does nothing for so long.
    pub(crate) fn pause(&self, time: Duration) {
        let begun = Now::mono();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            std::thread::park_timeout(left);
        }
    }

    /// From now on the network holds little that was not read.
    pub(crate) fn narrow(&self) {
        socket2::SockRef::from(&self.tls.sock).set_recv_buffer_size(16 * 1024).unwrap();
    }

    /// Ends its sending side.
    pub(crate) fn finish(&mut self) {
        self.tls.conn.send_close_notify();
        self.tls.flush().unwrap();
        self.tls.sock.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads until it is so. That the connection ends before is a failure.
    pub(crate) fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            assert!(!self.is_closed, "it has ended: {:?} {:?}", self.goaways, self.answers);
            self.read();
        }
    }

    /// Reads one frame.
    pub(crate) fn read(&mut self) {
        let mut start = [0; 9];
        if let Err(error) = self.fill(&mut start) {
            let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!is_late, "nothing comes any more: {:?} {:?}", self.goaways, self.answers);
            self.is_closed = true;
            return;
        }
        let length = u32::from_be_bytes([0, start[0], start[1], start[2]]) as usize;
        let stream = u32::from_be_bytes([start[5], start[6], start[7], start[8]]);
        let mut payload = vec![0; length];
        if self.fill(&mut payload).is_err() {
            self.is_closed = true;
            return;
        }
        self.take(start[3], start[4], stream, payload);
    }

    /// Reads so many bytes. Unlike the stream does it, also when nothing can be written any more.
    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.tls.conn.reader().read(&mut bytes[done..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.tls.conn.read_tls(&mut self.tls.sock)?;
                    self.tls.conn.process_new_packets().map_err(std::io::Error::other)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: Vec<u8>) {
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            DATA => {
                let answer = self.answers.entry(stream).or_default();
                answer.body.extend_from_slice(&payload);
                answer.is_ended |= flags & END_STREAM != 0;
                if self.takes && !payload.is_empty() {
                    self.renew(stream, payload.len() as u32);
                }
            }
            HEADERS => {
                assert!(self.block.is_none(), "a head inside of a head");
                self.block = Some((stream, flags & END_STREAM, payload));
                self.end_head(flags);
            }
            CONTINUATION => {
                let block = self.block.as_mut().unwrap();
                assert_eq!(block.0, stream);
                block.2.extend_from_slice(&payload);
                self.end_head(flags);
            }
            RST_STREAM => self.answers.entry(stream).or_default().reset = Some(number(0)),
            SETTINGS if flags & ACK == 0 => {
                // SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 section 6.5.2).
                let said = (0..payload.len()).step_by(6).find(|at| payload[*at..*at + 2] == [0, 4]);
                self.window_bytes = said.map_or(self.window_bytes, |at| u64::from(number(at + 2)));
                self.send(SETTINGS, ACK, 0, &[]);
            }
            PING if flags & ACK == 0 => self.send(PING, ACK, 0, &payload),
            PING => self.pongs += 1,
            WINDOW_UPDATE => *self.given_back.entry(stream).or_default() += u64::from(number(0)),
            GOAWAY => self.goaways.push((number(0), number(4))),
            _ => {}
        }
    }

    /// Gives so many bytes back, to the stream and the connection.
    pub(crate) fn renew(&mut self, stream: u32, bytes: u32) {
        let count = bytes.to_be_bytes();
        let both = [frame(WINDOW_UPDATE, 0, 0, &count), frame(WINDOW_UPDATE, 0, stream, &count)];
        self.write(&both.concat());
    }

    fn end_head(&mut self, flags: u8) {
        if flags & END_HEADERS == 0 {
            return;
        }
        let (stream, ends, block) = self.block.take().unwrap();
        let mut fields = Collect(Vec::new());
        self.decoder.decode(&block, &mut fields).unwrap();
        let answer = self.answers.entry(stream).or_default();
        answer.is_ended |= ends != 0;
        if answer.heads.last().is_some_and(|head| !find(head, ":status").unwrap().starts_with('1')) {
            answer.trailers = Some(fields.0);
        } else {
            answer.heads.push(fields.0);
        }
    }

    /// Goes as a host that loses its power: its end of the connection is reset, and nothing is said.
    pub(crate) fn vanish(self) {
        socket2::SockRef::from(&self.tls.sock).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A head's frames.
pub(crate) fn head(stream: u32, block: &[u8], flags: u8) -> Vec<u8> {
    let mut pieces = block.chunks(16384).peekable();
    let mut bytes = Vec::new();
    let (mut kind, mut flags) = (HEADERS, flags);
    while let Some(piece) = pieces.next() {
        let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        bytes.extend_from_slice(&frame(kind, flags | end, stream, piece));
        (kind, flags) = (CONTINUATION, 0);
    }
    bytes
}

/// A header block of literals, byte for byte as they are.
pub(crate) fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        literal(&mut block, name.as_ref());
        literal(&mut block, value.as_ref());
    }
    block
}

fn literal(block: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text.len();
    if rest < 127 {
        block.push(rest as u8);
    } else {
        block.push(127);
        rest -= 127;
        while rest >= 128 {
            block.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(text);
}

/// The head of a GET.
pub(crate) fn get(path: &str) -> Vec<(&str, &str)> {
    vec![(":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", path)]
}
