//! Any bytes as a JSON text, and any way through it: what is found is what another reader finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::body::json::{Key, integer, string};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let [ways, input @ ..] = input else { return };
    // The first bytes are the way: each names a member of one letter, or an index.
    let (ways, text) = input.split_at(usize::from(ways % 5).min(input.len()));
    let keys: Vec<Key<'_>> = ways
        .iter()
        .map(|way| {
            if way % 2 == 0 {
                Key::Index(u64::from(way / 2 % 4))
            } else {
                Key::Member(std::slice::from_ref(way))
            }
        })
        .collect();
    let (text_found, integer_found) = (string(text, &keys), integer(text, &keys));
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let value: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        // Bounds of that reader.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => return,
        Err(_) => return assert_eq!((text_found, integer_found), (None, None)),
    };
    let target = keys.iter().try_fold(&value, |value, key| match key {
        Key::Member(name) => value.as_object()?.get(std::str::from_utf8(name).ok()?),
        Key::Index(index) => value.as_array()?.get(usize::try_from(*index).ok()?),
    });
    assert_eq!(text_found.as_deref(), target.and_then(Value::as_str).map(str::as_bytes));
    // It takes -0 for a fraction.
    let is_zero = target.and_then(Value::as_f64) == Some(0.0);
    assert!(integer_found == target.and_then(Value::as_i64) || (is_zero && integer_found == Some(0)));
});
