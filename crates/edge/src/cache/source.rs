//! Where a visitor's bytes come from: a fetch that it follows, what is stored, or a fetch that is to be made.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rempart_cache::fill::{Gone, Reader};
use rempart_cache::slices::{NEAR_SLICES, Slicing};
use rempart_cache::{Body, Object, Stored};
use rempart_origin::Connection;

use super::CacheTier;

/// The body of an object, for one visitor.
pub struct Source {
    /// Whose body.
    pub object: Arc<Object>,
    /// The fetch that it follows.
    reader: Option<Reader>,
    /// What it follows was fetched for it: it is waited for, however far off its bytes are.
    waits: bool,
    /// What was found stored: its place and bytes.
    piece: Option<(u64, Bytes)>,
    /// A fetch for this visitor alone, and where it is.
    own: Option<(Connection, u64)>,
    /// It came too late for a fetch that it followed, and what that brought is stored no longer.
    is_lost: bool,
    /// For which byte something was fetched last, and how often.
    tried: (u64, u8),
}

/// Bytes, and whether they were stored.
type Piece = (Bytes, bool);

/// Why there is no byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// The body is at its end.
    End,
    /// It is not stored, and nobody brings it.
    Fetch,
    /// It never comes.
    Failed,
}

impl Source {
    /// Of an object that is stored, or that this reader brings.
    #[must_use]
    pub const fn new(object: Arc<Object>, reader: Option<Reader>) -> Self {
        Self { object, reader, waits: false, piece: None, own: None, is_lost: false, tried: (0, 0) }
    }

    /// Whether somebody has to be waited for.
    #[must_use]
    pub const fn is_following(&self) -> bool {
        self.reader.is_some() || self.own.is_some()
    }

    /// Follows a fetch that brings what it lacks.
    pub fn follow(&mut self, reader: Reader) {
        (self.reader, self.waits, self.own) = (Some(reader), true, None);
    }

    /// Something is fetched for this byte. Answers how often that was so.
    pub const fn tries(&mut self, at: u64) -> u8 {
        self.tried = if self.tried.0 == at { (at, self.tried.1.saturating_add(1)) } else { (at, 1) };
        self.tried.1
    }

    /// Reads a fetch of its own, whose next byte is the one at this place.
    pub fn read_own(&mut self, connection: Connection, at: u64) {
        (self.reader, self.own) = (None, Some((connection, at)));
    }

    /// The bytes of the body from `at` on, as many as are there in one piece.
    pub fn poll(&mut self, tier: &CacheTier, cx: &mut Context<'_>, at: u64) -> Poll<Result<Piece, Lacks>> {
        match self.object.bodies.origin() {
            Some(Body::Sliced { bytes }) if at >= *bytes => return Poll::Ready(Err(Lacks::End)),
            Some(Body::Sliced { .. }) => {}
            Some(Body::Whole(..)) | None => return self.poll_whole(cx, at),
        }
        if let Some(held) = self.held(at) {
            return Poll::Ready(Ok((held, true)));
        }
        if self.own.is_some() {
            return self.poll_own(cx, at).map(|read| read.map(|bytes| (bytes, false)));
        }
        let mut was_behind = false;
        if let Some(reader) = &mut self.reader {
            match reader.poll_bytes(cx, at) {
                Poll::Ready(Ok(bytes)) => return Poll::Ready(Ok((bytes, false))),
                Poll::Pending if self.waits || !is_far(reader, at, tier) => return Poll::Pending,
                // It may come nearer again.
                Poll::Ready(Err(Gone::Behind)) => was_behind = true,
                Poll::Pending | Poll::Ready(Err(Gone::End | Gone::Failed)) => self.reader = None,
            }
        }
        if self.look(tier, at)
            && let Some(held) = self.held(at)
        {
            return Poll::Ready(Ok((held, true)));
        }
        self.is_lost |= was_behind;
        self.reader = None;
        Poll::Ready(Err(Lacks::Fetch))
    }

    /// What is to be fetched for it: it stands at `at` and wants all up to `end`. And whether it has fallen behind a
    /// fetch that it followed: then it is not to fall behind others too.
    #[must_use]
    pub fn lacking(&self, tier: &CacheTier, at: u64, end: u64) -> (u64, u64, bool) {
        let slicing = self.slicing(tier);
        let near = if self.is_lost { 0 } else { NEAR_SLICES };
        let held = |index, from| {
            let found = |slice: &rempart_cache::object::Slice| slice.next_held(from);
            self.slice(tier, index, found).flatten()
        };
        let (first, until) = slicing.missing(at, end.min(slicing.total), near, held);
        (first, until, self.is_lost)
    }

    /// How the body is cut.
    #[must_use]
    pub fn slicing(&self, tier: &CacheTier) -> Slicing {
        let total = self.object.bodies.origin().map_or(0, Body::len);
        Slicing { slice_bytes: tier.fills.bounds().slice_bytes, total }
    }

    /// Looks whether this byte is stored.
    pub fn look(&mut self, tier: &CacheTier, at: u64) -> bool {
        let (index, within) = self.slicing(tier).place(at);
        let found = self.slice(tier, index, |slice| slice.get(within)).flatten();
        self.piece = found.map(|bytes| (at, bytes));
        self.piece.is_some()
    }

    fn slice<R>(
        &self,
        tier: &CacheTier,
        index: u32,
        look: impl FnOnce(&rempart_cache::object::Slice) -> R,
    ) -> Option<R> {
        let response = &self.object.response;
        let key = response.key.as_ref().slice(response.id, index);
        tier.store
            .get(key.as_ref(), |entry| match &entry.stored {
                Stored::Slice(slice) => Some(look(slice)),
                Stored::Object(_) | Stored::Varies(_) | Stored::HitForMiss { .. } => None,
            })
            .flatten()
    }

    fn held(&self, at: u64) -> Option<Bytes> {
        let (first, bytes) = self.piece.as_ref()?;
        let skip = usize::try_from(at.checked_sub(*first)?).ok()?;
        (skip < bytes.len()).then(|| bytes.slice(skip..))
    }

    /// A body that is stored in one piece comes from its reader or not at all.
    fn poll_whole(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Piece, Lacks>> {
        let Some(reader) = &mut self.reader else { return Poll::Ready(Err(Lacks::Failed)) };
        Poll::Ready(match ready!(reader.poll_bytes(cx, at)) {
            Ok(bytes) => Ok((bytes, false)),
            Err(Gone::End) => Err(Lacks::End),
            Err(Gone::Behind | Gone::Failed) => Err(Lacks::Failed),
        })
    }

    fn poll_own(&mut self, cx: &mut Context<'_>, at: u64) -> Poll<Result<Bytes, Lacks>> {
        let Some((connection, place)) = &mut self.own else { return Poll::Ready(Err(Lacks::Fetch)) };
        loop {
            match ready!(connection.poll_body(cx)) {
                Ok(true) => {}
                Ok(false) | Err(_) => {
                    self.own = None;
                    return Poll::Ready(Err(Lacks::Fetch));
                }
            }
            let body = connection.body();
            let skip = usize::try_from(at.saturating_sub(*place)).unwrap_or(usize::MAX).min(body.len());
            let bytes = body.get(skip..).map(Bytes::copy_from_slice).unwrap_or_default();
            let taken = body.len();
            drop(body);
            connection.take_body(taken);
            *place += taken as u64;
            if !bytes.is_empty() {
                // What the visitor does not take at once is asked for again.
                self.piece = Some((at, bytes.clone()));
                return Poll::Ready(Ok(bytes));
            }
        }
    }
}

/// Whether what a fetch brings next is so far from here that it is better fetched than waited for.
fn is_far(reader: &Reader, at: u64, tier: &CacheTier) -> bool {
    let (_, written, _) = reader.progress();
    at > written.saturating_add(tier.fills.bounds().window_bytes)
}
