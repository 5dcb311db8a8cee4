//! Regular expressions and wildcard patterns, with the places of their mistakes.

use super::Parser;
use super::text::Text;
use crate::ast::Span;
use crate::error::Error;
use crate::literal::{PATTERNS_WEIGHT_MAX, Pattern, WildcardFault};

impl Parser<'_> {
    /// The right side of `matches`.
    pub(super) fn pattern(&mut self) -> Result<Pattern, Error> {
        let text = if self.is_at_text() {
            self.quoted_pattern()?
        } else {
            self.bytes("a regular expression in quotes")?
        };
        self.compiled(&text)
    }

    /// A text as a regular expression.
    pub(super) fn compiled(&mut self, text: &Text) -> Result<Pattern, Error> {
        let source = match std::str::from_utf8(&text.bytes) {
            Ok(source) => source,
            Err(error) => {
                let at = error.valid_up_to();
                let span = text.written(Span { start: at, end: at + 1 });
                let error = self.error(span, "a regular expression is UTF-8, and this byte is not");
                return Err(error.hint("In a pattern, \\xHH with (?-u) is a byte"));
            }
        };
        let left = PATTERNS_WEIGHT_MAX.saturating_sub(self.patterns_weight);
        let pattern = Pattern::within(source, left).map_err(|fault| {
            let span = if fault.span.start == 0 && fault.span.end == source.len() {
                text.span
            } else {
                text.written(fault.span)
            };
            let hint = if fault.message.contains("Unicode not allowed") { "(?u) allows it" } else { "" };
            self.error(span, fault.message).hint(hint)
        })?;
        self.patterns_weight += pattern.weight();
        Ok(pattern)
    }

    pub(super) fn wildcard_error(&self, text: &Text, fault: WildcardFault) -> Error {
        let error = self.error(text.span, fault.to_string());
        match fault {
            WildcardFault::DoubleStar => error,
            WildcardFault::Escape => error.hint(r#"A raw string, r"…", leaves backslashes as they are"#),
        }
    }
}
