//! The JSON Schema of the configuration, for editors.

use rempart_base::config::{Decode as _, KeyShape, Shape, Shown};
use serde_json::{Map, Value, json};

use crate::tree::Config;

/// The JSON Schema (draft 2020-12) of the main file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "Rempart configuration".into());
    schema.append(&mut shape(&Config::shape()));
    Value::Object(schema)
}

fn shape(of: &Shape) -> Map<String, Value> {
    let schema = match of {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer { min, max: u64::MAX } => json!({"type": "integer", "minimum": min}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Text(what) => json!({"type": "string", "title": what}),
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::List(of) => json!({"type": "array", "items": shape(of), "minItems": 1}),
        Shape::Object(keys) => return object(keys),
        Shape::Each { value, .. } => json!({"type": "object", "additionalProperties": shape(value)}),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(shape).collect::<Vec<_>>()}),
    };
    match schema {
        Value::Object(schema) => schema,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn object(keys: &[KeyShape]) -> Map<String, Value> {
    let required: Vec<&str> = keys.iter().filter(|key| key.default.is_none()).map(|key| key.name).collect();
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key).into())).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema.insert("additionalProperties".into(), false.into());
    schema
}

fn property(key: &KeyShape) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("description".into(), crate::reference::one_line(key.doc).into());
    schema.append(&mut shape(&key.shape));
    if let Some(default) = key.default.as_ref().and_then(shown) {
        schema.insert("default".into(), default);
    }
    schema
}

fn shown(value: &Shown) -> Option<Value> {
    match value {
        Shown::Absent | Shown::Object => None,
        Shown::Bool(value) => Some((*value).into()),
        Shown::Integer(value) => Some((*value).into()),
        Shown::Text(value) => Some(value.as_str().into()),
        Shown::List(values) => Some(values.iter().filter_map(shown).collect::<Vec<_>>().into()),
    }
}
