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

    /// Writes the value of `Cache-Status` (RFC 9211 section 2); nothing if the cache had no part.
    pub fn cache_status(self, out: &mut Vec<u8>, facts: &Facts) {
        // Section 2.2: what was passed on, even in vain, is no hit.
        let (how, is_forwarded) = match self {
            Self::None => return,
            Self::Hit | Self::Updating => ("rempart; hit", false),
            Self::Miss => ("rempart; fwd=miss", true),
            Self::Expired | Self::Revalidated | Self::Stale => ("rempart; fwd=stale", true),
            Self::Bypass | Self::Dynamic if facts.by_method => ("rempart; fwd=method", true),
            Self::Bypass | Self::Dynamic => ("rempart; fwd=bypass", true),
        };
        out.extend_from_slice(how.as_bytes());
        let mut number = itoa::Buffer::new();
        if let Some(status) = facts.fwd_status.filter(|_| is_forwarded) {
            out.extend_from_slice(b"; fwd-status=");
            out.extend_from_slice(number.format(status).as_bytes());
        }
        if let Some(ttl_s) = facts.ttl_s {
            out.extend_from_slice(b"; ttl=");
            out.extend_from_slice(number.format(ttl_s).as_bytes());
        }
        if facts.stored && is_forwarded {
            out.extend_from_slice(b"; stored");
        }
        if facts.collapsed && is_forwarded {
            out.extend_from_slice(b"; collapsed");
        }
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
    /// It was passed on because of its method.
    pub by_method: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_words() {
        let none = Facts::default();
        for (status, facts, expected) in [
            (CacheStatus::None, none, ""),
            (CacheStatus::Hit, Facts { ttl_s: Some(30), ..none }, "rempart; hit; ttl=30"),
            (CacheStatus::Hit, Facts { fwd_status: Some(200), stored: true, ..none }, "rempart; hit"),
            (CacheStatus::Updating, Facts { ttl_s: Some(-412), ..none }, "rempart; hit; ttl=-412"),
            (
                CacheStatus::Miss,
                Facts {
                    fwd_status: Some(200),
                    stored: true,
                    collapsed: true,
                    ttl_s: Some(9),
                    by_method: false,
                },
                "rempart; fwd=miss; fwd-status=200; ttl=9; stored; collapsed",
            ),
            (
                CacheStatus::Revalidated,
                Facts { fwd_status: Some(304), ..none },
                "rempart; fwd=stale; fwd-status=304",
            ),
            (CacheStatus::Expired, none, "rempart; fwd=stale"),
            (
                CacheStatus::Stale,
                Facts { fwd_status: Some(503), ..none },
                "rempart; fwd=stale; fwd-status=503",
            ),
            (CacheStatus::Bypass, none, "rempart; fwd=bypass"),
            (CacheStatus::Dynamic, Facts { by_method: true, ..none }, "rempart; fwd=method"),
        ] {
            let mut out = Vec::new();
            status.cache_status(&mut out, &facts);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{status:?}");
        }
    }
}
