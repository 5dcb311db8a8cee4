//! The bytes of a slot: one event with its number, whole or not there. A slot is one block of a disk, so that a crash
//! seldom tears it, and a checksum tells if it did.

use std::hash::Hasher;

use rempart_base::ContentHasher;

/// What a slot takes.
pub const SLOT_BYTES: usize = 4096;
/// Names the form.
const FORM: [u8; 4] = *b"rpe\x01";
/// Form, length, two bytes of nothing, number, checksum.
const HEAD_BYTES: usize = 4 + 2 + 2 + 8 + 8;
/// The longest event.
pub const EVENT_BYTES_MAX: usize = SLOT_BYTES - HEAD_BYTES;

/// What stands in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Events are numbered from 1, in the order in which they were written.
    pub number: u64,
    /// The event: one JSON object.
    pub event: &'a [u8],
}

impl<'a> Slot<'a> {
    /// Reads one; `None`: there is none, or it is not whole.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (nothing, rest) = rest.split_first_chunk::<2>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<8>()?;
        let event = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
        let slot = Self { number: u64::from_le_bytes(*number), event };
        let is_whole = *form == FORM
            && *nothing == [0; 2]
            && slot.number > 0
            && event.len() <= EVENT_BYTES_MAX
            && slot.checksum() == u64::from_le_bytes(*sum);
        is_whole.then_some(slot)
    }

    /// Its bytes; `None`: the event is longer than [`EVENT_BYTES_MAX`].
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        let length = u16::try_from(self.event.len()).ok().filter(|_| self.event.len() <= EVENT_BYTES_MAX)?;
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(&FORM);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.checksum().to_le_bytes());
        bytes.extend_from_slice(self.event);
        bytes.resize(SLOT_BYTES, 0);
        Some(bytes)
    }

    /// Against accidents, not against whoever can write the file.
    fn checksum(self) -> u64 {
        let mut hasher = ContentHasher::default();
        hasher.write(&self.number.to_le_bytes());
        hasher.write(self.event);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let bytes = Slot { number: 7, event: b"{\"a\":1}" }.bytes().unwrap();
        assert_eq!(Slot::read(&bytes), Some(Slot { number: 7, event: b"{\"a\":1}" }));
        for at in 0..HEAD_BYTES + 7 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(Slot::read(&flipped), None, "byte {at}");
        }
        for end in 0..HEAD_BYTES + 7 {
            assert_eq!(Slot::read(&bytes[..end]), None, "torn at {end}");
        }
        assert_eq!(Slot::read(&[0; SLOT_BYTES]), None);
    }

    #[test]
    fn the_bound_is_exact() {
        let event = vec![b'x'; EVENT_BYTES_MAX + 1];
        let slot = |bytes| Slot { number: 1, event: &event[..bytes] };
        assert_eq!(slot(EVENT_BYTES_MAX).bytes().unwrap().len(), SLOT_BYTES);
        assert_eq!(slot(EVENT_BYTES_MAX + 1).bytes(), None);
    }
}
