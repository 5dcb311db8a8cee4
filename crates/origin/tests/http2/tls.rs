//! What ALPN decides.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::Builder;
use rempart_base::Now;
use rempart_origin::Needs;
use rempart_origin::plan::{Offer, OriginPlan, TlsPlan};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::stand::{Asked, Call, ask_on, core, get, plan, run, serve, status};

/// An origin over TLS that takes these protocols, and how to ask it.
struct Secure {
    plan: Arc<OriginPlan>,
    /// Connections that were accepted.
    connections: Rc<Cell<usize>>,
    /// And those of them that speak HTTP/2.
    http2: Rc<Cell<usize>>,
    all_are_there: Rc<Notify>,
}

impl Secure {
    async fn start(protocols: &[&[u8]], offer: Offer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (server, client) = certified(protocols);
        let (connections, http2) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let all_are_there = Rc::new(Notify::new());
        let secure = Self {
            plan: secured(listener.local_addr().unwrap(), offer, client),
            connections: Rc::clone(&connections),
            http2: Rc::clone(&http2),
            all_are_there: Rc::clone(&all_are_there),
        };
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.set(connections.get() + 1);
                let (acceptor, http2) = (TlsAcceptor::from(Arc::clone(&server)), Rc::clone(&http2));
                let all_are_there = Rc::clone(&all_are_there);
                spawn_local(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        http2.set(http2.get() + 1);
                        serve(stream, Builder::new(), Rc::new(|call| Box::pin(hello(call)))).await;
                    } else {
                        speak_http1(stream, &all_are_there).await;
                    }
                });
            }
        });
        secure
    }
}

async fn hello(mut call: Call) {
    assert_eq!(call.head.uri.scheme_str(), Some("https"));
    let mut send = call.respond.send_response(status(200), false).unwrap();
    send.send_data(Bytes::from_static(b"in two"), true).unwrap();
}

/// Answers each request, but none before it is told to.
async fn speak_http1(mut stream: TlsStream<TcpStream>, all_are_there: &Notify) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
        if !bytes.ends_with(b"\r\n\r\n") {
            continue;
        }
        bytes.clear();
        all_are_there.notified().await;
        all_are_there.notify_one();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nin one").await.unwrap();
    }
}

fn certified(protocols: &[&[u8]]) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut server = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    server.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (Arc::new(server), Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn secured(address: SocketAddr, offer: Offer, client_config: Arc<ClientConfig>) -> Arc<OriginPlan> {
    let mut plan = Arc::unwrap_or_clone(plan(address, offer, |_| {}));
    let server_name = ServerName::try_from("localhost").unwrap();
    plan.tls = Some(TlsPlan { server_name, verify: true, client_config });
    Arc::new(plan)
}

/// Asks so often at once.
async fn crowd(secure: &Secure, count: usize) -> Vec<Vec<u8>> {
    let core = Rc::new(core());
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let (core, plan) = (Rc::clone(&core), Arc::clone(&secure.plan));
        asking.spawn_local(async move { get(&core, &plan).await.unwrap().body });
    }
    let mut bodies = Vec::new();
    while let Some(body) = asking.join_next().await {
        bodies.push(body.unwrap());
    }
    bodies
}

#[test]
fn an_origin_that_takes_http2_is_spoken_to_so_on_one_connection() {
    run(async {
        let secure = Secure::start(&[b"h2", b"http/1.1"], Offer::Either).await;
        assert_eq!(crowd(&secure, 50).await, vec![b"in two".to_vec(); 50]);
        assert_eq!((secure.connections.get(), secure.http2.get()), (1, 1));
    });
}

#[test]
fn one_that_does_not_is_spoken_to_in_http11_by_all_at_once() {
    run(async {
        for protocols in [&[b"http/1.1".as_slice()][..], &[]] {
            let secure = Secure::start(protocols, Offer::Either).await;
            let asking = crowd(&secure, 20);
            let there = async {
                // Nobody is answered before all have a connection of their own.
                while secure.connections.get() < 20 {
                    tokio::task::yield_now().await;
                }
                secure.all_are_there.notify_one();
            };
            let (bodies, ()) = tokio::join!(asking, there);
            assert_eq!(bodies, vec![b"in one".to_vec(); 20]);
        }
    });
}

#[test]
fn where_it_is_switched_off_http2_is_not_offered() {
    run(async {
        let secure = Secure::start(&[b"h2", b"http/1.1"], Offer::Http1).await;
        secure.all_are_there.notify_one();
        assert_eq!(crowd(&secure, 1).await, [b"in one"]);
    });
}

#[test]
fn an_upgrade_has_an_http11_connection_whatever_the_others_have() {
    run(async {
        let secure = Secure::start(&[b"h2", b"http/1.1"], Offer::Either).await;
        let core = core();
        assert_eq!(get(&core, &secure.plan).await.unwrap().body, b"in two");
        assert!(core.idle(&secure.plan, Needs::Upgrade, Now::mono()).is_none());
        // It has not offered extended CONNECT.
        assert!(core.idle(&secure.plan, Needs::WebSocket, Now::mono()).is_none());
        let mut upgrading = core.open(&secure.plan, Needs::Upgrade).await.unwrap();
        secure.all_are_there.notify_one();
        assert_eq!(ask_on(&mut upgrading, Asked::default()).await.unwrap().body, b"in one");
        core.give_back(upgrading, Now::mono());
        // And that changes nothing for others.
        assert_eq!(get(&core, &secure.plan).await.unwrap().body, b"in two");
        assert_eq!((secure.connections.get(), secure.http2.get()), (2, 1));
    });
}
