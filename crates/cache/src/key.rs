//! Under what something is stored. A key always begins with the zone's id, so that no zone can ever be
//! given what is another's. Equality is that of all its bytes: the hash only finds the place.

use rempart_flow::{Known, RequestHead};

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
    pub fn slice(self, object_id: u64, index: u32) -> Key {
        let _ = (object_id, index);
        todo!()
    }
}

/// Builds keys in one piece of memory that is used again and again; one a core.
#[derive(Debug, Default)]
pub struct KeyBuilder {
    bytes: Vec<u8>,
    primary_len: usize,
}

impl KeyBuilder {
    /// The primary key of a request: zone id, scheme and host, path, query, and what the plan adds.
    pub fn primary(&mut self, head: &RequestHead, plan: &CachePlan) -> KeyRef<'_> {
        let _ = (head, plan, Known::Other);
        todo!()
    }

    /// The key of the variant that this request selects by these fields: the primary key that was built
    /// last, and the normalised values (RFC 9111 section 4.1). `None`: `Vary` holds `*` or is too large.
    pub fn variant(&mut self, head: &RequestHead, vary: &[Box<[u8]>]) -> Option<KeyRef<'_>> {
        let _ = (head, vary);
        todo!()
    }

    /// The primary key that was built last.
    #[must_use]
    pub fn last_primary(&self) -> KeyRef<'_> {
        let _ = self.primary_len;
        todo!()
    }
}
