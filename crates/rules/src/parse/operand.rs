//! Fields, calls, and what is taken of them.

use super::Parser;
use crate::ast::{Index, Operand, Root};
use crate::error::Error;
use crate::fields::FieldId;
use crate::signature::Function;
use crate::types::Type;

impl Parser<'_> {
    /// A field or a call with its indexes. `literals` says which literals might have stood here instead.
    pub(super) fn operand(&mut self, literals: Option<&[Type]>) -> Result<Operand, Error> {
        self.skip_space();
        let start = self.at;
        let word = self.word();
        let is_call = self
            .text
            .get(start + word.len()..self.end)
            .is_some_and(|rest| rest.trim_start_matches([' ', '\r', '\n']).starts_with('('));
        let span = self.ahead(word.len());
        let (root, ty) = if let Some(function) = Function::named(word).filter(|_| is_call) {
            self.placed(word, function.signature().place, span)?;
            let call = self.call(function)?;
            let ty = call.ty;
            (Root::Call(Box::new(call)), ty)
        } else if let Some(field) = FieldId::named(word).filter(|_| !is_call) {
            self.placed(word, field.place(), span)?;
            self.at += word.len();
            (Root::Field(field), field.ty())
        } else {
            return Err(self.unknown(word, is_call, literals));
        };
        let mut operand = Operand { root, indexes: Vec::new(), ty, is_each: false, span: self.since(start) };
        while self.rest().starts_with('[') {
            self.index(&mut operand)?;
            operand.span = self.since(start);
        }
        Ok(operand)
    }

    /// One index in brackets.
    fn index(&mut self, operand: &mut Operand) -> Result<(), Error> {
        let start = self.at;
        let Some(element) = operand.ty.element() else {
            let what = self.shown(operand.span);
            let message = format!("{what} is {}, which has no elements", operand.ty.with_article());
            return Err(self.error(self.ahead(1), message));
        };
        self.at += 1;
        self.skip_space();
        let index = match (operand.ty, self.peek()) {
            (_, Some('*')) => {
                self.at += 1;
                Index::Each
            }
            (Type::Array(_), Some('0'..='9')) => {
                let digits = self.run(|c| c.is_ascii_alphanumeric() || c == '_');
                let span = self.ahead(digits.len());
                let Ok(item) = digits.parse::<u32>() else {
                    let error = self.error(span, format!("{} is no index", self.shown(span)));
                    return Err(error.expected(format!("a decimal number from 0 to {}", u32::MAX)));
                };
                self.at = span.end;
                Index::Item(item)
            }
            (Type::Map(_), Some('"')) => Index::Key(self.quoted()?.bytes.into()),
            (Type::Map(_), _) => return Err(self.unexpected("`*`, or a key in plain quotes, of a Map")),
            (_, Some('-')) => {
                return Err(self
                    .unexpected("`*`, or a number of an Array")
                    .hint("Indexes count from 0, from the front"));
            }
            _ => return Err(self.unexpected("`*`, or a number of an Array")),
        };
        self.expect("]", "`]`")?;
        if index == Index::Each && !operand.is_each {
            self.same_array(operand, start)?;
        }
        operand.is_each |= index == Index::Each;
        operand.indexes.push(index);
        operand.ty = element;
        Ok(())
    }

    /// Every `[*]` of one quantifier stands behind the same array (documented). One behind a call that was itself
    /// made for each element stands behind the array of that.
    fn same_array(&mut self, operand: &Operand, bracket: usize) -> Result<(), Error> {
        if let Root::Call(call) = &operand.root
            && call.arguments.first().is_some_and(|argument| argument.is_each)
        {
            return Ok(());
        }
        let array = operand.to_string();
        match &self.each {
            Some(first) if *first != array => {
                let span = self.since(bracket);
                let message = format!("`[*]` stands behind `{array}` here and behind `{first}` before");
                let expected = "every [*] within one any(…) or all(…) behind the same array";
                Err(self.error(span, message).expected(expected))
            }
            Some(_) => Ok(()),
            None => {
                self.each = Some(array);
                Ok(())
            }
        }
    }
}
