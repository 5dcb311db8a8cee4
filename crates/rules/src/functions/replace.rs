//! `regex_replace` and `wildcard_replace`.

use super::{Context, Ready};
use crate::meter::OverBudget;
use crate::value::Value;

/// A replacement: text and references.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(Box<[u8]>),
    Reference(usize),
}

impl Template {
    /// Reads a replacement: `${n}` is the n-th group or star, `$$` a dollar sign.
    pub(crate) fn parse(text: &[u8]) -> Template {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let [byte, behind @ ..] = rest {
            rest = behind;
            if *byte != b'$' {
                plain.push(*byte);
            } else if let [b'$', behind @ ..] = rest {
                plain.push(b'$');
                rest = behind;
            } else if let Some((number, behind)) = reference(rest) {
                parts.push(Part::Text(std::mem::take(&mut plain).into_boxed_slice()));
                parts.push(Part::Reference(number));
                rest = behind;
            } else {
                plain.push(b'$');
            }
        }
        parts.push(Part::Text(plain.into_boxed_slice()));
        Template(parts)
    }

    /// The replacement with what its references stand for; one that stands for nothing is empty.
    fn fill<'t>(
        &self,
        context: Context<'_, '_>,
        group: impl Fn(usize) -> Option<&'t [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), OverBudget> {
        for part in &self.0 {
            let bytes = match part {
                Part::Text(text) => text,
                Part::Reference(number) => group(*number).unwrap_or_default(),
            };
            context.meter.look(bytes.len())?;
            out.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// The number in `{n}` and what stands behind it.
fn reference(text: &[u8]) -> Option<(usize, &[u8])> {
    let inner = text.strip_prefix(b"{")?;
    let end = inner.iter().position(|byte| *byte == b'}')?;
    let (number, behind) = inner.split_at_checked(end)?;
    if !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, behind.get(1..)?))
}

/// The text with its first match replaced, or all of it rewritten; unchanged if nothing fits.
pub(super) fn replace<'a>(
    ready: &Ready,
    text: &'a [u8],
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    let mut out = Vec::new();
    match ready {
        Ready::Plain => return Ok(Value::Bytes(text)),
        Ready::Regex(number, template) => {
            let found = context.searcher.captures(*number, text, context.meter)?;
            let Some(groups) = found else { return Ok(Value::Bytes(text)) };
            let Some(whole) = groups.get_group(0) else { return Ok(Value::Bytes(text)) };
            context.meter.look(text.len())?;
            out.extend_from_slice(text.get(..whole.start).unwrap_or_default());
            template.fill(context, |number| text.get(groups.get_group(number)?.range()), &mut out)?;
            out.extend_from_slice(text.get(whole.end..).unwrap_or_default());
        }
        Ready::Wildcard(matcher, template) => {
            let Some(stars) = matcher.captures(text, context.meter)? else { return Ok(Value::Bytes(text)) };
            let star = |number: usize| {
                let (start, end) = stars.get(number.checked_sub(1)?)?;
                text.get(*start..*end)
            };
            template.fill(context, star, &mut out)?;
        }
    }
    Ok(Value::Bytes(context.arena.bytes(out)))
}
