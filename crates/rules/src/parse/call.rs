//! Calls of functions.

use super::Parser;
use crate::ast::{Call, Operand, Root};
use crate::error::Error;
use crate::fields::FieldId;
use crate::signature::{Form, Function, Gives, Parameter, Signature, Takes};
use crate::types::Type;

impl Parser<'_> {
    /// A call; its name is next.
    pub(super) fn call(&mut self, function: Function) -> Result<Call, Error> {
        let start = self.at;
        let name = function.name();
        self.enter(self.ahead(name.len()))?;
        self.begin_replacing(function)?;
        self.at += name.len();
        self.skip_space();
        self.at += 1;
        let signature = function.signature();
        let mut arguments: Vec<Operand> = Vec::new();
        self.skip_space();
        if !self.rest().starts_with(')') {
            loop {
                let argument = self.argument(function, &signature, &arguments)?;
                arguments.push(argument);
                self.skip_space();
                if !self.take(",") {
                    break;
                }
            }
        }
        if !self.rest().starts_with(')') {
            return Err(self.unexpected("`,` or `)`"));
        }
        if arguments.len() < signature.required.len() {
            let missing = self.ahead(1);
            return Err(self.arity(function, &signature, missing, arguments.len()));
        }
        self.at += 1;
        self.depth -= 1;
        self.end_replacing(function);
        self.bounds(function, &arguments)?;
        let ty = self.result(function, &signature, &arguments, start)?;
        Ok(Call { function, arguments, ty, span: self.since(start) })
    }

    /// What the call gives.
    fn result(
        &self,
        function: Function,
        signature: &Signature,
        arguments: &[Operand],
        start: usize,
    ) -> Result<Type, Error> {
        let first = arguments.first();
        let one = match signature.result {
            Gives::Only(ty) => ty,
            Gives::SameAsFirst => first.map_or(Type::Bytes, |first| first.ty),
        };
        if !first.is_some_and(|first| first.is_each) {
            return Ok(one);
        }
        one.array().ok_or_else(|| {
            let message =
                format!("`{function}` gives {}, and there is no array of those", one.with_article());
            self.error(self.since(start), message)
        })
    }

    /// The next argument.
    fn argument(
        &mut self,
        function: Function,
        signature: &Signature,
        before: &[Operand],
    ) -> Result<Operand, Error> {
        self.skip_space();
        let number = before.len();
        let Some(parameter) = signature.parameter(number) else {
            return Err(self.arity(function, signature, self.next_token(), number + 1));
        };
        let first = before.first().map(|first| first.ty);
        let literals = literals(parameter.takes, first);
        let argument = self.operand_or_literal(&literals)?;
        if argument.is_each && number > 0 {
            let error = self.error(argument.span, "`[*]` may not stand here");
            return Err(error.expected("it only in the first argument of a function"));
        }
        if !takes(parameter.takes, argument.ty, first) {
            let wanted =
                format!("{} as `{}` of `{function}`", wanted(parameter.takes, first), parameter.name);
            return Err(self.mismatch(&argument, wanted));
        }
        self.form(function, parameter, &argument)?;
        Ok(argument)
    }

    /// Refuses an argument that is written as something else than its parameter allows.
    fn form(&self, function: Function, parameter: Parameter, argument: &Operand) -> Result<(), Error> {
        let is_right = match (parameter.form, &argument.root) {
            (Form::Any, _)
            | (Form::NotLiteral, Root::Field(_) | Root::Call(_))
            | (Form::Literal, Root::Literal(_))
            | (Form::Query, Root::Field(FieldId::HttpRequestUriQuery | FieldId::RawHttpRequestUriQuery)) => {
                true
            }
            (Form::Literal | Form::NotLiteral | Form::Query, _) => false,
        };
        if is_right {
            return Ok(());
        }
        let what = match &argument.root {
            Root::Literal(_) => "a literal",
            Root::Call(_) => "a call",
            Root::Field(_) => "a field",
        };
        let expected = match parameter.form {
            Form::Any => "",
            Form::NotLiteral => "a field or a call",
            Form::Literal => "a literal",
            Form::Query => "http.request.uri.query or raw.http.request.uri.query",
        };
        let message = format!("`{}` of `{function}` cannot be {what}", parameter.name);
        let message = if parameter.form == Form::Query && what == "a field" {
            format!("`{}` of `{function}` cannot be {}", parameter.name, self.shown(argument.span))
        } else {
            message
        };
        Err(self.error(argument.span, message).expected(expected))
    }

    /// Too few or too many arguments.
    fn arity(&self, function: Function, signature: &Signature, at: crate::ast::Span, given: usize) -> Error {
        let (least, most) = signature.arity();
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        let expected = match (least, most) {
            (least, most) if least == most => format!("{least} {}", plural(least)),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let message = if given < least {
            let name = signature.required.get(given).map_or("", |parameter| parameter.name);
            format!("`{function}` lacks its `{name}`")
        } else {
            format!("`{function}` has no argument {given}")
        };
        self.error(at, message).expected(expected)
    }
}

/// Which literals may stand for it.
fn literals(takes: Takes, first: Option<Type>) -> Vec<Type> {
    let of = |ty: Option<Type>| ty.into_iter().filter(|ty| ty.is_primitive()).collect();
    match takes {
        Takes::Only(ty) => of(Some(ty)),
        Takes::TextOrArray | Takes::TextOrAnyArray => vec![Type::Bytes],
        Takes::TextOrInt => vec![Type::Bytes, Type::Int],
        Takes::Printable => vec![Type::Int, Type::Ip],
        Takes::Primitive | Takes::Anything => vec![Type::Bytes, Type::Int, Type::Ip],
        Takes::AnyMap | Takes::Collection => Vec::new(),
        Takes::SameAsFirst => of(first),
        Takes::ElementOfFirst => of(first.and_then(Type::element)),
    }
}

/// Whether it takes this type.
fn takes(takes: Takes, ty: Type, first: Option<Type>) -> bool {
    match takes {
        Takes::Only(only) => ty == only,
        Takes::TextOrArray => matches!(ty, Type::Bytes | Type::Array(Type::Bytes)),
        Takes::TextOrAnyArray => matches!(ty, Type::Bytes | Type::Array(_)),
        Takes::TextOrInt => matches!(ty, Type::Bytes | Type::Int),
        Takes::Printable => matches!(ty, Type::Int | Type::Bool | Type::Ip),
        Takes::Primitive => ty.is_primitive(),
        Takes::AnyMap => matches!(ty, Type::Map(_)),
        Takes::Collection => ty.element().is_some_and(Type::is_primitive),
        Takes::Anything => true,
        Takes::SameAsFirst => first == Some(ty),
        Takes::ElementOfFirst => first.and_then(Type::element) == Some(ty),
    }
}

/// What it takes, in words.
fn wanted(takes: Takes, first: Option<Type>) -> String {
    let or = |ty: Option<Type>| ty.map_or_else(|| "another type".to_owned(), Type::with_article);
    match takes {
        Takes::Only(ty) => ty.with_article(),
        Takes::TextOrArray => "a String or an Array<String>".to_owned(),
        Takes::TextOrAnyArray => "a String or an array".to_owned(),
        Takes::TextOrInt => "a String or an Integer".to_owned(),
        Takes::Printable => "an Integer, a Boolean or an IP address".to_owned(),
        Takes::Primitive | Takes::Anything => "a Boolean, an Integer, a String or an IP address".to_owned(),
        Takes::AnyMap => "a map".to_owned(),
        Takes::Collection => "an array or a map of Booleans, Integers, Strings or IP addresses".to_owned(),
        Takes::SameAsFirst => format!("{}, as the first argument is,", or(first)),
        Takes::ElementOfFirst => format!("{}, as the elements are,", or(first.and_then(Type::element))),
    }
}
