//! Values that stand elsewhere: in the environment or in a file.

use std::path::PathBuf;

use crate::secret::Secret;

use super::context::{Context, Problem};
use super::decode::Decode;
use super::node::{Mark, Node, Value};
use super::shape::{KeyShape, Shape, Shown};

/// Where a value stands: `{env: NAME}` or `{file: PATH}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// In an environment variable.
    Env(String),
    /// In a file, relative to the folder of the configuration file.
    File(PathBuf),
}

/// A secret: written out, or a [`Reference`] to where it stands. Room `config` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// It stands in the configuration itself.
    Written(Secret<String>),
    /// It stands elsewhere.
    Elsewhere(Reference, Mark),
}

impl Decode for Reference {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let keys = super::Keys::of(node, &["env", "file"], cx)?;
        match (keys.read::<String>("env", cx), keys.read::<PathBuf>("file", cx)) {
            (Some(name), None) => Some(Self::Env(name)),
            (None, Some(path)) => Some(Self::File(path)),
            (None, None) | (Some(_), Some(_)) => {
                let problem = Problem::new(
                    "invalid-value",
                    "a reference names either a variable or a file",
                    "Write `{env: NAME}` or `{file: PATH}`.",
                );
                cx.error(node.mark, problem);
                None
            }
        }
    }

    fn shape() -> Shape {
        let key = |name, doc, shape| KeyShape { name, doc, shape, default: Some(Shown::Absent) };
        Shape::Object(vec![
            key("env", "The name of an environment variable.", Shape::Text("the name of a variable")),
            key("file", "A file, relative to this one.", PathBuf::shape()),
        ])
    }

    fn show(&self) -> Shown {
        Shown::Object
    }
}

impl Decode for SecretSource {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Some(Self::Elsewhere(Reference::decode(node, cx)?, node.mark)),
            Value::Scalar(_) | Value::List(_) => Some(Self::Written(Secret::new(String::decode(node, cx)?))),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Text("the secret itself"), Reference::shape()])
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}
