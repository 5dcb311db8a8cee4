//! The configuration file, as the commands need it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::Now;
use rempart_config::Snapshot;

use crate::output::Failure;

/// How much of a file is searched for its `data_dir`.
const SEARCHED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The whole configuration.
///
/// # Errors
/// It is refused, with every reason.
pub(crate) fn load(path: &Path) -> Result<Arc<Snapshot>, Failure> {
    rempart_config::load(path, Now::read()).map_err(Failure::Refused)
}

/// The `data_dir` that a file names, found without understanding it: by its top-level `data_dir:` line, else
/// `data` beside the file. What is wrong with a configuration, even with its YAML, must keep nobody from the
/// releases that are known to be good; nor may it kill who asks.
pub(crate) fn data_dir(path: &Path) -> PathBuf {
    named_data_dir(path).unwrap_or_else(|| beside(path, Path::new("data")))
}

/// The same, if the file names one.
pub(crate) fn named_data_dir(path: &Path) -> Option<PathBuf> {
    let written = beginning(path).ok()?;
    let written = written.split(['\n', '\r']).find_map(data_dir_of_line)?;
    Some(beside(path, Path::new(written)))
}

fn beside(path: &Path, written: &Path) -> PathBuf {
    let found = path.parent().unwrap_or(Path::new("")).join(written.strip_prefix(".").unwrap_or(written));
    if found.as_os_str().is_empty() { PathBuf::from(".") } else { found }
}

fn beginning(path: &Path) -> std::io::Result<String> {
    // A pipe would keep us waiting.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(String::new());
    }
    let mut text = Vec::new();
    File::open(path)?.take(SEARCHED_BYTES_MAX).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn data_dir_of_line(line: &str) -> Option<&str> {
    let keys = ["data_dir", "\"data_dir\"", "'data_dir'"];
    let rest = keys.iter().find_map(|key| line.strip_prefix(key))?;
    // YAML wants a blank after the colon.
    let value = rest.trim_start().strip_prefix(':').filter(|value| value.starts_with([' ', '\t']))?.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.split(*quote).next());
    let plain = value.split(" #").next().unwrap_or(value).trim_end();
    Some(quoted.unwrap_or(plain)).filter(|value| !value.is_empty() && !value.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_dir_is_found_in_whatever_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rempart.yaml");
        let found = |text: &[u8]| {
            std::fs::write(&file, text).unwrap();
            data_dir(&file).strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(data_dir(&file), folder.path().join("data"), "no file at all");
        for (text, want) in [
            ("", "data"),
            ("data_dir: state\n", "state"),
            ("listen: [\ndata_dir:   \"a b\" # here\r\nzones: {{{", "a b"),
            ("'data_dir' : 'x'", "x"),
            ("data_dir: ./x # why\n", "x"),
            ("zones:\n  data_dir: inner\n", "data"),
            ("data_dir:x\ndata_directory: y\ndata_dir: # none\n", "data"),
        ] {
            assert_eq!(found(text.as_bytes()), want, "{text:?}");
        }
        assert_eq!(found(b"\xff\xfe\x00\ndata_dir: there\n\xff"), "there");
        std::fs::write(&file, "data_dir: /var/lib/rempart\n").unwrap();
        assert_eq!(data_dir(&file), Path::new("/var/lib/rempart"));
        assert_eq!(beside(Path::new("rempart.yaml"), Path::new(".")), Path::new("."), "never an empty path");
        assert_eq!(data_dir(folder.path()), folder.path().parent().unwrap().join("data"), "no file either");
    }
}
