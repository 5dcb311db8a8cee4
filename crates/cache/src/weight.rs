//! What an entry weighs: the bytes that it takes, everything included.

use bytes::Bytes;
use rempart_flow::{Fields, fields::Field};
use std::sync::OnceLock;

use crate::key::Key;
use crate::object::{Bodies, Body, Entry, Object, Response, Stored};
use crate::store::Visits;

/// What the store needs for an entry beside the entry itself: its places in the table and in a queue, and a
/// trace when it has gone.
const STORE_BYTES: usize = 96;
/// A piece of memory beside what is asked of the allocator: its own words, counts of references, rounding.
const PIECE_BYTES: usize = 32;

impl Entry {
    /// An entry, weighed. A piece of a body counts with its length: whoever keeps it sees to it that it holds
    /// no more than that.
    #[must_use]
    pub fn new(key: Key, stored: Stored) -> Self {
        let weight = STORE_BYTES + size_of::<Self>() + PIECE_BYTES + key_bytes(&key) + stored.bytes();
        Self { key, stored, weight: weight as u64, visits: Visits::default() }
    }

    /// The same, of something that more than one visitor asked for while it was on its way: so it is proven.
    #[must_use]
    pub fn asked_for_again(self, is_so: bool) -> Self {
        if is_so {
            self.visits.note();
        }
        self
    }
}

impl Stored {
    /// What it holds beside its own size.
    fn bytes(&self) -> usize {
        match self {
            Self::Object(object) => {
                size_of::<Object>() + PIECE_BYTES + object.response.bytes() + object.bodies.bytes()
            }
            Self::Varies(lists) => boxes(lists.iter().map(|list| {
                size_of_val(list)
                    + PIECE_BYTES
                    + boxes(list.iter().map(|name| size_of_val(name) + name.len()))
            })),
            Self::HitForMiss { .. } => 0,
            Self::Slice(slice) => pieces(slice.stretches.iter().map(|(_, bytes)| bytes)),
        }
    }
}

impl Response {
    fn bytes(&self) -> usize {
        let fields = fields_bytes(&self.head.fields) + fields_bytes(&self.head.kept);
        let head = 2 * PIECE_BYTES + self.head.http1.len() + self.head.http2.len() + fields;
        let names = PIECE_BYTES + size_of_val(self.stamp.names());
        size_of::<Self>() + PIECE_BYTES + key_bytes(&self.key) + head + names
    }
}

impl Bodies {
    fn bytes(&self) -> usize {
        let origin = match self.origin() {
            Some(Body::Whole(bytes, _)) => pieces(bytes.iter()),
            Some(Body::Sliced { .. }) | None => 0,
        };
        let encoded = self.encoded.iter().filter_map(OnceLock::get);
        let encoded = boxes(encoded.map(|body| PIECE_BYTES + body.etag.len() + body.bytes.len()));
        size_of::<Self>() + PIECE_BYTES + origin + encoded
    }
}

fn key_bytes(key: &Key) -> usize {
    PIECE_BYTES + key.as_ref().bytes.len()
}

fn fields_bytes(fields: &Fields) -> usize {
    let text: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    2 * PIECE_BYTES + size_of_val::<[Field]>(fields.list()) + text
}

fn pieces<'a>(pieces: impl Iterator<Item = &'a Bytes>) -> usize {
    boxes(pieces.map(|bytes| size_of_val(bytes) + bytes.len()))
}

/// The sum for pieces of memory that hold so many bytes each.
fn boxes(bytes: impl Iterator<Item = usize>) -> usize {
    bytes.map(|bytes| bytes + PIECE_BYTES).sum()
}
