//! The project's text files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Text files by their path from the root, with `/` between its parts.
#[derive(Debug, Default)]
pub struct Tree(BTreeMap<String, String>);

/// Folders that hold nothing written by hand, or that belong to one machine.
const PASSED_OVER: &[&str] =
    &[".git", "target", "data", "bench/out", "fuzz/target", "fuzz/artifacts", "fuzz/corpus", "fuzz/coverage"];

impl Tree {
    /// Reads every text file below the root.
    ///
    /// # Errors
    /// Of the file system.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.add(root, "")?;
        Ok(tree)
    }

    /// A tree for a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// The text of one file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Whether there is a file or a folder of that path.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        self.0.contains_key(path) || self.0.keys().any(|file| file.starts_with(&inside))
    }

    /// All files, in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Names of the folders right below this one.
    #[must_use]
    pub fn folders(&self, path: &str) -> Vec<&str> {
        let inside = self.0.keys().filter_map(|file| file.strip_prefix(path)?.strip_prefix('/'));
        let mut names: Vec<&str> = inside.filter_map(|rest| Some(rest.split_once('/')?.0)).collect();
        names.dedup();
        names
    }

    fn add(&mut self, root: &Path, below: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if PASSED_OVER.contains(&path.as_str()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.add(root, &path)?;
            } else if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                self.0.insert(path, text);
            }
        }
        Ok(())
    }
}
