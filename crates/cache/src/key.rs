//! Under what something is stored. A key always begins with the zone's id, so that no zone can ever be
//! given what is another's. Equality is that of all its bytes: the hash only finds the place.

use rempart_flow::{RequestHead, Scheme};

use crate::plan::CachePlan;

/// A key that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    hash: u64,
    bytes: Box<[u8]>,
}

/// A key that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef<'a> {
    /// Of `bytes`, keyed by a secret of this process.
    pub hash: u64,
    /// All of it.
    pub bytes: &'a [u8],
}

impl Key {
    /// To look for it.
    #[must_use]
    pub fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { hash: self.hash, bytes: &self.bytes }
    }
}

impl KeyRef<'_> {
    /// To keep it.
    #[must_use]
    pub fn to_key(self) -> Key {
        Key { hash: self.hash, bytes: self.bytes.into() }
    }

    /// The key of one slice of an object that is stored in slices.
    #[must_use]
    pub fn slice(self, object_id: u64, index: u32) -> SliceKey {
        let _ = (object_id, index);
        todo!()
    }
}

/// The key of one slice: of fixed length, so that nothing is allocated to look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceKey {
    hash: u64,
    bytes: [u8; SLICE_KEY_BYTES],
}

/// Zone, kind, object, index.
const SLICE_KEY_BYTES: usize = 16 + 1 + 8 + 4;

impl SliceKey {
    /// To look for it.
    #[must_use]
    pub const fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { hash: self.hash, bytes: &self.bytes }
    }
}

/// Builds keys in one piece of memory that is used again and again; one a core.
#[derive(Debug, Default)]
pub struct KeyBuilder {
    bytes: Vec<u8>,
    primary_len: usize,
}

impl KeyBuilder {
    /// The primary key of a request: zone id, scheme and host, path, query, and what the plan adds. `scheme` is the
    /// one that the origin is told: a trusted proxy may know better than the connection.
    pub fn primary(&mut self, head: &RequestHead, scheme: Scheme, plan: &CachePlan) -> KeyRef<'_> {
        let _ = (head, scheme, plan);
        todo!()
    }

    /// The key of the variant that this request selects by these fields: the primary key that was built
    /// last, and the normalised values (RFC 9111 section 4.1). `None`: by now the plan says that responses which
    /// vary by one of these are not stored, or by so many.
    pub fn variant(
        &mut self,
        head: &RequestHead,
        vary: &[Box<[u8]>],
        plan: &CachePlan,
    ) -> Option<KeyRef<'_>> {
        let _ = (head, vary, plan);
        todo!()
    }

    /// The primary key that was built last.
    #[must_use]
    pub fn last_primary(&self) -> KeyRef<'_> {
        let _ = self.primary_len;
        todo!()
    }
}
