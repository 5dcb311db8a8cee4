//! Reading a mapping key by key.

use std::ops::RangeInclusive;

use super::context::{Context, Problem};
use super::decode::{Bounded, Decode};
use super::node::{Key, Mark, Node, Value};
use super::suggest::closest;

/// A mapping whose unknown keys have been reported already.
#[derive(Debug)]
pub struct Keys<'a> {
    mark: Mark,
    entries: &'a [(Key, Node)],
}

impl<'a> Keys<'a> {
    /// Opens a mapping. Whatever else the node is, and every key that is not `known`, is reported.
    #[must_use]
    pub fn of(node: &'a Node, known: &[&str], cx: &mut Context) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let keys = known.join("`, `");
            cx.error(
                node.mark,
                Problem::new(
                    "wrong-type",
                    format!("{node} is not a mapping"),
                    "Write `key: value` lines here.",
                )
                .expecting(format!("a mapping with the keys `{keys}`")),
            );
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&&*key.text)) {
            unknown(key, known, cx);
        }
        Some(Self { mark: node.mark, entries })
    }

    /// The value of a key.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(key, _)| &*key.text == name).map(|(_, node)| node)
    }

    /// Decodes a key that may be absent. `None`: absent, or wrong and reported.
    pub fn read<T: Decode>(&self, name: &str, cx: &mut Context) -> Option<T> {
        let node = self.find(name)?;
        cx.in_key(name, |cx| T::decode(node, cx))
    }

    /// Decodes a number that may be absent and has bounds. `None`: absent, or wrong and reported.
    pub fn read_within<T: Bounded>(
        &self,
        name: &str,
        bounds: RangeInclusive<T::Number>,
        cx: &mut Context,
    ) -> Option<T> {
        let node = self.find(name)?;
        cx.in_key(name, |cx| T::decode_within(node, bounds, cx))
    }

    /// Decodes a key that must be there. `None`: absent or wrong; both are reported.
    pub fn require<T: Decode>(&self, name: &str, cx: &mut Context) -> Option<T> {
        if self.find(name).is_none() {
            let problem =
                Problem::new("missing-key", format!("`{name}` is missing"), format!("Add `{name}:`."));
            cx.error(self.mark, problem.expecting(T::shape().to_string()));
        }
        self.read(name, cx)
    }
}

/// The key that a field of a struct stands for: `r#ref` is `ref`. For [`config!`](crate::config!).
#[doc(hidden)]
#[must_use]
pub fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

fn unknown(key: &Key, known: &[&str], cx: &mut Context) {
    let mut text: String = key.text.chars().take(80).collect();
    if text.is_empty() {
        text.push_str("(empty)");
    }
    let action = match closest(&text, known) {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => "Remove it.".into(),
    };
    let problem = Problem::new("unknown-key", format!("unknown key `{text}`"), action)
        .expecting(format!("one of `{}`", known.join("`, `")));
    cx.in_key(&text, |cx| cx.error(key.mark, problem));
}
