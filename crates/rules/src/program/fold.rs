//! What can be known when a program is built: results of what is literal, and what nodes will cost.

use super::check::Check;
use super::node::{About, Const, Nodes, Source, Test, TestNode, ValueNo};
use super::regex::{OwnRegexes, Regexes, Searcher};
use crate::arena::Arena;
use crate::ast::Literal;
use crate::fields::Source as Origin;
use crate::functions::{self, Context, Ready};
use crate::meter::Meter;
use crate::signature::Function;

/// The result of a comparison whose left side is always the same.
pub(super) fn comparison(nodes: &Nodes, regexes: &Regexes, left: ValueNo, check: &Check) -> Option<bool> {
    let left = nodes.constant(left)?.value();
    let (meter, own) = (Meter::default(), OwnRegexes::default());
    match check {
        _ if left.is_missing() => Some(false),
        Check::Value(order, right) => {
            Check::compare(*order, left, nodes.constant(*right)?.value(), &meter).ok()
        }
        other => other.holds(left, &meter, Searcher { regexes, own: &own }).ok(),
    }
}

/// The result of a call whose arguments are always the same.
pub(super) fn call(
    nodes: &Nodes,
    regexes: &Regexes,
    function: Function,
    arguments: &[ValueNo],
    ready: &Ready,
) -> Option<Const> {
    let values: Option<Vec<_>> =
        arguments.iter().map(|argument| Some(nodes.constant(*argument)?.value())).collect();
    let values = values?;
    let (arena, meter, own) = (Arena::default(), Meter::default(), OwnRegexes::default());
    let context = Context { arena: &arena, meter: &meter, searcher: Searcher { regexes, own: &own } };
    Const::of(functions::call(function, ready, &values, context).ok()?)
}

impl Const {
    /// The constant as the literal that it is.
    pub(super) fn literal(&self) -> Option<Literal> {
        match self {
            Const::Int(int) => Some(Literal::Int(*int)),
            Const::Bytes(bytes) => Some(Literal::Bytes(bytes.clone())),
            Const::Ip(ip) => Some(Literal::Ip(*ip)),
            Const::Missing | Const::Bool(_) | Const::NoItems | Const::NoEntries => None,
        }
    }
}

impl From<&Literal> for Const {
    fn from(literal: &Literal) -> Const {
        match literal {
            Literal::Int(int) => Const::Int(*int),
            Literal::Bytes(bytes) => Const::Bytes(bytes.clone()),
            Literal::Ip(ip) => Const::Ip(*ip),
        }
    }
}

/// What looking at a body may cost, so that all else is tried before.
const BODY_COST: u32 = 100_000;

impl Nodes {
    pub(super) fn about_value(&self, source: &Source) -> About {
        let sum = |own: u32, of: &[ValueNo]| {
            let mut about = About { cost: own, ..About::default() };
            for value in of.iter().filter_map(|value| self.value(*value)) {
                about.cost = about.cost.saturating_add(value.about.cost);
                about.needs_body |= value.about.needs_body;
            }
            about
        };
        match source {
            Source::Const(_) => About::default(),
            Source::Field(field) => {
                let needs_body = field.source() == Origin::Body;
                About { cost: if needs_body { BODY_COST } else { 2 }, needs_body, ..About::default() }
            }
            Source::Key(value, _) => sum(10, &[*value]),
            Source::KeyItem(value, ..) => sum(8, &[*value]),
            Source::Item(value, _) => sum(2, &[*value]),
            Source::Each(value) => sum(10, &[*value]),
            Source::EachKey(value, _) | Source::EachItem(value, _) | Source::EachEach(value) => {
                sum(20, &[*value])
            }
            Source::Call(function, arguments, _) => sum(call_cost(*function), arguments),
            Source::EachCall(function, arguments, _) => sum(call_cost(*function) * 4, arguments),
        }
    }

    pub(super) fn about_test(&self, test: &Test) -> About {
        let of_value = |value: ValueNo| self.value(value).map_or(About::default(), |node| node.about);
        let of_tests = |own: u32, of: &[super::node::TestNo]| {
            let mut about = About { cost: own, ..About::default() };
            for test in of.iter().filter_map(|test| self.test(*test)) {
                about.cost = about.cost.saturating_add(test.about.cost);
                about.needs_body |= test.about.needs_body;
            }
            about
        };
        let about = match test {
            Test::Const(_) => About::default(),
            Test::Truth(value) => of_value(*value),
            Test::Compare(value, check) => {
                let (left, right) = match check {
                    Check::Value(_, right) => (of_value(*value), of_value(*right)),
                    _ => (of_value(*value), About::default()),
                };
                About {
                    cost: left.cost.saturating_add(right.cost).saturating_add(check.cost()),
                    needs_body: left.needs_body || right.needs_body,
                    ..About::default()
                }
            }
            Test::Not(inner) => of_tests(0, &[*inner]),
            Test::And(parts) | Test::Or(parts) | Test::Xor(parts) => of_tests(1, parts),
            Test::Any(inner) | Test::All(inner) => of_tests(10, &[*inner]),
        };
        About { uses: 0, memo: None, ..about }
    }
}

impl TestNode {
    /// Bytes of memory, roughly.
    pub(super) fn weight(&self) -> usize {
        let inner = match &self.test {
            Test::Compare(_, check) => check.weight(),
            Test::And(parts) | Test::Or(parts) | Test::Xor(parts) => parts.len() * 4,
            Test::Const(_) | Test::Truth(_) | Test::Not(_) | Test::Any(_) | Test::All(_) => 0,
        };
        size_of::<TestNode>() + inner
    }
}

fn call_cost(function: Function) -> u32 {
    match function {
        Function::LookupJsonInteger | Function::LookupJsonString => 1000,
        Function::IsTimedHmacValidV0 | Function::Sha256 => 500,
        Function::RegexReplace => 200,
        Function::WildcardReplace | Function::RemoveQueryArgs | Function::Split | Function::Join => 50,
        Function::Concat | Function::DecodeBase64 | Function::EncodeBase64 | Function::UrlDecode => 30,
        Function::Lower | Function::Upper | Function::RemoveBytes | Function::HasValue => 20,
        _ => 6,
    }
}
