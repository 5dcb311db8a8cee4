//! A visitor's connection over a real socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::BodyLength;
use rempart_io::{Socket, Stream};
use rempart_wire::config::Limits;
use rempart_wire::{Drain, Http1, Http2, Next, Peer, Visitor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn ends() -> (UnixStream, UnixStream, Peer, Rc<Drain>) {
    let (visitor, ours) = UnixStream::pair().unwrap();
    let address = "192.0.2.1:1".parse().unwrap();
    let peer = Peer { address, local: address, tls: None, is_inside: false };
    (visitor, ours, peer, Rc::new(Drain::default()))
}

fn connection(limits: Limits) -> (UnixStream, Http1, Rc<Drain>) {
    let (visitor, ours, peer, drain) = ends();
    let http1 = Http1::new(Stream::Plain(Socket::Unix(ours)), peer, Arc::new(limits), drain.enter());
    (visitor, http1, drain)
}

#[tokio::test(flavor = "current_thread")]
async fn the_end_of_an_answer_is_waited_for_as_long_as_its_beginning() {
    let write_idle_timeout = Duration::from_millis(400);
    let limits =
        Limits { keepalive_timeout: Duration::from_millis(20), write_idle_timeout, ..Limits::default() };
    let (mut visitor, mut http1, _drain) = connection(limits);
    visitor.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(matches!(http1.next().await, Next::Request));
    http1.begin(200);
    http1.end(BodyLength::Chunked);
    // Large pieces until the socket is full, then a small one, which is gathered.
    let mut sent = 0_usize;
    let piece = vec![b'x'; 64 * 1024];
    let full = poll_fn(|cx| {
        std::task::Poll::Ready(loop {
            match http1.poll_send(cx, &piece) {
                std::task::Poll::Ready(Ok(count)) => sent += count,
                std::task::Poll::Ready(Err(_)) => break false,
                std::task::Poll::Pending => break true,
            }
        })
    });
    assert!(full.await && sent > 0);
    http1.finish(None);
    assert!(http1.end_exchange().await);
    let begun = Now::mono();
    assert!(matches!(http1.next().await, Next::Closed));
    assert!(begun.elapsed() >= write_idle_timeout, "left after {:?}", begun.elapsed());
}

#[tokio::test(flavor = "current_thread")]
async fn a_drain_that_begins_under_an_exchange_is_announced_by_its_answer() {
    let (mut visitor, mut http1, drain) = connection(Limits::default());
    visitor.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(matches!(http1.next().await, Next::Request));
    drain.begin();
    http1.begin(200);
    http1.end(BodyLength::Exact(0));
    visitor.shutdown().await.unwrap();
    assert!(!http1.end_exchange().await);
    drop(http1);
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}

/// Sends without telling the reactor: what arrives is in the kernel alone.
fn send_unheard(visitor: &UnixStream) {
    rustix::net::send(visitor, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", rustix::net::SendFlags::empty())
        .unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_sent_before_a_drain_closed_the_connection_is_answered() {
    let (visitor, mut http1, drain) = connection(Limits::default());
    send_unheard(&visitor);
    assert!(matches!(http1.next().await, Next::Request));
    http1.begin(200);
    http1.end(BodyLength::Exact(0));
    assert!(http1.end_exchange().await);
    let mut next = Box::pin(http1.next());
    poll_fn(|cx| {
        assert!(next.as_mut().poll(cx).is_pending(), "it is idle");
        std::task::Poll::Ready(())
    })
    .await;
    send_unheard(&visitor);
    drain.begin();
    assert!(matches!(next.await, Next::Request));
    drop(http1);
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_just_come_may_still_ask_while_the_core_drains_and_has_not_forever() {
    let (visitor, mut http1, drain) = connection(Limits::default());
    drain.begin();
    let mut next = Box::pin(http1.next());
    poll_fn(|cx| {
        assert!(next.as_mut().poll(cx).is_pending(), "it has asked nothing yet");
        std::task::Poll::Ready(())
    })
    .await;
    send_unheard(&visitor);
    assert!(matches!(next.await, Next::Request));
    let (_silent, mut http1, drain) = connection(Limits::default());
    drain.begin();
    let begun = Now::mono();
    assert!(matches!(http1.next().await, Next::Closed));
    assert!(begun.elapsed() < Limits::default().head_read_timeout);
}

/// As long as anything is taken the connection does not come to its end: whoever floods it would keep it.
#[tokio::test(flavor = "current_thread")]
async fn what_comes_after_a_violation_of_http2_is_not_taken() {
    let (mut visitor, ours, peer, drain) = ends();
    let limits = Arc::new(Limits::default());
    let mut http2 = Http2::new(Stream::Plain(Socket::Unix(ours)), peer, &limits, drain.enter());
    // Something else than SETTINGS comes first.
    let ping = b"\0\0\x08\x06\0\0\0\0\0rempart?";
    visitor.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), ping].concat()).await.unwrap();
    while http2.failure().is_none() {
        poll_fn(|cx| if http2.receive(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
    visitor.write_all(&ping.repeat(100)).await.unwrap();
    for _ in 0..100 {
        assert!(!poll_fn(|cx| Poll::Ready(http2.receive(cx))).await);
        tokio::task::yield_now().await;
    }
    poll_fn(|cx| {
        http2.send(cx);
        http2.poll_wait(cx)
    })
    .await;
}
