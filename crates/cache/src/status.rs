//! What the answer says about the cache: `CF-Cache-Status` and `Cache-Status` (RFC 9211).

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// The cache had no part in it (a page of the edge itself).
    #[default]
    None,
    /// From the store.
    Hit,
    /// Fetched.
    Miss,
    /// Stored, stale, fetched anew.
    Expired,
    /// Stored, stale, the origin failed.
    Stale,
    /// Stored, stale, validated.
    Revalidated,
    /// Stored, stale, fetched anew by somebody else meanwhile.
    Updating,
    /// Could be stored; settings, request or response say no.
    Bypass,
    /// Is not stored by its kind.
    Dynamic,
}

impl CacheStatus {
    /// Every one that is counted.
    pub const ALL: [Self; 8] = [
        Self::Hit,
        Self::Miss,
        Self::Expired,
        Self::Stale,
        Self::Revalidated,
        Self::Updating,
        Self::Bypass,
        Self::Dynamic,
    ];

    /// Cloudflare's word; empty for [`CacheStatus::None`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Expired => "EXPIRED",
            Self::Stale => "STALE",
            Self::Revalidated => "REVALIDATED",
            Self::Updating => "UPDATING",
            Self::Bypass => "BYPASS",
            Self::Dynamic => "DYNAMIC",
        }
    }

    /// Writes the value of `Cache-Status` (RFC 9211 section 2).
    pub fn cache_status(self, out: &mut Vec<u8>, facts: &Facts) {
        let _ = (out, facts);
        todo!()
    }
}

/// What `Cache-Status` says beside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Seconds of freshness left; negative if stale.
    pub ttl_s: Option<i64>,
    /// Status of the origin's answer.
    pub fwd_status: Option<u16>,
    /// It was stored.
    pub stored: bool,
    /// It waited for another's fetch.
    pub collapsed: bool,
}
