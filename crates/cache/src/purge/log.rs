//! `purges.log` in `data_dir`: purges are on disk before they are acknowledged, and the sequence goes on after a
//! restart. What is in memory is empty after a restart; a tier on disk will read from here what it has missed.
//!
//! Two edges may live on one `data_dir` for a while: one that serves and one that drains. Both take purges, and a
//! purge that one has acknowledged must hold in the other. So each reads what the other has written, as soon as
//! the number in the memory that they share (the tide) is not the one that it has read up to.

mod file;
mod record;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use self::file::Alone;
pub(super) use self::file::Folder;
use self::record::HEAD_BYTES;
pub use self::record::{NUMBER_MAX, Record, Records, read_head, write};
use super::{Full, Purge, Purges};

/// The longest file: what is not forgotten yet, and some that is.
pub const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A shorter file is not written anew.
const REWRITE_FROM: u64 = 1024 * 1024;

/// The file, as this process knows it.
#[derive(Debug)]
pub(super) struct Log {
    file: Arc<File>,
    /// What is before was read or written by this process.
    at: u64,
    /// The number of the last purge before.
    last: u64,
}

impl Log {
    /// Opens the file, and makes it if there is none. What is torn at its end is cut off.
    fn open(folder: &Folder, tide: &AtomicU64) -> io::Result<Self> {
        let _alone = folder.lock()?;
        // Numbers that others have seen are not given twice, even if the file is gone.
        let least = tide.load(Ordering::Acquire).min(NUMBER_MAX);
        let mut log = match folder.file()? {
            Some(file) => Self::read(folder, file, least)?,
            None => Self::anew(folder, least)?,
        };
        log.last = log.last.max(least);
        tide.fetch_max(log.last, Ordering::AcqRel);
        Ok(log)
    }

    /// From the file that is there. No start fails for want of old purges: nothing is stored yet that they touch.
    fn read(folder: &Folder, file: File, least: u64) -> io::Result<Self> {
        let bytes = file::read_from(&file, 0, LOG_BYTES_MAX)?;
        let Some(base) = read_head(&bytes) else {
            if !bytes.is_empty() {
                tracing::warn!("purges.log is not readable: it is written anew");
            }
            return Self::anew(folder, least);
        };
        let mut records = Records::of(bytes.get(HEAD_BYTES..).unwrap_or_default(), NUMBER_MAX);
        let last = records.by_ref().last().map_or(base, |record| record.number.max(base));
        let at = (HEAD_BYTES + records.read()) as u64;
        let log = Self { file: Arc::new(file), at, last };
        log.cut()?;
        Ok(log)
    }

    /// A file in the place of the one that is there.
    fn anew(folder: &Folder, base: u64) -> io::Result<Self> {
        let file = folder.write_beside(&[&record::head(base)])?;
        folder.replace()?;
        Ok(Self { file: Arc::new(file), at: HEAD_BYTES as u64, last: base })
    }

    /// The number of the last purge in it.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// How long it is.
    pub(super) const fn bytes(&self) -> u64 {
        self.at
    }

    /// What others have written since, up to a number: without the lock, what is behind may be taken back.
    /// `Err(Gap)`: some of it is not there any more.
    fn news(&mut self, folder: &Folder, until: u64) -> io::Result<Result<Vec<Record>, Gap>> {
        let mut has_gap = false;
        if let Some(file) = folder.other_than(&self.file)? {
            (self.file, self.at) = (Arc::new(file), 0);
        }
        let bytes = file::read_from(&self.file, self.at, LOG_BYTES_MAX)?;
        let mut bytes = bytes.as_slice();
        if self.at == 0 {
            let base = read_head(bytes).ok_or(io::ErrorKind::InvalidData)?;
            has_gap = base > self.last;
            bytes = bytes.get(HEAD_BYTES..).unwrap_or_default();
            self.at = HEAD_BYTES as u64;
            self.last = self.last.max(base);
        }
        let mut records = Records::of(bytes, until);
        let last = self.last;
        let news: Vec<Record> = records.by_ref().filter(|record| record.number > last).collect();
        self.at += records.read() as u64;
        self.last = news.last().map_or(last, |record| record.number);
        Ok(if has_gap { Err(Gap) } else { Ok(news) })
    }

    /// Cuts off what is behind: nobody was told that it was done. Only under the lock.
    fn cut(&self) -> io::Result<()> {
        file::cut(&self.file, self.at)
    }

    /// Writes records. Only under the lock, and after the news was read.
    fn append(&mut self, bytes: &[u8], last: u64) -> io::Result<()> {
        self.cut()?;
        if let Err(error) = file::write_at(&self.file, self.at, bytes) {
            self.cut().ok();
            return Err(error);
        }
        self.at += bytes.len() as u64;
        self.last = last;
        Ok(())
    }
}

/// Purges of others that can no longer be read.
#[derive(Debug)]
struct Gap;

/// Why a purge was not acknowledged.
#[derive(Debug)]
pub enum Refused {
    /// As many are remembered as may be. It was not done.
    Full,
    /// It holds in this process, and could not be written to disk.
    NotDurable(String),
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl Purges {
    /// Purges that are logged in `data_dir`, and hold in every process that shares `tide`.
    ///
    /// # Errors
    /// The file cannot be made or read.
    pub fn open(data_dir: &Path, tide: &'static AtomicU64) -> io::Result<Self> {
        let folder = Folder::open(data_dir)?;
        let log = Log::open(&folder, tide)?;
        let mut purges = Self::after(log.last());
        purges.tide = tide;
        purges.caught_up = AtomicU64::new(log.last());
        purges.log = Mutex::new(Some(log));
        purges.folder = Some(folder);
        Ok(purges)
    }

    /// Does the purges of several askers, each asker's all or none, and answers each with the number of its last
    /// one. They are on disk when this returns, with one sync for all. It blocks.
    pub fn commit(&self, askers: &[Vec<Purge>]) -> Vec<Result<u64, Refused>> {
        let Some(folder) = &self.folder else {
            return askers.iter().map(|purges| self.purge(purges).map_err(Refused::from)).collect();
        };
        let mut answers = Vec::with_capacity(askers.len());
        let writer = self.writer.lock();
        let alone = folder.lock();
        let mut log = self.log.lock();
        let Some(log_of_us) = log.as_mut() else { return answers };
        let written = self.write_down(folder, log_of_us, alone, askers, &mut answers);
        let file = Arc::clone(&log_of_us.file);
        drop(log);
        drop(writer);
        if let Err(error) = written.and_then(|()| file.sync_data()) {
            let text = error.to_string();
            let is_done = |answer: &&mut Result<u64, Refused>| answer.is_ok();
            answers.iter_mut().filter(is_done).for_each(|answer| {
                *answer = Err(Refused::NotDurable(text.clone()));
            });
        }
        answers
    }

    fn write_down(
        &self,
        folder: &Folder,
        log: &mut Log,
        alone: io::Result<Alone>,
        askers: &[Vec<Purge>],
        answers: &mut Vec<Result<u64, Refused>>,
    ) -> io::Result<()> {
        // Without the lock, or what others have written, there are still our own visitors.
        let news = alone.and_then(|alone| self.read_news(folder, log, NUMBER_MAX).map(|()| alone));
        let (mut bytes, mut last) = (Vec::new(), log.last());
        for purges in askers {
            let more = purges.iter().map(record::bytes).sum::<u64>();
            let has_room = log.bytes() + bytes.len() as u64 + more <= LOG_BYTES_MAX;
            let done = if has_room { self.purge_from(purges, last + 1) } else { Err(Full) };
            if let Ok(number) = done {
                last = number;
                purges.iter().for_each(|purge| write(&mut bytes, number, purge));
            }
            answers.push(done.map_err(Refused::from));
        }
        let _alone = news?;
        if bytes.is_empty() {
            return Ok(());
        }
        log.append(&bytes, last)?;
        self.caught_up.store(last, Ordering::Release);
        // Whoever sees this number finds the records.
        self.tide.fetch_max(last, Ordering::AcqRel);
        Ok(())
    }

    /// Does what others have purged.
    fn read_news(&self, folder: &Folder, log: &mut Log, until: u64) -> io::Result<()> {
        match log.news(folder, until)? {
            Ok(news) => {
                for Record { number, purge } in news {
                    if self.purge_from(&[purge], number).is_err() {
                        self.forget_everything();
                    }
                }
            }
            Err(Gap) => self.forget_everything(),
        }
        Ok(())
    }

    /// Does what other processes have purged, if they have. Every look does that first.
    #[inline]
    pub fn keep_up(&self) {
        if self.tide.load(Ordering::Acquire) > self.caught_up.load(Ordering::Acquire) {
            self.catch_up();
        }
    }

    #[cold]
    fn catch_up(&self) {
        let mut log = self.log.lock();
        let tide = self.tide.load(Ordering::Acquire);
        if self.caught_up.load(Ordering::Acquire) >= tide {
            return;
        }
        let (Some(log), Some(folder)) = (log.as_mut(), &self.folder) else { return };
        match self.read_news(folder, log, tide) {
            Ok(()) if log.last() >= tide => {}
            Ok(()) => self.lose("it ends too early"),
            Err(error) => self.lose(&error.to_string()),
        }
        self.caught_up.store(tide, Ordering::Release);
    }

    fn lose(&self, why: &str) {
        tracing::error!(why, "purges.log cannot be read: all that is stored counts as purged");
        self.forget_everything();
    }

    /// Shortens the log by what is forgotten, if that is worth it. It waits for the disk, and nobody who looks
    /// anything up waits for that.
    ///
    /// # Errors
    /// The disk refuses. The log is as it was.
    pub fn tidy(&self) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let _writer = self.writer.lock();
        let known = self.log.lock().as_ref().map(|log| (Arc::clone(&log.file), log.at, log.last()));
        let Some((file, at, last)) = known.filter(|(_, at, _)| *at >= REWRITE_FROM) else { return Ok(()) };
        let forgotten = self.retired.load(Ordering::Acquire).min(last);
        let bytes = file::read_from(&file, HEAD_BYTES as u64, at - HEAD_BYTES as u64)?;
        let mut kept = Vec::new();
        for record in Records::of(&bytes, NUMBER_MAX).filter(|record| record.number > forgotten) {
            write(&mut kept, record.number, &record.purge);
        }
        if kept.len() == bytes.len() {
            return Ok(());
        }
        let head = record::head(forgotten);
        let next = match folder.write_beside(&[&head[..], &kept]) {
            // Another process does it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            next => next?,
        };
        let _alone = folder.lock()?;
        if folder.other_than(&file)?.is_some() {
            // It has done it meanwhile.
            return Ok(());
        }
        let end = match self.log.lock().as_mut() {
            Some(log) => {
                self.read_news(folder, log, NUMBER_MAX)?;
                log.at
            }
            None => at,
        };
        let came = file::read_from(&file, at, end - at)?;
        let next_at = (HEAD_BYTES + kept.len()) as u64;
        file::write_at(&next, next_at, &came)?;
        next.sync_data()?;
        folder.replace()?;
        if let Some(log) = self.log.lock().as_mut() {
            (log.file, log.at) = (Arc::new(next), next_at + came.len() as u64);
        }
        Ok(())
    }
}
