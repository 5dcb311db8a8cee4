//! Parts of header blocks that need no table but the static one. They mean the same in every block of every
//! connection, behind what [`super::Encoder::begin`] writes, so they can be prepared once and copied.

use super::{huffman, integer, static_table};

/// `:status`, of three digits.
pub fn status(out: &mut Vec<u8>, status: u16) {
    debug_assert!((100..=999).contains(&status), "a status has three digits");
    let indexed = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => 0,
    };
    if indexed != 0 {
        out.push(INDEXED | indexed);
        return;
    }
    let digit = |unit: u16| b'0' + u8::try_from(status / unit % 10).unwrap_or_default();
    out.extend_from_slice(&[8, 3, digit(100), digit(10), digit(1)]);
}

/// One field: its name in lower case whatever it was, its value as it is.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    begin(out, name, if is_secret(name, value.len()) { NEVER_INDEXED } else { NOT_INDEXED });
    raw(out, value);
}

/// One field that no table on its way may keep (RFC 7541 section 6.2.3).
pub fn field_never_indexed(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    begin(out, name, NEVER_INDEXED);
    raw(out, value);
}

/// One field, its value packed where that is shorter. For what is written once and sent often.
pub fn field_packed(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    begin(out, name, if is_secret(name, value.len()) { NEVER_INDEXED } else { NOT_INDEXED });
    let len = huffman::encoded_len(value);
    if len < value.len() {
        integer::write(out, PACKED, 7, len);
        huffman::encode(value, out);
    } else {
        raw(out, value);
    }
}

/// One field whose value `write` appends.
pub fn field_with(out: &mut Vec<u8>, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
    begin(out, name, if is_secret(name, 0) { NEVER_INDEXED } else { NOT_INDEXED });
    // Most values are shorter than 127 bytes, whose length is one byte.
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len().saturating_sub(at + 1);
    match (u8::try_from(len), out.get_mut(at)) {
        (Ok(len @ 0..127), Some(byte)) => *byte = len,
        _ => lengthen(out, at, len),
    }
}

/// Puts a length before a value that has room for one byte of it.
#[cold]
fn lengthen(out: &mut Vec<u8>, at: usize, len: usize) {
    let mut bytes = Vec::new();
    integer::write(&mut bytes, 0, 7, len);
    out.splice(at..=at, bytes);
}

pub(super) const INDEXED: u8 = 0x80;
pub(super) const ADDED: u8 = 0x40;
pub(super) const SIZE_UPDATE: u8 = 0x20;
pub(super) const NEVER_INDEXED: u8 = 0x10;
pub(super) const NOT_INDEXED: u8 = 0x00;
const PACKED: u8 = 0x80;

/// A literal up to its value.
fn begin(out: &mut Vec<u8>, name: &[u8], pattern: u8) {
    let index = static_table::index_of_name(name);
    integer::write(out, pattern, 4, index);
    if index == 0 {
        integer::write(out, 0, 7, name.len());
        let at = out.len();
        out.extend_from_slice(name);
        out.get_mut(at..).unwrap_or_default().make_ascii_lowercase();
    }
}

/// A string as it is.
pub(crate) fn raw(out: &mut Vec<u8>, text: &[u8]) {
    integer::write(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

/// A cookie of fewer bytes could be guessed, one probe after the other, from how well it compresses.
const COOKIE_BYTES_SAFE: usize = 20;

/// Whether a field is to be kept out of every table because its value is worth guessing (RFC 7541 section 7.1.3).
pub(super) fn is_secret(name: &[u8], value_len: usize) -> bool {
    match name.len() {
        6 => name.eq_ignore_ascii_case(b"cookie") && value_len < COOKIE_BYTES_SAFE,
        10 => name.eq_ignore_ascii_case(b"set-cookie"),
        13 => name.eq_ignore_ascii_case(b"authorization"),
        19 => name.eq_ignore_ascii_case(b"proxy-authorization"),
        _ => false,
    }
}
