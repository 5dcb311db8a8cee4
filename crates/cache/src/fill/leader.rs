//! Who fetches the head for all, and says what has become of it.

use std::sync::Arc;
use std::task::Waker;

use rempart_flow::Fault;

use super::bounds::{Bounds, Coming, Manner, count};
use super::pieces::Pieces;
use super::registry::{Detached, Fill, Shared};
use super::state::{Phase, Progress, State, Word};
use super::{Fills, Published, Reader, Writer};
use crate::key::KeyRef;
use crate::object::Body;

/// What a fill of unknown length may hold at once, however much others hold; one that is not stored may
/// hold so much for its readers.
pub(super) const RESERVED_BYTES_MIN: u64 = 64 * 1024;

/// The duty to fetch. Dropped without an outcome, it passes to one of those who wait.
#[derive(Debug)]
pub struct Leader {
    fetch: Fetch,
    has_spoken: bool,
}

/// What is led.
#[derive(Debug)]
enum Fetch {
    /// A fill that others may have joined.
    Fill(Arc<Fill>),
    /// A fetch that nobody can join. It becomes a fill when there is something to share, which most never have.
    Solo(Arc<Shared>),
}

impl Leader {
    pub(super) const fn new(fill: Arc<Fill>) -> Self {
        Self { fetch: Fetch::Fill(fill), has_spoken: false }
    }

    pub(super) const fn solo_at(shared: Arc<Shared>) -> Self {
        Self { fetch: Fetch::Solo(shared), has_spoken: false }
    }

    /// The fill that others may wait for, if there is one.
    const fn fill(&self) -> Option<&Arc<Fill>> {
        match &self.fetch {
            Fetch::Fill(fill) => Some(fill),
            Fetch::Solo(_) => None,
        }
    }

    /// Has this fill found under another key too, unless a fetch of that one is under way.
    #[must_use]
    pub fn also(&self, key: KeyRef<'_>) -> bool {
        self.fill().is_some_and(|fill| fill.also(key))
    }

    /// The head has come and what follows may be shared: readers get it from now on. A `Varies` is stored before; the
    /// object itself, if its body is in slices, at once afterwards. The reader is the leader's own.
    ///
    /// # Errors
    /// Too much is held, or too many that are not stored come from this origin: call [`Leader::alone`].
    pub fn object(mut self, published: Published, coming: Coming) -> Result<(Writer, Reader), Self> {
        let fill = match &self.fetch {
            Fetch::Fill(fill) => Arc::clone(fill),
            Fetch::Solo(shared) => shared.fill(None),
        };
        self.fetch = Fetch::Fill(Arc::clone(&fill));
        let manner = coming.manner(&fill.shared.bounds);
        let detached =
            if manner == Manner::Detached { fill.shared.detach(coming.origin, false) } else { None };
        if manner == Manner::Detached && detached.is_none() {
            return Err(self);
        }
        if !begin(&mut fill.lock(), coming, manner, detached, &fill.shared.bounds) {
            count(&fill.shared.full, 1);
            return Err(self);
        }
        if !coming.is_part() {
            // Whoever has the object's own key finds this too. If another fills that one, both go on.
            fill.also(published.key());
        }
        let published = Arc::new(published);
        let mut writer = Writer::new(Arc::clone(&fill), Arc::clone(&published), coming, manner);
        writer.list();
        let mut wakers = Vec::new();
        let reader = {
            let mut state = fill.lock();
            say(&mut state, Word::Object(published), &mut wakers);
            Reader::new(&fill, &mut state)
        };
        self.has_spoken = true;
        if manner == Manner::Detached {
            fill.leave();
        }
        wakers.into_iter().for_each(Waker::wake);
        Ok((writer, reader))
    }

    /// There is an object that has its body already: validated by a 304, or used because the origin failed. Store it
    /// before.
    pub fn complete(mut self, published: Published) {
        self.has_spoken = true;
        let Some(fill) = self.fill() else { return };
        let published = Arc::new(published);
        let mut wakers = Vec::new();
        {
            let mut state = fill.lock();
            let body = &mut state.body;
            body.progress = Progress::Complete;
            if let Some(origin) = published.object.bodies.origin() {
                body.end = Some(origin.len());
                match origin {
                    Body::Whole(pieces, _) => pieces.iter().for_each(|piece| body.pieces.push(piece.clone())),
                    Body::Sliced { bytes } => body.pieces = Pieces::at(*bytes),
                }
            }
            say(&mut state, Word::Object(published), &mut wakers);
        }
        fill.leave();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nobody is to wait for this: all who do are told [`Outcome::Alone`](super::Outcome::Alone), and it goes on so
    /// that nobody can join.
    #[must_use]
    pub fn solo(self) -> Self {
        let Some(fill) = self.fill() else { return self };
        let solo = Fills::solo_of(&fill.shared);
        self.alone();
        solo
    }

    /// The response is this visitor's alone: nobody waits any longer. Store a `HitForMiss` before.
    pub fn alone(self) {
        self.end(Word::Alone);
    }

    /// There is no response, and all who wait are to be told so.
    pub fn failed(self, fault: Fault) {
        self.end(Word::Failed(fault));
    }

    /// Whether anybody waits beside the leader.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.fill().is_some_and(|fill| fill.lock().seats.count() > 0)
    }

    fn end(mut self, word: Word) {
        self.has_spoken = true;
        let Some(fill) = self.fill() else { return };
        let mut wakers = Vec::new();
        say(&mut fill.lock(), word, &mut wakers);
        fill.leave();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let (false, Some(fill)) = (self.has_spoken, self.fill()) {
            fill.lock().phase = Phase::Leaderless;
            fill.succeed();
        }
    }
}

impl Fill {
    /// If nobody leads, one of those who wait is to; without any, it is over.
    pub(super) fn succeed(self: &Arc<Self>) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Leaderless) {
            return;
        }
        if state.seats.count() > 0 {
            let next = state.seats.wake_one();
            drop(state);
            if let Some(next) = next {
                next.wake();
            }
            return;
        }
        state.phase = Phase::Over;
        drop(state);
        self.leave();
    }
}

fn say(state: &mut State, word: Word, wakers: &mut Vec<Waker>) {
    state.phase = Phase::Said(word);
    state.seats.wake_before(u64::MAX, wakers);
}

/// Prepares for what comes, and reserves what it may hold. False if that is too much.
fn begin(
    state: &mut State,
    coming: Coming,
    manner: Manner,
    detached: Option<Detached>,
    bounds: &Bounds,
) -> bool {
    let body = &mut state.body;
    let expected = coming.bytes.unwrap_or(u64::MAX);
    // A slice that comes and one that waits to be stored are held beside the window.
    let two = bounds.slice_bytes.saturating_mul(2);
    let (window, beside) = match manner {
        Manner::Whole => (u64::MAX, coming.bytes.unwrap_or(RESERVED_BYTES_MIN)),
        Manner::Sliced => (bounds.window_bytes, two),
        Manner::Detached => (bounds.window_bytes, 0),
    };
    if manner != Manner::Whole {
        body.reserved.pace();
    }
    let least = if manner == Manner::Sliced { bounds.slice_bytes } else { RESERVED_BYTES_MIN };
    body.window = if manner == Manner::Whole {
        if !body.reserved.resize(beside) {
            return false;
        }
        window
    } else if body.reserved.resize(window.saturating_add(beside).min(expected)) {
        window
    } else if body.reserved.resize(least.min(window).saturating_add(beside).min(expected)) {
        least.min(window)
    } else {
        return false;
    };
    body.pieces = Pieces::at(coming.first);
    body.first = coming.first;
    body.stored_to = coming.first;
    body.manner = manner;
    body.end = coming.end();
    body.detached = detached;
    state.seats.begin(coming.first);
    true
}
