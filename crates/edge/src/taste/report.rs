//! `taste.json`: what the taster found. Written by the taster alone; read by the supervisor, which learns
//! where to listen from it, and by the control thread, which learns whether there is something to publish.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private_file;

mod problem;
mod settings;

pub use problem::{Problem, problems};
pub use settings::{Listening, Needs, Prefix};

/// The longest list in a report; the true count stands beside it.
pub const LIST_MAX: usize = 1000;
/// The longest report that is read: every list full, and room to spare.
pub const REPORT_BYTES_MAX: u64 = 16 << 20;

/// What the taster found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether the candidate may be published.
    pub outcome: Outcome,
    /// Why not, or what should be known, as one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of the candidate's body, or of the stored release; lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The stored release with this content, if there is one: then there is nothing new to publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Zones of the whole.
    pub zones: usize,
    /// The mistakes for which the whole is refused; at most [`LIST_MAX`].
    pub diagnostics: Vec<Problem>,
    /// How many there are.
    pub diagnostics_count: usize,
    /// Zones that are held back, and why; at most [`LIST_MAX`].
    pub held: Vec<Held>,
    /// How many there are.
    pub held_count: usize,
    /// What is new against the newest stored release; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// What the operator should know; at most [`LIST_MAX`].
    pub warnings: Vec<Problem>,
    /// The folders in which a change means that the files may say something else.
    pub watched: Vec<PathBuf>,
    /// What the supervisor needs; `None` if the files do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Needs>,
    /// The requests that were tried.
    pub checks: Checks,
    /// How long it all took.
    pub took_ms: u64,
}

/// Whether a candidate may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It compiles, loads and answers.
    Good,
    /// It does not.
    Refused,
}

/// A zone that does not compile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name, or that of its file where not even the name can be read.
    pub zone: String,
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// Whether it keeps an older version; else it answers 503.
    pub has_version: bool,
    /// What is wrong.
    pub diagnostics: Vec<Problem>,
}

/// What differs from a stored release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// That release's number.
    pub against: u64,
    /// Zones that are new; at most [`LIST_MAX`].
    pub added: Vec<String>,
    /// How many there are.
    pub added_count: usize,
    /// Zones that say something else; at most [`LIST_MAX`].
    pub changed: Vec<String>,
    /// How many there are.
    pub changed_count: usize,
    /// Zones that are gone; at most [`LIST_MAX`].
    pub removed: Vec<String>,
    /// How many there are.
    pub removed_count: usize,
    /// Whether something differs that is not one zone's.
    pub settings: bool,
}

/// What became of the requests that were tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Requests that were sent.
    pub requests: u64,
    /// Of those, answered in time.
    pub answered: u64,
    /// The answers.
    pub by_status: BTreeMap<u16, u64>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            why: None,
            hash: None,
            release: None,
            zones: 0,
            diagnostics: Vec::new(),
            diagnostics_count: 0,
            held: Vec::new(),
            held_count: 0,
            difference: None,
            warnings: Vec::new(),
            watched: Vec::new(),
            settings: None,
            checks: Checks::default(),
            took_ms: 0,
        }
    }

    /// Where the report of a `data_dir` stands.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("releases/taste.json")
    }

    /// Reads it, within [`REPORT_BYTES_MAX`].
    ///
    /// # Errors
    /// There is none (the taster died, say), or it is not one.
    pub fn read(data_dir: &Path) -> io::Result<Self> {
        Self::parse(&private_file::read(&Self::path(data_dir), REPORT_BYTES_MAX)?)
    }

    /// Reads its text.
    ///
    /// # Errors
    /// It is no report.
    pub fn parse(text: &[u8]) -> io::Result<Self> {
        let report: Self = serde_json::from_slice(text)?;
        report.check().map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        Ok(report)
    }

    /// Writes it whole or not at all; readable by the account that owns the folder alone.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        private_file::write(&Self::path(data_dir), &self.text()?)
    }

    /// Its text.
    ///
    /// # Errors
    /// A path in it is no text.
    pub fn text(&self) -> io::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Removes it: what is read afterwards is newer.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn remove(data_dir: &Path) -> io::Result<()> {
        private_file::remove(&Self::path(data_dir))
    }

    /// What serde cannot say: a good one names what is good.
    fn check(&self) -> Result<(), &'static str> {
        let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.hash.as_ref().is_some_and(|hash| !is_hash(hash)) {
            return Err("the hash is not one");
        }
        if self.outcome == Outcome::Good && (self.hash.is_none() || self.settings.is_none()) {
            return Err("what is good has a hash and settings");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
