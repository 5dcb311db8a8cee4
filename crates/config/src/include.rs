//! Which files an `include` means.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rempart_base::config::Problem;

use crate::files::Stamp;

/// Included files of one configuration.
pub const FILES_MAX: usize = 200_000;

/// A file that an `include` means.
#[derive(Debug)]
pub struct Included {
    /// The path, from where this process stands.
    pub path: PathBuf,
    /// As it was when the folder was read.
    pub stamp: Stamp,
}

/// The files that a pattern means, sorted by name. `*` and `?` may stand in its last part; they mean no
/// hidden file.
///
/// # Errors
/// The folder cannot be read, a file without wildcard is not there, or there are too many.
pub fn expand(pattern: &str, folder: &Path) -> Result<Vec<Included>, Problem> {
    let path = folder.join(pattern);
    let name = path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
    let parent = path.parent().unwrap_or(Path::new("")).to_path_buf();
    if parent.as_os_str().as_bytes().iter().any(is_wildcard) {
        return Err(Problem::new(
            "include-invalid",
            "a wildcard stands in the folder's name",
            "Name each folder.",
        )
        .expecting("`*` and `?` in the last part of the path only"));
    }
    if !name.iter().any(is_wildcard) {
        let file = std::fs::metadata(&path).map_err(|error| unresolved(&path, &error))?;
        return Ok(vec![Included { stamp: Stamp::of(&file), path }]);
    }
    let listed = if parent.as_os_str().is_empty() { Path::new(".") } else { &parent };
    let entries = std::fs::read_dir(listed).map_err(|error| unresolved(&parent, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unresolved(&parent, &error))?;
        let file_name = entry.file_name();
        if !matches(&name, file_name.as_bytes()) {
            continue;
        }
        let path = parent.join(&file_name);
        let file = followed(&entry, &path).map_err(|error| unresolved(&path, &error))?;
        if file.is_file() {
            found.push(Included { stamp: Stamp::of(&file), path });
        }
        if found.len() > FILES_MAX {
            return Err(too_many_files());
        }
    }
    found.sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    Ok(found)
}

/// There are more than [`FILES_MAX`].
#[must_use]
pub fn too_many_files() -> Problem {
    let message = format!("more than {FILES_MAX} files are included");
    Problem::new("include-invalid", message, "Put several zones into one file.")
}

/// What an entry is, behind a link too. For all but links this spares a walk along the whole path.
fn followed(entry: &std::fs::DirEntry, path: &Path) -> std::io::Result<Metadata> {
    if entry.file_type()?.is_symlink() { std::fs::metadata(path) } else { entry.metadata() }
}

fn unresolved(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("`{}` cannot be read: {error}", path.display());
    Problem::new("include-unresolved", message, "Check the path; it is relative to the folder of this file.")
}

const fn is_wildcard(byte: &u8) -> bool {
    matches!(*byte, b'*' | b'?')
}

/// Whether a name fits a pattern. A final star is remembered and stretched when what follows does not fit,
/// so the work is at most the product of the two lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(wanted) if wanted == byte => (p, n) = (p + 1, n + 1),
            Some(_) | None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stretch_and_question_marks_stand_for_one() {
        for (pattern, name) in [
            ("*.yaml", "a.yaml"),
            ("*.yaml", "a.yaml.yaml"),
            ("*", "x"),
            ("a*b*c", "a-b-b-c"),
            ("?.yaml", "z.yaml"),
            (".*", ".hidden"),
            ("zone-*", "zone-"),
        ] {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.yaml", "a.yml"),
            ("*.yaml", "a.yaml~"),
            ("*.yaml", ".a.yaml"),
            ("?.yaml", ".yaml"),
            ("a*b", "ac"),
            ("", "a"),
            ("?", ""),
            ("*", ".hidden"),
        ] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }
}
