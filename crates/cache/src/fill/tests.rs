//! Fills with wakers that are made by hand: what is woken is seen, and nothing runs by itself.

mod bodies;
mod bounds;
mod heads;
mod interleave;
mod many;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::*;
use crate::decide::Freshness;
use crate::key::KeyRef;
use crate::object::{Response, StoredHead};
use crate::purge::Stamp;

/// Counts how often it is woken.
#[derive(Debug, Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn rang(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) > 0
    }
}

const SMALL: Bounds = Bounds {
    slice_bytes: 10,
    object_bytes_max: 1 << 40,
    whole_bytes_max: 40,
    window_bytes: 20,
    abandoned_bytes_max: 15,
    bytes_max: 10_000_000,
    fills_max: 100,
    detached_per_origin_max: 2,
};

fn key(name: &str) -> KeyRef<'_> {
    // All in one place of one shard: only their bytes tell them apart.
    KeyRef { hash: 7, bytes: name.as_bytes() }
}

fn coming(bytes: impl Into<Option<u64>>, has_strong_validator: bool) -> Coming {
    let bytes = bytes.into();
    Coming { first: 0, bytes, total: bytes, has_strong_validator, origin: 1 }
}

fn published(name: &str, bodies: crate::object::Bodies) -> Published {
    let (length, key) = (None, key(name).to_key());
    let head = StoredHead { status: 200, ..StoredHead::default() };
    let freshness = Freshness {
        born_unix_s: 0,
        lifetime_s: 60,
        no_cache: false,
        must_revalidate: false,
        stale_while_revalidate_s: 0,
        stale_if_error_s: 0,
        has_validator: true,
        while_updating: false,
        validates_each: false,
    };
    let response = Response { id: 1, key, head, freshness, stamp: Stamp::default(), length };
    let object = Object { response: Arc::new(response), bodies: Arc::new(bodies) };
    Published { vary: Vary::No, object: Arc::new(object) }
}

fn lead(fills: &Fills, name: &str) -> Leader {
    match fills.join(key(name)) {
        Joined::Leader(leader) => leader,
        other @ (Joined::Follower(_) | Joined::Full) => panic!("{other:?}"),
    }
}

fn follow(fills: &Fills, name: &str) -> Reader {
    match fills.join(key(name)) {
        Joined::Follower(reader) => reader,
        other @ (Joined::Leader(_) | Joined::Full) => panic!("{other:?}"),
    }
}

/// Begins a body under the key `a`: its writer, and the leader's own reader.
fn begin(fills: &Fills, coming: Coming) -> (Writer, Reader) {
    let bodies = coming.bodies(fills.bounds());
    lead(fills, "a").object(published("a", bodies), coming).unwrap()
}

fn room(writer: &mut Writer, waker: &Waker) -> Option<Room> {
    match writer.poll_room(&mut Context::from_waker(waker)) {
        Poll::Ready(room) => Some(room),
        Poll::Pending => None,
    }
}

fn read(reader: &mut Reader, waker: &Waker, at: u64) -> Option<Result<Bytes, Gone>> {
    match reader.poll_bytes(&mut Context::from_waker(waker), at) {
        Poll::Ready(read) => Some(read),
        Poll::Pending => None,
    }
}

fn head(reader: &mut Reader, waker: &Waker) -> Option<Outcome> {
    match reader.poll_head(&mut Context::from_waker(waker)) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// The bytes of every body here: each tells its place.
fn body(first: u64, end: u64) -> Vec<u8> {
    (first..end).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

fn ok(bytes: Vec<u8>) -> Option<Result<Bytes, Gone>> {
    Some(Ok(Bytes::from(bytes)))
}

/// Nothing is held, nothing is under way.
fn assert_idle(fills: &Fills) {
    let counts = fills.counts();
    assert_eq!((counts.fills, counts.bytes, counts.detached), (0, 0, 0), "{counts:?}");
}
