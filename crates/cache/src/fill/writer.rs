//! Who writes what comes from the origin, at the pace of those who read it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::bounds::{Coming, Manner, count};
use super::gather::{Gather, Segment};
use super::leader::RESERVED_BYTES_MIN;
use super::registry::Fill;
use super::state::{Progress, State, Wanted};
use super::{Gone, Published};
use crate::object::{Body, Slice};

/// Whoever writes what comes from the origin. Dropped before [`Writer::finish`], the fill has failed: nothing
/// more of it is stored, and its readers get [`Gone::Failed`].
#[derive(Debug)]
pub struct Writer {
    fill: Arc<Fill>,
    published: Arc<Published>,
    coming: Coming,
    manner: Manner,
    gather: Gather,
    /// How many bytes may be written before readers are asked again.
    room: u64,
    /// Of what is stored whole: the segments that are complete.
    pieces: Vec<Bytes>,
    slices: VecDeque<(u32, Slice)>,
    /// Up to here slices were taken.
    stored_to: u64,
    /// Under the keys of these slices it is found.
    listed: Range<u32>,
    wakers: Vec<Waker>,
    has_ended: bool,
}

/// Whether a writer may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many bytes; 0 only if all that was promised has come.
    Bytes(u64),
    /// No reader is left, and what is left is more than is fetched for nobody: call [`Writer::abandon`].
    Abandoned,
}

/// A fill at its end, still to be found. Put what it holds in the store, then drop it: from then on visitors find
/// the store's entry, and at no moment neither.
#[derive(Debug)]
pub struct Finished {
    fill: Arc<Fill>,
    published: Arc<Published>,
    manner: Manner,
    is_whole: bool,
    slices: VecDeque<(u32, Slice)>,
}

impl Writer {
    pub(super) fn new(fill: Arc<Fill>, published: Arc<Published>, coming: Coming, manner: Manner) -> Self {
        let gather = Gather::new(&coming, manner, fill.shared.bounds.slice_bytes);
        let stored_to = coming.first;
        Self {
            fill,
            published,
            coming,
            manner,
            gather,
            room: 0,
            pieces: Vec::new(),
            slices: VecDeque::new(),
            stored_to,
            listed: 0..0,
            wakers: Vec::new(),
            has_ended: false,
        }
    }

    /// What was published.
    #[must_use]
    pub const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// How it is brought. A body of unknown length may become [`Manner::Detached`] after any [`Writer::poll_room`].
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.manner
    }

    /// Where in the whole body the next byte stands.
    #[must_use]
    pub const fn at(&self) -> u64 {
        self.gather.at()
    }

    /// Waits until more may be written: the fastest reader is near enough. Once it was asked, `cx` is also woken when
    /// the last reader leaves.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Room> {
        let fill = Arc::clone(&self.fill);
        let mut state = fill.lock();
        state.body.stored_to = self.stored_to;
        state.body.writer.waits_for = None;
        state.body.writer.waker = Some(cx.waker().clone());
        if state.seats.count() == 0 && self.is_too_much_for_nobody() {
            state.body.fail();
            return Poll::Ready(Room::Abandoned);
        }
        let left = self.coming.end().map_or(u64::MAX, |end| end.saturating_sub(self.at()));
        let room = match self.manner {
            Manner::Whole => self.room_for_whole(&mut state),
            Manner::Sliced => room_before_fastest(&mut state, self.at()),
            Manner::Detached => room_before_slowest(&mut state, self.at()),
        };
        let has_detached = self.manner == Manner::Detached;
        drop(state);
        if has_detached {
            // Nobody new may come; those who are there have the beginning.
            fill.leave();
        }
        self.list();
        self.room = room.min(left);
        if self.room == 0 && left > 0 { Poll::Pending } else { Poll::Ready(Room::Bytes(self.room)) }
    }

    /// Publishes as many of these bytes as there is room for, at least one after [`Writer::poll_room`] said
    /// so. Answers how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..)
            && !rest.is_empty()
            && self.room > 0
        {
            let count = usize::try_from(self.room).unwrap_or(usize::MAX).min(rest.len());
            let piece = self.gather.piece(rest.get(..count).unwrap_or_default());
            written += piece.len();
            self.room -= piece.len() as u64;
            let segment = self.gather.complete();
            {
                let mut state = self.fill.lock();
                state.body.pieces.push(piece);
                join(&mut state, segment.as_ref());
                let end = state.body.pieces.end();
                state.seats.wake_before(end, &mut self.wakers);
            }
            self.keep(segment);
            self.wakers.drain(..).for_each(Waker::wake);
        }
        written
    }

    /// Whether anybody reads what it brings.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.fill.lock().seats.count() > 0
    }

    /// Of what is not stored: whoever is so far behind that all others wait gets no more, and the others go on.
    pub fn leave_behind(&mut self) {
        let mut state = self.fill.lock();
        if let Some(Wanted::All(at, _)) = state.body.writer.waits_for {
            state.seats.leave_behind(at, &mut self.wakers);
            self.wakers.extend(state.body.writer.wake());
        }
        drop(state);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Whether several read what it brings.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.fill.lock().seats.count() > 1
    }

    /// A slice that is complete, by its index; to be stored before the next [`Writer::poll_room`]. Only objects in
    /// slices have any.
    pub fn take_slice(&mut self) -> Option<(u32, Slice)> {
        let taken = self.slices.pop_front()?;
        let bytes: usize = taken.1.stretches.iter().map(|(_, bytes)| bytes.len()).sum();
        self.stored_to += bytes as u64;
        Some(taken)
    }

    /// All has come.
    ///
    /// # Errors
    /// It is less than was promised: the fill has failed.
    pub fn finish(mut self) -> Result<Finished, Gone> {
        if self.coming.end().is_some_and(|end| end != self.at()) {
            return Err(Gone::Failed);
        }
        let last = self.gather.rest();
        let is_whole = self.manner == Manner::Whole;
        {
            let mut state = self.fill.lock();
            join(&mut state, last.as_ref());
            state.body.end = Some(self.at());
            state.body.progress = Progress::Complete;
            state.body.writer.waker = None;
            state.seats.wake_before(u64::MAX, &mut self.wakers);
        }
        self.keep(last);
        if is_whole {
            let pieces = std::mem::take(&mut self.pieces);
            self.published.object.bodies.has_come(Body::Whole(pieces.into(), self.at()));
        }
        self.wakers.drain(..).for_each(Waker::wake);
        Ok(self.end(is_whole))
    }

    /// Nobody wants the rest. What came of a slice is still of use.
    #[must_use]
    pub fn abandon(mut self) -> Finished {
        count(&self.fill.shared.abandoned, 1);
        let last = self.gather.rest();
        self.keep(last);
        self.fail();
        self.end(false)
    }

    /// Has it found by who wants a slice that it holds or brings soon.
    pub(super) fn list(&mut self) {
        if self.manner != Manner::Sliced {
            return;
        }
        let bounds = &self.fill.shared.bounds;
        let index = |at: u64| u32::try_from(at / bounds.slice_bytes.max(1)).unwrap_or(u32::MAX);
        let behind = self.at().saturating_sub(bounds.window_bytes).max(self.coming.first);
        let ahead = self.at().saturating_add(bounds.window_bytes);
        let last = ahead.min(self.coming.end().unwrap_or(u64::MAX)).saturating_sub(1);
        let wanted = index(behind)..index(last).saturating_add(1);
        let response = &self.published.object.response;
        let key = |index| response.key.as_ref().slice(response.id, index);
        let listed = std::mem::replace(&mut self.listed, wanted.clone());
        for index in listed.clone().filter(|index| !wanted.contains(index)) {
            self.fill.forget(key(index).as_ref());
        }
        for index in wanted.filter(|index| !listed.contains(index)) {
            self.fill.also(key(index).as_ref());
        }
    }

    fn end(mut self, is_whole: bool) -> Finished {
        self.has_ended = true;
        Finished {
            fill: Arc::clone(&self.fill),
            published: Arc::clone(&self.published),
            manner: self.manner,
            is_whole,
            slices: std::mem::take(&mut self.slices),
        }
    }

    fn fail(&mut self) {
        let mut state = self.fill.lock();
        state.body.fail();
        state.body.writer.waker = None;
        state.seats.wake_before(u64::MAX, &mut self.wakers);
        drop(state);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Notes a segment that is complete, for the store.
    fn keep(&mut self, segment: Option<Segment>) {
        let Some(segment) = segment else { return };
        if self.manner == Manner::Whole {
            self.pieces.extend(segment.pieces);
            return;
        }
        let size = self.fill.shared.bounds.slice_bytes.max(1);
        let Ok(index) = u32::try_from(segment.first / size) else { return };
        let mut at = u32::try_from(segment.first % size).unwrap_or_default();
        let stretch = |bytes: Bytes| {
            let first = at;
            at = at.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            (first, bytes)
        };
        self.slices
            .push_back((index, Slice { stretches: segment.pieces.into_iter().map(stretch).collect() }));
    }

    fn is_too_much_for_nobody(&self) -> bool {
        let bounds = &self.fill.shared.bounds;
        let left = match self.coming.end() {
            Some(end) => end.saturating_sub(self.at()),
            None => bounds.whole_bytes_max.saturating_sub(self.at()),
        };
        self.manner == Manner::Detached || left > bounds.abandoned_bytes_max
    }

    /// What is reserved beyond what has come. Of unknown length, more is reserved as it grows; when that is not to be
    /// had, it is not stored.
    fn room_for_whole(&mut self, state: &mut State) -> u64 {
        let body = &mut state.body;
        if self.coming.bytes.is_some() {
            return u64::MAX;
        }
        let room = body.reserved.bytes().saturating_sub(self.at());
        if room > 0 {
            return room;
        }
        let bounds = &self.fill.shared.bounds;
        let more = (body.reserved.bytes() * 2).min(bounds.whole_bytes_max);
        if more > body.reserved.bytes() && body.reserved.resize(more) {
            return more - self.at();
        }
        body.manner = Manner::Detached;
        body.reserved.pace();
        body.window = bounds.window_bytes.min(body.reserved.bytes()).max(RESERVED_BYTES_MIN);
        body.detached = self.fill.shared.detach(self.coming.origin, true);
        self.manner = Manner::Detached;
        self.pieces = Vec::new();
        self.gather.forget();
        room_before_slowest(state, self.at())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.has_ended {
            self.fail();
            self.fill.leave();
        }
    }
}

impl Finished {
    /// Whether the object, as it was published, now has its whole body and may be stored.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What was published.
    #[must_use]
    pub const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Whether several have read what it brought.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.fill.lock().seats.taken() > 1
    }

    /// The slices that are left to be stored.
    pub fn take_slice(&mut self) -> Option<(u32, Slice)> {
        self.slices.pop_front()
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        self.fill.leave();
        if self.manner != Manner::Detached {
            let body = &mut self.fill.lock().body;
            if self.manner == Manner::Sliced {
                body.pieces.clear();
            }
            body.reserved.resize(0);
        }
    }
}

fn join(state: &mut State, segment: Option<&Segment>) {
    if let Some(segment) = segment
        && segment.is_joined
        && let [whole] = segment.pieces.as_slice()
    {
        state.body.pieces.join(segment.first, whole);
    }
}

/// Room in the window before the fastest reader; without any, all of it.
fn room_before_fastest(state: &mut State, at: u64) -> u64 {
    let State { seats, body, .. } = state;
    body.pieces.give_up(at.saturating_sub(body.window).min(body.stored_to));
    if seats.count() == 0 {
        return body.window;
    }
    let ahead = at.saturating_sub(seats.fastest());
    let room = body.window.saturating_sub(ahead);
    if room == 0 {
        body.writer.waits_for = Some(Wanted::Fastest(wanted_at(at, body.window)));
    }
    room
}

/// Room in the window before the slowest reader, and what is before it is given up.
fn room_before_slowest(state: &mut State, at: u64) -> u64 {
    let State { seats, body, .. } = state;
    let slowest = seats.slowest().unwrap_or(at).min(at);
    body.pieces.give_up(slowest);
    let room = body.window.saturating_sub(at - slowest);
    if room == 0 {
        let wanted = wanted_at(at, body.window);
        body.writer.waits_for = Some(Wanted::All(wanted, seats.below(wanted)));
    } else {
        // What was reserved for storing it is no longer needed.
        body.reserved.resize(body.reserved.bytes().min(body.window.max(at - slowest)));
    }
    room
}

/// Where readers are to be before a writer whose window is used up is woken.
fn wanted_at(at: u64, window: u64) -> u64 {
    at.saturating_sub(window).saturating_add((window / 4).max(1)).min(at)
}
