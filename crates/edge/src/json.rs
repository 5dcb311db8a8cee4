//! One JSON object on one line, written without a tree and without the formatting machinery. Keys come
//! with everything around them, as one literal ([`key!`]): a line has some thirty fields, and there is one
//! line an exchange.

use std::time::Duration;

use rempart_base::Now;

use crate::text::SecondText;

/// A moment with its quotes.
const TIME_BYTES: usize = 26;

/// A line under way.
pub struct Line<'a> {
    out: &'a mut Vec<u8>,
}

/// A key as it stands in the line: comma, quotes and colon included.
#[derive(Clone, Copy)]
pub struct Key {
    /// Before a number.
    pub number: &'static str,
    /// Before a text: its opening quote is included too.
    pub text: &'static str,
}

/// Makes a [`Key`].
#[macro_export]
macro_rules! key {
    ($name:literal) => {
        $crate::json::Key { number: concat!(",\"", $name, "\":"), text: concat!(",\"", $name, "\":\"") }
    };
}

impl<'a> Line<'a> {
    /// Begins an object with its first key and text, neither of which needs escapes.
    pub fn begin(out: &'a mut Vec<u8>, first: &'static str, text: &[u8]) -> Self {
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(text);
        out.push(b'"');
        Self { out }
    }

    /// Ends it, and the line.
    pub fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    /// Keys and values that are known beforehand, as they stand in the line, comma included.
    #[inline]
    pub fn literal(&mut self, text: &'static str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A text that certainly needs no escapes.
    #[inline]
    pub fn raw_text(&mut self, key: Key, text: &[u8]) {
        self.out.extend_from_slice(key.text.as_bytes());
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    /// A text from outside. Bytes that are not UTF-8 are shown as U+FFFD. Answers whether it needed no escapes.
    #[inline]
    pub fn text(&mut self, key: Key, text: &[u8]) -> bool {
        let needs_none = is_plain(text);
        if needs_none {
            self.raw_text(key, text);
        } else {
            self.escaped(key, text);
        }
        needs_none
    }

    #[cold]
    fn escaped(&mut self, key: Key, text: &[u8]) {
        self.out.extend_from_slice(key.text.as_bytes());
        escape(self.out, text);
        self.out.push(b'"');
    }

    /// Texts from outside, as an array.
    pub fn texts<'t>(&mut self, key: Key, texts: impl Iterator<Item = &'t [u8]>) {
        self.out.extend_from_slice(key.number.as_bytes());
        self.out.push(b'[');
        for (number, text) in texts.enumerate() {
            self.out.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
            escape(self.out, text);
            self.out.push(b'"');
        }
        self.out.push(b']');
    }

    /// Keys and values as they stand in the line, comma included.
    pub fn members(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// A status: three digits, or 0.
    #[inline]
    pub fn status(&mut self, key: Key, status: u16) {
        let digit = |number: u16| b'0' + u8::try_from(number % 10).unwrap_or(0);
        self.out.extend_from_slice(key.number.as_bytes());
        match status {
            100..=999 => {
                self.out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status)]);
            }
            _ => self.out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes()),
        }
    }

    /// A number.
    #[inline]
    pub fn number(&mut self, key: Key, number: u64) {
        self.out.extend_from_slice(key.number.as_bytes());
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Whole milliseconds.
    pub fn millis(&mut self, key: Key, time: Duration) {
        self.number(key, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// The moment that was written last, once more.
    #[inline]
    pub fn same_time(&mut self, key: Key) {
        let last = self.out.last_chunk::<TIME_BYTES>().copied().unwrap_or_default();
        self.out.extend_from_slice(key.number.as_bytes());
        self.out.extend_from_slice(&last);
    }

    /// A moment, in RFC 3339 with milliseconds. `second` helps if it is that moment's.
    pub fn time(&mut self, key: Key, moment: Now, second: &SecondText) {
        let millis = moment.unix_ns / 1_000_000 % 1_000;
        let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or(0);
        let mut text: [u8; TIME_BYTES] = *b"\"1970-01-01T00:00:00.000Z\"";
        if let Some((seconds, fraction)) = text.split_at_mut_checked(20) {
            if let Some(slot) = seconds.get_mut(1..) {
                slot.copy_from_slice(&second.rfc3339_of(moment.unix_s()));
            }
            if let [_, a, b, c, ..] = fraction {
                (*a, *b, *c) = (digit(millis / 100), digit(millis / 10), digit(millis));
            }
        }
        self.out.extend_from_slice(key.number.as_bytes());
        self.out.extend_from_slice(&text);
    }
}

/// Whether a text is printable ASCII without quote and backslash. Eight bytes at a time: a user agent is a
/// hundred bytes, and nearly every text is plain.
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    words.iter().all(|word| is_plain_word(u64::from_le_bytes(*word)))
        && rest.iter().all(|byte| matches!(byte, 0x20..=0x7e) && *byte != b'"' && *byte != b'\\')
}

const fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte of these is set (among others) where the byte is zero after the xor, or
    // below 0x20. A byte above 0x7f has its own high bit; those are found first, so no borrow misleads.
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let delete = word ^ (ONES * 0x7f);
    let control = word.wrapping_sub(ONES * 0x20);
    let zeros = quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES) | delete.wrapping_sub(ONES);
    (word | control | zeros) & HIGH == 0
}

/// Writes a text as it stands between the quotes of a string.
pub(crate) fn escape(out: &mut Vec<u8>, text: &[u8]) {
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
        let mut line = Line::begin(&mut out, "a", b"plain");
        line.text(key!("b"), b"q\"b\\n\n\x7f\xff\xc3\xa9");
        line.number(key!("c"), 42);
        line.time(key!("d"), Now { unix_ns: 784_111_777_042_000_000, ..Now::read() }, &SecondText::default());
        line.same_time(key!("e"));
        line.status(key!("f"), 304);
        line.status(key!("g"), 0);
        line.literal(",\"h\":true");
        line.end();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&value["e"], &value["f"], &value["g"]), (&value["d"], &304.into(), &0.into()));
        assert_eq!(value["h"], true);
        assert_eq!(value["b"], "q\"b\\n\n\x7f\u{fffd}é");
        assert_eq!(value["d"], "1994-11-06T08:49:37.042Z");
        assert_eq!((value["a"].as_str(), value["c"].as_u64()), (Some("plain"), Some(42)));
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
    }

    #[test]
    fn no_byte_in_no_place_passes_for_plain_that_is_not() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\';
            for at in 0..12 {
                let mut text = *b"plain text..";
                text[at] = byte;
                let seen = is_plain(&text);
                assert!(plain || !seen, "{byte:#x} at {at} would break the line");
                assert!(!plain || seen || at < 8, "{byte:#x} at {at}");
            }
        }
        assert!(is_plain(b"Mozilla/5.0 (X11; Linux x86_64) ~!#$%&'()*+,-./:;<=>?@[]^_`{|}"));
    }
}
