//! Releases as files of the folder.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};

use rempart_base::Now;

use super::{CANDIDATE, LOCK, Release, STAGE_LOCK, State};
use crate::disk::{Disk, LOCK_TIMEOUT, Sharing};
use crate::hash::ReleaseHash;
use crate::release_file::{self, BODY_BYTES_MAX, Header};

const CANDIDATE_TEMPORARY: &str = "candidate.tmp";
const RELEASE_TEMPORARY: &str = "release.tmp";

/// Writes a candidate.
pub(super) fn stage(disk: &Disk, body: &[u8]) -> Result<ReleaseHash> {
    let hash = ReleaseHash::of(body);
    if body.len() as u64 > BODY_BYTES_MAX {
        let text = format!("a release has at most {BODY_BYTES_MAX} bytes, this one has {}", body.len());
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    let header =
        Header { hash, created_unix_ms: Now::read().unix_ns / 1_000_000, body_bytes: body.len() as u64 };
    // A long write must not keep an edge from its state: only the renaming takes the other lock.
    let _stage = disk.lock(STAGE_LOCK, Sharing::Alone, LOCK_TIMEOUT)?;
    disk.write_beside(CANDIDATE_TEMPORARY, &[&header.encode(), body])?;
    let _lock = disk.lock(LOCK, Sharing::Alone, LOCK_TIMEOUT)?;
    disk.rename(CANDIDATE_TEMPORARY, CANDIDATE)?;
    Ok(hash)
}

/// A file of its own, so that one damaged sector cannot take both numbers; a second name for the same file
/// only where the disk has no room, because going back must work then too.
pub(super) fn copy(disk: &Disk, state: &mut State, number: u64) -> Result<Release> {
    let (mut file, bytes) = disk.file(&file_name(number)).map_err(|error| missing(number, error))?;
    let (old, body) = release_file::read(&mut file, bytes)?;
    let header = Header { created_unix_ms: Now::read().unix_ns / 1_000_000, ..old };
    let again = take_number(disk, state);
    match disk.write_beside(RELEASE_TEMPORARY, &[&header.encode(), &body]) {
        Ok(()) => disk.rename(RELEASE_TEMPORARY, &file_name(again))?,
        Err(error) if is_full(&error) => {
            disk.link(&file_name(number), &file_name(again))?;
            return Ok(released(again, old));
        }
        Err(error) => return Err(error),
    }
    Ok(released(again, header))
}

fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// The next number. The files count as well as the state, which may have been lost.
pub(super) fn take_number(disk: &Disk, state: &mut State) -> u64 {
    let number = state.next.max(newest_number(disk).map_or(1, |newest| newest.saturating_add(1)));
    state.next = number.saturating_add(1);
    number
}

pub(super) fn candidate_header(disk: &Disk) -> Result<Header> {
    let (mut file, bytes) = disk.file(CANDIDATE).map_err(|error| {
        let is_missing = error.kind() == ErrorKind::NotFound;
        if is_missing { Error::new(ErrorKind::NotFound, "there is no candidate") } else { error }
    })?;
    release_file::verify(&mut file, bytes)
}

/// A release whose every byte is right.
pub(super) fn release(disk: &Disk, number: u64) -> Result<Release> {
    let (mut file, bytes) = disk.file(&file_name(number)).map_err(|error| missing(number, error))?;
    let header = release_file::verify(&mut file, bytes)
        .map_err(|error| Error::new(error.kind(), format!("release {number}: {error}")))?;
    Ok(released(number, header))
}

pub(super) fn sound(disk: &Disk, number: u64) -> Option<Release> {
    release(disk, number).ok()
}

pub(super) fn released(number: u64, header: Header) -> Release {
    Release { number, hash: header.hash, created_unix_ms: header.created_unix_ms }
}

fn missing(number: u64, error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return Error::new(ErrorKind::NotFound, format!("there is no release {number}"));
    }
    error
}

pub(super) fn file_name(number: u64) -> String {
    format!("{number:08}.release")
}

/// The numbers of all files, whatever is in them, newest first.
pub(super) fn numbers(disk: &Disk) -> Vec<u64> {
    let names = disk.names().unwrap_or_default();
    let number = |name: &String| {
        let number = name.strip_suffix(".release")?.parse().ok()?;
        (file_name(number) == *name).then_some(number)
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
    numbers
}

pub(super) fn newest_number(disk: &Disk) -> Option<u64> {
    numbers(disk).first().copied()
}

pub(super) fn header(disk: &Disk, number: u64) -> Result<(Header, File)> {
    let (mut file, bytes) = disk.file(&file_name(number))?;
    Ok((release_file::read_header(&mut file, bytes)?, file))
}
