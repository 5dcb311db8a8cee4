//! Once it is warm, a connection answers without asking for memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use rempart_base::Now;
use rempart_flow::RequestHead;
use rempart_http2::hpack::block;
use rempart_http2::{Config, Connection, Event, PREFACE};

/// Counts what is asked of the system's allocator.
struct Counting;

static ASKED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// `GET https://a.example/` or a `POST` with five bytes of body, on a stream.
fn ask(into: &mut Vec<u8>, stream: u32, has_body: bool) {
    let block: &[u8] =
        if has_body { b"\x83\x87\x84\x01\x09a.example" } else { b"\x82\x87\x84\x01\x09a.example" };
    into.extend_from_slice(&[0, 0, 14, 1, if has_body { 4 } else { 5 }]);
    into.extend_from_slice(&stream.to_be_bytes());
    into.extend_from_slice(block);
    if has_body {
        into.extend_from_slice(&[0, 0, 5, 0, 1]);
        into.extend_from_slice(&stream.to_be_bytes());
        into.extend_from_slice(b"hello");
    }
}

#[test]
fn a_warm_connection_allocates_nothing() {
    let now = Now::mono();
    let mut server = Connection::server(&Config::default(), now);
    let hello = [PREFACE.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0], &[0, 0, 0, 4, 1, 0, 0, 0, 0]].concat();
    assert_eq!(server.receive(&hello, now), hello.len());
    let mut prepared = Vec::new();
    block::status(&mut prepared, 200);
    let (mut head, mut requests, mut next) = (RequestHead::default(), Vec::new(), 1);
    let mut asked = 0;
    for round in 0..100 {
        if round == 20 {
            asked = ASKED.load(Ordering::Relaxed);
        }
        requests.clear();
        for n in 0..32 {
            ask(&mut requests, next, n % 4 == 0);
            next += 2;
        }
        requests.extend_from_slice(b"\0\0\x04\x08\0\0\0\0\0\0\0\x80\0");
        assert_eq!(server.receive(&requests, now), requests.len());
        let mut answered = 0;
        while let Some(event) = server.poll_event() {
            let Event::Head(stream) = event else { continue };
            assert!(server.take_request(stream, &mut head));
            let body = server.data(stream).len();
            server.consume(stream, body);
            let block = server.begin_head(stream).expect("may answer");
            block.encoder.begin(block.out);
            block.out.extend_from_slice(&prepared);
            server.end_head(stream, false);
            assert_eq!(server.send_data(stream, &[b'x'; 1024], true), 1024);
            server.release(stream);
            answered += 1;
        }
        assert_eq!(answered, 32);
        server.wrote(server.output().len());
    }
    assert_eq!(ASKED.load(Ordering::Relaxed) - asked, 0);
    assert!(server.failure().is_none());
}
