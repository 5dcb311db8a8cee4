//! Values that stand elsewhere are read here, once, at compilation.

use rempart_base::Secret;
use rempart_base::config::{Problem, SecretSource};

use crate::inputs::Inputs;

/// The text of a secret. One final line break of a file is no part of it.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn text(source: &SecretSource, inputs: &mut Inputs<'_>) -> Result<Secret<String>, Problem> {
    let reference = match source {
        SecretSource::Written(secret) => return Ok(secret.clone()),
        SecretSource::Elsewhere(reference, _) => reference,
    };
    let bytes = inputs.get(&reference.into())?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Problem::new("not-utf8", "the secret is not UTF-8 text", "Store it as UTF-8."))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::Pantry;
    use rempart_base::Now;
    use rempart_base::config::{Mark, Reference};

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hunter2\r\n").unwrap();
        let mut pantry = Pantry::default();
        let mut inputs = Inputs::system(folder.path(), Now::read(), &mut pantry);
        let from = |name: &str| SecretSource::Elsewhere(Reference::File(name.into()), Mark::START);
        assert_eq!(text(&from("token"), &mut inputs).unwrap().reveal(), "hunter2");
        assert_eq!(text(&from("absent"), &mut inputs).unwrap_err().code, "file-unreadable");
        let env = SecretSource::Elsewhere(Reference::Env("REMPART_TEST_NOT_SET".into()), Mark::START);
        assert_eq!(text(&env, &mut inputs).unwrap_err().code, "env-missing");
        assert_eq!(inputs.into_read().len(), 1, "what was read is watched");
    }
}
