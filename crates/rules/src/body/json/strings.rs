//! Strings of a text that is known to be valid, as they are written between their quotes.

use std::borrow::Cow;

use memchr::memchr;

/// The string with its escapes decoded.
pub(super) fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    pieces(raw, |piece| {
        decoded.extend_from_slice(piece);
        true
    });
    Cow::Owned(decoded)
}

/// Whether the string is this one.
pub(super) fn is(raw: &[u8], key: &[u8]) -> bool {
    if memchr(b'\\', raw).is_none() {
        return raw == key;
    }
    let mut left = key;
    pieces(raw, |piece| match left.strip_prefix(piece) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    }) && left.is_empty()
}

/// Hands on the decoded string piece by piece, as long as `take` wants more. Whether it took all of it.
fn pieces(raw: &[u8], mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let mut left = raw;
    while !left.is_empty() {
        let place = memchr(b'\\', left).unwrap_or(left.len());
        let (plain, rest) = left.split_at_checked(place).unwrap_or((left, &[]));
        let (character, rest) = escape(rest);
        left = rest;
        let mut bytes = [0; 4];
        let character = character.map_or(&[][..], |character| character.encode_utf8(&mut bytes).as_bytes());
        if !take(plain) || !take(character) {
            return false;
        }
    }
    true
}

/// The character that an escape stands for, and what follows it.
fn escape(raw: &[u8]) -> (Option<char>, &[u8]) {
    let (character, rest) = match raw {
        [b'\\', b'u', a, b, c, d, rest @ ..] => {
            let first = hex([*a, *b, *c, *d]).unwrap_or_default();
            match (first, rest) {
                (0xD800..=0xDBFF, [b'\\', b'u', a, b, c, d, rest @ ..]) => {
                    let second = hex([*a, *b, *c, *d]).unwrap_or_default();
                    // RFC 8259 section 7: beyond the first plane a character is a pair of surrogates.
                    (char::decode_utf16([first, second]).next().and_then(Result::ok), rest)
                }
                (first, rest) => (char::from_u32(first.into()), rest),
            }
        }
        [b'\\', short, rest @ ..] => (
            Some(match short {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                itself => char::from(*itself),
            }),
            rest,
        ),
        _ => (None, &[][..]),
    };
    (character, rest)
}

/// Four hexadecimal digits.
pub(super) fn hex(digits: [u8; 4]) -> Option<u16> {
    digits.into_iter().try_fold(0, |number, digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}
