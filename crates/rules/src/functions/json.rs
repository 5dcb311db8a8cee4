//! `lookup_json_string` and `lookup_json_integer`.

use super::Context;
use crate::body::json::{self, Key};
use crate::meter::OverBudget;
use crate::signature::Function;
use crate::value::Value;
use std::borrow::Cow;

/// Keys that a call may have, and more.
const KEYS_MAX: usize = 32;

/// Looking at a byte of JSON takes so many steps.
const STEPS_A_BYTE: u64 = 4;

/// What stands at the end of a walk along keys through a text of JSON.
pub(super) fn look_up<'a>(
    function: Function,
    text: &'a [u8],
    keys: &[Value<'a>],
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    context.meter.spend((text.len() as u64 + 1).saturating_mul(STEPS_A_BYTE))?;
    let mut way = [Key::Index(0); KEYS_MAX];
    for (step, key) in way.iter_mut().zip(keys) {
        *step = match key {
            Value::Bytes(name) => Key::Member(name),
            Value::Int(index) => match u64::try_from(*index) {
                Ok(index) => Key::Index(index),
                Err(_) => return Ok(Value::Missing),
            },
            _ => return Ok(Value::Missing),
        };
    }
    let way = way.get(..keys.len()).unwrap_or_default();
    Ok(match function {
        Function::LookupJsonInteger => json::integer(text, way).map_or(Value::Missing, Value::Int),
        _ => match json::string(text, way) {
            Some(Cow::Borrowed(found)) => Value::Bytes(found),
            Some(Cow::Owned(found)) => Value::Bytes(context.arena.bytes(found)),
            None => Value::Missing,
        },
    })
}
