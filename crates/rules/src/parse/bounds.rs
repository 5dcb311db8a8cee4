//! What the arguments of each function have to hold to, beyond their types.

use super::Parser;
use super::text::Text;
use crate::ast::{Literal, Operand, Root, Span};
use crate::error::Error;
use crate::literal::Wildcard;
use crate::signature::Function;
use std::ops::RangeInclusive;

/// A replacement refers to groups or stars at most so many times, and to none with a higher number (documented).
const REFERENCES_MAX: usize = 8;

impl Parser<'_> {
    /// Each of the two replacing functions stands once in an expression, and none within the other (documented).
    pub(super) fn begin_replacing(&mut self, function: Function) -> Result<(), Error> {
        if !matches!(function, Function::RegexReplace | Function::WildcardReplace) {
            return Ok(());
        }
        let span = self.ahead(function.name().len());
        if let Some(outer) = self.replacing {
            return Err(self.error(span, format!("`{function}` may not stand within `{outer}`")));
        }
        if self.replaced.contains(&function) {
            return Err(self.error(span, format!("`{function}` stands at most once in an expression")));
        }
        self.replaced.push(function);
        self.replacing = Some(function);
        Ok(())
    }

    /// The call is closed.
    pub(super) fn end_replacing(&mut self, function: Function) {
        if self.replacing == Some(function) {
            self.replacing = None;
        }
    }

    /// Checks the literals among the arguments of a call.
    pub(super) fn bounds(&mut self, function: Function, arguments: &[Operand]) -> Result<(), Error> {
        match function {
            Function::Cidr => {
                self.number(arguments, 1, "ipv4_bits", 1..=32)?;
                self.number(arguments, 2, "ipv6_bits", 1..=128)
            }
            Function::Cidr6 => self.number(arguments, 1, "ipv6_bits", 1..=128),
            Function::EncodeBase64 => self.flags(arguments, 1, "up"),
            Function::UrlDecode => self.flags(arguments, 1, "ru"),
            Function::HashInRange => self.hashed(arguments),
            Function::IsTimedHmacValidV0 => {
                self.number(arguments, 2, "ttl", 0..=i64::MAX)?;
                self.number(arguments, 4, "separatorLength", 0..=i64::MAX)?;
                self.flags(arguments, 5, "s")
            }
            Function::LookupJsonInteger | Function::LookupJsonString => (1..arguments.len())
                .try_for_each(|argument| self.number(arguments, argument, "key", 0..=i64::MAX)),
            Function::RegexReplace => {
                if let Some(pattern) = self.written(arguments, 1)? {
                    self.compiled(&pattern)?;
                }
                self.replacement(arguments)
            }
            Function::WildcardReplace => {
                if let Some(pattern) = self.written(arguments, 1)?
                    && let Err(fault) = Wildcard::parse(&pattern.bytes)
                {
                    return Err(self.wildcard_error(&pattern, fault));
                }
                self.replacement(arguments)?;
                self.flags(arguments, 3, "s")
            }
            Function::Split => {
                if let Some((b"", span)) = text(arguments, 1) {
                    return Err(self
                        .error(span, "`separator` of `split` is empty")
                        .expected("one byte or more"));
                }
                self.number(arguments, 2, "limit", 1..=128)
            }
            Function::Coalesce
            | Function::Concat
            | Function::DecodeBase64
            | Function::EndsWith
            | Function::HasKey
            | Function::HasValue
            | Function::IsJwtPresent
            | Function::IsJwtValid
            | Function::Join
            | Function::Len
            | Function::Lower
            | Function::RemoveBytes
            | Function::RemoveQueryArgs
            | Function::Sha256
            | Function::StartsWith
            | Function::Substring
            | Function::ToString
            | Function::Upper
            | Function::Uuidv4 => Ok(()),
        }
    }

    /// A number among the arguments is in its range, if it is there as a literal.
    fn number(
        &self,
        arguments: &[Operand],
        argument: usize,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<(), Error> {
        match int(arguments, argument) {
            Some((number, span)) if !range.contains(&number) => {
                let expected = match range.end() {
                    &i64::MAX => format!("{} or more", range.start()),
                    last => format!("{} to {last}", range.start()),
                };
                Err(self.error(span, format!("`{name}` cannot be {number}")).expected(expected))
            }
            _ => Ok(()),
        }
    }

    /// Flags are among those that there are, each once.
    fn flags(&self, arguments: &[Operand], argument: usize, known: &str) -> Result<(), Error> {
        let Some((flags, span)) = text(arguments, argument) else { return Ok(()) };
        let is_known = |flag: &u8| known.as_bytes().contains(flag);
        let is_once = |flag: &u8| flags.iter().filter(|other| *other == flag).count() == 1;
        if flags.iter().all(|flag| is_known(flag) && is_once(flag)) {
            return Ok(());
        }
        let letters: Vec<String> = known.chars().map(|flag| format!("`{flag}`")).collect();
        let error = self.error(span, format!("{} are no flags", self.shown(span)));
        Err(error.expected(format!("flags of {}, each at most once", letters.join(" and "))))
    }

    /// The range of `hash_in_range` has numbers in it; the upper end is not one of them.
    fn hashed(&self, arguments: &[Operand]) -> Result<(), Error> {
        match (int(arguments, 0), int(arguments, 1)) {
            (Some((min, _)), Some((max, span))) if min >= max => {
                let error = self.error(span, "this range is empty");
                Err(error.expected(format!("a `max` above {min}, which is itself not in the range")))
            }
            _ => Ok(()),
        }
    }

    /// A text argument, read once more for the places of its bytes.
    fn written(&self, arguments: &[Operand], argument: usize) -> Result<Option<Text>, Error> {
        let Some((_, span)) = text(arguments, argument) else { return Ok(None) };
        let mut again = Parser { at: span.start, ..Parser::new(self.text, self.scope, self.kind)? };
        again.bytes("a text in quotes").map(Some)
    }

    /// `${1}` to `${8}` and `$$` in a replacement.
    fn replacement(&self, arguments: &[Operand]) -> Result<(), Error> {
        const EXPECTED: &str = "`${1}` to `${8}`, or `$$` for a dollar sign";
        let Some(replacement) = self.written(arguments, 2)? else { return Ok(()) };
        let mut references = 0;
        let mut at = 0;
        while let Some([first, rest @ ..]) = replacement.bytes.get(at..) {
            let taken = match (first, rest) {
                (b'$', [b'$', ..]) => 2,
                (b'$', [b'{', b'1'..=b'8', b'}', ..]) => {
                    references += 1;
                    4
                }
                (b'$', rest) => {
                    let end = at
                        + 1
                        + rest
                            .iter()
                            .position(|byte| !matches!(byte, b'{' | b'0'..=b'9'))
                            .unwrap_or(rest.len());
                    let closes = usize::from(replacement.bytes.get(end) == Some(&b'}'));
                    let span = replacement.written(Span { start: at, end: end + closes });
                    let error = self.error(span, format!("{} refers to nothing", self.shown(span)));
                    return Err(error.expected(EXPECTED));
                }
                _ => 1,
            };
            if references > REFERENCES_MAX {
                let span = replacement.written(Span { start: at, end: at + taken });
                let message = format!("a replacement has at most {REFERENCES_MAX} references");
                return Err(self.error(span, message));
            }
            at += taken;
        }
        Ok(())
    }
}

/// A literal number among the arguments, and where it stands.
fn int(arguments: &[Operand], argument: usize) -> Option<(i64, Span)> {
    match arguments.get(argument) {
        Some(Operand { root: Root::Literal(Literal::Int(number)), span, .. }) => Some((*number, *span)),
        _ => None,
    }
}

/// A literal text among the arguments, and where it stands.
fn text(arguments: &[Operand], argument: usize) -> Option<(&[u8], Span)> {
    match arguments.get(argument) {
        Some(Operand { root: Root::Literal(Literal::Bytes(text)), span, .. }) => Some((text, *span)),
        _ => None,
    }
}
