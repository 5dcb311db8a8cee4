//! What an answer says about the cache.

use rempart_cache::CacheStatus;
use rempart_cache::status::Facts;
use rempart_wire::Visitor;

/// `CF-Cache-Status` and `Cache-Status`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Says {
    /// What happened.
    pub status: CacheStatus,
    /// What is known beside.
    pub facts: Facts,
}

impl Says {
    /// Just what happened.
    #[must_use]
    pub fn only(status: CacheStatus) -> Self {
        Self { status, facts: Facts::default() }
    }

    /// Adds both fields to a head; nothing, if the cache had no part in it.
    pub fn write<V: Visitor>(&self, visitor: &mut V) {
        if self.status == CacheStatus::None {
            return;
        }
        visitor.field(b"CF-Cache-Status", self.status.as_str().as_bytes());
        visitor.field_with(b"Cache-Status", |out| self.status.cache_status(out, &self.facts));
    }
}
