//! Fetches under way: one for a key, whoever waits for it. It publishes bytes as they come; readers follow,
//! from whatever core. What is here may lock: it is the way of a miss.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rempart_flow::Fault;

use crate::decide::Vary;
use crate::key::{Key, KeyRef};
use crate::object::{Bodies, Object, Slice};

/// All fetches under way in this process. A clone is the same.
#[derive(Clone, Debug)]
pub struct Fills {}

/// Bounds of fills, in bytes if not said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A slice of a large object; what is not larger is stored in one entry.
    pub slice_bytes: u64,
    /// What has no strong validator, or no known length, is stored in one entry up to this.
    pub whole_bytes_max: u64,
    /// How far the fill of a large object may be ahead of its fastest reader (of its slowest, if nothing of it
    /// is stored).
    pub window_bytes: u64,
    /// A fill whose readers have all gone goes on if no more than this is left.
    pub abandoned_bytes_max: u64,
    /// What all fills may hold together that is not in the store.
    pub bytes_max: u64,
    /// How many fetches for several visitors that are too large to be stored may begin at one origin.
    pub detached_per_origin_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            slice_bytes: 1 << 20,
            whole_bytes_max: 16 << 20,
            window_bytes: 4 << 20,
            abandoned_bytes_max: 16 << 20,
            bytes_max: 256 << 20,
            detached_per_origin_max: 64,
        }
    }
}

/// What fills have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Under way.
    pub fills: u64,
    /// Bytes that they hold or have reserved.
    pub bytes: u64,
    /// Too large to be stored, and under way.
    pub detached: u64,
    /// Begun so far.
    pub begun: u64,
    /// Visitors so far who waited for another's.
    pub collapsed: u64,
    /// Refused so far, because too much is held.
    pub full: u64,
    /// Broken off so far, because nobody read any longer.
    pub abandoned: u64,
}

/// What joining has come to.
#[derive(Debug)]
pub enum Joined {
    /// Nobody fetches this: it is for the caller to do it.
    Leader(Leader),
    /// Somebody does: wait with [`Reader::poll_head`].
    Follower(Reader),
    /// Too much is held: fetch for yourself alone.
    Full,
}

/// What a fill has said of its response: which it is, and under which key it stands.
#[derive(Debug)]
pub struct Published {
    /// Under what the object is stored: a follower whose own key is another (build it with `vary`) is to join
    /// again under its own.
    pub key: Key,
    /// By what the response varies.
    pub vary: Vary,
    /// The response. Its body may still be coming.
    pub object: Arc<Object>,
}

/// What comes after the head.
#[derive(Clone, Copy, Debug)]
pub struct Coming {
    /// At which byte of the whole body it begins: 0, unless it is a range.
    pub first: u64,
    /// How many bytes come, if that is known.
    pub bytes: Option<u64>,
    /// How long the whole body is, if that is known.
    pub total: Option<u64>,
    /// Whether the response has a strong validator.
    pub has_strong_validator: bool,
    /// Of which origin: for the bound of those that are not stored.
    pub origin: u64,
}

/// How a body is brought, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All of it is held until it is stored in one entry. Of unknown length, it may yet turn out too large:
    /// then it is `Detached`.
    Whole,
    /// In slices, each of which is stored when it is complete.
    Sliced,
    /// Not stored: it flows to the readers that are there, at the pace of the slowest.
    Detached,
}

impl Coming {
    /// How this is brought.
    #[must_use]
    pub fn manner(&self, bounds: &Bounds) -> Manner {
        let _ = bounds;
        todo!()
    }

    /// The bodies that the object is to be published with. If they are in slices, the object may be stored before it
    /// is published; else when it [is whole](Finished::is_whole).
    #[must_use]
    pub fn bodies(&self, bounds: &Bounds) -> Bodies {
        let _ = bounds;
        todo!()
    }
}

/// What a follower learns when the head is there.
#[derive(Debug)]
pub enum Outcome {
    /// An object: check that it is the variant asked for, then read it.
    Object(Arc<Published>),
    /// The response cannot be stored or shared: fetch for yourself, do not wait again.
    Alone,
    /// The fetch failed, and for that all get the same answer.
    Failed(Fault),
    /// The leader vanished and it is for you to go on in its place. The others keep waiting.
    Lead(Leader),
}

/// The duty to fetch. Dropped without an outcome, it passes to one of those who wait.
#[derive(Debug)]
pub struct Leader {}

/// Somebody who waits for a fill's head, or reads what it brings. Dropped, it has left.
#[derive(Debug)]
pub struct Reader {}

/// Whoever writes what comes from the origin. Dropped before [`Writer::finish`], the fill has failed: nothing
/// more of it is stored, and its readers get [`Gone::Failed`].
#[derive(Debug)]
pub struct Writer {}

/// Whether a writer may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many bytes, at least 1.
    Bytes(u64),
    /// No reader is left, and what is left is more than is fetched for nobody: call [`Writer::abandon`].
    Abandoned,
}

/// A fill at its end, still to be found. Put what it holds in the store, then drop it: from then on visitors find
/// the store's entry, and at no moment neither.
#[derive(Debug)]
pub struct Finished {}

/// Why a reader gets nothing more from a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is at the end of what the fill brings.
    End,
    /// These bytes are no longer held, or never come: look in the store.
    Behind,
    /// The fetch failed.
    Failed,
}

impl Fills {
    /// No fetch is under way.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let _ = bounds;
        todo!()
    }

    /// Joins the fetch of this key, or begins it.
    #[must_use]
    pub fn join(&self, key: KeyRef<'_>) -> Joined {
        let _ = key;
        todo!()
    }

    /// Joins the fetch of this key if there is one whose head has come; never begins one.
    #[must_use]
    pub fn find(&self, key: KeyRef<'_>) -> Option<(Arc<Published>, Reader)> {
        let _ = key;
        todo!()
    }

    /// The bounds.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        todo!()
    }

    /// What they have counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        todo!()
    }
}

impl Leader {
    /// Has this fill found under another key too, unless a fetch of that one is under way.
    pub fn also(&self, key: KeyRef<'_>) -> bool {
        let _ = key;
        todo!()
    }

    /// The head has come and what follows may be shared: readers get it from now on. Store before what tells
    /// visitors of it: a `Varies`, and the object itself if its body is in slices. The reader is the leader's own.
    ///
    /// # Errors
    /// Too much is held, or too many that are not stored come from this origin: call [`Leader::alone`].
    #[expect(clippy::result_large_err, reason = "the caller goes on with it")]
    pub fn object(self, published: Published, coming: Coming) -> Result<(Writer, Reader), Self> {
        let _ = (published, coming);
        todo!()
    }

    /// The response is this visitor's alone: nobody waits any longer. Store a `HitForMiss` before.
    pub fn alone(self) {}

    /// There is no response, and all who wait are to be told so.
    pub fn failed(self, fault: Fault) {
        let _ = fault;
    }

    /// Whether anybody waits beside the leader.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        todo!()
    }
}

impl Writer {
    /// Waits until more may be written: the fastest reader is near enough.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Room> {
        let _ = cx;
        todo!()
    }

    /// Publishes as many of these bytes as there is room for, at least one after [`Writer::poll_room`] said
    /// [`Room::Bytes`]. Answers how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let _ = bytes;
        todo!()
    }

    /// A slice that is complete, by its index; to be stored before the next [`Writer::poll_room`]. Only objects in
    /// slices have any.
    pub fn take_slice(&mut self) -> Option<(u32, Slice)> {
        todo!()
    }

    /// All has come.
    ///
    /// # Errors
    /// It is less than was promised: the fill has failed.
    pub fn finish(self) -> Result<Finished, Gone> {
        todo!()
    }

    /// Nobody wants the rest. What came of a slice is still of use.
    #[must_use]
    pub fn abandon(self) -> Finished {
        todo!()
    }
}

impl Finished {
    /// Whether the object, as it was published, now has its whole body and may be stored.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        todo!()
    }

    /// What was published.
    #[must_use]
    pub fn published(&self) -> &Arc<Published> {
        todo!()
    }

    /// The slices that are left to be stored.
    pub fn take_slice(&mut self) -> Option<(u32, Slice)> {
        todo!()
    }
}

impl Reader {
    /// Waits for the head.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let _ = cx;
        todo!()
    }

    /// The bytes of the body from `at` on, as many as are there in one piece. `at` only rises: what is before it is
    /// no longer needed.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Bytes, Gone>> {
        let _ = (cx, at);
        todo!()
    }

    /// Which bytes of the body are held, and up to which they come, if that is known: (held from, written, end).
    #[must_use]
    pub fn progress(&self) -> (u64, u64, Option<u64>) {
        todo!()
    }
}
