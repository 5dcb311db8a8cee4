use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use rempart_base::Now;
use rempart_flow::BodyLength;
use rempart_io::Socket;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::{Drain, Visitor};

#[tokio::test(flavor = "current_thread")]
async fn a_half_closed_visitor_has_its_grace_anew_after_every_piece() {
    let (mut visitor, ours) = tokio::net::UnixStream::pair().unwrap();
    let address = "192.0.2.1:1".parse().unwrap();
    let peer = Peer { address, local: address, tls: None, is_inside: false };
    let guest = Rc::new(Drain::default()).enter();
    let mut http1 = Http1::new(Stream::Plain(Socket::Unix(ours)), peer, Arc::default(), guest);
    visitor.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    visitor.shutdown().await.unwrap();
    assert!(matches!(http1.next().await, Next::Request));
    for _ in 0..2 {
        poll_fn(|cx| {
            assert!(http1.poll_gone(cx).is_pending(), "there is no answer yet that it could fail to take");
            http1.deadline.set(Now::mono());
            Poll::Ready(())
        })
        .await;
    }
    http1.begin(200);
    http1.end(BodyLength::Chunked);
    for _ in 0..2 {
        poll_fn(|cx| http1.poll_send(cx, b"piece")).await.unwrap();
        poll_fn(|cx| http1.poll_flush(cx)).await.unwrap();
        poll_fn(|cx| {
            assert!(http1.poll_gone(cx).is_pending());
            // As if the grace were over.
            http1.deadline.set(Now::mono());
            Poll::Ready(())
        })
        .await;
    }
    poll_fn(|cx| http1.poll_gone(cx)).await;
}
