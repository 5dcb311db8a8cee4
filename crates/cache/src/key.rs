//! Under what something is stored. A key always begins with the zone's id, so that no zone can ever be
//! given what is another's. Equality is that of all its bytes: the hash only finds the place.
//!
//! # What stands in a key
//!
//! The zone's id, one byte for the kind, then elements: each one byte that says which, its length, and its
//! bytes. So no two different lists of elements have the same bytes, whatever a visitor writes into them.
//!
//! | kind | elements |
//! | --- | --- |
//! | primary | scheme; host, lower case, without the scheme's own port; where rules have the request go, if not where the zone says; path as it came; the query; Cloudflare's default fields ([`Known::Origin`](rempart_flow::Known) and those by which origins are told another URL or method); what the settings add |
//! | variant | the primary key, and for each field that `Vary` names its name and normalised value |
//! | slice | number of the object, number of the slice |
//! | part | a primary key or a variant, number of the first slice: the fetch of it; or a part that belongs to no whole |
//!
//! The path is not normalised: `/a/../b`, `/%61` and `//a` are what the origin makes of them, so each has a key
//! of its own, and none can be stored in the place of another.
//!
//! Settings that change what a key means ([`KeyPlan::fingerprint`](crate::plan::KeyPlan)) are an element too: what was
//! stored under other settings is not found any more.

mod build;
mod fields;
mod query;
#[cfg(test)]
mod tests;
mod variant;

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::{FoldHasher, RandomState};

pub use build::{KeyBuilder, push_authority};
pub(crate) use query::url;

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

/// The key of one slice: of fixed length, so that nothing is allocated to look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceKey {
    hash: u64,
    bytes: [u8; SLICE_KEY_BYTES],
}

/// Zone, kind, object, slice.
const SLICE_KEY_BYTES: usize = ZONE_BYTES + 1 + 8 + 4;

/// The zone's id.
const ZONE_BYTES: usize = 16;

/// What kind of key it is.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    /// Of a URL, or of one of its variants.
    Url = 1,
    /// Of a slice.
    Slice = 2,
    /// Of the fetch of a part of what is not known yet.
    Part = 3,
}

impl Key {
    /// To look for it.
    #[must_use]
    pub fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { hash: self.hash, bytes: &self.bytes }
    }
}

impl<'a> KeyRef<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { hash: hash(bytes), bytes }
    }

    /// To keep it.
    #[must_use]
    pub fn to_key(self) -> Key {
        Key { hash: self.hash, bytes: self.bytes.into() }
    }

    /// The key of one slice of an object that is stored in slices. Objects are numbered through the process, so
    /// their zone and number name them.
    #[must_use]
    pub fn slice(self, object_id: u64, index: u32) -> SliceKey {
        let mut bytes = [0; SLICE_KEY_BYTES];
        let zone = self.bytes.get(..ZONE_BYTES).unwrap_or_default();
        let parts = [zone, &[Kind::Slice as u8], &object_id.to_le_bytes(), &index.to_le_bytes()];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        SliceKey { hash: hash(&bytes), bytes }
    }

    /// The key under which the fetch of a part is found, of a response of which nothing is known; and under a number
    /// that no slice has, a part that belongs to no whole.
    #[must_use]
    pub fn part(self, index: u32) -> Key {
        let mut bytes = [self.bytes, &index.to_le_bytes()].concat();
        if let Some(kind) = bytes.get_mut(ZONE_BYTES) {
            *kind = Kind::Part as u8;
        }
        Key { hash: hash(&bytes), bytes: bytes.into() }
    }
}

impl SliceKey {
    /// To look for it.
    #[must_use]
    pub const fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { hash: self.hash, bytes: &self.bytes }
    }
}

/// What a visitor would have to know to choose keys that fall into one place.
struct HashSecret {
    seed: u64,
    shared: SharedSeed,
}

/// Drawn anew in each process. The hash is no cryptographic one: it relies on nobody seeing it or timing single
/// lookups over a network. Who breaks it slows lookups down and is given nothing: equality is that of all bytes.
static SECRET: LazyLock<HashSecret> = LazyLock::new(|| {
    let number = || {
        let mut random = [0; 8];
        match aws_lc_rs::rand::fill(&mut random) {
            Ok(()) => u64::from_le_bytes(random),
            // The system has none to give: what differs from process to process by itself.
            Err(_) => RandomState::default().build_hasher().finish(),
        }
    };
    HashSecret { seed: number(), shared: SharedSeed::from_u64(number()) }
});

fn hash(bytes: &[u8]) -> u64 {
    let secret = &*SECRET;
    let mut hasher = FoldHasher::with_seed(secret.seed, &secret.shared);
    hasher.write(bytes);
    hasher.finish()
}
