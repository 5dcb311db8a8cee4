//! Texts: quoted, raw, and quoted for `matches`.

use super::Parser;
use crate::ast::Span;
use crate::error::Error;

/// A text literal, and where each of its bytes comes from.
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// For each byte, where it is written; one more for the end.
    offsets: Vec<usize>,
    /// The whole literal, with its quotes.
    pub(super) span: Span,
}

impl Text {
    /// Where a stretch of the bytes is written.
    pub(super) fn written(&self, part: Span) -> Span {
        let at = |byte: usize| self.offsets.get(byte).copied().unwrap_or(self.span.end);
        let start = at(part.start);
        Span { start, end: at(part.end).max(start) }
    }

    /// A text that is written without escapes.
    pub(super) fn plain(text: &str, start: usize, span: Span) -> Text {
        Text { bytes: text.as_bytes().to_vec(), offsets: (start..=start + text.len()).collect(), span }
    }

    /// Bytes that are written as pairs of digits with one character between.
    pub(super) fn pairs(bytes: Vec<u8>, span: Span) -> Text {
        let offsets = (0..=bytes.len()).map(|byte| (span.start + 3 * byte).min(span.end)).collect();
        Text { bytes, offsets, span }
    }

    fn opened(start: usize) -> Text {
        Text { bytes: Vec::new(), offsets: Vec::new(), span: Span { start, end: start } }
    }

    fn push(&mut self, bytes: &[u8], at: usize) {
        self.bytes.extend_from_slice(bytes);
        self.offsets.extend(at..at + bytes.len());
    }

    /// Adds one byte that takes an escape to write.
    fn push_escaped(&mut self, byte: u8, at: usize) {
        self.bytes.push(byte);
        self.offsets.push(at);
    }

    fn close(mut self, quote: usize) -> Text {
        self.offsets.push(quote);
        self.span.end = quote + 1;
        self
    }
}

impl Parser<'_> {
    /// Whether a text in quotes, plain or raw, is next.
    pub(super) fn is_at_text(&self) -> bool {
        self.rest().starts_with('"') || self.is_at_raw()
    }

    fn is_at_raw(&self) -> bool {
        self.rest().strip_prefix('r').is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    }

    /// A text in quotes, which is next: `"…"` with escapes, or `r#"…"#` without.
    pub(super) fn quoted(&mut self) -> Result<Text, Error> {
        if self.is_at_raw() {
            return self.raw();
        }
        let mut text = Text::opened(self.at);
        self.at += 1;
        loop {
            let at = self.at;
            let Some(next) = self.peek() else {
                return Err(self.no_end(text.span.start, "`\"`"));
            };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text.close(at)),
                '\\' => {
                    let byte = self.escape(at)?;
                    text.push_escaped(byte, at);
                }
                other => text.push(other.encode_utf8(&mut [0; 4]).as_bytes(), at),
            }
        }
    }

    /// What stands behind a backslash at `at`.
    fn escape(&mut self, at: usize) -> Result<u8, Error> {
        let rest = self.rest();
        let (byte, taken) = match rest.bytes().next() {
            Some(byte @ (b'"' | b'\\')) => (Some(byte), 1),
            Some(b'x') => (digits(rest, 1, 2, 16), 3),
            Some(b'0'..=b'7') => (digits(rest, 0, 3, 8), 3),
            _ => (None, 0),
        };
        if let Some(byte) = byte {
            self.at += taken;
            return Ok(byte);
        }
        let next = self.peek().map_or(0, char::len_utf8);
        let span = Span { start: at, end: self.at + next };
        let error = self.error(span, format!("{} is no escape", self.shown(span)));
        let hint = "In a raw string, r\"…\", nothing is escaped";
        Err(error
            .expected(r#"`\"`, `\\`, `\x` with two hexadecimal digits, or three octal digits up to `\377`"#)
            .hint(hint))
    }

    /// `r"…"`, `r#"…"#` and so on: ends at the first quote with as many marks behind it.
    fn raw(&mut self) -> Result<Text, Error> {
        const MARKS_MAX: usize = 255;
        let start = self.at;
        self.at += 1;
        let marks = self.run(|c| c == '#').len();
        if marks > MARKS_MAX {
            let message = format!("a raw string has at most {MARKS_MAX} `#`, and this has {marks}");
            return Err(self.error(self.ahead(marks), message));
        }
        self.at += marks + 1;
        let inner = self.at;
        loop {
            let Some(quote) = self.rest().find('"').map(|offset| self.at + offset) else {
                return Err(self.no_end(start, &format!("`\"{}`", "#".repeat(marks))));
            };
            self.at = quote + 1;
            let behind = self.run(|c| c == '#').len();
            self.at += behind.min(marks);
            if behind >= marks {
                let text = self.text.get(inner..quote).unwrap_or_default();
                return Ok(Text::plain(text, inner, self.since(start)));
            }
        }
    }

    /// A text for `matches`. In plain quotes backslashes are the pattern's: only `\"` outside of a class in
    /// brackets becomes a quote, and a quote inside of one does not end the text.
    pub(super) fn quoted_pattern(&mut self) -> Result<Text, Error> {
        if self.is_at_raw() {
            return self.raw();
        }
        let mut text = Text::opened(self.at);
        let mut is_in_class = false;
        self.at += 1;
        loop {
            let at = self.at;
            let Some(next) = self.peek() else {
                let error = self.no_end(text.span.start, "`\"`");
                return Err(if is_in_class {
                    error.hint("A quote between `[` and `]` does not end it")
                } else {
                    error
                });
            };
            self.at += next.len_utf8();
            match next {
                '"' if !is_in_class => return Ok(text.close(at)),
                '\\' => {
                    let escaped = self.peek();
                    self.at += escaped.map_or(0, char::len_utf8);
                    match escaped {
                        Some('"') if !is_in_class => text.push_escaped(b'"', at),
                        _ => text.push(self.text.get(at..self.at).unwrap_or_default().as_bytes(), at),
                    }
                }
                other => {
                    is_in_class = if is_in_class { other != ']' } else { other == '[' };
                    text.push(other.encode_utf8(&mut [0; 4]).as_bytes(), at);
                }
            }
        }
    }

    fn no_end(&self, start: usize, wanted: &str) -> Error {
        let opening = Span { start, end: start + 1 };
        self.error(opening, "this text does not end")
            .expected(format!("{wanted} before the end of the expression"))
    }
}

/// The byte that so many digits from there on stand for.
fn digits(text: &str, from: usize, count: usize, radix: u32) -> Option<u8> {
    let digits = text.get(from..from + count)?;
    // `from_str_radix` would take a sign.
    if digits.chars().all(|c| c.is_digit(radix)) { u8::from_str_radix(digits, radix).ok() } else { None }
}
