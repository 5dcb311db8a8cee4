//! Ids of what has none: made of its content, so that every edge comes to the same.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use rempart_base::config::{Node, Value};

/// 32 hex digits of some texts.
pub(crate) fn hash(texts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for text in texts {
        context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(text.as_bytes());
    }
    let digest = context.finish();
    digest.as_ref().iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A node as a text: the same for what means the same, wherever it stands.
pub(crate) fn text(node: &Node) -> String {
    let mut text = String::new();
    write(node, &mut text);
    text
}

fn write(node: &Node, to: &mut String) {
    match &node.value {
        Value::Scalar(scalar) => {
            let _ = write!(to, "{:?}", scalar.text);
        }
        Value::List(items) => {
            to.push('[');
            items.iter().for_each(|item| write(item, to));
            to.push(']');
        }
        Value::Map(entries) => {
            to.push('{');
            for (key, value) in entries.iter() {
                let _ = write!(to, "{:?}", key.text);
                write(value, to);
            }
            to.push('}');
        }
    }
}
