//! Frames and header blocks, as bytes.

use crate::message::Fields;

// Kinds and flags (RFC 9113 section 6).
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The payload of a frame, unless more is allowed.
pub(super) const FRAME_BYTES_MAX: usize = 16_384;

/// A frame's bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = length.get(1..).unwrap_or_default().to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A head's frames.
pub(super) fn head(stream: u32, block: &[u8], flags: u8) -> Vec<u8> {
    let pieces = block.chunks(FRAME_BYTES_MAX);
    let last = pieces.len().saturating_sub(1);
    let frames = pieces.enumerate().map(|(at, piece)| {
        let end = if at == last { END_HEADERS } else { 0 };
        let (kind, flags) = if at == 0 { (HEADERS, flags) } else { (CONTINUATION, 0) };
        frame(kind, flags | end, stream, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

/// A header block of literals that stand in no table (RFC 7541 section 6.2.2).
pub(super) fn block(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        literal(&mut block, name);
        literal(&mut block, value);
    }
    block
}

/// RFC 7541 sections 5.1 and 5.2.
fn literal(block: &mut Vec<u8>, text: &[u8]) {
    let low = |number: usize| u8::try_from(number & 127).unwrap_or(0);
    if text.len() < 127 {
        block.push(low(text.len()));
    } else {
        block.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            block.push(low(rest) | 128);
            rest >>= 7;
        }
        block.push(low(rest));
    }
    block.extend_from_slice(text);
}
