//! Writing header blocks (RFC 7541 sections 4 and 6).

use rempart_flow::Known;

use super::block::{self, ADDED, INDEXED, NOT_INDEXED, SIZE_UPDATE, is_secret, raw};
use super::table::Table;
use super::{TABLE_BYTES_DEFAULT, integer, static_table};

/// Writes the header blocks of one connection.
#[derive(Debug)]
pub struct Encoder {
    table: Table<Hashes>,
    /// What it keeps at most, whatever the peer allows.
    own_bytes_max: usize,
    peer_bytes_max: usize,
    /// The lowest that the peer has allowed since the last block.
    peer_bytes_lowest: usize,
    /// The bound of the peer's table, as the blocks have said so far.
    told: usize,
    is_update_due: bool,
}

/// By which an entry is looked for.
#[derive(Clone, Copy, Debug)]
struct Hashes {
    name: u32,
    field: u32,
}

impl Encoder {
    /// An encoder whose table has at most so many bytes, however many the peer allows. With 0 it is for a connection
    /// whose blocks are written by [`block`] alone.
    #[must_use]
    pub fn new(table_bytes_max: usize) -> Self {
        Self {
            table: Table::new(table_bytes_max.min(TABLE_BYTES_DEFAULT)),
            own_bytes_max: table_bytes_max,
            peer_bytes_max: TABLE_BYTES_DEFAULT,
            peer_bytes_lowest: TABLE_BYTES_DEFAULT,
            told: TABLE_BYTES_DEFAULT,
            is_update_due: false,
        }
    }

    /// The peer's `SETTINGS_HEADER_TABLE_SIZE`, in force from the next [`Self::begin`] on; [`TABLE_BYTES_DEFAULT`] until it comes.
    pub fn set_peer_table_bytes(&mut self, bytes: u32) {
        self.peer_bytes_max = bytes as usize;
        self.peer_bytes_lowest = self.peer_bytes_lowest.min(self.peer_bytes_max);
        self.is_update_due = self.peer_bytes_lowest < self.told || self.wanted() > self.told;
    }

    /// A block that was begun is not sent: what it would have told the peer is not known there. The next one empties
    /// both tables.
    pub fn forget(&mut self) {
        self.table.set_bytes_max(0);
        self.peer_bytes_lowest = 0;
        self.told = usize::MAX;
        self.is_update_due = true;
    }

    /// Begins a block: every one of a connection, also one that is written by [`block`] alone. Here stand size
    /// updates, at most two (RFC 7541 section 4.2).
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if self.is_update_due {
            self.size_updates(out);
        }
    }

    #[cold]
    fn size_updates(&mut self, out: &mut Vec<u8>) {
        let wanted = self.wanted();
        if self.peer_bytes_lowest < self.told {
            self.tell(out, self.peer_bytes_lowest.min(self.own_bytes_max));
        }
        if wanted > self.told {
            self.tell(out, wanted);
        }
        self.peer_bytes_lowest = self.peer_bytes_max;
        self.is_update_due = false;
    }

    fn tell(&mut self, out: &mut Vec<u8>, bytes: usize) {
        integer::write(out, SIZE_UPDATE, 5, bytes);
        self.told = bytes;
        self.table.set_bytes_max(bytes);
    }

    fn wanted(&self) -> usize {
        self.own_bytes_max.min(self.peer_bytes_max)
    }

    /// Writes a field, its name in any case: by reference to a table if it is there, and else so that it will be the
    /// next time, unless it is a secret or differs from message to message.
    pub fn field(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        if is_secret(name, value.len()) {
            return block::field_never_indexed(out, name, value);
        }
        let name_index = static_table::index_of_name(name);
        let index = static_table::index_of_field(name_index, value);
        if index != 0 {
            return integer::write(out, INDEXED, 7, index);
        }
        let entry_bytes = name.len() + value.len() + 32;
        if differs_each_time(name) || entry_bytes > self.table.bytes_max() / 2 {
            return self.field_by_name(out, name, value, name_index);
        }
        self.field_by_table(out, name, value, name_index);
    }

    fn field_by_table(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], name_index: usize) {
        // What is to be found and what is to be added is the same text.
        let start = self.table.begin();
        let text = self.table.text();
        text.extend_from_slice(name);
        text.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
        text.extend_from_slice(value);
        let hashes = Hashes::of(self.table.pending(start), name.len());
        if let Some(number) = self.find_field(start, name.len(), hashes) {
            self.table.cut(start);
            return integer::write(out, INDEXED, 7, 1 + static_table::LEN + number);
        }
        let name_index = if name_index == 0 { self.find_name(start, name.len(), hashes) } else { name_index };
        integer::write(out, ADDED, 6, name_index);
        let (name, value) = self.table.pending(start).split_at_checked(name.len()).unwrap_or_default();
        if name_index == 0 {
            raw(out, name);
        }
        raw(out, value);
        let name_len = name.len();
        self.table.commit(start, name_len, hashes);
        self.table.settle();
    }

    /// A literal that is not added.
    fn field_by_name(&self, out: &mut Vec<u8>, name: &[u8], value: &[u8], name_index: usize) {
        if name_index != 0 {
            integer::write(out, NOT_INDEXED, 4, name_index);
            return raw(out, value);
        }
        block::field(out, name, value);
    }

    fn find_field(&self, start: usize, name_len: usize, hashes: Hashes) -> Option<usize> {
        let text = self.table.pending(start);
        self.candidates(|facts| facts.field == hashes.field).find(|&number| {
            self.table.get(number).is_some_and(|found| {
                found.name.len() == name_len
                    && text
                        .split_at_checked(name_len)
                        .is_some_and(|(name, value)| found.name == name && found.value == value)
            })
        })
    }

    /// The index of a name; 0 if it is not there.
    fn find_name(&self, start: usize, name_len: usize, hashes: Hashes) -> usize {
        let name = self.table.pending(start).get(..name_len).unwrap_or_default();
        let found = self
            .candidates(|facts| facts.name == hashes.name)
            .find(|&number| self.table.get(number).is_some_and(|found| found.name == name));
        found.map_or(0, |number| 1 + static_table::LEN + number)
    }

    fn candidates(&self, is_like: impl Fn(Hashes) -> bool) -> impl Iterator<Item = usize> {
        (0..).zip(self.table.facts()).filter(move |(_, facts)| is_like(*facts)).map(|(number, _)| number)
    }
}

/// Whether the value is another one each time, so that adding it would only evict what repeats.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other field may repeat")]
fn differs_each_time(name: &[u8]) -> bool {
    match Known::from_name(name) {
        Known::Other => name == b":path",
        Known::Age
        | Known::CfConnectingIp
        | Known::CfRay
        | Known::ContentLength
        | Known::ContentRange
        | Known::Cookie
        | Known::ETag
        | Known::IfModifiedSince
        | Known::IfNoneMatch
        | Known::IfRange
        | Known::LastModified
        | Known::Location
        | Known::Range
        | Known::Traceparent
        | Known::XForwardedFor => true,
        _ => false,
    }
}

impl Hashes {
    fn of(text: &[u8], name_len: usize) -> Self {
        let (name, value) = text.split_at_checked(name_len).unwrap_or_default();
        let name = hash(0, name);
        Self { name, field: hash(name, value) }
    }
}

/// Eight bytes at a time. Who finds two texts with one hash makes us compare them, and no more.
fn hash(seed: u32, text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(FACTOR);
        product ^ (product >> 32)
    };
    let mut hash = mix(u64::from(seed), text.len() as u64);
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        hash = mix(hash, word.try_into().map_or(0, u64::from_le_bytes));
    }
    let tail = words.remainder().iter().fold(0, |tail, &byte| (tail << 8) | u64::from(byte));
    let hash = mix(hash, tail);
    u32::try_from(hash >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Decoder;
    use super::*;

    fn begun(encoder: &mut Encoder) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        out
    }

    /// RFC 7541 section 4.2: the lowest, if it was lower, and the last.
    #[test]
    fn size_updates_say_what_the_peer_has_to_know() {
        for (own, settings, expected) in [
            (4096, &[][..], &[][..]),
            (0, &[], &[]),
            (4096, &[4096], &[]),
            (4096, &[65_536], &[]),
            (8192, &[65_536], &[0x3f, 0xe1, 0x3f]),
            (4096, &[100], &[0x3f, 69]),
            (4096, &[0], &[0x20]),
            (0, &[0], &[0x20]),
            (0, &[100], &[0x20]),
            (4096, &[0, 4096], &[0x20, 0x3f, 0xe1, 0x1f]),
            (4096, &[100, 0, 50, 100], &[0x20, 0x3f, 69]),
            (64, &[100, 4096], &[0x3f, 33]),
        ] {
            let mut encoder = Encoder::new(own);
            settings.iter().for_each(|&bytes| encoder.set_peer_table_bytes(bytes));
            assert_eq!(begun(&mut encoder), expected, "{own} {settings:?}");
            assert_eq!(begun(&mut encoder), [0; 0], "said once");
        }
        let mut encoder = Encoder::new(4096);
        encoder.set_peer_table_bytes(0);
        begun(&mut encoder);
        encoder.set_peer_table_bytes(4096);
        assert_eq!(begun(&mut encoder), [0x3f, 0xe1, 0x1f]);
    }

    /// Whatever was in it, and whatever the peer allows afterwards.
    #[test]
    fn a_block_that_is_not_sent_is_made_good() {
        for (own, settings, later, expected) in [
            (4096, 4096, None, &[0x20, 0x3f, 0xe1, 0x1f][..]),
            (4096, 100, None, &[0x20, 0x3f, 69]),
            (4096, 100, Some(64), &[0x20, 0x3f, 33]),
            (0, 4096, None, &[0x20]),
        ] {
            let mut encoder = Encoder::new(own);
            let mut decoder = Decoder::new(4096);
            let mut sent = Vec::new();
            encoder.field(&mut sent, b"x", b"sent");
            decoder.discard(&sent).unwrap();
            encoder.set_peer_table_bytes(settings);
            decoder.set_table_bytes_max(settings as usize);
            let mut lost = begun(&mut encoder);
            encoder.field(&mut lost, b"x", b"lost");
            encoder.forget();
            if let Some(later) = later {
                encoder.set_peer_table_bytes(later);
                decoder.set_table_bytes_max(later as usize);
            }
            let mut next = begun(&mut encoder);
            assert_eq!(next, expected);
            encoder.field(&mut next, b"x", b"lost");
            decoder.discard(&next).unwrap();
            let mut last = begun(&mut encoder);
            encoder.field(&mut last, b"x", b"sent");
            encoder.field(&mut last, b"x", b"lost");
            decoder.discard(&last).unwrap();
        }
    }

    #[test]
    fn values_of_one_hash_are_told_apart() {
        let mut seen = HashMap::new();
        let (one, other) = (0_u32..)
            .find_map(|number| {
                let hash = Hashes::of(format!("x{number}").as_bytes(), 1).field;
                seen.insert(hash, number).map(|before| (before.to_string(), number.to_string()))
            })
            .unwrap();
        let mut encoder = Encoder::new(4096);
        let mut out = Vec::new();
        encoder.field(&mut out, b"x", one.as_bytes());
        out.clear();
        encoder.field(&mut out, b"x", other.as_bytes());
        assert!(out.ends_with(other.as_bytes()));
        out.clear();
        encoder.field(&mut out, b"x", one.as_bytes());
        assert_eq!(out, [0xbf]);
    }
}
