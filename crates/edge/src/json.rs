//! One JSON object on one line, written without a tree and without the formatting machinery.

use std::time::Duration;

use rempart_base::Now;

use crate::text::SecondText;

/// A line under way.
pub struct Line<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Line<'a> {
    /// Begins an object.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_first: true }
    }

    /// Ends it, and the line.
    pub fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A text that certainly needs no escapes.
    pub fn raw_text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    /// A text from outside. Bytes that are not UTF-8 are shown as U+FFFD.
    pub fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        if text.iter().all(|byte| is_plain(*byte)) {
            self.out.extend_from_slice(text);
        } else {
            escape(self.out, text);
        }
        self.out.push(b'"');
    }

    /// A number.
    pub fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Whole milliseconds.
    pub fn millis(&mut self, key: &str, time: Duration) {
        self.number(key, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// A moment, in RFC 3339 with milliseconds. `second` helps if it is that moment's.
    pub fn time(&mut self, key: &str, moment: Now, second: &SecondText) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(&second.rfc3339_of(moment.unix_s()));
        let millis = moment.unix_ns / 1_000_000 % 1_000;
        let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or(0);
        self.out.extend_from_slice(&[
            b'.',
            digit(millis / 100),
            digit(millis / 10),
            digit(millis),
            b'Z',
            b'"',
        ]);
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for part in text.utf8_chunks() {
        for byte in part.valid().bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0x00..=0x1f | 0x7f => {
                    let nibble = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
                    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', nibble(byte >> 4), nibble(byte)]);
                }
                _ => out.push(byte),
            }
        }
        if !part.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_text_the_line_is_json() {
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out);
        line.text("a", b"plain");
        line.text("b", b"q\"b\\n\n\x7f\xff\xc3\xa9");
        line.number("c", 42);
        line.time("d", Now { unix_ns: 784_111_777_042_000_000, ..Now::read() }, &SecondText::default());
        line.end();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["b"], "q\"b\\n\n\x7f\u{fffd}é");
        assert_eq!(value["d"], "1994-11-06T08:49:37.042Z");
        assert_eq!((value["a"].as_str(), value["c"].as_u64()), (Some("plain"), Some(42)));
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
