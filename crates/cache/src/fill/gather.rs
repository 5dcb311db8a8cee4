//! From the bytes of a read buffer to the pieces of a body: each byte is copied once into memory that is as
//! large as what is expected, and a segment that has come in too many pieces once more.

use bytes::{Bytes, BytesMut};

use super::bounds::{Coming, Manner};

/// The first memory for a body of unknown length; each next one is as large as all before.
const UNKNOWN_BYTES: u64 = 16 * 1024;
/// Memory for what is not stored.
const DETACHED_BYTES: u64 = 64 * 1024;
/// A segment of at most so many pieces stays as it came.
const PIECES_MAX: usize = 4;
/// A smaller one is made one piece in any case: it will be sent in one write.
const ONE_PIECE_BYTES: usize = 256 * 1024;

/// Gathers bytes into segments: slices, or pieces as large as slices of what is stored whole.
#[derive(Debug)]
pub(super) struct Gather {
    memory: BytesMut,
    first: u64,
    at: u64,
    end: Option<u64>,
    segment_bytes: u64,
    segment_first: u64,
    segment: Vec<Bytes>,
    is_kept: bool,
    /// How much memory the segment's pieces take.
    taken: usize,
}

/// A segment that is complete, or the last one.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) pieces: Vec<Bytes>,
    /// They were copied together: this is to take the place of what was published.
    pub(super) is_joined: bool,
}

impl Gather {
    pub(super) fn new(coming: &Coming, manner: Manner, segment_bytes: u64) -> Self {
        Self {
            memory: BytesMut::new(),
            first: coming.first,
            at: coming.first,
            end: coming.end(),
            segment_bytes: segment_bytes.max(1),
            segment_first: coming.first,
            segment: Vec::new(),
            is_kept: manner != Manner::Detached,
            taken: 0,
        }
    }

    /// Where the next byte goes.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Copies as many bytes as fit in one piece: into one memory, and one segment.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Bytes {
        let room = self.segment_end() - self.at;
        let bytes = front(bytes, room);
        if self.memory.capacity() == 0 {
            let wanted = self.wanted(room);
            self.memory = BytesMut::with_capacity(usize::try_from(wanted).unwrap_or(bytes.len()));
            self.taken += self.memory.capacity();
        }
        let bytes = front(bytes, self.memory.capacity() as u64);
        self.memory.extend_from_slice(bytes);
        // The last piece takes the memory with it.
        let is_full = self.memory.len() == self.memory.capacity();
        let piece = if is_full { std::mem::take(&mut self.memory) } else { self.memory.split() }.freeze();
        self.at += piece.len() as u64;
        if self.is_kept {
            self.segment.push(piece.clone());
        }
        piece
    }

    /// The segment, if it is complete.
    pub(super) fn complete(&mut self) -> Option<Segment> {
        let is_complete = self.at == self.segment_end() || self.end == Some(self.at);
        if is_complete { self.rest() } else { None }
    }

    /// The segment as far as it has come.
    pub(super) fn rest(&mut self) -> Option<Segment> {
        let pieces = std::mem::take(&mut self.segment);
        let (first, taken) = (self.segment_first, self.taken);
        self.segment_first = self.at;
        self.taken = 0;
        self.memory = BytesMut::new();
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        if bytes == 0 {
            return None;
        }
        let is_small = bytes <= ONE_PIECE_BYTES && pieces.len() > 1;
        // A quarter of the memory may lie idle, not more.
        let is_joined = is_small || pieces.len() > PIECES_MAX || taken - bytes > taken / 4;
        let pieces = if is_joined { vec![Bytes::from(pieces.concat())] } else { pieces };
        Some(Segment { first, pieces, is_joined })
    }

    /// What comes is not kept any longer.
    pub(super) fn forget(&mut self) {
        self.segment = Vec::new();
        self.is_kept = false;
    }

    /// Segments begin at multiples of their size.
    const fn segment_end(&self) -> u64 {
        (self.segment_first / self.segment_bytes).saturating_add(1).saturating_mul(self.segment_bytes)
    }

    fn wanted(&self, room: u64) -> u64 {
        match self.end {
            _ if !self.is_kept => room.min(DETACHED_BYTES),
            Some(end) => room.min(end.saturating_sub(self.at)),
            None => room.min((self.at - self.first).max(UNKNOWN_BYTES)),
        }
        .max(1)
    }
}

fn front(bytes: &[u8], count: u64) -> &[u8] {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(..count).unwrap_or_default()
}
