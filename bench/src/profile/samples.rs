//! What `perf script` says: how often which instruction of which file was met.

use std::collections::BTreeMap;
use std::path::Path;

/// The samples of one recording.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// In the kernel.
    pub(super) kernel: u64,
    /// By file and place in it. What lies in no mapped file has its name and no place.
    pub(super) user: BTreeMap<(String, Option<u64>), u64>,
}

/// A part of a file that a process has mapped to run it.
struct Mapped {
    pid: u32,
    start: u64,
    bytes: u64,
    /// Where it begins in the file.
    offset: u64,
    path: String,
}

impl Samples {
    /// Reads the output of `perf script --show-mmap-events -F pid,ip,sym,dso`.
    pub(super) fn parse(text: &str) -> Self {
        let (mut samples, mut all) = (Self::default(), Vec::new());
        for line in text.lines() {
            if line.contains("PERF_RECORD_MMAP") {
                all.extend(mapped(line));
            } else if let Some((pid, ip, object)) = sample(line) {
                samples.count(&all, pid, ip, object);
            }
        }
        samples
    }

    fn count(&mut self, all: &[Mapped], pid: u32, ip: u64, object: &str) {
        if object.starts_with("[kernel") {
            self.kernel += 1;
            return;
        }
        // The last one counts: another may have been there before.
        let holds = |one: &&Mapped| one.pid == pid && (one.start..one.start + one.bytes).contains(&ip);
        let place =
            all.iter().rev().find(holds).map(|one| (one.path.clone(), Some(ip - one.start + one.offset)));
        *self.user.entry(place.unwrap_or_else(|| (object.to_owned(), None))).or_default() += 1;
    }
}

/// `… PERF_RECORD_MMAP2 26/26: [0x5600(0xef000) @ 0x38000 fe:00 103 0]: r-xp /a/program`
fn mapped(line: &str) -> Option<Mapped> {
    let (_, rest) = line.split_once("PERF_RECORD_MMAP")?;
    let (pid, rest) = rest.split_once(' ')?.1.split_once('/')?;
    let (range, rest) = rest.split_once('[')?.1.split_once(']')?;
    let (start, more) = range.split_once('(')?;
    let (bytes, more) = more.split_once(')')?;
    let offset = more.split_whitespace().nth(1)?;
    let path = rest.split_once(' ')?.1.split_once(' ')?.1;
    Some(Mapped {
        pid: pid.parse().ok()?,
        start: hex(start)?,
        bytes: hex(bytes)?,
        offset: hex(offset)?,
        path: path.to_owned(),
    })
}

/// `  26734  ffffffff82085144 tcp_current_mss ([kernel.kallsyms])`
fn sample(line: &str) -> Option<(u32, u64, &str)> {
    let (pid, rest) = line.trim_start().split_once(char::is_whitespace)?;
    let (ip, rest) = rest.trim_start().split_once(' ')?;
    let object = rest.rsplit_once('(')?.1.strip_suffix(')')?;
    Some((pid.parse().ok()?, u64::from_str_radix(ip, 16).ok()?, object))
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// Where a place in an ELF file of 64 bits lies in its address space: what debug information speaks of.
pub(super) fn address_of(file: &[u8], offset: u64) -> Option<u64> {
    const LOAD: u32 = 1;
    let u16_at = |at: usize| Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let u64_at = |at: usize| Some(u64::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let (first, size, count) = (u64_at(32)?, u16_at(54)?, u16_at(56)?);
    (0..count).find_map(|nth| {
        let at = usize::try_from(first).ok()? + usize::from(size) * usize::from(nth);
        let (begins, address, bytes) = (u64_at(at + 8)?, u64_at(at + 16)?, u64_at(at + 32)?);
        let is_here = u32_at(at)? == LOAD && (begins..begins + bytes).contains(&offset);
        is_here.then(|| offset - begins + address)
    })
}

/// What a file is called for short.
pub(super) fn name_of(object: &str) -> String {
    Path::new(object)
        .file_name()
        .map_or_else(|| object.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_placed_in_what_their_process_had_mapped() {
        let text = "\
 rempart 0/0 PERF_RECORD_MMAP2 26/26: [0x5000(0x1000) @ 0x300 fe:00 1 0]: r-xp /a dir/rempart
 rempart 0/0 PERF_RECORD_MMAP2 27/27: [0x5000(0x1000) @ 0 fe:00 1 0]: r-xp /lib/libc.so.6
   26      5010 tokio::poll (/a dir/rempart)
   26      5010 tokio::poll (/a dir/rempart)
   27      5010 memcpy (/lib/libc.so.6)
   26      9000 [unknown] ([vdso])
   26  ffffffff82085144 tcp_current_mss ([kernel.kallsyms])
";
        let samples = Samples::parse(text);
        let user: Vec<_> = samples.user.into_iter().collect();
        let place = |path: &str, offset| (path.to_owned(), offset);
        assert_eq!(samples.kernel, 1);
        assert_eq!(
            user,
            [
                (place("/a dir/rempart", Some(0x310)), 2),
                (place("/lib/libc.so.6", Some(0x10)), 1),
                (place("[vdso]", None), 1)
            ]
        );
    }

    #[test]
    fn a_place_in_this_program_has_an_address() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(
            address_of(&file, 0x40),
            Some(0x40),
            "the first segment of a program that can lie anywhere"
        );
        assert_eq!(address_of(&file, u64::MAX), None);
        assert_eq!(address_of(b"no ELF", 0), None);
    }
}
