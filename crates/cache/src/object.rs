//! What is stored.

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use rempart_flow::Fields;
use rempart_http2::PriorityField;

use crate::decide::{Freshness, PassReason};
use crate::key::Key;
use crate::purge::Stamp;

/// One entry of the store. Immutable, but for what the store itself notes in it.
#[derive(Debug)]
pub struct Entry {
    /// Under what it is stored.
    pub key: Key,
    /// What.
    pub stored: Stored,
    /// Bytes that it takes, everything included: the store weighs by it.
    pub weight: u64,
    /// How often it was asked for lately: the store's own.
    pub(crate) visits: crate::store::Visits,
}

/// Names of fields, in lower case, sorted.
pub type FieldNames = Box<[Box<[u8]>]>;

/// What stands under a key.
#[derive(Debug)]
pub enum Stored {
    /// A response.
    Object(Arc<Object>),
    /// The responses under this primary key vary: by what, newest first. Never empty, bounded.
    Varies(Box<[FieldNames]>),
    /// The last response could not be stored: until then (Unix seconds) nobody waits for another's fetch.
    HitForMiss {
        /// Unix seconds.
        until_unix_s: u64,
        /// Why it could not.
        reason: PassReason,
    },
    /// A slice of a large object.
    Slice(Slice),
}

/// A stored response.
#[derive(Debug)]
pub struct Object {
    /// All of it but its bodies. A fetch under way publishes this when the head is there.
    pub response: Arc<Response>,
    /// The bodies: that of the origin and its encodings. A 304 makes another response with the same bodies.
    pub bodies: Arc<Bodies>,
}

/// A response without its body.
#[derive(Debug)]
pub struct Response {
    /// Unique in this process. A new body is a new id; a 304 keeps it.
    pub id: u64,
    /// Under what its object is stored: the primary key, or that of its variant.
    pub key: Key,
    /// The head.
    pub head: StoredHead,
    /// What decides whether it may be used.
    pub freshness: Freshness,
    /// Against which purges it counts.
    pub stamp: Stamp,
    /// `Content-Length` of the origin, once it is known.
    pub length: Option<u64>,
}

/// The head of a stored response: end-to-end fields only, without `Age`, `Content-Length` and what the edge writes itself.
#[derive(Debug, Default)]
pub struct StoredHead {
    /// The status.
    pub status: u16,
    /// The fields that visitors get.
    pub fields: Fields,
    /// What only the edge reads: tags, what is aimed at it alone, and what the browser TTL took the place of.
    pub kept: Fields,
    /// `Cache-Control` among the fields is this edge's.
    pub is_ttl_own: bool,
    /// Rules have said of the response how it is cached, and that counts as long as it is stored.
    pub follows_answer: bool,
    /// `Date`.
    pub date_unix_s: u64,
    /// `Last-Modified`, if it is a date.
    pub last_modified_unix_s: Option<u64>,
    /// Status line and field lines for HTTP/1, in one piece, without the empty line.
    pub http1: Box<[u8]>,
    /// The same as a header block of HTTP/2 that needs no dynamic table (RFC 7541).
    pub http2: Box<[u8]>,
    /// What `Priority` among the fields says (RFC 9218 section 8).
    pub priority: PriorityField,
}

/// The bodies of an object. All share freshness, 304 updates and purges.
#[derive(Debug, Default)]
pub struct Bodies {
    /// As the origin sent it. Empty while it comes: an object is stored when it is here.
    origin: OnceLock<Body>,
    /// Encodings that this edge makes, each when somebody first asks: filled by compression.
    pub encoded: [OnceLock<Encoded>; 3],
}

impl Bodies {
    /// One that is known: small, or in slices.
    #[must_use]
    pub fn of(origin: Body) -> Self {
        Self { origin: OnceLock::from(origin), encoded: Default::default() }
    }

    /// As the origin sent it; `None` while it comes (read it from the fill).
    #[must_use]
    pub fn origin(&self) -> Option<&Body> {
        self.origin.get()
    }

    /// It has come. Only the first call counts.
    pub(crate) fn has_come(&self, body: Body) {
        let _ = self.origin.set(body);
    }
}

/// A body in another coding, with an entity tag of its own.
#[derive(Debug)]
pub struct Encoded {
    /// Its strong entity tag.
    pub etag: Box<[u8]>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A body.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it, in the pieces in which it came. The sum of their lengths is the `u64`.
    Whole(Arc<[Bytes]>, u64),
    /// So many bytes, in slices that are entries of their own and may be missing. Only with a strong
    /// validator, so that a missing one can be fetched.
    Sliced {
        /// The whole length.
        bytes: u64,
    },
}

impl Body {
    /// All of it in one piece.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        Self::Whole([bytes].into(), len)
    }

    /// How long it is.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Whole(_, bytes) | Self::Sliced { bytes } => *bytes,
        }
    }

    /// Whether it has no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that are held with it: what the store weighs.
    #[must_use]
    pub const fn held_bytes(&self) -> u64 {
        match self {
            Self::Whole(_, bytes) => *bytes,
            Self::Sliced { .. } => 0,
        }
    }
}

/// A slice, or as much of it as has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Stretches of it: where each begins in the slice, and its bytes. In order, none empty; they may touch, but do
    /// not overlap.
    pub stretches: Box<[(u32, Bytes)]>,
}
