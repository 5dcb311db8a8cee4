//! What may be written: the one description behind schema and reference.

use std::fmt;

/// What may be written at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number, bounds included.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A text; says which, for example `an IP address and port`.
    Text(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of at least one such item.
    List(Box<Self>),
    /// A mapping with these keys and no others.
    Object(Vec<KeyShape>),
    /// A mapping whose keys are the operator's choice.
    Each {
        /// What a key is, for example `the name of a header field`.
        key: &'static str,
        /// What may be written behind each.
        value: Box<Self>,
    },
    /// One or the other.
    Either(Vec<Self>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyShape {
    /// The key.
    pub name: &'static str,
    /// What the reference says about it.
    pub doc: &'static str,
    /// What may be written there.
    pub shape: Shape,
    /// What holds without it; `None`: it must be there.
    pub default: Option<Shown>,
}

/// A value, to be shown as somebody's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is none, or the text says what holds.
    Absent,
    /// A truth value.
    Bool(bool),
    /// A number.
    Integer(u64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping: its keys have their own defaults.
    Object,
}

/// In words, for messages and the reference.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("`true` or `false`"),
            Self::Integer { min, max: u64::MAX } => write!(f, "a whole number from {min}"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Text(what) => f.write_str(what),
            Self::OneOf(words) => write!(f, "one of `{}`", words.join("`, `")),
            Self::List(of) => write!(f, "a list of {of}"),
            Self::Object(keys) => {
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                write!(f, "a mapping with the keys `{}`", names.join("`, `"))
            }
            Self::Each { key, value } => write!(f, "a mapping from {key} to {value}"),
            Self::Either(shapes) => {
                for (i, shape) in shapes.iter().enumerate() {
                    write!(f, "{}{shape}", if i == 0 { "" } else { ", or " })?;
                }
                Ok(())
            }
        }
    }
}
