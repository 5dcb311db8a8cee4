//! The streams of one connection: their places, where to find the open ones, and how others were closed.

use std::collections::VecDeque;

use crate::event::StreamId;
use crate::flow_control::{ReceiveWindow, SendWindow};
use crate::stream::{Closed, Stream};

/// How many closed streams are remembered at least, and twice `streams_max`. What we have reset the peer knows before
/// it sees anything that we send later; so frames can still be under way on all streams that can be open at once, and
/// on those that one side has opened and given up in the meantime, which are few.
const REMEMBERED_MIN: usize = 256;
/// And at most.
const REMEMBERED_MAX: usize = 4096;

/// All streams that are not released.
#[derive(Debug)]
pub(crate) struct Streams {
    places: Vec<Stream>,
    free: Vec<u32>,
    /// Number and place of the open ones, in the order of numbers, which is the order in which they come.
    index: VecDeque<(u32, u32)>,
    /// How the latest were closed, by number; empty until the first is.
    closed: Vec<u32>,
    remembered: usize,
}

impl Streams {
    pub(crate) fn new(streams_max: u32) -> Self {
        let remembered = usize::try_from(streams_max).unwrap_or(REMEMBERED_MAX).saturating_mul(2);
        Self {
            places: Vec::new(),
            free: Vec::new(),
            index: VecDeque::new(),
            closed: Vec::new(),
            remembered: remembered.clamp(REMEMBERED_MIN, REMEMBERED_MAX).next_power_of_two(),
        }
    }

    /// How many are not released.
    pub(crate) fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// How many are open.
    pub(crate) fn open_count(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub(crate) fn get(&self, stream: StreamId) -> Option<&Stream> {
        self.places.get(stream.slot()).filter(|found| found.id == stream.id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, stream: StreamId) -> Option<&mut Stream> {
        self.places.get_mut(stream.slot()).filter(|found| found.id == stream.id)
    }

    /// The open stream of that number.
    #[inline]
    pub(crate) fn find(&self, id: u32) -> Option<StreamId> {
        let at = self.index.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.index.get(at).map(|(id, slot)| StreamId { id: *id, slot: *slot })
    }

    /// The open ones, by number.
    pub(crate) fn open(&self) -> impl Iterator<Item = StreamId> {
        self.index.iter().map(|(id, slot)| StreamId { id: *id, slot: *slot })
    }

    /// Opens a stream whose number is above all that are open.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        id: u32,
        receive_window: ReceiveWindow,
        send_window: SendWindow,
    ) -> Option<(StreamId, &mut Stream)> {
        let slot = if let Some(slot) = self.free.pop() {
            slot
        } else {
            self.places.push(Stream::default());
            u32::try_from(self.places.len() - 1).ok()?
        };
        debug_assert!(self.index.back().is_none_or(|(last, _)| *last < id));
        self.index.push_back((id, slot));
        let stream = self.places.get_mut(slot as usize)?;
        stream.begin(id, receive_window, send_window);
        Some((StreamId { id, slot }, stream))
    }

    /// The protocol is through with an open stream; it stays until it is released.
    #[inline]
    pub(crate) fn close(&mut self, stream: StreamId, how: Closed) {
        let Some(found) = self.get_mut(stream) else { return };
        if !std::mem::replace(&mut found.is_open, false) {
            return;
        }
        found.wants_room = false;
        if let Ok(at) = self.index.binary_search_by_key(&stream.id, |(id, _)| *id) {
            self.index.remove(at);
        }
        self.remember(stream.id, how);
    }

    /// Frees a stream's place. Returns the bytes of body that nobody took.
    pub(crate) fn release(&mut self, stream: StreamId) -> usize {
        let Some(found) = self.get_mut(stream) else { return 0 };
        debug_assert!(!found.is_open);
        let untaken = found.end();
        self.free.push(stream.slot);
        untaken
    }

    /// Remembers how a stream was closed. One direct place for each number: the latest wins.
    pub(crate) fn remember(&mut self, id: u32, how: Closed) {
        if self.closed.is_empty() {
            self.closed.resize(self.remembered, 0);
        }
        let how = match how {
            Closed::Ended => 1,
            Closed::ByPeer => 2,
            Closed::ByUs => 3,
        };
        let at = self.place_of_closed(id);
        if let Some(place) = self.closed.get_mut(at) {
            // Numbers of one side differ in their upper 30 bits.
            *place = (id >> 1) << 2 | how;
        }
    }

    /// How a stream was closed, if that is remembered.
    pub(crate) fn closed(&self, id: u32) -> Option<Closed> {
        let found = *self.closed.get(self.place_of_closed(id))?;
        if found >> 2 != id >> 1 {
            return None;
        }
        match found & 3 {
            1 => Some(Closed::Ended),
            2 => Some(Closed::ByPeer),
            3 => Some(Closed::ByUs),
            _ => None,
        }
    }

    const fn place_of_closed(&self, id: u32) -> usize {
        (id >> 1) as usize & (self.remembered - 1)
    }

    /// How many places there are.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        self.places.len()
    }

    /// The stream in a place.
    #[cfg(test)]
    pub(crate) fn at(&self, slot: usize) -> Option<StreamId> {
        let found = self.places.get(slot).filter(|found| found.id != 0)?;
        Some(StreamId { id: found.id, slot: u32::try_from(slot).ok()? })
    }

    /// Gives memory back if there is no stream.
    pub(crate) fn rest(&mut self) {
        if self.count() == 0 {
            self.places = Vec::new();
            self.free = Vec::new();
            self.index = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(streams: &mut Streams, id: u32) -> StreamId {
        streams.insert(id, ReceiveWindow::new(1, 1), SendWindow::new(1)).unwrap().0
    }

    #[test]
    fn a_place_is_used_again_and_an_old_handle_reads_as_nothing() {
        let mut streams = Streams::new(100);
        let first = insert(&mut streams, 1);
        let second = insert(&mut streams, 3);
        assert_eq!(streams.find(1), Some(first));
        streams.close(first, Closed::Ended);
        assert_eq!((streams.find(1), streams.open_count(), streams.count()), (None, 1, 2));
        assert!(streams.get(first).is_some());
        streams.release(first);
        let third = insert(&mut streams, 5);
        assert_eq!(third.slot(), first.slot());
        assert!(streams.get(first).is_none() && streams.get_mut(first).is_none());
        assert_eq!(streams.release(first), 0);
        assert_eq!(streams.find(3), Some(second));
        assert_eq!(streams.open().collect::<Vec<_>>(), [second, third]);
    }

    #[test]
    fn twice_as_many_as_may_be_open_are_remembered() {
        let mut streams = Streams::new(128);
        assert_eq!((streams.closed(1), streams.remembered), (None, 256));
        let how = [Closed::Ended, Closed::ByPeer, Closed::ByUs];
        for n in 0..256_u32 {
            streams.remember(2 * n + 1, how[n as usize % 3]);
        }
        for n in 0..256_u32 {
            assert_eq!(streams.closed(2 * n + 1), Some(how[n as usize % 3]));
        }
        streams.remember(513, Closed::Ended);
        assert_eq!((streams.closed(1), streams.closed(513)), (None, Some(Closed::Ended)));
        assert_eq!(streams.closed(0x7fff_ffff), None);
    }
}
