//! The reference of the configuration, in Markdown.

use std::fmt::Write as _;

use rempart_base::config::{Decode as _, KeyShape, Shape, Shown};

use crate::files::CONFIG_BYTES_MAX;
use crate::include::FILES_MAX;
use crate::tree::Config;
use crate::yaml::{DEPTH_MAX, NODES_MAX};

/// The reference: every key with what may be written there and what holds without it.
#[must_use]
pub fn reference() -> String {
    let mut pages = Pages { text: introduction(), printed: Vec::new() };
    pages.object("", &Config::shape());
    pages.text
}

/// A text of several lines as one.
pub(crate) fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn introduction() -> String {
    format!(
        "# Configuration reference

<!-- Printed by `rempart reference` from the types that read the configuration. Do not edit. -->

The configuration is one YAML file, `rempart.yaml`. This is enough:

```yaml
listen:
  http: [\"127.0.0.1:8080\"]
  https: [\"127.0.0.1:8443\"]
data_dir: ./data
zones:
  - name: shop.example
    origins: [\"http://127.0.0.1:9000\"]
```

`rempart check FILE` reports everything that is wrong with a file, each problem with its place and what to do.
`rempart schema` prints a JSON Schema for editors. The unit of a number is the end of its key: `_ms` are
milliseconds, `_s` seconds, `_bytes` bytes. Paths are relative to the folder of the file in which they stand. A file has at most
{CONFIG_BYTES_MAX} bytes (`config_bytes_max`), {NODES_MAX} values and {DEPTH_MAX} lists and mappings inside each other; at
most {FILES_MAX} files are included. Anchors and aliases may be used; merge keys (`<<`) and tags may not.
"
    )
}

struct Pages {
    text: String,
    /// The sections so far, to refer to instead of repeating them.
    printed: Vec<(String, Vec<&'static str>)>,
}

impl Pages {
    fn object(&mut self, path: &str, shape: &Shape) {
        let Shape::Object(keys) = shape else { return };
        let title = if path.is_empty() { "The file".to_owned() } else { format!("`{path}`") };
        let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
        let same = self.printed.iter().find(|(_, known)| *known == names).map(|(title, _)| title);
        if let Some(same) = same {
            let _ = write!(self.text, "\n## {title}\n\nThe same keys as in {same}.\n");
            return;
        }
        let _ = write!(
            self.text,
            "\n## {title}\n\n| key | value | default | what it does |\n| --- | --- | --- | --- |\n"
        );
        for key in keys {
            self.row(key);
        }
        self.printed.push((title, names));
        for key in keys {
            let below = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            self.below(&below, &key.shape);
        }
    }

    fn row(&mut self, key: &KeyShape) {
        let default = match &key.default {
            None => "required".into(),
            Some(value) => shown(value),
        };
        let cells = [format!("`{}`", key.name), kind(&key.shape), default, one_line(key.doc)];
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    /// The mappings that can stand at one place.
    fn below(&mut self, path: &str, shape: &Shape) {
        match shape {
            Shape::Bool | Shape::Integer { .. } | Shape::Text(_) | Shape::OneOf(_) => {}
            Shape::List(of) => self.below(&format!("{path}[]"), of),
            Shape::Object(_) => self.object(path, shape),
            Shape::Each { value, .. } => self.below(&format!("{path}.*"), value),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| self.below(path, shape)),
        }
    }
}

/// What may be written, in short: a mapping has a section of its own.
fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Object(_) => "a mapping, see below".into(),
        Shape::List(of) => format!("a list: {}", kind(of)),
        Shape::Each { key, value } => format!("a mapping from {key} to {}", kind(value)),
        Shape::Either(shapes) => shapes.iter().map(kind).collect::<Vec<_>>().join("; or "),
        Shape::Bool | Shape::Integer { .. } | Shape::Text(_) | Shape::OneOf(_) => shape.to_string(),
    }
}

fn shown(value: &Shown) -> String {
    match value {
        Shown::Absent | Shown::Object => String::new(),
        Shown::List(values) if values.is_empty() => "none".into(),
        Shown::Bool(value) => format!("`{value}`"),
        Shown::Integer(value) => format!("`{value}`"),
        Shown::Text(value) => format!("`{value}`"),
        Shown::List(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
    }
}
