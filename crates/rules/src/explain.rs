//! Why a filter is true or false: the comparisons that decided, and what they looked at.
//!
//! For people who ask, not for visitors: each part of the filter is a filter of a program of its own, so that the
//! engine itself says of each what it is.

use crate::arena::Arena;
use crate::ast::{Connective, Logic, Node, Operand, Root, Span, Test};
use crate::expression::Filter;
use crate::lists::Contents;
use crate::program::{BuildError, FilterId, Program, ProgramBuilder, Run, Scratch, Stop, ValueId};
use crate::shown::shown;
use crate::value::Fields;

/// So many comparisons are named as reasons.
pub const REASONS_MAX: usize = 12;
/// So much of a value is shown, and of a comparison's own text.
pub const SHOWN_BYTES_MAX: usize = 200;

/// A filter of which it can be told why it is true or false.
#[derive(Debug)]
pub struct Explainer {
    text: Box<str>,
    root: Part,
    program: Program,
}

/// A comparison that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// It, as it was written; cut where it is long.
    pub text: String,
    /// Where that stands in the filter.
    pub span: Span,
    /// Whether it is true.
    pub holds: bool,
    /// What it looked at, and what that was.
    pub values: Vec<(String, String)>,
}

/// Why a filter is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What it is.
    pub holds: bool,
    /// What decided that, in the order of the text: if one comparison by itself did, the first such.
    pub reasons: Vec<Reason>,
    /// So many more had a part in it.
    pub more: usize,
}

/// A part of a filter that is true or false by itself.
#[derive(Debug)]
struct Part {
    span: Span,
    filter: FilterId,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A comparison, a quantifier, a Boolean.
    Leaf(Vec<Look>),
    Not(Box<Part>),
    Chain(Connective, Vec<Part>),
}

/// Something that a comparison looks at.
#[derive(Debug)]
struct Look {
    text: String,
    value: ValueId,
}

impl Explainer {
    /// One for this filter.
    ///
    /// # Errors
    /// As [`ProgramBuilder::build`].
    pub fn new(filter: &Filter, contents: &dyn Contents) -> Result<Explainer, BuildError> {
        let mut builder = ProgramBuilder::new(contents);
        let root = part(filter.logic(), &mut builder);
        Ok(Explainer { text: filter.text().into(), root, program: builder.build()? })
    }

    /// Why it is true or false of this exchange.
    ///
    /// # Errors
    /// As [`Run::matches`].
    pub fn explain(&self, fields: &dyn Fields) -> Result<Explained, Stop> {
        let (arena, mut scratch) = (Arena::default(), Scratch::default());
        let run = self.program.run(fields, &arena, &mut scratch);
        let mut deciding = Vec::new();
        decide(&self.root, &run, &mut deciding)?;
        let more = deciding.len().saturating_sub(REASONS_MAX);
        let reasons = deciding.into_iter().take(REASONS_MAX).map(|part| self.reason(part, &run, &arena));
        Ok(Explained {
            holds: run.matches(self.root.filter)?,
            reasons: reasons.collect::<Result<_, _>>()?,
            more,
        })
    }

    fn reason<'a>(&self, part: &Part, run: &Run<'a, '_>, arena: &'a Arena<'a>) -> Result<Reason, Stop> {
        let values = match &part.kind {
            Kind::Leaf(looks) => looks
                .iter()
                .map(|look| Ok((look.text.clone(), shown(run.value(look.value)?, arena, SHOWN_BYTES_MAX))))
                .collect::<Result<_, Stop>>()?,
            Kind::Not(_) | Kind::Chain(..) => Vec::new(),
        };
        let text = self.text.get(part.span.start..part.span.end).unwrap_or_default();
        Ok(Reason { text: cut(text), span: part.span, holds: run.matches(part.filter)?, values })
    }
}

/// Collects the parts that decided what this one is.
fn decide<'p>(part: &'p Part, run: &Run<'_, '_>, deciding: &mut Vec<&'p Part>) -> Result<(), Stop> {
    match &part.kind {
        Kind::Leaf(_) => deciding.push(part),
        Kind::Not(inner) => decide(inner, run, deciding)?,
        Kind::Chain(connective, parts) => {
            // What one part alone decides: a chain of `and` that is false, one of `or` that is true.
            let is_decided_by_one = match connective {
                Connective::And => !run.matches(part.filter)?,
                Connective::Or => run.matches(part.filter)?,
                Connective::Xor => false,
            };
            for inner in parts {
                if !is_decided_by_one {
                    decide(inner, run, deciding)?;
                } else if run.matches(inner.filter)? == (*connective == Connective::Or) {
                    return decide(inner, run, deciding);
                }
            }
        }
    }
    Ok(())
}

fn part(logic: &Logic, builder: &mut ProgramBuilder<'_>) -> Part {
    let kind = match &logic.node {
        Node::True | Node::Truth(_) | Node::Compare(_) | Node::Quantified(..) => {
            let mut looks = Vec::new();
            look(logic, builder, &mut looks);
            Kind::Leaf(looks)
        }
        Node::Not(inner) => Kind::Not(Box::new(part(inner, builder))),
        Node::Chain(connective, parts) => {
            Kind::Chain(*connective, parts.iter().map(|inner| part(inner, builder)).collect())
        }
    };
    Part { span: logic.span, filter: builder.logic(logic), kind }
}

/// Collects what is looked at in a comparison, or in all of those behind a quantifier.
fn look(logic: &Logic, builder: &mut ProgramBuilder<'_>, looks: &mut Vec<Look>) {
    match &logic.node {
        Node::True => {}
        // What a call says is what the comparison says.
        Node::Truth(Operand { root: Root::Call(call), .. }) => {
            call.arguments.iter().for_each(|argument| look_at(argument, builder, looks));
        }
        Node::Truth(operand) => look_at(operand, builder, looks),
        Node::Compare(comparison) => {
            look_at(&comparison.left, builder, looks);
            if let Test::Order(_, right) = &comparison.test {
                look_at(right, builder, looks);
            }
        }
        Node::Not(inner) | Node::Quantified(_, inner) => look(inner, builder, looks),
        Node::Chain(_, parts) => parts.iter().for_each(|inner| look(inner, builder, looks)),
    }
}

/// Collects a value, and what a call makes it of.
fn look_at(operand: &Operand, builder: &mut ProgramBuilder<'_>, looks: &mut Vec<Look>) {
    let text = match &operand.root {
        Root::Literal(_) => return,
        Root::Field(_) | Root::Call(_) => cut(&operand.to_string()),
    };
    if looks.iter().all(|look| look.text != text) {
        looks.push(Look { text, value: builder.output(operand) });
    }
    if let Root::Call(call) = &operand.root {
        call.arguments.iter().for_each(|argument| look_at(argument, builder, looks));
    }
}

fn cut(text: &str) -> String {
    let mut end = SHOWN_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = text.split_at(end);
    if rest.is_empty() { kept.to_owned() } else { format!("{kept} …") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{NoLists, Scope};
    use crate::phase::Phase;
    use crate::sample::Request;

    fn explained(text: &str) -> Result<Explained, Stop> {
        let filter = Filter::parse(text, Scope { phase: Phase::Custom, lists: &NoLists }).unwrap();
        Explainer::new(&filter, &NoLists).unwrap().explain(&Request)
    }

    fn reasons(text: &str) -> (bool, Vec<String>) {
        let explained = explained(text).unwrap();
        let shown = |reason: &Reason| {
            let values = reason.values.iter().map(|(what, value)| format!("{what}={value}"));
            format!("{}: {} [{}]", reason.holds, reason.text, values.collect::<Vec<_>>().join(", "))
        };
        (explained.holds, explained.reasons.iter().map(shown).collect())
    }

    #[test]
    fn a_chain_names_what_decided_it() {
        let path = r#"lower(http.request.uri.path) eq "/login""#;
        let wrong = r#"http.host eq "b.test""#;
        let (holds, why) = reasons(&format!("({wrong} or {path}) and ssl"));
        assert!(holds);
        assert_eq!(
            why,
            [
                format!(
                    "true: {path} [lower(http.request.uri.path)=\"/login\", http.request.uri.path=\"/Login\"]"
                ),
                "true: ssl [ssl=true]".to_owned()
            ]
        );
        let (holds, why) = reasons(&format!("ssl and {wrong} and {path}"));
        assert!(!holds);
        assert_eq!(why, [format!("false: {wrong} [http.host=\"a.test\"]")]);
        assert_eq!(reasons(&format!("not ({wrong} or not ssl)")).1.len(), 2, "both had to be false");
    }

    #[test]
    fn a_call_that_is_true_or_false_shows_what_it_was_given() {
        let call = r#"starts_with(http.request.uri.path, "/x")"#;
        assert_eq!(reasons(call).1, [format!("false: {call} [http.request.uri.path=\"/Login\"]")]);
        assert_eq!(reasons("true"), (true, vec!["true: true []".to_owned()]));
    }

    #[test]
    fn a_quantifier_shows_its_array() {
        let any = r#"any(http.request.headers["accept"][*] eq "z")"#;
        let (holds, why) = reasons(any);
        assert_eq!(
            (holds, why),
            (false, vec![format!("false: {any} [http.request.headers[\"accept\"][*]=[\"x\", \"y\"]]")])
        );
    }

    #[test]
    fn the_number_of_reasons_has_a_bound() {
        let of = |count: usize| {
            let parts = (0..count).map(|number| format!("http.host eq \"{number}\""));
            let explained = explained(&parts.collect::<Vec<_>>().join(" or ")).unwrap();
            (explained.reasons.len(), explained.more)
        };
        assert_eq!(of(REASONS_MAX), (REASONS_MAX, 0));
        assert_eq!(of(REASONS_MAX + 1), (REASONS_MAX, 1));
    }

    #[test]
    fn what_needs_the_body_says_so() {
        assert_eq!(explained(r#"http.request.body.raw contains "x""#), Err(Stop::NeedsBody));
    }
}
