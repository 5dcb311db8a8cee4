//! Values as people read them, cut to a bound.

use crate::arena::Arena;
use crate::value::Value;
use std::fmt::{self, Write};

/// So many elements of an array or a map are shown.
const ELEMENTS_MAX: usize = 8;

/// A value as it would stand in an expression: text in quotes, what is no visible ASCII as escapes. At most about
/// `bytes_max` bytes of it, then dots.
#[must_use]
pub fn shown<'a>(value: Value<'a>, arena: &'a Arena<'a>, bytes_max: usize) -> String {
    let mut out = String::new();
    write(&mut out, value, arena, bytes_max);
    out
}

fn add(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

fn write<'a>(out: &mut String, value: Value<'a>, arena: &'a Arena<'a>, bytes_max: usize) {
    match value {
        Value::Missing => out.push_str("(missing)"),
        Value::Bool(bool) => out.push_str(if bool { "true" } else { "false" }),
        Value::Int(int) => add(out, format_args!("{int}")),
        Value::Ip(ip) => add(out, format_args!("{ip}")),
        Value::Bytes(bytes) => text(out, bytes, bytes_max),
        Value::Array(array) => {
            list(out, array.len(), bytes_max, ['[', ']'], |out, at, left| {
                write(out, array.at(at, arena), arena, left);
            });
        }
        Value::Map(map) => {
            list(out, map.len(), bytes_max, ['{', '}'], |out, at, left| {
                if let Some((key, value)) = map.at(at, arena) {
                    text(out, key, left);
                    out.push_str(": ");
                    write(out, value, arena, left);
                }
            });
        }
    }
}

fn list(
    out: &mut String,
    count: usize,
    bytes_max: usize,
    [open, close]: [char; 2],
    mut element: impl FnMut(&mut String, usize, usize),
) {
    out.push(open);
    let end = out.len().saturating_add(bytes_max);
    for at in 0..count {
        if at > 0 {
            out.push_str(", ");
        }
        let left = end.saturating_sub(out.len());
        if at == ELEMENTS_MAX || left == 0 {
            add(out, format_args!("… {} more", count - at));
            break;
        }
        element(out, at, left);
    }
    out.push(close);
}

/// Text in quotes. One escape more than `bytes_max` may stand before the dots.
fn text(out: &mut String, bytes: &[u8], bytes_max: usize) {
    out.push('"');
    let end = out.len().saturating_add(bytes_max);
    for (at, byte) in bytes.iter().enumerate() {
        if out.len() >= end {
            add(out, format_args!("\" … {} bytes more", bytes.len() - at));
            return;
        }
        match byte {
            b'"' | b'\\' => add(out, format_args!("\\{}", char::from(*byte))),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => add(out, format_args!("\\x{other:02x}")),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Array;

    #[test]
    fn what_is_no_ascii_is_escaped_and_what_is_long_is_cut() {
        let arena = Arena::default();
        let of = |bytes: &[u8], max| shown(Value::Bytes(arena.bytes(bytes.to_vec())), &arena, max);
        assert_eq!(of(b"a\"\\\n\xff", 100), r#""a\"\\\x0a\xff""#);
        assert_eq!(of(b"abcd", 4), "\"abcd\"", "at the bound");
        assert_eq!(of(b"abcde", 4), "\"abcd\" … 1 bytes more", "one past it");
        assert_eq!(shown(Value::Missing, &arena, 9), "(missing)");
    }

    #[test]
    fn arrays_are_cut_too() {
        let arena = Arena::default();
        let numbers = |count: i64| {
            let values = arena.values((0..count).map(Value::Int).collect());
            shown(Value::Array(Array::Slice(values)), &arena, 100)
        };
        assert_eq!(numbers(2), "[0, 1]");
        assert_eq!(numbers(8), "[0, 1, 2, 3, 4, 5, 6, 7]");
        assert_eq!(numbers(10), "[0, 1, 2, 3, 4, 5, 6, 7, … 2 more]");
    }
}
