//! The log of purges. Whatever is in the file, what is read of it was written whole; and what is written is read,
//! up to where it was torn.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_cache::plan::ZoneId;
use rempart_cache::purge::log::{NUMBER_MAX, Records, read_head, write};
use rempart_cache::purge::{Purge, What};

fuzz_target!(|file: &[u8]| {
    let _ = read_head(file);
    let mut records = Records::of(file, NUMBER_MAX);
    let mut again = Vec::new();
    for record in records.by_ref() {
        write(&mut again, record.number, &record.purge);
    }
    assert_eq!(file.get(..records.read()), Some(&*again));
    // The checksum keeps a fuzzer out of what is behind it, so purges are made of what it has found.
    let purges: Vec<Purge> = file.chunks(24).filter_map(purge).collect();
    let mut written = Vec::new();
    purges.iter().for_each(|purge| write(&mut written, 7, purge));
    let read: Vec<Purge> = Records::of(&written, NUMBER_MAX).map(|record| record.purge).collect();
    assert_eq!(read, purges);
    let torn = written.len() - written.len().min(1 + usize::from(file.first().copied().unwrap_or(0)));
    let read: Vec<Purge> = Records::of(&written[..torn], NUMBER_MAX).map(|record| record.purge).collect();
    assert!(purges.starts_with(&read));
});

fn purge(bytes: &[u8]) -> Option<Purge> {
    let (kind, rest) = bytes.split_first()?;
    let (first, second) = rest.split_at(rest.len() / 2);
    let what = match kind % 5 {
        0 => What::Everything,
        1 => What::Url(first.into(), second.into()),
        2 => What::Host(first.into()),
        3 => What::Prefix(first.into(), second.into()),
        _ => What::Tag(first.into()),
    };
    Some(Purge { zone: ZoneId([*kind; 16]), what, soft: kind & 0x80 != 0 })
}
