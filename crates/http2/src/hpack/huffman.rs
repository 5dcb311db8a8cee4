//! The Huffman code of strings (RFC 7541 section 5.2).

mod code;

use self::code::{BITS_MAX, CODES, EOS, FIRST_BITS, FIRST_LOOK, LONG};
use super::Error;

/// A text is at most this much longer than its code, whose shortest symbol has five bits.
const fn decoded_bytes_max(code_bytes: usize) -> usize {
    code_bytes * 8 / 5
}

/// Appends the text that a code stands for.
///
/// # Errors
/// EOS is in the code, or what is left at its end is no padding: fewer than eight bits, all ones.
pub(super) fn decode(code: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    out.resize(start + decoded_bytes_max(code.len()), 0);
    let text = out.get_mut(start..).unwrap_or_default();
    let len = decode_into(code, text)?;
    out.truncate(start + len);
    Ok(())
}

/// The bits of a code that have been read and not used, from the top; zeros below them.
struct Bits<'a> {
    word: u64,
    count: u32,
    rest: &'a [u8],
}

impl Bits<'_> {
    /// Fills the word up, to 56 bits at least if there are so many.
    #[inline]
    fn refill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            self.word |= u64::from_be_bytes(*next) >> self.count;
            let bytes = (63 - self.count) / 8;
            self.count += 8 * bytes;
            self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
            // What was read beyond the last whole byte comes again.
            self.word &= !(u64::MAX >> self.count);
            return;
        }
        while self.count <= 56
            && let Some((&byte, after)) = self.rest.split_first()
        {
            self.word |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.rest = after;
        }
    }

    #[inline]
    const fn skip(&mut self, count: u32) {
        self.word <<= count;
        self.count -= count;
    }

    /// The next symbol and how many bits it has. What is beyond the end counts as zeros.
    #[inline]
    fn look(&self) -> (u16, u32) {
        let first = FIRST_LOOK.get((self.word >> (64 - FIRST_BITS)) as usize).copied().unwrap_or(LONG);
        if first == LONG { code::look_long(self.word) } else { (first & 0xff, u32::from(first >> 8)) }
    }
}

fn decode_into(code: &[u8], text: &mut [u8]) -> Result<usize, Error> {
    let mut bits = Bits { word: 0, count: 0, rest: code };
    let mut len = 0;
    loop {
        bits.refill();
        if bits.count < BITS_MAX {
            break;
        }
        while bits.count >= BITS_MAX {
            let (symbol, count) = bits.look();
            put(text, &mut len, symbol)?;
            bits.skip(count);
        }
    }
    // The last bytes: here a symbol may be cut off.
    while bits.count > 0 {
        let (symbol, count) = bits.look();
        if count > bits.count {
            break;
        }
        put(text, &mut len, symbol)?;
        bits.skip(count);
    }
    let padding = u64::MAX.checked_shl(64 - bits.count).unwrap_or(0);
    if bits.count < 8 && bits.word == padding { Ok(len) } else { Err(Error::Huffman) }
}

#[inline]
fn put(text: &mut [u8], len: &mut usize, symbol: u16) -> Result<(), Error> {
    // EOS is the one symbol that is no byte.
    let byte = u8::try_from(symbol).map_err(|_| Error::Huffman)?;
    *text.get_mut(*len).ok_or(Error::Huffman)? = byte;
    *len += 1;
    Ok(())
}

/// Bytes of the code of a text.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| code_of(byte).1 as usize).sum();
    bits.div_ceil(8)
}

/// Appends the code of a text.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut word, mut count) = (0_u64, 0);
    for &byte in text {
        let (code, bits) = code_of(byte);
        word = (word << bits) | u64::from(code);
        count += bits;
        while count >= 8 {
            count -= 8;
            out.push(low_byte(word >> count));
        }
    }
    if count > 0 {
        let padding = 8 - count;
        out.push(low_byte((word << padding) | ((1 << padding) - 1)));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what is above the low byte was written before")]
const fn low_byte(word: u64) -> u8 {
    word as u8
}

fn code_of(byte: u8) -> (u32, u32) {
    debug_assert!(usize::from(byte) < EOS, "EOS is never written");
    CODES.get(usize::from(byte)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(text, &mut out);
        assert_eq!(out.len(), encoded_len(text));
        out
    }

    fn decoded(code: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = b"before".to_vec();
        decode(code, &mut out).map(|()| out.split_off(6))
    }

    /// RFC 7541 appendix C.4 and C.6.
    #[test]
    fn the_examples_of_the_rfc() {
        let www = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(encoded(b"www.example.com"), www);
        assert_eq!(decoded(&www).unwrap(), b"www.example.com");
        assert_eq!(encoded(b"no-cache"), [0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]);
        assert_eq!(encoded(b"302"), [0x64, 0x02]);
    }

    #[test]
    fn every_byte_at_every_place_is_read_as_it_was_written() {
        for len in 0..24 {
            for byte in 0..=u8::MAX {
                for at in 0..len {
                    let mut text = vec![b'e'; len];
                    text[at] = byte;
                    assert_eq!(decoded(&encoded(&text)).unwrap(), text);
                }
                assert_eq!(decoded(&encoded(&vec![byte; len])).unwrap(), vec![byte; len]);
            }
        }
    }

    #[test]
    fn padding_is_shorter_than_a_byte_and_all_ones() {
        // `a` is 00011, `0` is 00000.
        assert_eq!(decoded(&[0b0001_1111]).unwrap(), b"a");
        for wrong in [0b0001_1110, 0b0001_1101, 0b0001_1011, 0b0001_1000] {
            assert_eq!(decoded(&[wrong]), Err(Error::Huffman), "{wrong:#b}");
        }
        assert_eq!(decoded(&[0b0001_1111, 0xff]), Err(Error::Huffman), "a whole byte");
        assert_eq!(decoded(&[0xff]), Err(Error::Huffman), "a whole byte of nothing else");
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Error::Huffman), "EOS");
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xfc]), Err(Error::Huffman), "EOS, short of two bits");
        assert_eq!(decoded(&[0x07, 0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Error::Huffman), "EOS inside");
        assert_eq!(decoded(&[]).unwrap(), b"");
    }

    /// Every code of two bytes and many of more, beside a reader that goes bit by bit.
    #[test]
    fn a_naive_reader_reads_the_same() {
        let symbols: HashMap<(u32, u32), usize> =
            (0..).zip(CODES).map(|(symbol, code)| (code, symbol)).collect();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for sample in 0..100_000_u32 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let code = match sample {
                0..0x1_0000 => sample.to_be_bytes()[2..].to_vec(),
                _ => {
                    let mut code = [random.to_le_bytes(), random.rotate_left(21).to_le_bytes()].concat();
                    code.truncate((random >> 60) as usize);
                    // Long codes begin with ones, which are rare otherwise.
                    if sample % 2 == 0 {
                        code.iter_mut().step_by(3).for_each(|byte| *byte = 0xff);
                    }
                    code
                }
            };
            assert_eq!(decoded(&code).ok(), naive(&symbols, &code), "{code:x?}");
        }
    }

    fn naive(symbols: &HashMap<(u32, u32), usize>, code: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let (mut symbol, mut bits) = (0_u32, 0);
        for bit in code.iter().flat_map(|byte| (0..8).rev().map(move |shift| u32::from(byte >> shift & 1))) {
            symbol = symbol << 1 | bit;
            bits += 1;
            if let Some(&found) = symbols.get(&(symbol, bits)) {
                text.push(u8::try_from(found).ok()?);
                (symbol, bits) = (0, 0);
            }
        }
        (bits < 8 && symbol == (1 << bits) - 1).then_some(text)
    }
}
