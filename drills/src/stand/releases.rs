//! What is so about releases: as the edge says, and as it stands on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Up;
use crate::{Outcome, until_told};

/// One release, as `ctl releases` lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Its number.
    pub(crate) number: u64,
    /// `baking`, `good`, `rolled back`, `superseded`.
    pub(crate) standing: String,
    /// Whether it is in force.
    pub(crate) is_current: bool,
    /// Whether its file is not what was written.
    pub(crate) is_damaged: bool,
    /// The hash of its content.
    pub(crate) hash: String,
}

impl Up {
    /// All releases.
    pub(crate) fn releases(&self) -> Outcome<Vec<Listed>> {
        let answer = self.obey(&json!({"command": "releases"}))?;
        Ok(answer.list("releases").iter().filter_map(listed_from).collect())
    }

    /// The one in force.
    pub(crate) fn current(&self) -> Outcome<Listed> {
        let current = self.releases()?.into_iter().find(|listed| listed.is_current);
        current.ok_or_else(|| "no release is in force".into())
    }

    /// Waits until the release in force has this standing.
    pub(crate) fn await_standing(&self, standing: &str, patience: Duration) -> Outcome<Listed> {
        let mut last = None;
        let waited = until_told(patience, &format!("a release in force that is {standing}"), || {
            last = self.current().ok();
            Ok(last.as_ref().is_some_and(|listed| listed.standing == standing))
        });
        match (waited, last) {
            (Ok(()), Some(listed)) => Ok(listed),
            (waited, last) => Err(format!("{waited:?}; it is {last:?}").into()),
        }
    }
}

fn listed_from(value: &Value) -> Option<Listed> {
    Some(Listed {
        number: value.get("number")?.as_u64()?,
        standing: value.get("standing")?.as_str()?.to_owned(),
        is_current: value.get("is_current")?.as_bool()?,
        is_damaged: value.get("is_damaged")?.as_bool()?,
        hash: value.get("hash")?.as_str()?.to_owned(),
    })
}

/// The numbers in the ring of good releases, read from the files by themselves: the younger of the two slots.
pub(crate) fn ring_on_disk(data_dir: &Path) -> Outcome<Vec<u64>> {
    let states =
        ["state.a", "state.b"].iter().filter_map(|slot| state(&data_dir.join("releases").join(slot)));
    let youngest = states.max_by_key(|state| state.get("sequence").and_then(Value::as_u64));
    let youngest = youngest.ok_or("neither slot of the store's state can be read")?;
    let ring = youngest.get("ring").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(ring.iter().filter_map(|finished| finished.get("number")?.as_u64()).collect())
}

/// The files of releases, the oldest first.
pub(crate) fn release_files(data_dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(data_dir.join("releases"))?
        .map_while(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "release"))
        .collect();
    files.sort();
    Ok(files)
}

/// Its second line is JSON. A slot that is just being written does not parse.
fn state(path: &Path) -> Option<Value> {
    let text = fs::read(path).ok()?;
    serde_json::from_slice(text.split(|byte| *byte == b'\n').nth(1)?).ok()
}
