//! What the edge runs on: [`CacheConfig`](crate::CacheConfig), ready to use.

/// How a zone caches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CachePlan {
    /// The zone's id: the first bytes of every key.
    pub zone_id: ZoneId,
}

/// 32 hex digits, derived from the zone's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZoneId(pub [u8; 16]);
