//! From trees to a program.

mod values;

use super::check::Check;
use super::fold;
use super::index::Index;
use super::node::{About, Const, Nodes, Source, Test, TestNo, TestNode, ValueNo, ValueNode};
use super::regex::Regexes;
use super::{FilterId, PROGRAM_BYTES_MAX, Program, ValueId};
use crate::ast::{self, Connective, Logic, Node, Operand, Quantifier};
use crate::expression::{Filter, ValueExpression};
use crate::lists::Contents;
use crate::program::wildcard::Matcher;
use std::collections::HashMap;
use std::fmt;

/// Why expressions make no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// An expression speaks of a list that has no content.
    UnknownList(Box<str>),
    /// A literal of a call that should have been refused when the expression was read.
    Literal(Box<str>),
    /// It would take more than [`PROGRAM_BYTES_MAX`].
    TooLarge {
        /// Bytes that it would take.
        bytes: usize,
    },
}

/// What makes two tests one.
#[derive(PartialEq, Eq, Hash)]
enum TestKey {
    Const(bool),
    Truth(ValueNo),
    Compare(ValueNo, String),
    Order(ValueNo, ast::Order, ValueNo),
    Not(TestNo),
    Chain(Connective, Box<[TestNo]>),
    Quantified(Quantifier, TestNo),
}

/// Takes expressions in and compiles them together.
pub struct ProgramBuilder<'c> {
    contents: &'c dyn Contents,
    /// Whether what is known of addresses is taken for unknown.
    knows_no_address: bool,
    pub(super) nodes: Nodes,
    pub(super) regexes: Regexes,
    values: HashMap<Source, ValueNo>,
    tests: HashMap<TestKey, TestNo>,
    filters: Vec<TestNo>,
    outputs: Vec<ValueNo>,
    error: Option<BuildError>,
}

impl<'c> ProgramBuilder<'c> {
    /// One whose lists have these contents.
    #[must_use]
    pub fn new(contents: &'c dyn Contents) -> ProgramBuilder<'c> {
        ProgramBuilder {
            contents,
            knows_no_address: false,
            nodes: Nodes::default(),
            regexes: Regexes::default(),
            values: HashMap::new(),
            tests: HashMap::new(),
            filters: Vec::new(),
            outputs: Vec::new(),
            error: None,
        }
    }

    /// Whether this filter says the same of every request as long as nothing is known of addresses, and what.
    #[must_use]
    pub fn always(filter: &Filter, contents: &'c dyn Contents) -> Option<bool> {
        let mut builder = ProgramBuilder { knows_no_address: true, ..ProgramBuilder::new(contents) };
        let test = builder.test(filter.logic());
        match builder.nodes.test(test)?.test {
            Test::Const(known) => Some(known),
            _ => None,
        }
    }

    /// Adds a filter.
    pub fn filter(&mut self, filter: &Filter) -> FilterId {
        self.logic(filter.logic())
    }

    /// Adds a part of a filter that is no array.
    pub(crate) fn logic(&mut self, logic: &Logic) -> FilterId {
        let test = self.test(logic);
        self.used_test(test);
        self.filters.push(test);
        FilterId(number(self.filters.len() - 1))
    }

    /// Adds an expression that makes a value.
    pub fn value(&mut self, expression: &ValueExpression) -> ValueId {
        self.output(expression.operand())
    }

    /// Adds an operand.
    pub(crate) fn output(&mut self, operand: &Operand) -> ValueId {
        let value = self.operand(operand);
        self.used_value(value);
        self.outputs.push(value);
        ValueId(number(self.outputs.len() - 1))
    }

    /// The program of all that was added.
    ///
    /// # Errors
    /// A list has no content, or the program would be too large.
    pub fn build(mut self) -> Result<Program, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let index = Index::of(&mut self.nodes, &self.regexes, &self.filters);
        let (mut memos, mut verdicts) = (0, 0);
        let keep = |about: &mut About, is_worth: bool, next: &mut u32| {
            if is_worth {
                about.memo = Some(*next);
                *next += 1;
            }
        };
        for ValueNode { source, about } in &mut self.nodes.values {
            let is_worth = match source {
                Source::Const(_) => false,
                // Nobody is asked twice.
                Source::Field(_) => about.uses > 0,
                _ => about.uses > 1,
            };
            keep(about, is_worth, &mut memos);
        }
        for TestNode { about, .. } in &mut self.nodes.tests {
            let is_worth = about.uses > 1 && about.cost > 4;
            keep(about, is_worth, &mut verdicts);
        }
        let weight = self.nodes.values.len() * size_of::<ValueNode>()
            + self.nodes.tests.iter().map(TestNode::weight).sum::<usize>()
            + self.regexes.weight()
            + index.weight();
        if weight > PROGRAM_BYTES_MAX {
            return Err(BuildError::TooLarge { bytes: weight });
        }
        let body_tests = self.filters.iter().filter_map(|test| self.nodes.test(*test)).map(|node| node.about);
        let body_values =
            self.outputs.iter().filter_map(|value| self.nodes.value(*value)).map(|node| node.about);
        let needs_body = body_tests.chain(body_values).any(|about| about.needs_body);
        Ok(Program {
            nodes: self.nodes,
            filters: self.filters,
            outputs: self.outputs,
            regexes: self.regexes,
            index,
            memos,
            verdicts,
            needs_body,
            weight,
        })
    }

    fn test(&mut self, logic: &Logic) -> TestNo {
        match &logic.node {
            Node::True => self.keep_test(TestKey::Const(true), Test::Const(true)),
            Node::Truth(operand) => {
                let value = self.operand(operand);
                match self.nodes.constant(value) {
                    Some(Const::Bool(known)) if !logic.is_array => self.constant_test(*known),
                    Some(Const::Missing) if !logic.is_array => self.constant_test(false),
                    _ => {
                        self.used_by(value, logic.is_array);
                        self.keep_test(TestKey::Truth(value), Test::Truth(value))
                    }
                }
            }
            Node::Compare(comparison) => self.comparison(comparison, logic.is_array),
            Node::Not(inner) => {
                let inner = self.test(inner);
                self.negated(inner)
            }
            Node::Chain(connective, parts) => {
                let parts = parts.iter().map(|part| self.test(part)).collect();
                self.chain(*connective, parts, logic.is_array)
            }
            Node::Quantified(quantifier, inner) => {
                let inner = self.test(inner);
                self.used_test(inner);
                let test = match quantifier {
                    Quantifier::Any => Test::Any(inner),
                    Quantifier::All => Test::All(inner),
                };
                self.keep_test(TestKey::Quantified(*quantifier, inner), test)
            }
        }
    }

    fn constant_test(&mut self, known: bool) -> TestNo {
        self.keep_test(TestKey::Const(known), Test::Const(known))
    }

    fn negated(&mut self, inner: TestNo) -> TestNo {
        match self.nodes.test(inner).map(|node| &node.test) {
            Some(Test::Const(known)) => self.constant_test(!*known),
            Some(Test::Not(original)) => *original,
            _ => {
                self.used_test(inner);
                self.keep_test(TestKey::Not(inner), Test::Not(inner))
            }
        }
    }

    /// A chain without what is constant in it, the cheap parts first: there are no side effects.
    fn chain(&mut self, connective: Connective, mut parts: Vec<TestNo>, is_array: bool) -> TestNo {
        let mut is_odd = false;
        if !is_array {
            let known = |part: TestNo| match self.nodes.test(part).map(|node| &node.test) {
                Some(Test::Const(known)) => Some(*known),
                _ => None,
            };
            let decides = connective == Connective::Or;
            if connective != Connective::Xor && parts.iter().any(|part| known(*part) == Some(decides)) {
                return self.constant_test(decides);
            }
            is_odd = parts.iter().filter(|part| known(**part) == Some(true)).count() % 2 == 1;
            parts.retain(|part| known(*part).is_none());
        }
        let cost = |part: &TestNo| self.nodes.test(*part).map_or(0, |node| node.about.cost);
        parts.sort_by_key(cost);
        if connective != Connective::Xor {
            parts.dedup();
        }
        let joined = match &*parts {
            [] => {
                return self.constant_test(if connective == Connective::Xor {
                    is_odd
                } else {
                    connective == Connective::And
                });
            }
            [one] => *one,
            _ => {
                parts.iter().for_each(|part| self.used_test(*part));
                let parts = parts.into_boxed_slice();
                let test = match connective {
                    Connective::And => Test::And(parts.clone()),
                    Connective::Or => Test::Or(parts.clone()),
                    Connective::Xor => Test::Xor(parts.clone()),
                };
                self.keep_test(TestKey::Chain(connective, parts), test)
            }
        };
        if is_odd && connective == Connective::Xor { self.negated(joined) } else { joined }
    }

    fn comparison(&mut self, comparison: &ast::Comparison, is_array: bool) -> TestNo {
        let value = self.operand(&comparison.left);
        let (key, check) = match &comparison.test {
            ast::Test::Order(order, right) => {
                let right = self.operand(right);
                let literal = self.nodes.constant(right).and_then(Const::literal);
                let check = match literal {
                    Some(literal) => Check::order(*order, &literal),
                    None => Check::Value(*order, right),
                };
                (TestKey::Order(value, *order, right), check)
            }
            ast::Test::Contains(bytes) => {
                let finder = memchr::memmem::Finder::new(bytes).into_owned();
                (TestKey::Compare(value, format!("c{bytes:?}")), Check::Contains(Box::new(finder)))
            }
            ast::Test::Wildcard(wildcard, case) => {
                let matcher = Matcher::of(wildcard, *case);
                (
                    TestKey::Compare(value, format!("w{case:?}{wildcard:?}")),
                    Check::Wildcard(Box::new(matcher)),
                )
            }
            ast::Test::Matches(pattern) => {
                let number = self.regexes.add(pattern);
                (TestKey::Compare(value, format!("m{number}")), Check::Matches(number))
            }
            ast::Test::In(set) => (TestKey::Compare(value, format!("s{set:?}")), Check::set(set)),
            ast::Test::InList(list) => {
                let key = TestKey::Compare(value, format!("${}", list.name));
                match self.contents.list(&list.name) {
                    Some(content) => (key, Check::InList(content)),
                    None => {
                        self.error.get_or_insert(BuildError::UnknownList(list.name.clone()));
                        return self.constant_test(false);
                    }
                }
            }
            ast::Test::BitAnd(bits) => (TestKey::Compare(value, format!("&{bits}")), Check::BitAnd(*bits)),
        };
        if !is_array && let Some(known) = fold::comparison(&self.nodes, &self.regexes, value, &check) {
            return self.constant_test(known);
        }
        if let Check::Value(_, right) = check {
            self.used_by(right, is_array);
        }
        self.used_by(value, is_array);
        self.keep_test(key, Test::Compare(value, check))
    }

    fn keep_value(&mut self, source: Source) -> ValueNo {
        if let Some(known) = self.values.get(&source) {
            return *known;
        }
        let at = ValueNo(number(self.nodes.values.len()));
        let about = self.nodes.about_value(&source);
        self.values.insert(source.clone(), at);
        self.nodes.values.push(ValueNode { source, about });
        at
    }

    fn keep_test(&mut self, key: TestKey, test: Test) -> TestNo {
        if let Some(known) = self.tests.get(&key) {
            return *known;
        }
        let at = TestNo(number(self.nodes.tests.len()));
        let about = self.nodes.about_test(&test);
        self.tests.insert(key, at);
        self.nodes.tests.push(TestNode { test, about });
        at
    }

    /// A test that is made for each index gets its values again and again.
    fn used_by(&mut self, value: ValueNo, is_array: bool) {
        self.used_value(value);
        if is_array {
            self.used_value(value);
        }
    }

    fn used_value(&mut self, at: ValueNo) {
        if let Some(node) = self.nodes.values.get_mut(at.0 as usize) {
            node.about.uses += 1;
        }
    }

    fn used_test(&mut self, at: TestNo) {
        if let Some(node) = self.nodes.tests.get_mut(at.0 as usize) {
            node.about.uses += 1;
        }
    }
}

/// A number of a node. There are fewer than 2³², since each has a place in the text of an expression.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::UnknownList(name) => write!(f, "there is no list `{name}`"),
            BuildError::Literal(text) => write!(f, "`{text}` is no pattern"),
            BuildError::TooLarge { bytes } => {
                write!(
                    f,
                    "the rules of this phase take {bytes} bytes compiled, {PROGRAM_BYTES_MAX} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for BuildError {}
