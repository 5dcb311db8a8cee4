//! Numbers, addresses, and bytes in hexadecimal.

use super::Parser;
use super::text::Text;
use crate::ast::{Literal, Operand, Root, Span};
use crate::error::Error;
use crate::fields::FieldId;
use crate::signature::Function;
use crate::types::Type;
use std::net::IpAddr;

impl<'a> Parser<'a> {
    /// A field, a call, or a literal of one of these types.
    pub(super) fn operand_or_literal(&mut self, allowed: &[Type]) -> Result<Operand, Error> {
        self.skip_space();
        if self.is_at_literal() { self.literal(allowed) } else { self.operand(Some(allowed)) }
    }

    /// Whether what is next can only be a literal, right or wrong.
    fn is_at_literal(&self) -> bool {
        let token = self.token();
        self.is_at_text()
            || token.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == ':')
            || token.contains(':')
            || bytes_in_hexadecimal(token).is_some()
    }

    /// A literal of one of these types, which is next.
    fn literal(&mut self, allowed: &[Type]) -> Result<Operand, Error> {
        let start = self.at;
        let has = |ty: Type| allowed.contains(&ty);
        let token = self.token();
        let (literal, ty) = if self.is_at_text() {
            if !has(Type::Bytes) {
                let text = self.quoted()?;
                return Err(self.wrong_literal(text.span, Some(Type::Bytes), allowed));
            }
            (Literal::Bytes(self.quoted()?.bytes.into()), Type::Bytes)
        } else if let Some(address) = token.parse().ok().filter(|_| has(Type::Ip)) {
            self.at += token.len();
            if self.rest().starts_with('/') {
                let bits = self.run(|c| c == '/' || c.is_ascii_digit()).len();
                let error = self.error(Span { start, end: self.at + bits }, "a prefix is no address");
                return Err(error.hint("Write `in {…}` with the prefix"));
            }
            (Literal::Ip(address), Type::Ip)
        } else if let Some(bytes) = bytes_in_hexadecimal(token).filter(|_| has(Type::Bytes)) {
            self.at += token.len();
            (Literal::Bytes(bytes.into()), Type::Bytes)
        } else if has(Type::Int) && !token.contains(':') {
            (Literal::Int(self.int()?), Type::Int)
        } else {
            let is_int =
                !token.is_empty() && token.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
            let ty = if is_int { Some(Type::Int) } else { token.parse::<IpAddr>().ok().map(|_| Type::Ip) };
            return Err(self.wrong_literal(self.ahead(token.len()), ty, allowed));
        };
        let span = self.since(start);
        Ok(Operand { root: Root::Literal(literal), indexes: Vec::new(), ty, is_each: false, span })
    }

    /// A text literal in whichever form.
    pub(super) fn bytes(&mut self, expected: &str) -> Result<Text, Error> {
        if self.is_at_text() {
            return self.quoted();
        }
        let token = self.token();
        let span = self.ahead(token.len());
        if let Some(bytes) = bytes_in_hexadecimal(token) {
            self.at += token.len();
            return Ok(Text::pairs(bytes, span));
        }
        if token.is_empty() {
            return Err(self.unexpected(expected));
        }
        if FieldId::named(self.word()).is_some() || Function::named(self.word()).is_some() {
            let error = self.error(span, format!("{} is no literal", self.shown(span)));
            return Err(error
                .expected(expected)
                .hint("Only `eq`, `ne`, `lt`, `le`, `gt` and `ge` take fields and calls here"));
        }
        let message = format!("{} is no text in quotes", self.shown(span));
        Err(self.error(span, message).expected(expected).hint(format!("Write \"{token}\"")))
    }

    /// A number: decimal, `0x` hexadecimal, or octal behind a `0`.
    pub(super) fn int(&mut self) -> Result<i64, Error> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = rest.get(sign..).unwrap_or_default();
        let digits = digits
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .next()
            .unwrap_or_default();
        let span = self.ahead(sign + digits.len());
        let (plain, radix) = match digits.strip_prefix("0x") {
            Some(hexadecimal) => (hexadecimal, 16),
            None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
            None => (digits, 10),
        };
        if digits.is_empty() && sign == 0 {
            return Err(self.unexpected("an Integer, such as 200 or 0x1f"));
        }
        let is_number = !plain.is_empty() && plain.chars().all(|c| c.is_digit(radix));
        let behind = self.text.get(span.end..self.end).unwrap_or_default();
        let has_fraction = behind.starts_with('.') && !behind.starts_with("..");
        if !is_number || has_fraction {
            let token = self.token().len();
            let span = if has_fraction { self.ahead(token) } else { span };
            let error = self.error(span, format!("{} is no Integer", self.shown(span)));
            let hint = if is_number_range(digits) { "A range is first..last" } else { "" };
            let expected = "decimal digits, `0x` with hexadecimal ones, or `0` with octal ones";
            return Err(error.expected(expected).hint(hint));
        }
        let signed = if sign == 1 { format!("-{plain}") } else { plain.to_owned() };
        let Ok(number) = i64::from_str_radix(&signed, radix) else {
            let error = self.error(span, format!("{} is too large", self.shown(span)));
            return Err(
                error.expected("an Integer of 64 bits, from -9223372036854775808 to 9223372036854775807")
            );
        };
        self.at = span.end;
        Ok(number)
    }

    /// What may be a number, an address or bytes in hexadecimal.
    pub(super) fn token(&self) -> &'a str {
        self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-'))
    }

    /// A literal of another type than may stand here.
    fn wrong_literal(&self, span: Span, ty: Option<Type>, allowed: &[Type]) -> Error {
        let what = self.shown(span);
        let message = match ty {
            Some(ty) => format!("{what} is {}", ty.with_article()),
            None => format!("{what} is no literal"),
        };
        let names: Vec<String> = allowed.iter().map(|ty| wanted(*ty)).collect();
        let text = what.trim_matches(['`', '"']);
        let hint = match allowed {
            [Type::Bytes] => format!("Write \"{text}\""),
            [Type::Int | Type::Ip] if ty == Some(Type::Bytes) => "Write it without quotes".to_owned(),
            _ => String::new(),
        };
        self.error(span, message).expected(names.join(" or ")).hint(hint)
    }
}

/// Whether it looks like a range with a hyphen.
fn is_number_range(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && token.contains('-')
}

/// A type, and how its literals look.
fn wanted(ty: Type) -> String {
    let example = match ty {
        Type::Int => ", such as 200 or 0x1f",
        Type::Bytes => " in quotes",
        Type::Ip => ", such as 192.0.2.1",
        Type::Bool | Type::Array(_) | Type::Map(_) => ": a field or a call, there are no literals of it",
    };
    format!("{}{example}", ty.with_article())
}

/// `0a:1b-2c`: two or more bytes, each of two digits.
fn bytes_in_hexadecimal(token: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for pair in token.split([':', '-', '.']) {
        if pair.len() != 2 || !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(pair, 16).ok()?);
    }
    (bytes.len() >= 2).then_some(bytes)
}
