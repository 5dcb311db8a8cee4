//! From operands to the values of a program.

use super::{BuildError, ProgramBuilder, number};
use crate::ast::{self, Index as Step, Operand, Root};
use crate::fields::{Empty, FieldId, Source as Origin};
use crate::functions::{Ready, Template};
use crate::literal::{Pattern, Wildcard};
use crate::program::fold;
use crate::program::node::{Const, Source, ValueNo};
use crate::program::wildcard::Matcher;
use crate::signature::Function;

impl ProgramBuilder<'_> {
    pub(super) fn operand(&mut self, operand: &Operand) -> ValueNo {
        let (mut value, mut is_each) = match &operand.root {
            Root::Field(field) => (self.field(*field), false),
            Root::Literal(literal) => (self.keep_value(Source::Const(Const::from(literal))), false),
            // One that is made for each element gives a plain array.
            Root::Call(call) => {
                let is_each = call.arguments.first().is_some_and(|first| first.is_each);
                (self.call(call, is_each), false)
            }
        };
        let mut steps = operand.indexes.iter().peekable();
        while let Some(step) = steps.next() {
            self.used_value(value);
            let source = match (step, is_each) {
                (Step::Item(index), false) => Source::Item(value, *index),
                (Step::Item(index), true) => Source::EachItem(value, *index),
                (Step::Key(key), true) => Source::EachKey(value, key.clone()),
                (Step::Each, true) => Source::EachEach(value),
                (Step::Each, false) => {
                    is_each = true;
                    Source::Each(value)
                }
                (Step::Key(key), false) => match steps.next_if(|step| matches!(step, Step::Item(_))) {
                    Some(Step::Item(index)) => Source::KeyItem(value, key.clone(), *index),
                    _ => Source::Key(value, key.clone()),
                },
            };
            value = self.keep_value(source);
        }
        value
    }

    /// A field; one of which nothing can be known is what it is then.
    fn field(&mut self, field: FieldId) -> ValueNo {
        let is_known = match field.source() {
            Origin::NotBuilt => false,
            Origin::Geo => !self.knows_no_address,
            _ => true,
        };
        if is_known {
            return self.keep_value(Source::Field(field));
        }
        let constant = match field.empty() {
            Empty::Missing => Const::Missing,
            Empty::False => Const::Bool(false),
            Empty::Int(int) => Const::Int(int),
            Empty::Text(text) => Const::Bytes(text.as_bytes().into()),
            Empty::Items if matches!(field.ty(), crate::types::Type::Map(_)) => Const::NoEntries,
            Empty::Items => Const::NoItems,
        };
        self.keep_value(Source::Const(constant))
    }

    fn call(&mut self, call: &ast::Call, is_each: bool) -> ValueNo {
        let arguments: Box<[ValueNo]> =
            call.arguments.iter().map(|argument| self.operand(argument)).collect();
        let ready = self.ready(call.function, &arguments);
        if !is_each
            && let Some(constant) = fold::call(&self.nodes, &self.regexes, call.function, &arguments, &ready)
        {
            return self.keep_value(Source::Const(constant));
        }
        arguments.iter().for_each(|argument| self.used_value(*argument));
        let ready = match ready {
            Ready::Plain => u32::MAX,
            ready => {
                self.nodes.ready.push(ready);
                number(self.nodes.ready.len() - 1)
            }
        };
        self.keep_value(match is_each {
            true => Source::EachCall(call.function, arguments, ready),
            false => Source::Call(call.function, arguments, ready),
        })
    }

    /// Makes ready what is literal in a call.
    fn ready(&mut self, function: Function, arguments: &[ValueNo]) -> Ready {
        let literal = |number: usize| {
            let constant = arguments.get(number).and_then(|argument| self.nodes.constant(*argument));
            match constant {
                Some(Const::Bytes(bytes)) => Some(bytes.clone()),
                _ => None,
            }
        };
        let pattern = literal(1).unwrap_or_default();
        let made = match function {
            Function::RegexReplace => std::str::from_utf8(&pattern)
                .ok()
                .and_then(|pattern| Pattern::parse(pattern).ok())
                .map(|pattern| (Some(pattern), None)),
            Function::WildcardReplace => {
                Wildcard::parse(&pattern).ok().map(|wildcard| (None, Some(wildcard)))
            }
            _ => return Ready::Plain,
        };
        let template = Template::parse(&literal(2).unwrap_or_default());
        let is_strict = literal(3).is_some_and(|flags| flags.contains(&b's'));
        match made {
            Some((Some(pattern), _)) => Ready::Regex(self.regexes.add(&pattern), template),
            Some((_, Some(wildcard))) => {
                let case = if is_strict { ast::Case::Sensitive } else { ast::Case::Insensitive };
                Ready::Wildcard(Box::new(Matcher::of(&wildcard, case)), template)
            }
            _ => {
                let text = String::from_utf8_lossy(&pattern).into_owned();
                self.error.get_or_insert(BuildError::Literal(text.into_boxed_str()));
                Ready::Plain
            }
        }
    }
}
