//! A few recent requests, so that a new release is tried with what visitors really ask. A sample is a head
//! without anything that is a visitor's secret ([`scrub`]); bodies are never kept.

mod scrub;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use rempart_flow::{RequestHead, Scheme};

use crate::metrics::CoreMetrics;
use crate::private_file;

/// One request in so many is kept.
pub const SAMPLE_EVERY: u32 = 64;
/// So many are kept on each core, the youngest.
pub const CORE_SAMPLES_MAX: usize = 64;
/// A longer head is not kept.
pub const SAMPLE_BYTES_MAX: usize = 4096;
/// So many are handed to a taster, from all cores.
pub const SAMPLES_MAX: usize = 512;

/// The first bytes of the file; another form has another number.
const FORM: &[u8; 8] = b"rmsamp\x00\x01";
const FILE_BYTES_MAX: u64 = (FORM.len() + SAMPLES_MAX * (3 + SAMPLE_BYTES_MAX)) as u64;

/// One request as it is sent again: a whole HTTP/1.1 message without a body, after which the connection
/// closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Whether it came over TLS.
    pub tls: bool,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What one core has kept. Only that core adds; whoever reads waits for it, and it for no longer than a copy
/// takes, once in [`SAMPLE_EVERY`] requests.
#[derive(Debug, Default)]
pub struct CoreSamples {
    passed: AtomicU32,
    kept: Mutex<VecDeque<Sample>>,
}

impl CoreSamples {
    /// Sees a request pass, and keeps one in [`SAMPLE_EVERY`], the first one among them.
    #[inline]
    pub fn pass(&self, head: &RequestHead) {
        // One core writes: no locked step is needed.
        let passed = self.passed.load(Ordering::Relaxed);
        self.passed.store(passed.wrapping_add(1), Ordering::Relaxed);
        if passed.is_multiple_of(SAMPLE_EVERY) {
            self.keep(head);
        }
    }

    #[cold]
    fn keep(&self, head: &RequestHead) {
        let mut kept = self.kept.lock();
        // The oldest one's memory holds the youngest.
        let oldest = if kept.len() < CORE_SAMPLES_MAX { None } else { kept.pop_front() };
        let mut bytes = oldest.map(|oldest| oldest.bytes).unwrap_or_default();
        bytes.clear();
        if scrub::write(head, &mut bytes, SAMPLE_BYTES_MAX) {
            kept.push_back(Sample { tls: head.scheme == Scheme::Https, bytes });
        }
    }

    /// What is kept now, the youngest last.
    #[must_use]
    pub fn read(&self) -> Vec<Sample> {
        self.kept.lock().iter().cloned().collect()
    }
}

/// Where the samples of a `data_dir` stand.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("releases/samples")
}

/// Writes what these cores have kept, at most [`SAMPLES_MAX`], for the next taster. To be called before it is
/// asked for.
///
/// # Errors
/// The folder cannot be written to. A taster without samples is no worse than the first one.
pub fn write<'a>(data_dir: &Path, cores: impl IntoIterator<Item = &'a Arc<CoreMetrics>>) -> io::Result<()> {
    let cores: Vec<Vec<Sample>> = cores.into_iter().map(|core| core.samples.read()).collect();
    let share = SAMPLES_MAX.checked_div(cores.len()).unwrap_or(0).clamp(1, CORE_SAMPLES_MAX);
    // The youngest of each core stand last.
    let samples = cores.iter().flat_map(|core| core.iter().rev().take(share)).take(SAMPLES_MAX);
    let mut file = FORM.to_vec();
    for sample in samples {
        let Ok(length) = u16::try_from(sample.bytes.len()) else { continue };
        file.push(sample.tls.into());
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&sample.bytes);
    }
    private_file::write(&path(data_dir), &file)
}

/// Reads what was written.
///
/// # Errors
/// There is no such file, or it is not one.
pub fn read(data_dir: &Path) -> io::Result<Vec<Sample>> {
    let file = private_file::read(&path(data_dir), FILE_BYTES_MAX)?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "these are no samples of this version");
    let mut rest = file.strip_prefix(FORM).ok_or_else(wrong)?;
    let mut samples = Vec::new();
    while let Some(([tls, low, high], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (bytes, after) = after.split_at_checked(length).ok_or_else(wrong)?;
        samples.push(Sample { tls: *tls != 0, bytes: bytes.to_vec() });
        rest = after;
    }
    if rest.is_empty() && samples.len() <= SAMPLES_MAX { Ok(samples) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests;
