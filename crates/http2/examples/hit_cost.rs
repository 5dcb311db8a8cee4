//! What this layer alone costs a request that is answered with a prepared head and 1 KiB, 32 at a time:
//!
//! ```text
//! cargo run --release -p rempart-http2 --example hit_cost
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement may stop"
)]

use std::time::{Duration, Instant};

use rempart_base::Now;
use rempart_flow::{Method, RequestHead};
use rempart_http2::hpack::block;
use rempart_http2::message::{BlockWriter, RequestLine};
use rempart_http2::{Config, Connection, Event};

const STREAMS: usize = 32;

fn main() {
    let now = Now::mono();
    let config = Config::default();
    let (mut server, mut client) = (Connection::server(&config, now), Connection::client(&config, now));
    shake_hands(&mut server, &mut client, now);

    let mut prepared = Vec::new();
    block::status(&mut prepared, 200);
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("etag", "\"67891011-400\""),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("content-length", "1024"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ] {
        block::field_packed(&mut prepared, name.as_bytes(), value.as_bytes());
    }
    let body = [b'x'; 1024];
    let mut head = RequestHead::default();
    // The second batch is like all that follow, but for the streams' numbers.
    let mut requests = Vec::new();
    for _ in 0..2 {
        ask(&mut client);
        requests = client.output().to_vec();
        client.wrote(usize::MAX);
        serve(&mut server, &requests, &prepared, &body, &mut head);
    }
    let mut grant = b"\0\0\x04\x08\0\0\0\0\0".to_vec();
    grant.extend_from_slice(&u32::try_from(STREAMS * body.len()).unwrap().to_be_bytes());
    let (mut spent, mut next) = (Duration::ZERO, u32::try_from(4 * STREAMS + 1).unwrap());
    let rounds: usize =
        std::env::args().nth(1).map_or(100_000, |count| count.parse().expect("a number of rounds"));
    for _ in 0..rounds {
        number(&mut requests, &mut next);
        let start = Now::mono();
        serve(&mut server, &requests, &prepared, &body, &mut head);
        server.receive(&grant, start);
        spent += Now::mono() - start;
    }
    println!("{} ns a request", spent.as_nanos() / u128::try_from(rounds * STREAMS).unwrap());
    println!("{} bytes: a connection before its first stream", size_of::<Connection>());
}

fn serve(server: &mut Connection, requests: &[u8], prepared: &[u8], body: &[u8], head: &mut RequestHead) {
    assert_eq!(server.receive(requests, Now::mono()), requests.len());
    while let Some(event) = server.poll_event() {
        let Event::Head(stream) = event else { panic!("{event:?}") };
        assert!(server.take_request(stream, head));
        let block = server.begin_head(stream).expect("may answer");
        block.encoder.begin(block.out);
        block.out.extend_from_slice(prepared);
        server.end_head(stream, false);
        assert_eq!(server.send_data(stream, body, true), body.len());
        server.release(stream);
    }
    server.wrote(std::hint::black_box(server.output()).len());
}

/// Gives the streams of a batch new numbers.
fn number(frames: &mut [u8], next: &mut u32) {
    let mut rest = frames;
    while let Some((frame, after)) = rest.split_first_chunk_mut::<9>() {
        let len = usize::from(frame[1]) << 8 | usize::from(frame[2]);
        frame[5..].copy_from_slice(&next.to_be_bytes());
        *next += 2;
        rest = &mut after[len..];
    }
}

fn shake_hands(server: &mut Connection, client: &mut Connection, now: Instant) {
    for _ in 0..2 {
        client.receive(server.output(), now);
        server.wrote(usize::MAX);
        server.receive(client.output(), now);
        client.wrote(usize::MAX);
        while server.poll_event().is_some() || client.poll_event().is_some() {}
    }
    assert!(server.is_settled() && client.is_settled());
}

/// What a browser sends, of which all but the path is in the table after the first time.
fn ask(client: &mut Connection) {
    let line = RequestLine {
        method: b"GET",
        scheme: b"https",
        authority: b"www.example.com",
        path: b"/assets/app.css",
        protocol: None,
    };
    for _ in 0..STREAMS {
        let stream = client.open(Method::Get).expect("a stream");
        let head = client.begin_head(stream).expect("its head");
        let mut block = BlockWriter::request(head.encoder, head.out, &line);
        block.field(b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        block.field(b"accept", b"text/css,*/*;q=0.1");
        block.field(b"accept-language", b"en-US,en;q=0.5");
        block.field(b"accept-encoding", b"gzip, deflate, br, zstd");
        block.field(b"referer", b"https://www.example.com/");
        client.end_head(stream, true);
    }
}
