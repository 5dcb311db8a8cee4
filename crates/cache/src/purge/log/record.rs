//! The bytes of the log: a head, then one record for each purge. Each carries a checksum, so that what a crash
//! has torn is told from what was written.

use aws_lc_rs::digest::{Context, SHA256};

use crate::plan::ZoneId;
use crate::purge::{Purge, What};

/// Names the form of the file.
const FORM: [u8; 8] = *b"rmpurge\x01";
pub(super) const HEAD_BYTES: usize = 24;
const FRAME_BYTES: usize = 4 + 8;
/// Number, zone, kind, and the length of the first part.
const FIXED_BYTES: usize = 8 + 16 + 1 + 4;
/// The longest record: far above what a purge may be.
const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Numbers are not higher: the bits above are a stamp's.
pub const NUMBER_MAX: u64 = 1 << 60;

/// One purge, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number. Purges that came together share it.
    pub number: u64,
    /// What was purged.
    pub purge: Purge,
}

/// Writes the head: purges up to `base` are left out.
pub(super) fn head(base: u64) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    let parts = FORM.into_iter().chain(base.to_le_bytes()).chain(checksum(&[&FORM, &base.to_le_bytes()]));
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    bytes
}

/// Reads the head.
#[must_use]
pub fn read_head(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
    let (form, rest) = bytes.split_first_chunk::<8>()?;
    let base = u64::from_le_bytes(*rest.first_chunk()?);
    (*form == FORM && base <= NUMBER_MAX && head(base) == *bytes).then_some(base)
}

/// How many bytes a record takes.
pub(super) fn bytes(purge: &Purge) -> u64 {
    let (_, first, second) = parts(&purge.what);
    (FRAME_BYTES + FIXED_BYTES + first.len() + second.len()) as u64
}

/// Kind, and what is named, in two parts.
fn parts(what: &What) -> (u8, &[u8], &[u8]) {
    match what {
        What::Everything => (0, b"", b""),
        What::Url(host, path_and_query) => (1, host, path_and_query),
        What::Host(host) => (2, host, b""),
        What::Prefix(host, path) => (3, host, path),
        What::Tag(tag) => (4, tag, b""),
    }
}

/// Writes a record.
pub fn write(out: &mut Vec<u8>, number: u64, purge: &Purge) {
    let Purge { zone, what, soft } = purge;
    let (kind, first, second) = parts(what);
    let flags = kind | u8::from(*soft) << 7;
    let first_bytes = (first.len() as u32).to_le_bytes();
    let parts: [&[u8]; 6] = [&number.to_le_bytes(), &zone.0, &[flags], &first_bytes, first, second];
    let bytes = FIXED_BYTES + first.len() + second.len();
    out.extend_from_slice(&(bytes as u32).to_le_bytes());
    out.extend_from_slice(&checksum(&parts));
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// The records from the start of `bytes` (which is not the head) up to the first that is torn or wrong.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    read: usize,
    last: u64,
    until: u64,
}

impl<'a> Records<'a> {
    /// Reads records up to this number; one that is lower than the one before it is wrong.
    #[must_use]
    pub const fn of(bytes: &'a [u8], until: u64) -> Self {
        Self { rest: bytes, read: 0, last: 0, until }
    }

    /// How many bytes the records that were read take.
    #[must_use]
    pub const fn read(&self) -> usize {
        self.read
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<8>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (body, rest) = (length <= RECORD_BYTES_MAX).then(|| rest.split_at_checked(length))??;
        let record = (checksum(&[body]) == *sum).then(|| record(body))??;
        if record.number < self.last || record.number > self.until.min(NUMBER_MAX) {
            return None;
        }
        self.rest = rest;
        self.read += FRAME_BYTES + length;
        self.last = record.number;
        Some(record)
    }
}

fn record(body: &[u8]) -> Option<Record> {
    let (number, body) = body.split_first_chunk::<8>()?;
    let (zone, body) = body.split_first_chunk::<16>()?;
    let (flags, body) = body.split_first()?;
    let (first, body) = body.split_first_chunk::<4>()?;
    let (first, second) = body.split_at_checked(u32::from_le_bytes(*first) as usize)?;
    let (first, second): (Box<[u8]>, Box<[u8]>) = (first.into(), second.into());
    let what = match flags & 0x7f {
        0 if first.is_empty() && second.is_empty() => What::Everything,
        1 => What::Url(first, second),
        2 if second.is_empty() => What::Host(first),
        3 => What::Prefix(first, second),
        4 if second.is_empty() => What::Tag(first),
        _ => return None,
    };
    let purge = Purge { zone: ZoneId(*zone), what, soft: flags & 0x80 != 0 };
    Some(Record { number: u64::from_le_bytes(*number), purge })
}

/// Against accidents, not against whoever can write the file: the first 8 bytes of SHA-256.
fn checksum(parts: &[&[u8]]) -> [u8; 8] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}
