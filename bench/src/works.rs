//! The works that systems are measured on, and the bodies that the origin answers with.

use clap::ValueEnum;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Work {
    /// A GET of 1 KiB passed through to the origin.
    #[value(name = "proxy_1k")]
    Proxy1k,
    /// The same with 64 KiB.
    #[value(name = "proxy_64k")]
    Proxy64k,
    /// The same with 1 MiB.
    #[value(name = "proxy_1m")]
    Proxy1m,
    /// A GET of 1 KiB answered from the cache.
    #[value(name = "hit_1k")]
    Hit1k,
    /// The same with 64 KiB.
    #[value(name = "hit_64k")]
    Hit64k,
    /// The same with 1 MiB.
    #[value(name = "hit_1m")]
    Hit1m,
    /// `hit_1k` past 50 rules that do not match.
    #[value(name = "rules_50")]
    Rules50,
    /// A GET of 1 KiB over HTTP/2 and TLS, answered from the cache.
    #[value(name = "h2_hit_1k")]
    H2Hit1k,
    /// The same with 64 KiB.
    #[value(name = "h2_hit_64k")]
    H2Hit64k,
    /// A GET of 1 KiB over HTTP/2 and TLS, passed through to the origin.
    #[value(name = "h2_proxy_1k")]
    H2Proxy1k,
    /// `h2_hit_1k` with one request at a time on each connection.
    #[value(name = "h2_hit_1k_m1")]
    H2Hit1kAlone,
    /// `hit_1k` at the same rate with two workers and with one.
    TwoWorkers,
    /// `hit_1k` at the same rate with 10,000 purges a second and without.
    Purge,
}

/// What a work is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each request goes to the origin.
    PassThrough,
    /// Only the first one does.
    Hit,
    /// Hits, past rules.
    Rules,
    /// Hits too, of Rempart alone, in two ways side by side at one rate.
    Pair,
}

/// What visitors speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 in cleartext, 64 connections.
    Http1,
    /// HTTP/2 over TLS 1.3, 16 connections.
    Http2 {
        /// Requests at a time on each of them.
        streams: u32,
    },
}

/// What multiplexing visitors ask at a time on one connection.
const STREAMS: u32 = 32;

impl Work {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 13] = [
        Self::Proxy1k,
        Self::Proxy64k,
        Self::Proxy1m,
        Self::Hit1k,
        Self::Hit64k,
        Self::Hit1m,
        Self::Rules50,
        Self::H2Hit1k,
        Self::H2Hit64k,
        Self::H2Proxy1k,
        Self::H2Hit1kAlone,
        Self::TwoWorkers,
        Self::Purge,
    ];

    /// As it is typed and written in the results.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Proxy1k => "proxy_1k",
            Self::Proxy64k => "proxy_64k",
            Self::Proxy1m => "proxy_1m",
            Self::Hit1k => "hit_1k",
            Self::Hit64k => "hit_64k",
            Self::Hit1m => "hit_1m",
            Self::Rules50 => "rules_50",
            Self::H2Hit1k => "h2_hit_1k",
            Self::H2Hit64k => "h2_hit_64k",
            Self::H2Proxy1k => "h2_proxy_1k",
            Self::H2Hit1kAlone => "h2_hit_1k_m1",
            Self::TwoWorkers => "two_workers",
            Self::Purge => "purge",
        }
    }

    /// What it is about.
    #[must_use]
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Proxy1k | Self::Proxy64k | Self::Proxy1m | Self::H2Proxy1k => Kind::PassThrough,
            Self::Hit1k | Self::Hit64k | Self::Hit1m => Kind::Hit,
            Self::H2Hit1k | Self::H2Hit64k | Self::H2Hit1kAlone => Kind::Hit,
            Self::Rules50 => Kind::Rules,
            Self::TwoWorkers | Self::Purge => Kind::Pair,
        }
    }

    /// What its visitors speak.
    #[must_use]
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::H2Hit1k | Self::H2Hit64k | Self::H2Proxy1k => Protocol::Http2 { streams: STREAMS },
            Self::H2Hit1kAlone => Protocol::Http2 { streams: 1 },
            Self::Proxy1k | Self::Proxy64k | Self::Proxy1m => Protocol::Http1,
            Self::Hit1k | Self::Hit64k | Self::Hit1m | Self::Rules50 => Protocol::Http1,
            Self::TwoWorkers | Self::Purge => Protocol::Http1,
        }
    }

    /// What is asked for. Only the answers of works about hits may be stored.
    #[must_use]
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Proxy1k | Self::H2Proxy1k => "/1k",
            Self::Proxy64k => "/64k",
            Self::Proxy1m => "/1m",
            Self::Hit1k | Self::H2Hit1k | Self::H2Hit1kAlone => "/public/1k",
            Self::Rules50 | Self::TwoWorkers | Self::Purge => "/public/1k",
            Self::Hit64k | Self::H2Hit64k => "/public/64k",
            Self::Hit1m => "/public/1m",
        }
    }

    /// Length of the answer's body.
    #[must_use]
    pub(crate) const fn body_bytes(self) -> usize {
        match self {
            Self::Proxy1k | Self::Hit1k | Self::Rules50 | Self::TwoWorkers | Self::Purge => 1 << 10,
            Self::H2Proxy1k | Self::H2Hit1k | Self::H2Hit1kAlone => 1 << 10,
            Self::Proxy64k | Self::Hit64k | Self::H2Hit64k => 64 << 10,
            Self::Proxy1m | Self::Hit1m => 1 << 20,
        }
    }
}

/// What is downloaded where it matters how long that takes; it may be stored.
pub(crate) const LARGE_PATH: &str = "/public/64m";
/// Its length.
pub(crate) const LARGE_BYTES: usize = 64 << 20;

/// A body of this length: the same each time, no two parts alike, and nothing that compresses.
#[must_use]
pub(crate) fn body(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut body = Vec::with_capacity(bytes + 8);
    while body.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        body.extend_from_slice(&state.to_le_bytes());
    }
    body.truncate(bytes);
    body
}

/// FNV-1a, 64 bits: a name for a body in messages.
#[must_use]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_long_as_named_and_repeatable() {
        for work in Work::ALL {
            assert_eq!(body(work.body_bytes()).len(), work.body_bytes());
        }
        assert_eq!(body(1000), body(1001).split_at(1000).0);
        assert_ne!(body(2048).split_at(1024).0, body(2048).split_at(1024).1);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
