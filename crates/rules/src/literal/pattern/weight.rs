//! What a pattern will cost, before it is compiled.

use super::PatternFault;
use crate::ast::Span;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Patterns nest no deeper.
const NEST_MAX: u32 = 100;

/// The pattern, read, and about how many states it will have when it is compiled.
pub(super) fn read(source: &str, max: usize) -> Result<(Hir, usize), PatternFault> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).nest_limit(NEST_MAX).build();
    let hir = parser.parse(source).map_err(|error| fault(source, &error))?;
    let weight = states(&hir);
    if weight > max {
        let message = "the patterns of this expression are too large together".to_owned();
        return Err(PatternFault { span: Span { start: 0, end: source.len() }, message });
    }
    Ok((hir, weight))
}

/// States of one node. Its depth is bounded by `NEST_MAX`.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len() / 16,
        // A range of characters is some sequences of bytes.
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(4).max(1),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            states(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(1, |sum, part| sum.saturating_add(states(part)))
        }
    }
}

fn fault(source: &str, error: &regex_syntax::Error) -> PatternFault {
    let (span, message) = match error {
        regex_syntax::Error::Parse(error) => (Some(error.span()), error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (Some(error.span()), error.kind().to_string()),
        _ => (None, "its syntax is not known".to_owned()),
    };
    let whole = Span { start: 0, end: source.len() };
    let message = format!("this is no regular expression: {message}");
    let span = span.map_or(whole, |span| Span { start: span.start.offset, end: span.end.offset });
    PatternFault { span, message }
}
