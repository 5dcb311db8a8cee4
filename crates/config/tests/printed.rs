//! What is printed from the types: reference and schema.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;

// The documents are of the program that is released.
#[cfg(not(feature = "fault"))]
#[test]
fn the_reference_in_the_documents_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let printed = rempart_config::reference();
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "docs/configuration.md is not what `rempart reference` prints: run this test with UPDATE_CASES=1"
    );
}

#[test]
fn every_key_of_the_schema_is_described_and_no_other_is_allowed() {
    let schema = rempart_config::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut objects = 0;
    check(&schema, &mut objects);
    assert!(objects > 10, "{objects}");
    let head = &schema["properties"]["limits"]["properties"]["head_bytes_max"];
    assert_eq!(
        (&head["minimum"], &head["maximum"], &head["default"]),
        (&1024.into(), &1_048_576.into(), &65_536.into())
    );
    let zone = &schema["properties"]["zones"]["items"];
    assert_eq!(zone["required"], serde_json::json!(["name", "origins"]));
    assert_eq!(zone["properties"]["origins"]["minItems"], 1);
}

fn check(schema: &Value, objects: &mut usize) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        *objects += 1;
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        for (key, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{key}");
            check(property, objects);
        }
    }
    for below in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        check(below, objects);
    }
    if let Some(items) = schema.get("items") {
        check(items, objects);
    }
}
