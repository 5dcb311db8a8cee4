//! Expressions of rules, and texts that are written or made by one.

use rempart_base::config::{Context, Mark, Problem, Spanned};
use rempart_rules::{Error, Filter, FilterId, Scope, Type, ValueExpression, ValueId};

use crate::rulesets::config::ValueOrExpression;
use crate::rulesets::plan::Text;
use crate::words::{ExpressionText, Wording};

use super::actions::Maker;
use super::lint;

impl Maker<'_, '_> {
    /// A filter of the phase's program, and why it is always true if that is not what it looks like; what is wrong
    /// with it is reported.
    pub(super) fn filter(
        &mut self,
        text: &Spanned<ExpressionText>,
        cx: &mut Context,
    ) -> Option<(FilterId, Option<Box<str>>)> {
        let scope = self.scope();
        match Filter::parse(&text.value.0, scope) {
            Ok(filter) => {
                let always = lint::filter(&filter, self.bench.lists, text.mark, cx);
                Some((self.builder.filter(&filter), always))
            }
            Err(error) => {
                report(&error, text.mark, cx);
                None
            }
        }
    }

    /// A value of the phase's program; what is wrong with it is reported.
    pub(super) fn value(
        &mut self,
        text: &Spanned<ExpressionText>,
        wanted: Type,
        cx: &mut Context,
    ) -> Option<ValueId> {
        let scope = self.scope();
        match ValueExpression::parse(&text.value.0, wanted, scope) {
            Ok(value) => {
                lint::operands(&value.operand().operands(), text.mark, cx);
                Some(self.builder.value(&value))
            }
            Err(error) => {
                report(&error, text.mark, cx);
                None
            }
        }
    }

    fn scope(&self) -> Scope<'_> {
        Scope { phase: self.phase, lists: self.bench.lists }
    }

    /// A text that is written or made by an expression: exactly one of the two. `check` says what is wrong with one
    /// that is written.
    pub(super) fn text(
        &mut self,
        (value, expression): (Option<&Spanned<Wording>>, Option<&Spanned<ExpressionText>>),
        mark: Mark,
        check: impl FnOnce(&str) -> Result<(), Problem>,
        cx: &mut Context,
    ) -> Option<Text> {
        match (value, expression) {
            (Some(value), None) => match check(&value.value.0) {
                Ok(()) => Some(Text::Fixed(value.value.0.as_bytes().into())),
                Err(problem) => {
                    cx.in_key("value", |cx| cx.error(value.mark, problem));
                    None
                }
            },
            (None, Some(expression)) => {
                cx.in_key("expression", |cx| self.value(expression, Type::Bytes, cx)).map(Text::Computed)
            }
            (Some(_), Some(_)) | (None, None) => {
                let message = "either `value` or `expression` says what is put here";
                cx.error(mark, contradiction(message, "Write exactly one of the two."));
                None
            }
        }
    }

    /// The same, of a mapping that has nothing else.
    pub(super) fn either(
        &mut self,
        of: &Spanned<ValueOrExpression>,
        check: impl FnOnce(&str) -> Result<(), Problem>,
        cx: &mut Context,
    ) -> Option<Text> {
        let ValueOrExpression { value, expression } = &of.value;
        self.text((value.as_ref(), expression.as_ref()), of.mark, check, cx)
    }
}

/// Parameters that cannot stand together, or of which one is missing.
pub(super) fn contradiction(message: impl Into<String>, action: &str) -> Problem {
    Problem::new("rule-parameters", message, action)
}

/// An expression that is wrong: with the place inside of it, and its line.
fn report(error: &Error, mark: Mark, cx: &mut Context) {
    let line = match error.line {
        1 => String::new(),
        line => format!("line {line}, "),
    };
    let mut message = format!("in {line}column {} of the expression: {}", error.column, error.message);
    for line in error.excerpt.lines() {
        message.push_str("\n    | ");
        message.push_str(line.trim_end());
    }
    let action = if error.hint.is_empty() { "Correct the expression." } else { &error.hint };
    cx.error(mark, Problem::new("rule-expression", message, action).expecting(error.expected.clone()));
}
