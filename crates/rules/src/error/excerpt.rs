//! The line in which a mistake stands.

use crate::ast::Span;

/// Characters of a line that are shown at most; of a longer one, those near the mistake.
const SHOWN_MAX: usize = 160;

pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) excerpt: String,
}

impl Place {
    /// Finds the line of a span's first byte and marks what of the span is in it.
    pub(super) fn of(text: &str, span: Span) -> Place {
        let start = floor(text, span.start);
        let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let rest = after.split('\n').next().unwrap_or_default();
        let marked = after.get(..ceil(after, span.end.saturating_sub(start))).unwrap_or_default();
        let marked = marked.split('\n').next().unwrap_or_default().chars().count().max(1);

        let shown: Vec<char> =
            before.get(line_start..).unwrap_or_default().chars().chain(rest.chars()).map(visible).collect();
        let skipped = if shown.len() <= SHOWN_MAX { 0 } else { column.saturating_sub(SHOWN_MAX / 2) };
        let window: String = shown.iter().skip(skipped).take(SHOWN_MAX).collect();
        let window = window.trim_end();
        let (cut, indent) = if skipped == 0 { ("", column) } else { ("… ", column - skipped + 2) };
        let marks = marked.min((SHOWN_MAX + 2).saturating_sub(indent)).max(1);
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
            excerpt: format!("{cut}{window}\n{}{}", " ".repeat(indent), "^".repeat(marks)),
        }
    }
}

/// Every character takes one column, so that the marks stand below what they mean.
fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The start of the character in which this byte is.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The end of the character in which this byte is.
fn ceil(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}
