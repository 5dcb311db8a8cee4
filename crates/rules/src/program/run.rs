//! One run of a program: over one exchange, in one phase.

use super::node::{Source, Test, TestNo, ValueNo};
use super::regex::{OwnRegexes, Searcher};
use super::{FilterId, Program, ValueId, check::Check};
use crate::arena::Arena;
use crate::functions::{self, Context, Ready};
use crate::meter::{Meter, OverBudget};
use crate::signature::Function;
use crate::value::{Array, Fields, NotYet, Value};
use std::cell::Cell;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A rule looks into the body, of which nothing has been read. Read its beginning, and ask in a new run.
    NeedsBody,
    /// The rule would cost more than [`crate::RULE_STEPS_MAX`], or all rules of the run together more than
    /// [`crate::RUN_STEPS_MAX`].
    OverBudget,
}

/// The memory of runs, which a core uses again and again.
#[derive(Default)]
pub struct Scratch {
    memos: Vec<Cell<Option<Value<'static>>>>,
    verdicts: Vec<Cell<Option<bool>>>,
    pub(super) candidates: Vec<u64>,
    own: OwnRegexes,
}

/// A program together with one exchange. What several filters have is found out once.
pub struct Run<'a, 's> {
    program: &'a Program,
    fields: &'a dyn Fields,
    arena: &'a Arena<'a>,
    meter: Meter,
    memos: Vec<Cell<Option<Value<'a>>>>,
    scratch: &'s mut Scratch,
}

impl From<NotYet> for Stop {
    fn from(_: NotYet) -> Stop {
        Stop::NeedsBody
    }
}

impl From<OverBudget> for Stop {
    fn from(_: OverBudget) -> Stop {
        Stop::OverBudget
    }
}

/// An empty vector of another lifetime, in the same memory.
fn emptied<'b>(mut memos: Vec<Cell<Option<Value<'_>>>>) -> Vec<Cell<Option<Value<'b>>>> {
    memos.clear();
    memos.into_iter().map(|_| Cell::new(None)).collect()
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        self.scratch.memos = emptied(std::mem::take(&mut self.memos));
    }
}

impl<'a, 's> Run<'a, 's> {
    pub(super) fn begin(
        program: &'a Program,
        fields: &'a dyn Fields,
        arena: &'a Arena<'a>,
        meter: Meter,
        scratch: &'s mut Scratch,
    ) -> Run<'a, 's> {
        let mut memos = emptied(std::mem::take(&mut scratch.memos));
        memos.resize_with(program.memos as usize, || Cell::new(None));
        scratch.verdicts.clear();
        scratch.verdicts.resize_with(program.verdicts as usize, || Cell::new(None));
        let mut candidates = std::mem::take(&mut scratch.candidates);
        let run = Run { program, fields, arena, meter, memos, scratch };
        program.index.candidates(&run, &mut candidates);
        run.scratch.candidates = candidates;
        run.meter.next_rule();
        run
    }

    /// Whether this filter is true.
    ///
    /// # Errors
    /// It cannot be told without the body, or costs too much.
    pub fn matches(&self, filter: FilterId) -> Result<bool, Stop> {
        if !self.may_match(filter) {
            return Ok(false);
        }
        let Some(test) = self.program.filters.get(filter.0 as usize) else { return Ok(false) };
        self.meter.next_rule();
        self.test(*test)
    }

    /// The first filter, from this one on, that may match: all between do not.
    #[must_use]
    pub fn next(&self, from: FilterId) -> Option<FilterId> {
        let mut word = from.0 / 64;
        let mut mask = u64::MAX << (from.0 % 64);
        loop {
            let bits = *self.scratch.candidates.get(word as usize)? & mask;
            if bits != 0 {
                return Some(FilterId(word * 64 + bits.trailing_zeros()));
            }
            word += 1;
            mask = u64::MAX;
        }
    }

    /// What this expression gives.
    ///
    /// # Errors
    /// As [`Run::matches`].
    pub fn value(&self, value: ValueId) -> Result<Value<'a>, Stop> {
        let Some(number) = self.program.outputs.get(value.0 as usize) else { return Ok(Value::Missing) };
        self.meter.next_rule();
        self.get(*number)
    }

    /// Steps that it has taken until now, which stand for what it cost.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.meter.spent()
    }

    /// Whether this filter may be true, for all that the index knows. If not, [`Run::matches`] is a look at a bit.
    #[must_use]
    pub fn may_match(&self, filter: FilterId) -> bool {
        let word = self.scratch.candidates.get(filter.0 as usize / 64).copied().unwrap_or(0);
        word >> (filter.0 % 64) & 1 != 0
    }

    fn searcher(&self) -> Searcher<'_> {
        Searcher { regexes: &self.program.regexes, own: &self.scratch.own }
    }

    pub(super) fn program(&self) -> &'a Program {
        self.program
    }

    pub(super) fn arena(&self) -> &'a Arena<'a> {
        self.arena
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) fn test(&self, number: TestNo) -> Result<bool, Stop> {
        let Some(node) = self.program.nodes.test(number) else { return Ok(false) };
        let memo = node.about.memo.and_then(|memo| self.scratch.verdicts.get(memo as usize));
        if let Some(known) = memo.and_then(Cell::get) {
            return Ok(known);
        }
        let result = match &node.test {
            Test::Const(result) => *result,
            Test::Truth(value) => matches!(self.get(*value)?, Value::Bool(true)),
            Test::Compare(value, check) => self.compare(self.get(*value)?, check)?,
            Test::Not(inner) => !self.test(*inner)?,
            Test::And(parts) => {
                let mut all = true;
                for part in parts {
                    all = self.test(*part)?;
                    if !all {
                        break;
                    }
                }
                all
            }
            Test::Or(parts) => {
                let mut any = false;
                for part in parts {
                    any = self.test(*part)?;
                    if any {
                        break;
                    }
                }
                any
            }
            Test::Xor(parts) => {
                let mut odd = false;
                for part in parts {
                    odd ^= self.test(*part)?;
                }
                odd
            }
            Test::Any(inner) => self.quantified(*inner, true)?,
            Test::All(inner) => self.quantified(*inner, false)?,
        };
        if let Some(memo) = memo {
            memo.set(Some(result));
        }
        Ok(result)
    }

    #[inline]
    fn compare(&self, value: Value<'a>, check: &Check) -> Result<bool, Stop> {
        match check {
            _ if value.is_missing() => Ok(false),
            Check::Value(order, right) => Ok(Check::compare(*order, value, self.get(*right)?, &self.meter)?),
            other => Ok(other.holds(value, &self.meter, self.searcher())?),
        }
    }

    /// Whether any (or whether all) of a test's results are true. Of a missing plain array neither is so.
    fn quantified(&self, number: TestNo, is_any: bool) -> Result<bool, Stop> {
        let Some(count) = self.count(number)? else { return Ok(false) };
        for index in 0..count {
            self.meter.spend(1)?;
            if self.test_at(number, index)? == is_any {
                return Ok(is_any);
            }
        }
        Ok(!is_any)
    }

    /// How many results a test has that is made for each index: as many as its shortest array has elements. None if
    /// one of them is a missing array.
    pub(super) fn count(&self, number: TestNo) -> Result<Option<usize>, Stop> {
        let Some(node) = self.program.nodes.test(number) else { return Ok(None) };
        let elements = |value| match value {
            Value::Array(array) => Some(array.len()),
            _ => None,
        };
        match &node.test {
            Test::Truth(value) | Test::Compare(value, _) => Ok(elements(self.get(*value)?)),
            Test::Not(inner) => self.count(*inner),
            Test::And(parts) | Test::Or(parts) | Test::Xor(parts) => {
                let mut least = usize::MAX;
                for part in parts {
                    let Some(count) = self.count(*part)? else { return Ok(None) };
                    least = least.min(count);
                }
                Ok(Some(least))
            }
            Test::Const(_) | Test::Any(_) | Test::All(_) => Ok(None),
        }
    }

    pub(super) fn test_at(&self, number: TestNo, index: usize) -> Result<bool, Stop> {
        let Some(node) = self.program.nodes.test(number) else { return Ok(false) };
        let element = |value| Ok::<_, Stop>(self.get(value)?.index(index, self.arena));
        match &node.test {
            Test::Truth(value) => Ok(matches!(element(*value)?, Value::Bool(true))),
            Test::Compare(value, check) => self.compare(element(*value)?, check),
            Test::Not(inner) => Ok(!self.test_at(*inner, index)?),
            Test::And(parts) => {
                for part in parts {
                    if !self.test_at(*part, index)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Or(parts) => {
                for part in parts {
                    if self.test_at(*part, index)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::Xor(parts) => {
                let mut odd = false;
                for part in parts {
                    odd ^= self.test_at(*part, index)?;
                }
                Ok(odd)
            }
            Test::Const(_) | Test::Any(_) | Test::All(_) => self.test(number),
        }
    }

    /// The value of this number.
    pub(super) fn get(&self, number: ValueNo) -> Result<Value<'a>, Stop> {
        let Some(node) = self.program.nodes.value(number) else { return Ok(Value::Missing) };
        let memo = node.about.memo.and_then(|memo| self.memos.get(memo as usize));
        if let Some(known) = memo.and_then(Cell::get) {
            return Ok(known);
        }
        self.meter.spend(1)?;
        let value = self.make(&node.source)?;
        if let Some(memo) = memo {
            memo.set(Some(value));
        }
        Ok(value)
    }

    fn make(&self, source: &'a Source) -> Result<Value<'a>, Stop> {
        let arena = self.arena;
        Ok(match source {
            Source::Const(constant) => constant.value(),
            Source::Field(field) => self.fields.get(*field, arena)?,
            Source::Key(map, key) => self.get(*map)?.key(key, arena),
            Source::KeyItem(map, key, index) => match self.get(*map)? {
                Value::Map(map) => map.find_at(key, *index as usize, arena),
                _ => Value::Missing,
            },
            Source::Item(array, index) => self.get(*array)?.index(*index as usize, arena),
            Source::Call(function, arguments, ready) => {
                self.call(*function, arguments, None, self.program.nodes.ready(*ready))?
            }
            Source::Each(value) => match self.get(*value)? {
                array @ Value::Array(_) => array,
                Value::Map(map) => {
                    self.meter.look(map.len())?;
                    let values = (0..map.len()).filter_map(|index| Some(map.at(index, arena)?.1));
                    array(arena, values.collect())
                }
                _ => Value::Array(Array::Slice(&[])),
            },
            Source::EachKey(values, key) => self.each(*values, |value| Ok(value.key(key, arena)))?,
            Source::EachItem(values, index) => {
                self.each(*values, |value| Ok(value.index(*index as usize, arena)))?
            }
            Source::EachEach(values) => self.flattened(*values)?,
            Source::EachCall(function, arguments, ready) => {
                let [first, rest @ ..] = &**arguments else { return Ok(Value::Missing) };
                let ready = self.program.nodes.ready(*ready);
                self.each(*first, |value| self.call(*function, rest, Some(value), ready))?
            }
        })
    }

    /// What is made of each element of an array.
    fn each(
        &self,
        values: ValueNo,
        make: impl Fn(Value<'a>) -> Result<Value<'a>, Stop>,
    ) -> Result<Value<'a>, Stop> {
        let Value::Array(items) = self.get(values)? else { return Ok(Value::Missing) };
        let mut made = Vec::with_capacity(items.len());
        for index in 0..items.len() {
            self.meter.spend(1)?;
            made.push(make(items.at(index, self.arena))?);
        }
        Ok(array(self.arena, made))
    }

    /// The elements of each element.
    fn flattened(&self, values: ValueNo) -> Result<Value<'a>, Stop> {
        let Value::Array(items) = self.get(values)? else { return Ok(Value::Missing) };
        let mut made = Vec::new();
        for index in 0..items.len() {
            match items.at(index, self.arena) {
                Value::Array(inner) => {
                    self.meter.look(inner.len())?;
                    made.extend((0..inner.len()).map(|index| inner.at(index, self.arena)));
                }
                Value::Map(map) => {
                    self.meter.look(map.len())?;
                    made.extend((0..map.len()).filter_map(|index| Some(map.at(index, self.arena)?.1)));
                }
                _ => self.meter.spend(1)?,
            }
        }
        Ok(array(self.arena, made))
    }

    /// Calls a function. Its arguments are got one after the other, until one decides.
    fn call(
        &self,
        function: Function,
        arguments: &[ValueNo],
        first: Option<Value<'a>>,
        ready: &Ready,
    ) -> Result<Value<'a>, Stop> {
        let mut values = [Value::Missing; super::ARGUMENTS_MAX];
        let mut count = 0;
        let got = first.into_iter().map(Ok).chain(arguments.iter().map(|argument| self.get(*argument)));
        for (slot, value) in values.iter_mut().zip(got) {
            *slot = value?;
            count += 1;
            match function {
                Function::Concat => {}
                Function::Coalesce if slot.is_missing() => {}
                Function::Coalesce => return Ok(*slot),
                _ if slot.is_missing() => return Ok(Value::Missing),
                _ => {}
            }
        }
        let context = Context { arena: self.arena, meter: &self.meter, searcher: self.searcher() };
        Ok(functions::call(function, ready, values.get(..count).unwrap_or_default(), context)?)
    }
}

fn array<'a>(arena: &'a Arena<'a>, values: Vec<Value<'a>>) -> Value<'a> {
    Value::Array(Array::Slice(if values.is_empty() { &[] } else { arena.values(values) }))
}
