//! Digests, tokens, and what looks random.

use super::{base64, url};
use crate::meter::{Meter, OverBudget};
use crate::value::Value;
use aws_lc_rs::{digest, hmac};
use std::net::IpAddr;

/// The SHA-256 digest, 32 bytes.
pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// How old a token may be, and the time, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) ttl: i64,
    pub(super) now: i64,
}

/// Digits of a token's time.
const TIME_DIGITS: usize = 10;
/// Least length of the code in a token: 32 bytes in Base64 without padding.
const CODE_BYTES_MIN: usize = 43;

/// Whether `message separator time - code` is a token that this key made, and not older than it may be.
pub(super) fn is_timed_hmac_valid(
    key: &[u8],
    token: &[u8],
    times: Times,
    separator: i64,
    flags: &[u8],
) -> bool {
    let Some((head, code)) = parts(token) else { return false };
    let Some(split) = head.len().checked_sub(TIME_DIGITS) else { return false };
    let Some((before, time)) = head.split_at_checked(split) else { return false };
    let Some(issued) = std::str::from_utf8(time).ok().and_then(|time| time.parse::<i64>().ok()) else {
        return false;
    };
    let message = usize::try_from(separator)
        .ok()
        .and_then(|separator| before.len().checked_sub(separator))
        .and_then(|end| before.get(..end))
        .unwrap_or_default();
    if message.is_empty() || times.now >= issued.saturating_add(times.ttl) {
        return false;
    }
    let code = match flags.contains(&b's') {
        true => base64::decode_for_urls(code),
        false => base64::decode(&url::decode(code, false, false)),
    };
    let Some(code) = code else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::verify(&key, &[message, time].concat(), &code).is_ok()
}

/// What stands before and behind the last `-` that has a time before it and room for a code behind it.
fn parts(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = token.len().checked_sub(CODE_BYTES_MIN)?;
    loop {
        let dash = token.get(..end)?.iter().rposition(|byte| *byte == b'-')?;
        let head = token.get(..dash)?;
        let digits = head.iter().rev().take(TIME_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == TIME_DIGITS {
            return Some((head, token.get(dash + 1..)?));
        }
        end = dash;
    }
}

/// A version 4 UUID (RFC 9562 section 5.4) of the first 16 bytes; none if there are fewer.
pub(super) fn uuid(random: &[u8]) -> Option<Vec<u8>> {
    let mut bytes: [u8; 16] = *random.first_chunk()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = Vec::with_capacity(36);
    for (place, byte) in bytes.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
    Some(text)
}

/// A number from `min` up to but not including `max` that depends on the fields alone: FNV-1a over their bytes, each
/// behind its kind and length, mixed as SplitMix64 does. The same on every machine and in every version.
pub(super) fn hash_in_range<'a>(
    min: i64,
    max: i64,
    fields: &[Value<'a>],
    meter: &Meter,
) -> Result<Value<'a>, OverBudget> {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |kind: u8, bytes: &[u8]| {
        let length = (bytes.len() as u64).to_be_bytes();
        for byte in [kind].iter().chain(&length).chain(bytes) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for field in fields {
        meter.look(field.bytes().map_or(16, <[u8]>::len))?;
        match field {
            Value::Bool(bool) => add(b'b', &[u8::from(*bool)]),
            Value::Int(int) => add(b'i', &int.to_be_bytes()),
            Value::Bytes(bytes) => add(b's', bytes),
            Value::Ip(IpAddr::V4(ip)) => add(b'4', &ip.octets()),
            Value::Ip(IpAddr::V6(ip)) => add(b'6', &ip.octets()),
            Value::Missing | Value::Array(_) | Value::Map(_) => return Ok(Value::Missing),
        }
    }
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let width = max.wrapping_sub(min).cast_unsigned();
    if max <= min {
        return Ok(Value::Int(min));
    }
    // The upper half of the product is spread evenly over the range.
    let offset = (u128::from(hash) * u128::from(width)) >> 64;
    Ok(Value::Int(min.wrapping_add_unsigned(u64::try_from(offset).unwrap_or(0))))
}
