//! Frames by hand (RFC 9113 section 4.1), for who sends what no client library would.

/// What a client begins with (RFC 9113 section 3.4), without its SETTINGS.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const PRIORITY: u8 = 0x2;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

/// Flags.
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
/// Of SETTINGS.
pub(crate) const ACK: u8 = 0x1;

/// `CANCEL` (RFC 9113 section 7).
pub(crate) const CANCEL: u32 = 0x8;

/// Appends one frame. `payload` is at most 16,384 bytes, as everybody must take it.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend(bytes.to_be_bytes().iter().skip(1));
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// The fields of a request, as literals that change no table (RFC 7541 section 6.2.2).
#[must_use]
pub(crate) fn request(method: &str, authority: &str, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in
        [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)]
    {
        block.push(0x00);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A field that becomes the youngest entry of the dynamic table (RFC 7541 section 6.2.1).
pub(crate) fn remembered(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0x40);
    text(block, name);
    text(block, value);
}

/// That youngest entry once more: index 62 (RFC 7541 section 6.1).
pub(crate) const YOUNGEST: u8 = 0x80 | 62;

/// A text without Huffman's code (RFC 7541 section 5.2).
fn text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.len();
    if rest < 127 {
        out.push(low_bits(rest, 0x7f));
    } else {
        // A number of several bytes (RFC 7541 section 5.1).
        out.push(127);
        rest -= 127;
        while rest >= 128 {
            out.push(low_bits(rest, 0x7f) | 0x80);
            rest >>= 7;
        }
        out.push(low_bits(rest, 0x7f));
    }
    out.extend(text.as_bytes());
}

fn low_bits(value: usize, mask: u8) -> u8 {
    value.to_le_bytes().first().copied().unwrap_or_default() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_as_the_rfc_draws_it() {
        let mut out = Vec::new();
        frame(&mut out, RST_STREAM, 0, 0x0102_0304, &CANCEL.to_be_bytes());
        assert_eq!(out, [0, 0, 4, 3, 0, 1, 2, 3, 4, 0, 0, 0, 8]);
    }

    #[test]
    fn lengths_of_texts_are_written_at_the_bound_and_past_it() {
        for (bytes, head) in [(126, &[126][..]), (127, &[127, 0]), (254, &[127, 127]), (255, &[127, 0x80, 1])]
        {
            let mut out = Vec::new();
            text(&mut out, &"x".repeat(bytes));
            assert_eq!(out.strip_suffix("x".repeat(bytes).as_bytes()), Some(head), "{bytes} bytes");
        }
    }
}
