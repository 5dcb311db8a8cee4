//! What the functions of the language do. Their types were checked when the expression was read.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is of no right type is missing: types were checked before"
)]

mod base64;
mod crypto;
mod json;
mod replace;
mod text;
mod url;

pub(crate) use replace::Template;

use crate::arena::Arena;
use crate::lists::prefix_range;
use crate::meter::{Meter, OverBudget};
use crate::program::regex::Searcher;
use crate::program::wildcard::Matcher;
use crate::signature::Function;
use crate::value::Value;
use std::net::IpAddr;

/// What of a call was made ready when the program was built, because it is literal.
#[derive(Debug)]
pub(crate) enum Ready {
    /// Nothing.
    Plain,
    /// `regex_replace`: the number of the regular expression in the program, and the replacement.
    Regex(u32, Template),
    /// `wildcard_replace`.
    Wildcard(Box<Matcher>, Template),
}

/// What a function needs beside its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a, 'r> {
    pub(crate) arena: &'a Arena<'a>,
    pub(crate) meter: &'r Meter,
    pub(crate) searcher: Searcher<'r>,
}

/// Calls a function.
///
/// # Errors
/// It would cost more than is left.
pub(crate) fn call<'a>(
    function: Function,
    ready: &Ready,
    arguments: &[Value<'a>],
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    let Context { arena, meter, .. } = context;
    meter.spend(1)?;
    let [first, rest @ ..] = arguments else { return Ok(Value::Missing) };
    match function {
        Function::Coalesce => {
            return Ok(*arguments.iter().find(|value| !value.is_missing()).unwrap_or(first));
        }
        Function::Concat => return text::concat(arguments, context),
        Function::IsJwtPresent | Function::IsJwtValid => return Ok(Value::Bool(false)),
        _ => {}
    }
    if arguments.iter().any(|value| value.is_missing()) {
        return Ok(Value::Missing);
    }
    match (function, *first, rest) {
        (Function::Cidr, Value::Ip(ip), [Value::Int(v4), Value::Int(v6)]) => Ok(mask(ip, *v4, *v6)),
        (Function::Cidr6, Value::Ip(ip), [Value::Int(v6)]) => Ok(mask(ip, 32, *v6)),
        (Function::HasKey, Value::Map(map), [Value::Bytes(key)]) => {
            meter.look(key.len() + map.len())?;
            Ok(Value::Bool(!map.find(key, arena).is_missing()))
        }
        (Function::HasValue, collection, [value]) => has_value(collection, *value, context),
        (Function::HashInRange, Value::Int(min), [Value::Int(max), fields @ ..]) => {
            crypto::hash_in_range(min, *max, fields, meter)
        }
        (
            Function::IsTimedHmacValidV0,
            Value::Bytes(key),
            [Value::Bytes(token), Value::Int(ttl), Value::Int(now), more @ ..],
        ) => {
            meter.look(token.len().saturating_mul(4))?;
            let separator = more.first().and_then(|value| value.int()).unwrap_or(0);
            let flags = more.get(1).and_then(|value| value.bytes()).unwrap_or_default();
            let times = crypto::Times { ttl: *ttl, now: *now };
            Ok(Value::Bool(crypto::is_timed_hmac_valid(key, token, times, separator, flags)))
        }
        (Function::Join, Value::Array(items), [Value::Bytes(separator)]) => {
            text::join(items, separator, context)
        }
        (Function::Len, Value::Bytes(bytes), _) => Ok(length(bytes.len())),
        (Function::Len, Value::Array(array), _) => Ok(length(array.len())),
        (Function::LookupJsonInteger | Function::LookupJsonString, Value::Bytes(json), keys) => {
            json::look_up(function, json, keys, context)
        }
        (Function::ToString, value, _) => text::to_string(value, context),
        (Function::Split, Value::Bytes(bytes), [Value::Bytes(separator), Value::Int(limit)]) => {
            text::split(bytes, separator, *limit, context)
        }
        (_, Value::Bytes(bytes), rest) => of_bytes(function, ready, bytes, rest, context),
        _ => Ok(Value::Missing),
    }
}

/// Those that take bytes and give one value.
fn of_bytes<'a>(
    function: Function,
    ready: &Ready,
    bytes: &'a [u8],
    rest: &[Value<'a>],
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    let Context { arena, meter, .. } = context;
    meter.look(bytes.len())?;
    let second = rest.first().and_then(|value| value.bytes()).unwrap_or_default();
    let kept = |made: Option<Vec<u8>>| made.map_or(Value::Missing, |made| Value::Bytes(arena.bytes(made)));
    Ok(match function {
        Function::DecodeBase64 => kept(base64::decode(bytes)),
        Function::EncodeBase64 => {
            meter.look(bytes.len())?;
            kept(Some(base64::encode(bytes, second.contains(&b'u'), second.contains(&b'p'))))
        }
        Function::EndsWith => Value::Bool(bytes.ends_with(second)),
        Function::StartsWith => Value::Bool(bytes.starts_with(second)),
        Function::Lower => match bytes.iter().any(u8::is_ascii_uppercase) {
            true => kept(Some(bytes.to_ascii_lowercase())),
            false => Value::Bytes(bytes),
        },
        Function::Upper => match bytes.iter().any(u8::is_ascii_lowercase) {
            true => kept(Some(bytes.to_ascii_uppercase())),
            false => Value::Bytes(bytes),
        },
        Function::RemoveBytes => {
            meter.look(second.len())?;
            text::remove_bytes(bytes, second).map_or(Value::Bytes(bytes), |made| kept(Some(made)))
        }
        Function::RemoveQueryArgs => {
            meter.spend((bytes.len() as u64).saturating_mul(rest.len() as u64))?;
            url::remove_query_args(bytes, rest).map_or(Value::Bytes(bytes), |made| kept(Some(made)))
        }
        Function::Sha256 => {
            meter.spend((bytes.len() as u64).saturating_mul(4))?;
            kept(Some(crypto::sha256(bytes)))
        }
        Function::Substring => text::substring(bytes, rest),
        Function::UrlDecode => match bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
            true => kept(Some(url::decode(bytes, second.contains(&b'r'), second.contains(&b'u')))),
            false => Value::Bytes(bytes),
        },
        Function::Uuidv4 => kept(crypto::uuid(bytes)),
        Function::RegexReplace | Function::WildcardReplace => return replace::replace(ready, bytes, context),
        _ => Value::Missing,
    })
}

/// A length as a number of the language.
fn length(length: usize) -> Value<'static> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The address of the network of which this address is.
fn mask(address: IpAddr, v4: i64, v6: i64) -> Value<'static> {
    let (bits, most) = match address {
        IpAddr::V4(_) => (v4, 32),
        IpAddr::V6(_) => (v6, 128),
    };
    let bits = u8::try_from(bits.clamp(0, most)).unwrap_or(u8::MAX);
    Value::Ip(prefix_range(address, bits).0)
}

fn has_value<'a>(
    collection: Value<'a>,
    value: Value<'a>,
    context: Context<'a, '_>,
) -> Result<Value<'a>, OverBudget> {
    let Context { arena, meter, .. } = context;
    let is_it = |item: Value<'a>| {
        meter.look(item.bytes().map_or(0, <[u8]>::len))?;
        Ok(item.same(value))
    };
    match collection {
        Value::Array(array) => {
            for index in 0..array.len() {
                if is_it(array.at(index, arena))? {
                    return Ok(Value::Bool(true));
                }
            }
        }
        Value::Map(map) => {
            for index in 0..map.len() {
                let item = map.at(index, arena).map_or(Value::Missing, |(_, item)| item);
                if is_it(item)? {
                    return Ok(Value::Bool(true));
                }
            }
        }
        _ => return Ok(Value::Missing),
    }
    Ok(Value::Bool(false))
}
