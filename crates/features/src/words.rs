//! Values that are written as one text, and that many features have.

use rempart_base::config::{Context, Decode, FromText, Node, Problem, Shape, Shown, Value};

/// A text that may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording(pub String);

impl Decode for Wording {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => Some(Self::default()),
            Value::Scalar(scalar) => Some(Self(scalar.text.to_string())),
            Value::List(_) | Value::Map(_) => {
                let problem =
                    Problem::new("wrong-type", format!("{node} is not a text"), "Write one text here.");
                cx.error(node.mark, problem.expecting("a text"));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text("a text")
    }

    fn show(&self) -> Shown {
        if self.0.is_empty() { Shown::Absent } else { Shown::Text(self.0.clone()) }
    }
}

/// Something that Cloudflare's API says and that means nothing here: it may stand there, so that what the API
/// answers can be written down as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored;

impl Decode for Ignored {
    fn decode(_: &Node, _: &mut Context) -> Option<Self> {
        Some(Self)
    }

    fn shape() -> Shape {
        Shape::Text("anything")
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

/// An id or a name that the operator gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identifier(pub String);

/// The longest identifier, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 128;

impl FromText for Identifier {
    const EXPECTED: &'static str = "an id or a name: at most 128 printable characters";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty".into());
        }
        if text.len() > IDENTIFIER_BYTES_MAX {
            return Err(format!("is longer than {IDENTIFIER_BYTES_MAX} bytes"));
        }
        match text.chars().any(char::is_control) {
            true => Err("has characters that cannot be printed".into()),
            false => Ok(Self(text.into())),
        }
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// An expression, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionText(pub String);

impl FromText for ExpressionText {
    const EXPECTED: &'static str = "an expression of the Rules language, of at most 4,096 characters";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

rempart_base::config_text!(Identifier, ExpressionText);
