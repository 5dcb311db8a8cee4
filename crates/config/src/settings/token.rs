//! The token of the admin endpoint.

use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use rempart_base::Secret;
use rempart_base::config::{Context, Problem, Reference, SecretSource, Spanned};

use crate::inputs::Inputs;
use crate::secret;

/// So short that it can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 4096;

/// What whoever purges over the admin endpoint must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminToken(pub Secret<Arc<str>>);

/// Nothing of a secret goes into numbers that may be seen.
impl Hash for AdminToken {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

pub(super) fn read(file: &Spanned<PathBuf>, inputs: &mut Inputs<'_>, cx: &mut Context) -> Option<AdminToken> {
    let source = SecretSource::Elsewhere(Reference::File(file.value.clone()), file.mark);
    match secret::text(&source, inputs).and_then(|token| fit(token.reveal())) {
        Ok(token) => Some(token),
        Err(problem) => {
            cx.in_key("admin", |cx| cx.in_key("token_file", |cx| cx.error(file.mark, problem)));
            None
        }
    }
}

fn fit(token: &str) -> Result<AdminToken, Problem> {
    let wrong = if token.len() < TOKEN_BYTES_MIN {
        format!("the token is shorter than {TOKEN_BYTES_MIN} characters")
    } else if token.len() > TOKEN_BYTES_MAX {
        format!("the token is longer than {TOKEN_BYTES_MAX} characters")
    } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        "the token has a character that cannot stand in a header".into()
    } else {
        return Ok(AdminToken(Secret::new(token.into())));
    };
    Err(Problem::new("bad-token", wrong, "Make one, for example with `openssl rand -hex 32`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_a_token_are_exact() {
        let token = |bytes: usize| fit(&"t".repeat(bytes)).map(|token| token.0.reveal().len());
        assert_eq!([16, 4096].map(|bytes| token(bytes).unwrap()), [16, 4096]);
        assert_eq!([0, 15, 4097].map(|bytes| token(bytes).unwrap_err().code), ["bad-token"; 3]);
        for odd in ["0123456789abcde\n", "0123456789 abcdef", "0123456789abcdef\u{e9}"] {
            assert_eq!(fit(odd).unwrap_err().code, "bad-token", "{odd:?}");
        }
    }
}
