//! The bytes that a fill holds: a run without gaps, in the pieces in which it came.

use std::collections::VecDeque;

use bytes::Bytes;

/// A run of bytes. Pieces come at its end and go at its beginning.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Each with the place of its first byte.
    held: VecDeque<(u64, Bytes)>,
    end: u64,
}

impl Pieces {
    pub(super) const fn at(first: u64) -> Self {
        Self { held: VecDeque::new(), end: first }
    }

    /// The first byte that is held; the end if none is.
    pub(super) fn first(&self) -> u64 {
        self.held.front().map_or(self.end, |(first, _)| *first)
    }

    /// One past the last byte.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            let first = self.end;
            self.end += bytes.len() as u64;
            self.held.push_back((first, bytes));
        }
    }

    /// From this byte on, what is there in one piece. `None` if it is not held.
    pub(super) fn get(&self, at: u64) -> Option<Bytes> {
        let behind = self.held.partition_point(|(first, _)| *first <= at);
        let (first, bytes) = self.held.get(behind.checked_sub(1)?)?;
        let skip = usize::try_from(at - first).ok()?;
        (skip < bytes.len()).then(|| bytes.slice(skip..))
    }

    /// Gives up the pieces that end at or before this byte.
    pub(super) fn give_up(&mut self, before: u64) {
        while let Some((first, bytes)) = self.held.front()
            && first + bytes.len() as u64 <= before
        {
            self.held.pop_front();
        }
    }

    /// Gives all up.
    pub(super) fn clear(&mut self) {
        self.held = VecDeque::new();
    }

    /// The same bytes in one piece, in the place of the pieces that they were copied from. Nothing if some of
    /// those are gone.
    pub(super) fn join(&mut self, first: u64, whole: &Bytes) {
        let end = first + whole.len() as u64;
        let from = self.held.partition_point(|(at, _)| *at < first);
        let to = self.held.partition_point(|(at, _)| *at < end);
        if self.held.get(from).is_some_and(|(at, _)| *at == first) && from < to {
            self.held.drain(from + 1..to);
            if let Some(piece) = self.held.get_mut(from) {
                piece.1 = whole.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pieces: &Pieces) -> Vec<(u64, &[u8])> {
        pieces.held.iter().map(|(at, bytes)| (*at, &bytes[..])).collect()
    }

    fn three() -> Pieces {
        let mut pieces = Pieces::at(10);
        for bytes in [&b"ab"[..], b"", b"c", b"def"] {
            pieces.push(Bytes::from_static(bytes));
        }
        pieces
    }

    #[test]
    fn bytes_are_found_in_their_piece_and_not_beside() {
        let pieces = three();
        assert_eq!((pieces.first(), pieces.end()), (10, 16));
        for (at, found) in
            [(9, None), (10, Some("ab")), (11, Some("b")), (12, Some("c")), (15, Some("f")), (16, None)]
        {
            assert_eq!(pieces.get(at), found.map(|s| Bytes::from_static(s.as_bytes())), "{at}");
        }
    }

    #[test]
    fn only_whole_pieces_are_given_up() {
        let mut pieces = three();
        pieces.give_up(11);
        assert_eq!(pieces.first(), 10);
        pieces.give_up(12);
        assert_eq!((pieces.first(), pieces.get(11), pieces.get(12).is_some()), (12, None, true));
        pieces.clear();
        assert_eq!((pieces.first(), pieces.end(), pieces.get(15)), (16, 16, None));
    }

    #[test]
    fn joined_pieces_take_the_place_of_all_that_they_were_copied_from() {
        let mut pieces = three();
        pieces.join(12, &Bytes::from_static(b"cdef"));
        assert_eq!(held(&pieces), [(10, &b"ab"[..]), (12, b"cdef")]);
        pieces.give_up(12);
        pieces.join(10, &Bytes::from_static(b"abcdef"));
        assert_eq!(held(&pieces), [(12, &b"cdef"[..])], "its beginning is gone");
    }
}
