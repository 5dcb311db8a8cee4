//! Functions of URLs.

use crate::value::Value;

/// `%XX` is a byte and `+` a space; with `unicode`, `%uXXXX` is a character. With `repeat` it is done until nothing
/// changes: in one pass, since each byte that comes out is looked at together with those before it.
pub(super) fn decode(text: &[u8], repeat: bool, unicode: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    if repeat {
        for byte in text {
            push_repeated(&mut out, *byte, unicode);
        }
        return out;
    }
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match escape(behind, unicode) {
                Some((made, length)) => {
                    push(&mut out, made);
                    rest = behind.get(length..).unwrap_or_default();
                }
                None => out.push(b'%'),
            },
            other => out.push(*other),
        }
    }
    out
}

/// What an escape stands for.
enum Made {
    Byte(u8),
    Character(char),
}

/// The escape behind a `%`, and how many bytes it has.
fn escape(text: &[u8], unicode: bool) -> Option<(Made, usize)> {
    match text {
        [b'u', a, b, c, d, ..] if unicode => {
            let code = [a, b, c, d].into_iter().try_fold(0, |code, digit| Some(code << 4 | hex(*digit)?))?;
            // Halves of pairs stand for nothing by themselves; they stay.
            Some((Made::Character(char::from_u32(code)?), 5))
        }
        [a, b, ..] => Some((Made::Byte(u8::try_from(hex(*a)? << 4 | hex(*b)?).ok()?), 2)),
        _ => None,
    }
}

fn hex(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

fn push(out: &mut Vec<u8>, made: Made) {
    match made {
        Made::Byte(byte) => out.push(byte),
        Made::Character(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Adds a byte, and undoes escapes that it completes, and those that what comes out of them completes. Each step
/// but the first shortens the text.
fn push_repeated(out: &mut Vec<u8>, byte: u8, unicode: bool) {
    let mut waiting = [0; 4];
    let mut count = 1;
    waiting[0] = byte;
    while count > 0 {
        // What waits is a stack, its next byte on top.
        count -= 1;
        let next = waiting.get(count).copied().unwrap_or_default();
        out.push(if next == b'+' { b' ' } else { next });
        let Some((made, length)) = ending(out, unicode) else { continue };
        out.truncate(out.len() - length);
        let mut utf8 = [0; 4];
        let made: &[u8] = match made {
            Made::Byte(byte) => {
                utf8[0] = byte;
                &utf8[..1]
            }
            Made::Character(character) => character.encode_utf8(&mut utf8).as_bytes(),
        };
        // An escape is complete only with a digit, and only its last byte was waiting if it is one of several:
        // those come from a character beyond ASCII, and are no digits.
        for byte in made.iter().rev() {
            if let Some(slot) = waiting.get_mut(count) {
                *slot = *byte;
                count += 1;
            }
        }
    }
}

/// The escape with which the text ends, and its length with the `%`.
fn ending(text: &[u8], unicode: bool) -> Option<(Made, usize)> {
    let last = |count: usize| text.get(text.len().checked_sub(count)?..);
    if let Some([b'%', rest @ ..]) = last(3)
        && let Some((made @ Made::Byte(_), 2)) = escape(rest, false)
    {
        return Some((made, 3));
    }
    if unicode
        && let Some([b'%', rest @ ..]) = last(6)
        && let Some((made, 5)) = escape(rest, true)
    {
        return Some((made, 6));
    }
    None
}

/// The query without the arguments of these names; none if it has none of them.
pub(super) fn remove_query_args(query: &[u8], names: &[Value<'_>]) -> Option<Vec<u8>> {
    let goes = |argument: &&[u8]| {
        let name = argument.split(|byte| *byte == b'=').next().unwrap_or_default();
        names.iter().any(|gone| gone.bytes() == Some(name))
    };
    let arguments = || query.split(|byte| *byte == b'&');
    if !arguments().any(|argument| goes(&argument)) {
        return None;
    }
    let kept: Vec<&[u8]> = arguments().filter(|argument| !goes(argument)).collect();
    Some(kept.join(&b'&'))
}
