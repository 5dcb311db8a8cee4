//! Values that stand elsewhere are read here, once, at compilation.

use std::os::unix::ffi::OsStringExt;

use rempart_base::Secret;
use rempart_base::config::{Problem, Reference, SecretSource};

use crate::files::Inputs;

/// The bytes behind a reference.
///
/// # Errors
/// The variable is not set, or the file cannot be read.
pub fn reveal(reference: &Reference, inputs: &mut Inputs<'_>) -> Result<Vec<u8>, Problem> {
    match reference {
        Reference::File(path) => inputs.read(path),
        Reference::Env(name) => std::env::var_os(name).map(OsStringExt::into_vec).ok_or_else(|| {
            let message = format!("the environment variable `{name}` is not set");
            Problem::new("env-missing", message, "Set it where the program is started.")
        }),
    }
}

/// The text of a secret. One final line break of a file is no part of it.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn text(source: &SecretSource, inputs: &mut Inputs<'_>) -> Result<Secret<String>, Problem> {
    let reference = match source {
        SecretSource::Written(secret) => return Ok(secret.clone()),
        SecretSource::Elsewhere(reference, _) => reference,
    };
    let text = String::from_utf8(reveal(reference, inputs)?)
        .map_err(|_| Problem::new("not-utf8", "the secret is not UTF-8 text", "Store it as UTF-8."))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rempart_base::Now;
    use rempart_base::config::Mark;

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hunter2\r\n").unwrap();
        let mut inputs = Inputs::new(folder.path(), Now::read());
        let from = |name: &str| SecretSource::Elsewhere(Reference::File(name.into()), Mark::START);
        assert_eq!(text(&from("token"), &mut inputs).unwrap().reveal(), "hunter2");
        assert_eq!(text(&from("absent"), &mut inputs).unwrap_err().code, "file-unreadable");
        let env = SecretSource::Elsewhere(Reference::Env("REMPART_TEST_NOT_SET".into()), Mark::START);
        assert_eq!(text(&env, &mut inputs).unwrap_err().code, "env-missing");
        assert_eq!(inputs.into_read().len(), 1, "what was read is watched");
    }
}
