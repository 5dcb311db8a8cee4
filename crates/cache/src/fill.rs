//! Fetches under way: one for a key, whoever waits for it. It publishes bytes as they come; readers follow.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::key::KeyRef;
use crate::object::{Body, Object, Response};

/// All fetches under way in this process.
#[derive(Debug, Default)]
pub struct Fills {}

/// Bounds of fills.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How far a fill may be ahead of its fastest reader, in bytes.
    pub window_bytes: u64,
    /// What all fills may hold together that is not in the store.
    pub bytes_max: u64,
}

/// What joining has come to.
#[derive(Debug)]
pub enum Joined {
    /// Nobody fetches this: it is for the caller to do it.
    Leader(Leader),
    /// Somebody does: wait with [`Reader::poll_head`].
    Follower(Reader),
    /// Too many are under way: fetch for yourself alone.
    Full,
}

/// The duty to fetch. Dropped without an outcome, it lets another take over.
#[derive(Debug)]
pub struct Leader {
    fill: Arc<Fill>,
}

/// One fetch under way.
#[derive(Debug)]
pub struct Fill {}

/// Somebody who reads what a fill brings.
#[derive(Debug)]
pub struct Reader {
    fill: Arc<Fill>,
}

/// What a follower learns when the head is there.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A response: check by its key that it is the variant asked for, then read its body.
    Response(Arc<Response>),
    /// An object that is complete.
    Object(Arc<Object>),
    /// The fetch failed.
    Failed(rempart_flow::Fault),
    /// The response cannot be stored or shared: fetch for yourself, do not wait again.
    Alone,
    /// The leader failed or vanished: look again.
    Again,
}

impl Fills {
    /// Joins the fetch of this key, or begins it.
    pub fn join(&self, key: KeyRef<'_>) -> Joined {
        let _ = key;
        todo!()
    }
}

impl Leader {
    /// The head has come and what follows may be shared: from here on it is [`Writer`]'s.
    pub fn response(self, response: Arc<Response>) -> Writer {
        let _ = response;
        todo!()
    }

    /// The answer is an object that is complete: it was validated, or serves because the origin failed.
    /// Followers give it as it is.
    pub fn complete(self, object: Arc<Object>) {
        let _ = object;
        todo!()
    }

    /// The fetch failed before a head came: followers fail with it, or give what is stale.
    pub fn failed(self, fault: rempart_flow::Fault) {
        let _ = fault;
        todo!()
    }

    /// The response is this visitor's alone: nobody waits any longer.
    pub fn alone(self) {
        let _ = self.fill;
    }

    /// Whether anybody waits beside the leader.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        todo!()
    }
}

/// Whoever writes what comes from the origin. Dropped before [`Writer::finish`], it has failed.
#[derive(Debug)]
pub struct Writer {}

impl Writer {
    /// Waits until more may be written: the fastest reader is near enough.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        todo!()
    }

    /// Publishes bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }

    /// All has come. Answers the body for the store.
    pub fn finish(self) -> Body {
        todo!()
    }
}

impl Reader {
    /// Waits for the head.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let _ = (cx, &self.fill);
        todo!()
    }

    /// The bytes from `at` on, as many as are there in one piece.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Bytes, Gone>> {
        let _ = (cx, at);
        todo!()
    }
}

/// Why a reader gets nothing more from a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is at the end.
    End,
    /// These bytes are no longer held: look in the store.
    Behind,
    /// The fetch failed.
    Failed,
}
