//! Purges: by sequence. An object carries the sequence that was read when its fetch began, and is gone if a
//! younger purge names its zone, host, prefix, URL or tag.

use std::sync::atomic::AtomicU64;

use crate::plan::ZoneId;

/// What an object is called in purges, and from when on they count.
#[derive(Debug)]
pub struct Stamp {
    /// The sequence when its fetch began, or of the last look that found nothing.
    pub(crate) seen: AtomicU64,
    /// Hashes of what it is called: its URL, its host, each prefix, each tag.
    pub(crate) names: Box<[u64]>,
}

/// What is to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All of the zone.
    Everything,
    /// A URL with all its variants: host, path and query.
    Url(Box<[u8]>, Box<[u8]>),
    /// A host.
    Host(Box<[u8]>),
    /// Everything under a path: host and the beginning of the path.
    Prefix(Box<[u8]>, Box<[u8]>),
    /// A tag, whatever its case.
    Tag(Box<[u8]>),
}

/// One purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Whose.
    pub zone: ZoneId,
    /// What.
    pub what: What,
    /// Only made stale.
    pub soft: bool,
}

/// How a purge touches an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Not at all.
    No,
    /// It is stale.
    Soft,
    /// It is gone.
    Hard,
}

/// All purges that may still touch something.
#[derive(Debug, Default)]
pub struct Purges {}

/// A fetch that has begun: purges from now on count against what it brings. They are kept until it ends.
#[derive(Debug)]
pub struct Begun {
    /// The sequence when it began.
    pub seq: u64,
}

impl Purges {
    /// To be called before a request for something that may be stored goes out.
    pub fn begin(&self) -> Begun {
        todo!()
    }

    /// The stamp of an object whose fetch began then.
    pub fn stamp(
        &self,
        begun: &Begun,
        zone: ZoneId,
        host: &[u8],
        path_and_query: &[u8],
        tags: &[Box<[u8]>],
    ) -> Stamp {
        let _ = (begun, zone, host, path_and_query, tags);
        todo!()
    }

    /// Whether a purge has touched an object. Without a younger purge in the process it costs one load.
    pub fn check(&self, zone: ZoneId, stamp: &Stamp) -> Purged {
        let _ = (zone, stamp);
        todo!()
    }

    /// Does a purge: it holds for every lookup that begins after this returns.
    pub fn purge(&self, purge: &Purge) -> u64 {
        let _ = purge;
        todo!()
    }
}
