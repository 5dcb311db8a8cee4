//! The functions, one by one, without regard to what they cost.

use super::request::V;
use super::{digest, stars};
use rempart_rules::ast::Case;
use rempart_rules::{Function, Wildcard};
use std::net::IpAddr;

pub fn call(function: Function, arguments: &[V]) -> V {
    match function {
        Function::Coalesce => {
            return arguments.iter().find(|value| **value != V::Missing).cloned().unwrap_or(V::Missing);
        }
        Function::Concat => return concat(arguments),
        Function::IsJwtPresent | Function::IsJwtValid => return V::Bool(false),
        _ => {}
    }
    if arguments.contains(&V::Missing) {
        return V::Missing;
    }
    let text = |at: usize| match arguments.get(at) {
        Some(V::Bytes(bytes)) => bytes.clone(),
        _ => Vec::new(),
    };
    let int = |at: usize| match arguments.get(at) {
        Some(V::Int(int)) => *int,
        _ => 0,
    };
    match function {
        Function::Cidr => masked(&arguments[0], int(1), int(2)),
        Function::Cidr6 => masked(&arguments[0], 32, int(1)),
        Function::DecodeBase64 => unbase64(&text(0), b"+/").map_or(V::Missing, V::Bytes),
        Function::EncodeBase64 => V::Bytes(base64(&text(0), &text(1))),
        Function::EndsWith => V::Bool(text(0).ends_with(&text(1))),
        Function::StartsWith => V::Bool(text(0).starts_with(&text(1))),
        Function::HasKey => match &arguments[0] {
            V::Map(pairs) => V::Bool(pairs.iter().any(|(name, _)| *name == text(1))),
            _ => V::Missing,
        },
        Function::HasValue => match &arguments[0] {
            V::Array(items) => V::Bool(items.contains(&arguments[1])),
            V::Map(pairs) => V::Bool(pairs.iter().any(|(_, value)| *value == arguments[1])),
            _ => V::Missing,
        },
        Function::HashInRange => hashed(int(0), int(1), &arguments[2..]),
        Function::IsTimedHmacValidV0 => V::Bool(is_token(arguments)),
        Function::Join => match &arguments[0] {
            V::Array(items) => {
                let texts: Vec<Vec<u8>> = items
                    .iter()
                    .map(|item| if let V::Bytes(bytes) = item { bytes.clone() } else { Vec::new() })
                    .collect();
                V::Bytes(texts.join(&*text(1)))
            }
            _ => V::Missing,
        },
        Function::Len => match &arguments[0] {
            V::Bytes(bytes) => V::Int(bytes.len() as i64),
            V::Array(items) => V::Int(items.len() as i64),
            _ => V::Missing,
        },
        Function::LookupJsonInteger => match json(&arguments[0], &arguments[1..]) {
            Some(serde_json::Value::Number(number)) => number.as_i64().map_or(V::Missing, V::Int),
            _ => V::Missing,
        },
        Function::LookupJsonString => match json(&arguments[0], &arguments[1..]) {
            Some(serde_json::Value::String(string)) => V::Bytes(string.into_bytes()),
            _ => V::Missing,
        },
        Function::Lower => V::Bytes(text(0).to_ascii_lowercase()),
        Function::Upper => V::Bytes(text(0).to_ascii_uppercase()),
        Function::RegexReplace => regex_replace(&text(0), &text(1), &text(2)),
        Function::RemoveBytes => {
            let gone = text(1);
            V::Bytes(text(0).into_iter().filter(|byte| !gone.contains(byte)).collect())
        }
        Function::RemoveQueryArgs => {
            let names: Vec<Vec<u8>> = (1..arguments.len()).map(text).collect();
            let query = text(0);
            let kept: Vec<&[u8]> = query
                .split(|byte| *byte == b'&')
                .filter(|argument| {
                    let end = argument.iter().position(|byte| *byte == b'=').unwrap_or(argument.len());
                    !names.iter().any(|name| *name == argument[..end])
                })
                .collect();
            V::Bytes(kept.join(&b'&'))
        }
        Function::Sha256 => V::Bytes(digest::sha256(&text(0))),
        Function::Split => V::Array(split(&text(0), &text(1), int(2)).into_iter().map(V::Bytes).collect()),
        Function::Substring => substring(&text(0), int(1), arguments.get(2).map(|_| int(2))),
        Function::ToString => match &arguments[0] {
            V::Int(int) => V::text(&int.to_string()),
            V::Bool(bool) => V::text(if *bool { "true" } else { "false" }),
            V::Ip(ip) => V::text(&ip.to_string()),
            _ => V::Missing,
        },
        Function::UrlDecode => V::Bytes(url_decode(text(0), &text(1))),
        Function::Uuidv4 => uuid(&text(0)),
        Function::WildcardReplace => wildcard_replace(&text(0), &text(1), &text(2), &text(3)),
        Function::Coalesce | Function::Concat | Function::IsJwtPresent | Function::IsJwtValid => {
            unreachable!()
        }
    }
}

fn concat(arguments: &[V]) -> V {
    arguments.iter().fold(V::Missing, |joined, next| match (joined, next) {
        (joined, V::Missing) => joined,
        (V::Missing, next) => next.clone(),
        (V::Bytes(a), V::Bytes(b)) => V::Bytes([&a[..], b].concat()),
        (V::Array(a), V::Array(b)) => V::Array([&a[..], b].concat()),
        other => panic!("{other:?}"),
    })
}

fn masked(address: &V, v4: i64, v6: i64) -> V {
    let bits = |octets: &mut [u8], keep: i64| {
        for (at, octet) in octets.iter_mut().enumerate() {
            for bit in 0..8 {
                if (at * 8 + bit) as i64 >= keep {
                    *octet &= !(0x80 >> bit);
                }
            }
        }
    };
    match address {
        V::Ip(IpAddr::V4(ip)) => {
            let mut octets = ip.octets();
            bits(&mut octets, v4);
            V::Ip(octets.into())
        }
        V::Ip(IpAddr::V6(ip)) => {
            let mut octets = ip.octets();
            bits(&mut octets, v6);
            V::Ip(octets.into())
        }
        _ => V::Missing,
    }
}

fn alphabet(last: &[u8]) -> Vec<u8> {
    (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last.iter().copied()).collect()
}

fn base64(bytes: &[u8], flags: &[u8]) -> Vec<u8> {
    let alphabet = alphabet(if flags.contains(&b'u') { b"-_" } else { b"+/" });
    let mut bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> (7 - bit) & 1)).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push(0);
    }
    let digit = |bits: &[u8]| alphabet[bits.iter().fold(0, |digit, bit| digit << 1 | usize::from(*bit))];
    let mut out: Vec<u8> = bits.chunks(6).map(digit).collect();
    while flags.contains(&b'p') && !out.len().is_multiple_of(4) {
        out.push(b'=');
    }
    out
}

fn unbase64(text: &[u8], last: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    if text.len().is_multiple_of(4) {
        for _ in 0..2 {
            text.pop_if(|byte| *byte == b'=');
        }
    }
    if text.len() % 4 == 1 {
        return None;
    }
    let alphabet = alphabet(last);
    let mut bits = Vec::new();
    for byte in text {
        let digit = alphabet.iter().position(|other| *other == byte)?;
        bits.extend((0..6).map(|bit| digit >> (5 - bit) & 1));
    }
    let byte = |bits: &[usize]| bits.iter().fold(0, |byte, bit| byte << 1 | *bit) as u8;
    Some(bits.chunks_exact(8).map(byte).collect())
}

fn hashed(min: i64, max: i64, fields: &[V]) -> V {
    let mut bytes = Vec::new();
    for field in fields {
        let (kind, content) = match field {
            V::Bool(bool) => (b'b', vec![u8::from(*bool)]),
            V::Int(int) => (b'i', int.to_be_bytes().to_vec()),
            V::Bytes(bytes) => (b's', bytes.clone()),
            V::Ip(IpAddr::V4(ip)) => (b'4', ip.octets().to_vec()),
            V::Ip(IpAddr::V6(ip)) => (b'6', ip.octets().to_vec()),
            _ => return V::Missing,
        };
        bytes.push(kind);
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend(content);
    }
    let mut hash: u64 = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb), (31, 1)] {
        hash ^= hash >> shift;
        hash = hash.wrapping_mul(factor);
    }
    if max <= min {
        return V::Int(min);
    }
    let width = (i128::from(max) - i128::from(min)) as u128;
    V::Int((i128::from(min) + (width * u128::from(hash) / (1 << 64)) as i128) as i64)
}

fn is_token(arguments: &[V]) -> bool {
    let [V::Bytes(key), V::Bytes(token), V::Int(ttl), V::Int(now), more @ ..] = arguments else {
        return false;
    };
    let separator = if let Some(V::Int(int)) = more.first() { *int as usize } else { 0 };
    let is_url_safe = matches!(more.get(1), Some(V::Bytes(flags)) if flags.contains(&b's'));
    // Greedy: the last place at which the rest fits.
    let Some(dash) = (10..token.len()).rev().find(|at| {
        token[*at] == b'-' && token.len() - at > 43 && token[at - 10..*at].iter().all(u8::is_ascii_digit)
    }) else {
        return false;
    };
    let (before, time, code) = (&token[..dash - 10], &token[dash - 10..dash], &token[dash + 1..]);
    if before.len() <= separator {
        return false;
    }
    let issued: i64 = String::from_utf8(time.to_vec()).unwrap().parse().unwrap();
    let code =
        if is_url_safe { unbase64(code, b"-_") } else { unbase64(&url_decode(code.to_vec(), b""), b"+/") };
    let message = [&before[..before.len() - separator], time].concat();
    *now < issued + ttl && code == Some(digest::hmac(key, &message))
}

fn json(text: &V, keys: &[V]) -> Option<serde_json::Value> {
    let V::Bytes(text) = text else { return None };
    let mut value: serde_json::Value = serde_json::from_slice(text).ok()?;
    for key in keys {
        value = match key {
            V::Bytes(key) => value.get(std::str::from_utf8(key).ok()?)?.clone(),
            V::Int(at) => value.get(usize::try_from(*at).ok()?)?.clone(),
            _ => return None,
        };
    }
    Some(value)
}

/// A replacement with its references filled in.
fn filled(template: &[u8], group: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let template = String::from_utf8_lossy(template).into_owned();
    let references = regex::Regex::new(r"\$\$|\$\{([0-9]+)\}").unwrap();
    let mut out = Vec::new();
    let mut from = 0;
    for found in references.captures_iter(&template) {
        let whole = found.get(0).unwrap();
        out.extend(template[from..whole.start()].bytes());
        match found.get(1) {
            Some(number) => out.extend(group(number.as_str().parse().unwrap())),
            None => out.push(b'$'),
        }
        from = whole.end();
    }
    out.extend(template[from..].bytes());
    out
}

fn regex_replace(text: &[u8], pattern: &[u8], template: &[u8]) -> V {
    let pattern = super::regex(std::str::from_utf8(pattern).unwrap());
    let Some(groups) = pattern.captures(text) else { return V::Bytes(text.to_vec()) };
    let group = |number| groups.get(number).map_or(Vec::new(), |group| group.as_bytes().to_vec());
    let whole = groups.get(0).unwrap();
    V::Bytes([&text[..whole.start()], &filled(template, group), &text[whole.end()..]].concat())
}

fn wildcard_replace(text: &[u8], pattern: &[u8], template: &[u8], flags: &[u8]) -> V {
    let case = if flags.contains(&b's') { Case::Sensitive } else { Case::Insensitive };
    match stars(&Wildcard::parse(pattern).unwrap(), case, text) {
        Some(stars) => V::Bytes(filled(template, |number| {
            number.checked_sub(1).and_then(|at| stars.get(at)).cloned().unwrap_or_default()
        })),
        None => V::Bytes(text.to_vec()),
    }
}

fn split(text: &[u8], separator: &[u8], limit: i64) -> Vec<Vec<u8>> {
    let at = text.windows(separator.len()).position(|window| window == separator);
    match at {
        Some(at) if limit > 1 => {
            let rest = split(&text[at + separator.len()..], separator, limit - 1);
            [vec![text[..at].to_vec()], rest].concat()
        }
        _ => vec![text.to_vec()],
    }
}

fn substring(text: &[u8], start: i64, end: Option<i64>) -> V {
    let length = text.len() as i64;
    let place = |index: i64| if index < 0 { length.saturating_add(index) } else { index };
    let (start, end) = (place(start), place(end.unwrap_or(length)));
    V::Bytes((0..length).filter(|at| start <= *at && *at < end).map(|at| text[at as usize]).collect())
}

fn url_decode(text: Vec<u8>, options: &[u8]) -> Vec<u8> {
    let digits = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok()?;
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(text, 16).ok()
    };
    let once = |text: &[u8]| {
        let mut out = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let byte = text.get(at + 1..at + 3).and_then(digits);
            let character = text.get(at + 2..at + 6).and_then(digits).and_then(char::from_u32);
            match (text[at], byte, character) {
                (b'%', Some(byte), _) => {
                    out.push(byte as u8);
                    at += 2;
                }
                (b'%', _, Some(character)) if options.contains(&b'u') && text[at + 1] == b'u' => {
                    out.extend(character.to_string().into_bytes());
                    at += 5;
                }
                (b'+', ..) => out.push(b' '),
                (other, ..) => out.push(other),
            }
            at += 1;
        }
        out
    };
    let mut text = text;
    loop {
        let next = once(&text);
        if next == text || !options.contains(&b'r') {
            return next;
        }
        text = next;
    }
}

fn uuid(seed: &[u8]) -> V {
    if seed.len() < 16 {
        return V::Missing;
    }
    let mut hex: Vec<char> =
        seed[..16].iter().flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).collect();
    hex[12] = '4';
    hex[16] = ['8', '9', 'a', 'b'][hex[16].to_digit(16).unwrap() as usize & 3];
    let part = |range: std::ops::Range<usize>| hex[range].iter().collect::<String>();
    V::text(&[part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
}
