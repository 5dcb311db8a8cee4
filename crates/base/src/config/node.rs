//! The tree.

use std::fmt;
use std::sync::Arc;

/// A position in a file whose name is known from elsewhere. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Mark {
    /// The beginning of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One node. Cloning is cheap: the content is shared, so an alias costs no copy.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// A word, a number, a text.
    Scalar(Scalar),
    /// A sequence.
    List(Arc<[Node]>),
    /// A mapping, in the order of the file, without duplicates.
    Map(Arc<[(Key, Node)]>),
}

/// A scalar as it was written: its meaning is up to who reads it.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text, without quotes.
    pub text: Arc<str>,
    /// Written without quotes: only then can it be a number, `true`, `false` or nothing.
    pub plain: bool,
}

/// The key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// The text.
    pub text: Arc<str>,
    /// Where it begins.
    pub mark: Mark,
}

impl Node {
    /// The text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value of a key, if this is a mapping that has it.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| &*key.text == name).map(|(_, node)| node),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }
}

impl Scalar {
    /// Whether nothing stands here, or `null` or `~` (YAML 1.2 section 10.3.2).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }
}

/// What a node is, for messages: `the text "on"`, `a list`.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARS_MAX: usize = 60;
        let scalar = match &self.value {
            Value::List(_) => return f.write_str("a list"),
            Value::Map(_) => return f.write_str("a mapping"),
            Value::Scalar(scalar) => scalar,
        };
        if scalar.is_null() {
            return f.write_str("nothing");
        }
        let shown: String = scalar.text.chars().take(SHOWN_CHARS_MAX).collect();
        let dots = if shown.len() < scalar.text.len() { "…" } else { "" };
        if scalar.plain { write!(f, "`{shown}{dots}`") } else { write!(f, "the text {shown:?}{dots}") }
    }
}
