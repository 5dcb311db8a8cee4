//! Which files an `include` means.

use std::ffi::OsString;
use std::fs::{DirEntry, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rempart_base::config::Problem;

use crate::files::Stamp;

/// Included files of one configuration.
pub const FILES_MAX: usize = 200_000;

/// The files that an `include` means.
#[derive(Debug)]
pub struct Listing {
    /// Where they are, from where this process stands.
    pub folder: PathBuf,
    /// Sorted by name.
    pub files: Vec<Listed>,
}

/// One of them.
#[derive(Debug)]
pub struct Listed {
    /// Its name in the folder.
    pub name: OsString,
    /// As it was when the folder was read.
    pub stamp: Stamp,
}

/// The files that a pattern means. `*` and `?` may stand in its last part; they mean no hidden file.
///
/// # Errors
/// The folder cannot be read, a file without wildcard is not there, or there are too many.
pub fn expand(pattern: &str, base: &Path) -> Result<Listing, Problem> {
    let path = base.join(pattern);
    let name = path.file_name().unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    if folder.as_os_str().as_bytes().iter().any(is_wildcard) {
        let message = "a wildcard stands in the folder's name";
        return Err(Problem::new("include-invalid", message, "Name each folder.")
            .expecting("`*` and `?` in the last part of the path only"));
    }
    let files = if name.as_bytes().iter().any(is_wildcard) {
        listed(name.as_bytes(), &folder)?
    } else {
        let file = std::fs::metadata(&path).map_err(|error| unresolved(&path, &error))?;
        vec![Listed { name: name.into(), stamp: Stamp::of(&file) }]
    };
    Ok(Listing { folder, files })
}

fn listed(pattern: &[u8], folder: &Path) -> Result<Vec<Listed>, Problem> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(read).map_err(|error| unresolved(folder, &error))? {
        let entry = entry.map_err(|error| unresolved(folder, &error))?;
        let name = entry.file_name();
        if !matches(pattern, name.as_bytes()) {
            continue;
        }
        let file = followed(&entry).map_err(|error| unresolved(&entry.path(), &error))?;
        if file.is_file() {
            found.push(Listed { stamp: Stamp::of(&file), name });
        }
        if found.len() > FILES_MAX {
            return Err(too_many_files());
        }
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// There are more than [`FILES_MAX`].
#[must_use]
pub fn too_many_files() -> Problem {
    let message = format!("more than {FILES_MAX} files are included");
    Problem::new("include-invalid", message, "Put several zones into one file.")
}

/// What an entry is, behind a link too. For all but links this spares a walk along the whole path.
fn followed(entry: &DirEntry) -> std::io::Result<Metadata> {
    if entry.file_type()?.is_symlink() { std::fs::metadata(entry.path()) } else { entry.metadata() }
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
