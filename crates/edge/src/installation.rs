//! The id of this installation: made once, kept in `data_dir`. It marks requests in `CDN-Loop`.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use rempart_base::InstallationId;

const FILE: &str = "installation-id";

/// Reads the id, or makes one.
///
/// # Errors
/// The file cannot be read or written, or holds something else.
pub(crate) fn id(data_dir: &Path) -> io::Result<InstallationId> {
    let path = data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => u64::from_str_radix(text.trim(), 16).map(InstallationId).map_err(|_| {
            io::Error::other(format!(
                "{} does not hold 16 hex digits; remove it to have one made",
                path.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = InstallationId(RandomState::new().hash_one(std::process::id()));
            let beside = path.with_extension("new");
            std::fs::write(&beside, format!("{id}\n"))?;
            std::fs::rename(beside, path)?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_a_broken_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let made = id(folder.path()).unwrap();
        assert_eq!(id(folder.path()).unwrap(), made);
        std::fs::write(folder.path().join(FILE), "nonsense").unwrap();
        assert!(id(folder.path()).unwrap_err().to_string().contains("remove it"));
    }
}
