//! How a request that is made for the cache differs from the visitor's.

use rempart_cache::decide;
use rempart_cache::object::StoredHead;
use rempart_flow::Known;
use rempart_http1::encode;

/// A fetch for the cache: the whole response, whatever this visitor has already or wants of it.
pub struct Fetched<'a> {
    /// What is validated.
    pub validates: Option<&'a StoredHead>,
}

impl Fetched<'_> {
    /// Whether a field of the visitor's goes on.
    #[must_use]
    pub const fn passes(known: Known) -> bool {
        !matches!(
            known,
            Known::IfMatch
                | Known::IfNoneMatch
                | Known::IfModifiedSince
                | Known::IfUnmodifiedSince
                | Known::IfRange
                | Known::Range
        )
    }

    /// Adds what is asked instead.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.validates.into_iter().flat_map(decide::validators) {
            encode::field(out, name, value);
        }
    }
}
