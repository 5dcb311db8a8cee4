//! Which bytes may stand where.

use crate::words::len_before_control;

/// A `tchar` (RFC 9110 section 5.6.2).
pub const TOKEN: u8 = 1;
/// A byte of the path of a target.
pub const PATH: u8 = 2;
/// A byte of a target anywhere.
pub const TARGET: u8 = 4;
/// A byte of a label of a host name.
pub const LABEL: u8 = 8;
/// A `tchar` that is no letter in upper case (RFC 9113 section 8.2.1).
pub const LOWER_TOKEN: u8 = 32;
/// A byte of the path of a target that does not end it: all but `?`.
pub const IN_PATH: u8 = 16;

static CLASSES: [u8; 256] = classes();

/// Whether a byte is of a class.
#[must_use]
#[inline]
pub fn is(byte: u8, class: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
    let classes = CLASSES[usize::from(byte)];
    classes & class != 0
}

/// How many bytes at the beginning of the text are of a class.
#[must_use]
#[inline]
pub fn len_of(class: u8, text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        if !are_all(word, class) {
            break;
        }
        rest = after;
    }
    text.len() - rest.len() + rest.iter().take_while(|&&b| is(b, class)).count()
}

/// Eight looks and one branch.
fn are_all(word: &[u8; 8], class: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
    let common = word.iter().fold(class, |common, &byte| common & CLASSES[usize::from(byte)]);
    common != 0
}

/// Whether the text is a token, and not empty.
#[must_use]
#[inline]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && len_of(TOKEN, text) == text.len()
}

/// How many bytes at the beginning of the text may stand in a field value or a reason phrase:
/// `field-vchar`, space and tab (RFC 9110 section 5.5).
#[must_use]
#[inline]
pub fn text_len(text: &[u8]) -> usize {
    let len = len_before_control(text);
    if text.get(len) == Some(&b'\t') { text_len_with_tabs(text, len) } else { len }
}

/// As [`text_len`], for a text whose first tab stands at `len`.
#[cold]
fn text_len_with_tabs(text: &[u8], mut len: usize) -> usize {
    loop {
        let rest = text.get(len..).unwrap_or_default();
        let tabs = rest.iter().take_while(|&&b| b == b'\t').count();
        if tabs == 0 {
            return len;
        }
        len += tabs + len_before_control(rest.get(tabs..).unwrap_or_default());
    }
}

/// Without the spaces and tabs around it (`OWS`, RFC 9110 section 5.6.3).
#[must_use]
#[inline]
pub const fn trim_ows(text: &[u8]) -> &[u8] {
    trim_ows_end(trim_ows_start(text))
}

/// Without the spaces and tabs before it.
#[must_use]
#[inline]
pub const fn trim_ows_start(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Without the spaces and tabs after it.
#[must_use]
#[inline]
pub const fn trim_ows_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A decimal number and nothing else, if it fits.
#[must_use]
#[inline]
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        let alnum = byte.is_ascii_alphanumeric();
        if alnum || one_of(byte, b"!#$%&'*+-.^_`|~") {
            class |= TOKEN;
            if !byte.is_ascii_uppercase() {
                class |= LOWER_TOKEN;
            }
        }
        // RFC 3986, and what browsers send without encoding it (`|`, `^`, `` ` ``, braces, brackets). No
        // `\`, which some servers take for `/`.
        if alnum || one_of(byte, b"-._~:/?[]@!$&'()*+,;=%|^`{}") {
            class |= PATH;
            if byte != b'?' {
                class |= IN_PATH;
            }
        }
        // In a query the rest of visible ASCII delimits nothing, and programs send it raw. Never `#`:
        // one parser would end the target there and another would not.
        if byte.is_ascii_graphic() && byte != b'#' {
            class |= TARGET;
        }
        // RFC 3986 lets percent-encoding and sub-delims into a name as well; no name in the DNS has
        // them, and those who look hosts up treat them differently.
        if alnum || one_of(byte, b"-_~") {
            class |= LABEL;
        }
        #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
        {
            table[byte as usize] = class;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

const fn one_of(byte: u8, mut set: &[u8]) -> bool {
    while let [first, rest @ ..] = set {
        if byte == *first {
            return true;
        }
        set = rest;
    }
    false
}
