//! The parameters of a MIME field: `form-data; name="a"; filename="b.txt"` (RFC 2045 section 5.1, RFC 2183), read as
//! leniently as origins read them.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// A name as it stands, and a value.
pub type Parameter<'b> = (&'b [u8], Cow<'b, [u8]>);

/// Splits a field into what stands before its parameters, and these: names as they stand, values without quotes and
/// without the backslashes that hide a quote or a backslash. Line ends of a folded field are space.
#[must_use]
pub fn split(value: &[u8]) -> (&[u8], Vec<Parameter<'_>>) {
    let (essence, mut left) = until(value, b';');
    let mut parameters = Vec::new();
    loop {
        left = skip(left);
        if left.is_empty() {
            return (essence.trim_ascii(), parameters);
        }
        let end = memchr2(b'=', b';', left).unwrap_or(left.len());
        let (name, rest) = left.split_at_checked(end).unwrap_or((left, &[]));
        left = rest;
        if let Some(rest) = rest.strip_prefix(b"=") {
            let (value, rest) = parameter_value(rest.trim_ascii_start());
            parameters.push((name.trim_ascii(), value));
            left = rest;
        }
    }
}

/// Skips what stands between two parameters.
fn skip(bytes: &[u8]) -> &[u8] {
    let junk = bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b';').count();
    bytes.get(junk..).unwrap_or_default()
}

/// A token or a quoted string, and what follows the next `;`.
fn parameter_value(bytes: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        let (token, rest) = until(bytes, b';');
        return (Cow::Borrowed(token.trim_ascii()), rest);
    };
    let mut value = Cow::Borrowed(&[][..]);
    let mut left = quoted;
    loop {
        // A quoted string without an end lasts to the end of its field.
        let place = memchr2(b'"', b'\\', left).unwrap_or(left.len());
        let (plain, rest) = left.split_at_checked(place).unwrap_or((left, &[]));
        extend(&mut value, plain);
        left = match rest {
            [b'\\', hidden @ (b'"' | b'\\'), rest @ ..] => {
                value.to_mut().push(*hidden);
                rest
            }
            // Browsers of old send paths with single backslashes.
            [b'\\', rest @ ..] => {
                value.to_mut().push(b'\\');
                rest
            }
            [_, rest @ ..] => return (value, until(rest, b';').1),
            [] => return (value, &[]),
        };
    }
}

/// Appends, without copying if there was nothing before.
fn extend<'b>(value: &mut Cow<'b, [u8]>, piece: &'b [u8]) {
    if value.is_empty() {
        *value = Cow::Borrowed(piece);
    } else {
        value.to_mut().extend_from_slice(piece);
    }
}

/// What stands before the first `at`, and what stands behind it.
fn until(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let place = memchr(at, bytes).unwrap_or(bytes.len());
    let (before, rest) = bytes.split_at_checked(place).unwrap_or((bytes, &[]));
    (before, rest.get(1..).unwrap_or_default())
}

/// The value of `name*=charset'language'value` (RFC 8187 section 3.2): its percent-encoded bytes decoded, whatever the
/// charset. One that has another form stays as it is.
#[must_use]
pub fn extended(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(charset) = memchr(b'\'', value) else { return Cow::Borrowed(value) };
    let rest = value.get(charset + 1..).unwrap_or_default();
    let Some(language) = memchr(b'\'', rest) else { return Cow::Borrowed(value) };
    let encoded = rest.get(language + 1..).unwrap_or_default();
    if memchr(b'%', encoded).is_none() {
        return Cow::Borrowed(encoded);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut left = encoded;
    while let [first, rest @ ..] = left {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, rest) {
            (b'%', [high, low, rest @ ..]) if digit(high).is_some() && digit(low).is_some() => {
                decoded.push(digit(high).unwrap_or_default() << 4 | digit(low).unwrap_or_default());
                left = rest;
            }
            (plain, rest) => {
                decoded.push(*plain);
                left = rest;
            }
        }
    }
    Cow::Owned(decoded)
}
