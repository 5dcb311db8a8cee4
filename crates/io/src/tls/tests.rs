//! A visitor by hand, which sees the records.

use std::future::poll_fn;
use std::io::{IoSlice, Read, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use tokio::io::AsyncWrite as _;
use tokio::net::UnixStream;

use super::{SMALL_BYTES, Tls, part};
use crate::stream::Socket;

/// What TLS 1.2, which says in the clear what a record holds, adds to its plaintext: a nonce and the cipher's tag
/// (RFC 5288 section 3).
const ADDED_BYTES: usize = 24;
/// Of application data (RFC 5246 section 6.2.1).
const APPLICATION_DATA: u8 = 23;

/// A socket whose bytes are noted.
struct Noting(StdUnixStream, Vec<u8>);

impl Read for Noting {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(into)?;
        self.1.extend_from_slice(&into[..count]);
        Ok(count)
    }
}

impl Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["test.example".to_owned()]).unwrap();
    let provider = || Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Shakes hands and reads to the end: the plaintext, and the lengths of the records in which it came.
fn read(socket: StdUnixStream, config: Arc<ClientConfig>) -> (Vec<u8>, Vec<usize>) {
    let mut tls = ClientConnection::new(config, ServerName::try_from("test.example").unwrap()).unwrap();
    let mut socket = Noting(socket, Vec::new());
    let mut plain = Vec::new();
    rustls::Stream::new(&mut tls, &mut socket).read_to_end(&mut plain).unwrap();
    let (mut lengths, mut rest) = (Vec::new(), socket.1.as_slice());
    while let [kind, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == APPLICATION_DATA {
            lengths.push(length - ADDED_BYTES);
        }
        rest = &after[length..];
    }
    (plain, lengths)
}

/// Writes a head and a body in one go each time, and closes. What was read.
fn write(pieces: &[(&[u8], &[u8])]) -> (Vec<u8>, Vec<usize>) {
    let (server, client) = configs();
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    let reader = std::thread::spawn(move || read(theirs, client));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        ours.set_nonblocking(true).unwrap();
        let socket = Socket::Unix(UnixStream::from_std(ours).unwrap());
        let mut tls = Tls::accept(server, socket, 96 * 1024).await.unwrap();
        assert_eq!(tls.agreed().version, Some("TLSv1.2"));
        for (head, body) in pieces {
            let mut done = 0;
            while done < head.len() + body.len() {
                let both = [IoSlice::new(head), IoSlice::new(body)];
                let left = part(&both, done, usize::MAX);
                done += poll_fn(|cx| Pin::new(&mut tls).poll_write_vectored(cx, &left)).await.unwrap();
            }
            poll_fn(|cx| Pin::new(&mut tls).poll_flush(cx)).await.unwrap();
        }
        poll_fn(|cx| Pin::new(&mut tls).poll_shutdown(cx)).await.unwrap();
    });
    reader.join().unwrap()
}

#[test]
fn a_connection_begins_with_small_records_and_goes_on_with_large_ones() {
    let body: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (plain, lengths) = write(&[(b"head", &body[..50]), (b"head", &body)]);
    assert_eq!(plain, [b"head", &body[..50], b"head", &body].concat());
    // What is small is one record, and is not counted.
    let (small, large) = lengths.split_at(12);
    assert_eq!(small, [&[54][..], &[SMALL_BYTES; 11]].concat());
    // Of what follows only the last before each write's end may be small.
    let full = large.iter().filter(|length| **length == 16 * 1024).count();
    assert!(full >= 9 && large.len() <= full + 4, "{lengths:?}");
}

#[test]
fn a_part_of_two_slices_is_what_lies_there() {
    let both = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    let text = |skip, bytes_max| part(&both, skip, bytes_max).map(|piece| piece.to_vec()).concat();
    for skip in 0..=8 {
        for bytes_max in 0..=9 {
            let end = (skip + bytes_max).min(8);
            assert_eq!(text(skip, bytes_max), b"headbody"[skip..end], "{skip} {bytes_max}");
        }
    }
}
