//! Who may send next (RFC 9218 section 10).
//!
//! The output gathers up to [`GATHER_BYTES`]; while more is there than that, streams that want to send wait. When
//! there is room again, one of them is told so at a time:
//!
//! 1. the most urgent first;
//! 2. of one urgency, streams that have sent no more than [`BULK_BYTES`] before those that have sent more, so that
//!    a small answer never waits for the rest of a large one. It may even go beyond the gathered bytes;
//! 3. of those, streams that are not incremental before those that are: by number, each as much as there is room
//!    for; incremental ones in turns of [`QUANTUM_BYTES`], whoever has waited longest first. If the peer has never
//!    said a word about priorities, all its streams take turns;
//! 4. one turn of [`LONGEST_WAIT_TURNS`] goes to whoever has waited longest of all, so that nobody starves.
//!
//! Heads are not held back at all, and neither is the end of a stream.

use super::Connection;
use crate::event::{Event, StreamId};
use crate::priority::{Priority, PriorityField};
use crate::stream::{Sending, Stream};

/// The output that is gathered before bodies wait: as much as one write should take.
const GATHER_BYTES: usize = 64 * 1024;
/// And the most that it can hold of bodies, when small ones go before the rest of large ones.
const GATHER_BYTES_MAX: usize = 128 * 1024;
/// Room below this is not given out: it would make frames small.
const ROOM_BYTES_MIN: usize = 16 * 1024;
/// The first bytes of each body that go before the rest of others.
const BULK_BYTES: usize = 16 * 1024;
/// What an incremental stream may send in one turn.
const QUANTUM_BYTES: usize = 32 * 1024;
/// One turn of so many is for whoever has waited longest.
const LONGEST_WAIT_TURNS: u64 = 16;

/// Lower goes first.
type Rank = (u8, bool, bool, u64);

impl Connection {
    /// How urgent a stream is.
    #[must_use]
    pub fn priority(&self, stream: StreamId) -> Priority {
        self.streams.get(stream).map_or_else(Priority::default, |stream| stream.priority)
    }

    /// What the site says of an answer's priority in its own `Priority` field; it outweighs the visitor's word, as far
    /// as it goes (RFC 9218 section 8).
    #[inline]
    pub fn prioritise(&mut self, stream: StreamId, said: PriorityField) {
        if said.is_silent() {
            return;
        }
        if let Some(found) = self.streams.get_mut(stream) {
            found.priority = said.over(found.priority);
            found.is_prioritised = true;
        }
    }

    /// How many bytes of a piece a stream may send now.
    #[inline]
    pub(super) fn allowance(&self, stream: StreamId, len: usize) -> usize {
        let Some(found) = self.streams.get(stream) else { return 0 };
        if self.output.has_open_head() {
            return 0;
        }
        let windows = found.send_window.bytes().min(self.send_window.bytes());
        let waiting = self.output.len();
        let room = GATHER_BYTES.saturating_sub(waiting);
        let share = if found.turn > 0 {
            room.min(found.turn)
        } else if self.waiting.is_empty() || self.outranks_all(found) {
            room
        } else {
            0
        };
        // What is left of a body's first bytes.
        let first = usize::try_from((BULK_BYTES as u64).saturating_sub(found.sent)).unwrap_or(0);
        let share = share.max(first.min(GATHER_BYTES_MAX.saturating_sub(waiting)));
        // A crumb is worth a frame only if it is all there is.
        let share = if share < len && share < ROOM_BYTES_MIN.min(len) && share < windows && first == 0 {
            0
        } else {
            share
        };
        len.min(windows).min(share)
    }

    fn outranks_all(&self, stream: &Stream) -> bool {
        let rank = self.rank(stream);
        self.waiting.iter().all(|other| {
            self.streams.get(*other).is_none_or(|other| !other.wants_room || rank < self.rank(other))
        })
    }

    fn rank(&self, stream: &Stream) -> Rank {
        let takes_turns =
            if stream.is_prioritised || self.has_priorities { stream.priority.is_incremental } else { true };
        let order = if takes_turns { stream.served } else { u64::from(stream.id) };
        (stream.priority.urgency, stream.sent >= BULK_BYTES as u64, takes_turns, order)
    }

    /// A stream could not send all that it has.
    pub(super) fn want_room(&mut self, stream: StreamId) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        if !std::mem::replace(&mut found.wants_room, true) && found.sent == 0 {
            // Who has sent nothing yet waits from now on.
            found.served = self.turns;
        }
        found.turn = 0;
        self.list(stream);
    }

    /// Lists a stream that wants room, once its own window is open.
    pub(super) fn list(&mut self, stream: StreamId) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        if found.wants_room && found.send_window.is_open() && !std::mem::replace(&mut found.is_listed, true) {
            self.waiting.push(stream);
        }
    }

    /// Whose turn it is, if there is room and somebody wants it.
    #[inline]
    pub(super) fn next_turn(&mut self) -> Option<Event> {
        if self.waiting.is_empty() || self.output.has_open_head() || !self.send_window.is_open() {
            return None;
        }
        self.choose()
    }

    fn choose(&mut self) -> Option<Event> {
        let waiting = self.output.len();
        let has_room = waiting + ROOM_BYTES_MIN <= GATHER_BYTES;
        let is_longest_wait = self.turns % LONGEST_WAIT_TURNS == LONGEST_WAIT_TURNS - 1;
        let mut best: Option<(Rank, usize)> = None;
        let mut at = 0;
        while let Some(stream) = self.waiting.get(at).copied() {
            let found = self.streams.get(stream).filter(|s| s.wants_room && s.sending == Sending::Open);
            let Some(found) = found.filter(|found| found.send_window.is_open()) else {
                self.unlist(at);
                continue;
            };
            let rank = if is_longest_wait { (0, false, false, found.served) } else { self.rank(found) };
            let can_go =
                has_room || (found.sent < BULK_BYTES as u64 && waiting + ROOM_BYTES_MIN <= GATHER_BYTES_MAX);
            if can_go && best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, at));
            }
            at += 1;
        }
        let (_, at) = best?;
        let stream = self.unlist(at)?;
        self.turns += 1;
        let takes_turns = self.streams.get(stream).is_some_and(|found| self.rank(found).2);
        let found = self.streams.get_mut(stream)?;
        found.wants_room = false;
        found.turn = if takes_turns { QUANTUM_BYTES } else { GATHER_BYTES };
        Some(Event::Room(stream))
    }

    fn unlist(&mut self, at: usize) -> Option<StreamId> {
        if at >= self.waiting.len() {
            return None;
        }
        let stream = self.waiting.swap_remove(at);
        if let Some(found) = self.streams.get_mut(stream) {
            found.is_listed = false;
        }
        Some(stream)
    }
}
