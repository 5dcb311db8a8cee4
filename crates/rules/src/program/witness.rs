//! What made a filter true, told by the program that found it so: for events, of which there may be many.

use super::FilterId;
use super::node::{Const, Source, Test, TestNo, ValueNo};
use super::run::{Run, Stop};
use crate::shown::shown;
use crate::value::Value;

/// A value that a filter's truth rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What was looked at, as an expression would say it.
    pub what: String,
    /// What it was, as an expression would say it.
    pub value: String,
}

/// So deep is looked into calls for what they were made of.
const DEPTH_MAX: usize = 8;

impl<'a> Run<'a, '_> {
    /// The values on which it rests that this filter is true, at most `most` of them and of each `bytes_max` bytes;
    /// of several ways in which it is, one. None if it is not true or cannot be told.
    #[must_use]
    pub fn witnesses(&self, filter: FilterId, most: usize, bytes_max: usize) -> Vec<Witness> {
        let mut found = Found { run: self, list: Vec::new(), most, bytes_max };
        if self.matches(filter) == Ok(true)
            && let Some(test) = self.program().filters.get(filter.0 as usize)
        {
            // What cannot be told is left out.
            let _ = found.test(*test, true);
        }
        found.list
    }
}

struct Found<'f, 'a, 's> {
    run: &'f Run<'a, 's>,
    list: Vec<Witness>,
    most: usize,
    bytes_max: usize,
}

impl<'a> Found<'_, 'a, '_> {
    /// Adds what makes a test `holds`, which it is.
    fn test(&mut self, number: TestNo, holds: bool) -> Result<(), Stop> {
        let Some(node) = self.run.program().nodes.test(number).filter(|_| self.list.len() < self.most) else {
            return Ok(());
        };
        match (&node.test, holds) {
            (Test::Const(_), _) => {}
            (Test::Truth(value) | Test::Compare(value, _), _) => {
                let is = self.run.get(*value)?;
                self.add(*value, is);
            }
            (Test::Not(inner), _) => self.test(*inner, !holds)?,
            (Test::And(parts), true) | (Test::Or(parts), false) | (Test::Xor(parts), _) => {
                for part in parts {
                    if self.list.len() >= self.most {
                        break;
                    }
                    let part_holds = self.run.test(*part)?;
                    self.test(*part, part_holds)?;
                }
            }
            (Test::And(parts), false) | (Test::Or(parts), true) => {
                for part in parts {
                    if self.run.test(*part)? == holds {
                        return self.test(*part, holds);
                    }
                }
            }
            (Test::Any(inner), true) | (Test::All(inner), false) => {
                for index in 0..self.run.count(*inner)?.unwrap_or(0) {
                    if self.run.test_at(*inner, index)? == holds {
                        return self.element(*inner, index);
                    }
                }
            }
            // All of its elements, or none of them.
            (Test::Any(inner) | Test::All(inner), _) => self.whole(*inner)?,
        }
        Ok(())
    }

    /// Adds the elements at this index of what a test looks at.
    fn element(&mut self, number: TestNo, index: usize) -> Result<(), Stop> {
        let Some(node) = self.run.program().nodes.test(number) else { return Ok(()) };
        match &node.test {
            Test::Truth(value) | Test::Compare(value, _) => {
                let element = self.run.get(*value)?.index(index, self.run.arena());
                self.add(*value, element);
            }
            Test::Not(inner) => self.element(*inner, index)?,
            Test::And(parts) | Test::Or(parts) | Test::Xor(parts) => {
                parts.iter().try_for_each(|part| self.element(*part, index))?;
            }
            Test::Const(_) | Test::Any(_) | Test::All(_) => {}
        }
        Ok(())
    }

    /// Adds the arrays that a test looks at.
    fn whole(&mut self, number: TestNo) -> Result<(), Stop> {
        let Some(node) = self.run.program().nodes.test(number) else { return Ok(()) };
        match &node.test {
            Test::Truth(value) | Test::Compare(value, _) => {
                let is = self.run.get(*value)?;
                self.add(*value, is);
            }
            Test::Not(inner) => self.whole(*inner)?,
            Test::And(parts) | Test::Or(parts) | Test::Xor(parts) => {
                parts.iter().try_for_each(|part| self.whole(*part))?;
            }
            Test::Const(_) | Test::Any(_) | Test::All(_) => {}
        }
        Ok(())
    }

    fn add(&mut self, number: ValueNo, value: Value<'a>) {
        if self.list.len() < self.most {
            let what = self.what(number, DEPTH_MAX);
            if self.list.iter().all(|known| known.what != what) {
                let value = shown(value, self.run.arena(), self.bytes_max);
                self.list.push(Witness { what, value });
            }
        }
    }

    /// A value as an expression would say it.
    fn what(&self, number: ValueNo, depth: usize) -> String {
        let Some(node) = self.run.program().nodes.value(number) else { return String::new() };
        let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
        let of = |inner: &ValueNo| self.what(*inner, depth);
        match &node.source {
            Source::Const(constant) => self.constant(constant),
            Source::Field(field) => field.name().to_owned(),
            Source::Key(map, name) | Source::EachKey(map, name) => format!("{}[{}]", of(map), self.key(name)),
            Source::KeyItem(map, name, index) => format!("{}[{}][{index}]", of(map), self.key(name)),
            Source::Item(array, index) | Source::EachItem(array, index) => format!("{}[{index}]", of(array)),
            Source::Each(values) | Source::EachEach(values) => format!("{}[*]", of(values)),
            Source::Call(function, arguments, _) | Source::EachCall(function, arguments, _) => {
                let arguments: Vec<String> = arguments.iter().map(of).collect();
                format!("{}({})", function.name(), arguments.join(", "))
            }
        }
    }

    fn key(&self, name: &'a [u8]) -> String {
        shown(Value::Bytes(name), self.run.arena(), self.bytes_max)
    }

    fn constant(&self, constant: &'a Const) -> String {
        shown(constant.value(), self.run.arena(), self.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use crate::arena::Arena;
    use crate::expression::{Filter, NoLists, Scope};
    use crate::phase::Phase;
    use crate::program::{ProgramBuilder, Scratch};
    use crate::sample::Request;

    fn witnesses(text: &str, most: usize) -> Vec<String> {
        let filter = Filter::parse(text, Scope { phase: Phase::Custom, lists: &NoLists }).unwrap();
        let mut builder = ProgramBuilder::new(&NoLists);
        let id = builder.filter(&filter);
        let (program, arena, mut scratch) = (builder.build().unwrap(), Arena::default(), Scratch::default());
        let run = program.run(&Request, &arena, &mut scratch);
        let found = run.witnesses(id, most, 100).into_iter();
        found.map(|witness| format!("{} = {}", witness.what, witness.value)).collect()
    }

    #[test]
    fn what_made_a_filter_true_is_told() {
        let (host, path) = (r#"http.host eq "a.test""#, r#"lower(http.request.uri.path) contains "log""#);
        let said = (r#"http.host = "a.test""#, r#"lower(http.request.uri.path) = "/login""#);
        assert_eq!(witnesses(&format!("{host} and {path}"), 4), [said.0, said.1]);
        assert_eq!(witnesses(&format!("{host} and {path}"), 1), [said.0]);
        assert_eq!(witnesses(&format!(r#"{path} or http.host eq "b.test""#), 4), [said.1]);
        assert_eq!(witnesses(r#"not http.host contains "b""#, 4), [said.0]);
        assert_eq!(witnesses(r#"http.host eq "b.test""#, 4), [""; 0], "it is not true");
        assert_eq!(witnesses("true", 4), [""; 0]);
    }

    #[test]
    fn of_an_array_the_element_is_told_that_decided() {
        let any = r#"any(http.request.headers["accept"][*] in {"y" "z"})"#;
        assert_eq!(witnesses(any, 4), [r#"http.request.headers["accept"][*] = "y""#]);
        let all = r#"all(http.request.headers["accept"][*] in {"x" "y"})"#;
        assert_eq!(witnesses(all, 4), [r#"http.request.headers["accept"][*] = ["x", "y"]"#]);
    }
}
