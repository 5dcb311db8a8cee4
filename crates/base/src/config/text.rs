//! Types that are written as one text.

use super::context::{Context, Problem};
use super::node::Node;

/// A type that is written as one text. [`config_text!`](crate::config_text!) makes it decodable.
pub trait FromText: Sized {
    /// What is expected, for example `an IP address and port`.
    const EXPECTED: &'static str;

    /// Parses it.
    ///
    /// # Errors
    /// Says what is wrong with it, as the end of a sentence that begins with the text itself:
    /// `has no port`.
    fn from_text(text: &str) -> Result<Self, String>;

    /// As the operator would write it.
    fn to_text(&self) -> String;

    /// Decodes a node.
    fn from_node(node: &Node, cx: &mut Context) -> Option<Self> {
        let problem = match node.text().map(Self::from_text) {
            Some(Ok(value)) => return Some(value),
            Some(Err(wrong)) => {
                Problem::new("invalid-value", format!("{node} {wrong}"), "Correct the value.")
            }
            None => Problem::new("wrong-type", format!("{node} is not a text"), "Write one text here."),
        };
        cx.error(node.mark, problem.expecting(Self::EXPECTED));
        None
    }
}

/// Makes [`FromText`] types decodable.
#[macro_export]
macro_rules! config_text {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::config::Decode for $type {
            fn decode(node: &$crate::config::Node, cx: &mut $crate::config::Context) -> Option<Self> {
                <Self as $crate::config::FromText>::from_node(node, cx)
            }
            fn shape() -> $crate::config::Shape {
                $crate::config::Shape::Text(<Self as $crate::config::FromText>::EXPECTED)
            }
            fn show(&self) -> $crate::config::Shown {
                $crate::config::Shown::Text(<Self as $crate::config::FromText>::to_text(self))
            }
        }
    )+};
}

/// Makes an enum decodable whose variants are written as words.
#[macro_export]
macro_rules! config_words {
    ($type:ty { $($variant:path = $word:literal),+ $(,)? }) => {
        impl $crate::config::Decode for $type {
            fn decode(node: &$crate::config::Node, cx: &mut $crate::config::Context) -> Option<Self> {
                const WORDS: &[&str] = &[$($word),+];
                match node.text() {
                    $(Some($word) => Some($variant),)+
                    _ => {
                        $crate::config::report_word(node, WORDS, cx);
                        None
                    }
                }
            }
            fn shape() -> $crate::config::Shape {
                $crate::config::Shape::OneOf(&[$($word),+])
            }
            fn show(&self) -> $crate::config::Shown {
                match self { $($variant => $crate::config::Shown::Text($word.into())),+ }
            }
        }
    };
}

/// Reports a node that is none of the words. For [`config_words!`](crate::config_words!).
#[doc(hidden)]
pub fn report_word(node: &Node, words: &[&str], cx: &mut Context) {
    let action = match node.text().and_then(|text| super::suggest::closest(text, words)) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => "Write one of these words.".into(),
    };
    let problem = Problem::new("invalid-value", format!("{node} is not one of the words"), action);
    cx.error(node.mark, problem.expecting(format!("one of `{}`", words.join("`, `"))));
}
