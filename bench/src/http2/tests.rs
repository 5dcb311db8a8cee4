//! The visitors, before a server on the crate `h2`.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Server;
use super::flood::visitors;
use crate::certificate::Certificate;
use crate::works::Work;

/// Serves a body of so many bytes at every path, over what is named, until the test ends.
fn serving(protocol: &'static [u8], status: u16, body_bytes: usize) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let made = Certificate::make(folder.path()).unwrap();
    let chain = vec![CertificateDer::from_pem_file(&made.cert).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&made.key).unwrap();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = Server::on(listener.local_addr().unwrap().port(), &made.cert).unwrap();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.ok()?;
                    let mut connection = h2::server::handshake(stream).await.ok()?;
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let head = Response::builder().status(status).body(()).ok()?;
                        let mut body = respond.send_response(head, false).ok()?;
                        body.send_data(Bytes::from(vec![b'x'; body_bytes]), true).ok()?;
                    }
                    Some(())
                });
            }
        });
    });
    server
}

#[test]
fn a_visitor_takes_a_whole_answer_and_trusts_one_certificate() {
    let (server, other) = (serving(b"h2", 200, 20 << 20), serving(b"h2", 200, 1));
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let visitor = server.visit(Ipv4Addr::new(127, 0, 1, 1)).await.unwrap();
        // More than the windows, so that they are given back.
        assert_eq!(visitor.ask("/public/1k").await.unwrap(), 20 << 20);
        assert!(visitor.is_open());
        let stranger = Server { port: other.port, ..server.clone() };
        assert!(stranger.visit(Ipv4Addr::LOCALHOST).await.is_err());
    });
}

#[test]
fn who_does_not_agree_on_h2_is_not_visited() {
    let server = serving(b"http/1.1", 200, 1);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(server.visit(Ipv4Addr::LOCALHOST)).is_err());
}

#[test]
fn visitors_who_are_answered_rightly_do_not_fail() {
    let server = serving(b"h2", 200, Work::H2Hit1k.body_bytes());
    let felt = visitors::run(&server, Duration::from_millis(200), || ()).unwrap();
    assert_eq!((felt.failed, felt.reason), (0, None));
    assert!(felt.latency_us.max() > 0);
}

#[test]
fn a_wrong_answer_counts_as_one_that_never_came() {
    for server in [serving(b"h2", 503, Work::H2Hit1k.body_bytes()), serving(b"h2", 200, 1023)] {
        let felt = visitors::run(&server, Duration::from_millis(60), || ()).unwrap();
        assert!(felt.failed >= u64::from(visitors::VISITORS), "{}", felt.failed);
        assert_eq!(felt.latency_us.max(), 5_000_000);
    }
}
