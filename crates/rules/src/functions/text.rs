//! Functions of text.

use super::{Context, length};
use crate::meter::OverBudget;
use crate::value::{Array, Value};

/// Joins texts, or arrays. What is missing counts as empty; if all is, so is the result.
pub(super) fn concat<'a>(arguments: &[Value<'a>], context: Context<'a, '_>) -> Result<Value<'a>, OverBudget> {
    let present = || arguments.iter().filter(|value| !value.is_missing());
    match present().next() {
        None => Ok(Value::Missing),
        Some(Value::Array(_)) => {
            let arrays = || {
                present()
                    .filter_map(|value| if let Value::Array(array) = value { Some(*array) } else { None })
            };
            let count = arrays().map(Array::len).sum();
            context.meter.look(count)?;
            let mut joined = Vec::with_capacity(count);
            for array in arrays() {
                joined.extend((0..array.len()).map(|index| array.at(index, context.arena)));
            }
            Ok(Value::Array(Array::Slice(context.arena.values(joined))))
        }
        Some(_) => {
            let texts = || present().filter_map(|value| value.bytes());
            let count = texts().map(<[u8]>::len).sum();
            context.meter.look(count)?;
            let mut joined = Vec::with_capacity(count);
            texts().for_each(|text| joined.extend_from_slice(text));
            Ok(Value::Bytes(context.arena.bytes(joined)))
        }
    }
}

/// The elements with the separator between each two.
pub(super) fn join<'a>(
    items: Array<'a>,
    separator: &[u8],
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    let mut joined = Vec::new();
    for index in 0..items.len() {
        let item = items.at(index, context.arena).bytes().unwrap_or_default();
        context.meter.look(item.len() + separator.len())?;
        if index > 0 {
            joined.extend_from_slice(separator);
        }
        joined.extend_from_slice(item);
    }
    Ok(Value::Bytes(context.arena.bytes(joined)))
}

/// The pieces between separators, at most so many: the last keeps the rest.
pub(super) fn split<'a>(
    text: &'a [u8],
    separator: &[u8],
    limit: i64,
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    context.meter.look(text.len())?;
    let limit = usize::try_from(limit).unwrap_or(1).max(1);
    let mut pieces = Vec::new();
    let mut rest = text;
    let finder = memchr::memmem::Finder::new(separator);
    while pieces.len() + 1 < limit && !separator.is_empty() {
        let Some(at) = finder.find(rest) else { break };
        let (piece, behind) = rest.split_at(at);
        pieces.push(Value::Bytes(piece));
        rest = behind.get(separator.len()..).unwrap_or_default();
    }
    pieces.push(Value::Bytes(rest));
    Ok(Value::Array(Array::Slice(context.arena.values(pieces))))
}

/// From `start` up to `end`, which both count from the end if they are negative. Beyond the text there is nothing.
pub(super) fn substring<'a>(text: &'a [u8], bounds: &[Value<'a>]) -> Value<'a> {
    let place = |index: i64| {
        let from = if index < 0 { length(text.len()).int().unwrap_or(0) } else { 0 };
        usize::try_from(from.saturating_add(index).max(0)).map_or(text.len(), |at| at.min(text.len()))
    };
    let bound = |number: usize| bounds.get(number).and_then(|value| value.int());
    let start = place(bound(0).unwrap_or(0));
    let end = bound(1).map_or(text.len(), place);
    Value::Bytes(text.get(start..end.max(start)).unwrap_or_default())
}

/// The text without these bytes; none if it has none of them.
pub(super) fn remove_bytes(text: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut is_gone = [false; 256];
    for byte in bytes {
        if let Some(gone) = is_gone.get_mut(usize::from(*byte)) {
            *gone = true;
        }
    }
    let gone = |byte: &u8| is_gone.get(usize::from(*byte)).copied().unwrap_or(false);
    text.iter().any(gone).then(|| text.iter().copied().filter(|byte| !gone(byte)).collect())
}

/// A number, a Boolean or an address as text.
pub(super) fn to_string<'a>(value: Value<'a>, context: Context<'a, '_>) -> Result<Value<'a>, OverBudget> {
    let text = match value {
        Value::Int(int) => int.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Bytes(_) => return Ok(value),
        Value::Missing | Value::Array(_) | Value::Map(_) => return Ok(Value::Missing),
    };
    context.meter.look(text.len())?;
    Ok(Value::Bytes(context.arena.bytes(text.into_bytes())))
}
