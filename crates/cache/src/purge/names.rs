//! What an object is called in purges, as numbers: keyed hashes (SipHash with a key of this process), so that
//! nobody outside can choose two names with one number.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::Arc;

use super::{Purge, What};
use crate::plan::ZoneId;

/// How deep in a path prefixes are told apart: Cloudflare's bound for purges by prefix.
pub const SEGMENTS_MAX: usize = 31;

/// Into so many parts a zone's URLs fall where single ones are too many to be remembered.
const PARTS: u64 = 4096;

/// Makes names.
#[derive(Debug, Default)]
pub(super) struct Hashing(RandomState);

/// What a name names: a host is never taken for a tag of the same letters.
#[derive(Clone, Copy)]
enum Kind {
    Zone = 1,
    Host,
    Url,
    /// All below a path.
    Folder,
    /// The path itself, whatever its query.
    Path,
    Tag,
    /// One of the parts into which a zone's URLs fall.
    Part,
}

impl Hashing {
    /// Everything that an object is called.
    pub(super) fn of_object(
        &self,
        zone: ZoneId,
        host: &[u8],
        path_and_query: &[u8],
        tags: &[Box<[u8]>],
    ) -> Arc<[u64]> {
        let path = path_of(path_and_query);
        let mut names = Vec::with_capacity(8 + tags.len());
        names.push(self.of_zone(zone));
        names.push(self.under(Kind::Host, zone, host).finish());
        let url = self.of_url(zone, host, path_and_query);
        names.extend([url, self.of_part(zone, url)]);
        let mut below = self.under(Kind::Folder, zone, host);
        let mut segments = segments(path).peekable();
        for _ in 0..SEGMENTS_MAX {
            let Some(segment) = segments.next() else { break };
            if segments.peek().is_some() {
                folder(&mut below, segment);
                names.push(below.finish());
            } else {
                // The last one: nothing is below it, unless it is empty, and then it has been named before.
                names.extend((!segment.is_empty()).then(|| self.of_path(zone, host, path)));
            }
        }
        names.extend(tags.iter().map(|tag| self.of_tag(zone, tag)));
        names.into()
    }

    /// What a purge names, and whether it is soft.
    pub(super) fn of_purge(&self, purge: &Purge) -> impl Iterator<Item = (u64, bool)> + use<> {
        let Purge { zone, what, soft } = purge;
        let (first, second) = match what {
            What::Everything => (self.of_zone(*zone), None),
            What::Host(host) => (self.under(Kind::Host, *zone, host).finish(), None),
            What::Url(host, path_and_query) => (self.of_url(*zone, host, path_and_query), None),
            What::Tag(tag) => (self.of_tag(*zone, tag), None),
            What::Prefix(host, path) => self.of_prefix(*zone, host, path),
        };
        let soft = *soft;
        std::iter::once(first).chain(second).map(move |name| (name, soft))
    }

    pub(super) fn of_url(&self, zone: ZoneId, host: &[u8], path_and_query: &[u8]) -> u64 {
        let mut hasher = self.under(Kind::Url, zone, host);
        hasher.write(path_and_query);
        hasher.finish()
    }

    pub(super) fn of_zone(&self, zone: ZoneId) -> u64 {
        self.begin(Kind::Zone, zone).finish()
    }

    /// The part of its zone in which this URL is.
    pub(super) fn of_part(&self, zone: ZoneId, url: u64) -> u64 {
        let mut hasher = self.begin(Kind::Part, zone);
        hasher.write_u64(url % PARTS);
        hasher.finish()
    }

    /// `/css` names the path and all below it, `/css/` what is below.
    fn of_prefix(&self, zone: ZoneId, host: &[u8], prefix: &[u8]) -> (u64, Option<u64>) {
        let (path, is_folder) = match prefix.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (prefix, false),
        };
        if path.is_empty() {
            return (self.under(Kind::Host, zone, host).finish(), None);
        }
        let mut below = self.under(Kind::Folder, zone, host);
        segments(path).for_each(|segment| folder(&mut below, segment));
        (below.finish(), (!is_folder).then(|| self.of_path(zone, host, path)))
    }

    fn of_path(&self, zone: ZoneId, host: &[u8], path: &[u8]) -> u64 {
        let mut hasher = self.under(Kind::Path, zone, host);
        hasher.write(path);
        hasher.finish()
    }

    fn of_tag(&self, zone: ZoneId, tag: &[u8]) -> u64 {
        let mut hasher = self.begin(Kind::Tag, zone);
        lower(&mut hasher, tag);
        hasher.finish()
    }

    fn under(&self, kind: Kind, zone: ZoneId, host: &[u8]) -> DefaultHasher {
        let mut hasher = self.begin(kind, zone);
        lower(&mut hasher, bare(host));
        // No host has it.
        hasher.write_u8(b'/');
        hasher
    }

    fn begin(&self, kind: Kind, zone: ZoneId) -> DefaultHasher {
        let mut hasher = self.0.build_hasher();
        hasher.write_u8(kind as u8);
        hasher.write(&zone.0);
        hasher
    }
}

/// Folders are written one by one, by objects and by purges alike.
fn folder(hasher: &mut DefaultHasher, segment: &[u8]) {
    hasher.write(segment);
    hasher.write_u8(b'/');
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/')
}

fn path_of(path_and_query: &[u8]) -> &[u8] {
    path_and_query.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// The port says where this edge listens, a final dot that a name is whole, and neither what is stored.
fn bare(host: &[u8]) -> &[u8] {
    let digits = host.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (name, _) = host.split_at_checked(host.len() - digits).unwrap_or((host, b""));
    let name = name.strip_suffix(b":").unwrap_or(host);
    name.strip_suffix(b".").unwrap_or(name)
}

fn lower(hasher: &mut DefaultHasher, bytes: &[u8]) {
    let mut piece = [0; 64];
    for chunk in bytes.chunks(piece.len()) {
        for (to, from) in piece.iter_mut().zip(chunk) {
            *to = from.to_ascii_lowercase();
        }
        hasher.write(piece.get(..chunk.len()).unwrap_or_default());
    }
}
