//! Integers with a prefix (RFC 7541 section 5.1).

use super::Error;

/// Bytes behind the prefix. With four of them a number reaches 2^28, far above any length or index that could be
/// right; the bound also ends numbers that are padded with zeros.
const BYTES_MAX: u32 = 4;

/// Reads an integer whose prefix is the low `prefix_bits` of `first`, and takes what follows of it from `rest`.
#[inline]
pub(super) fn read(first: u8, prefix_bits: u32, rest: &mut &[u8]) -> Result<usize, Error> {
    let mask = prefix_max(prefix_bits);
    let prefix = first & mask;
    if prefix < mask { Ok(usize::from(prefix)) } else { read_on(usize::from(mask), rest) }
}

fn read_on(mut value: usize, rest: &mut &[u8]) -> Result<usize, Error> {
    for byte_no in 0..BYTES_MAX {
        let (&byte, after) = rest.split_first().ok_or(Error::Truncated)?;
        *rest = after;
        value += usize::from(byte & 0x7f) << (7 * byte_no);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::Integer)
}

/// Appends an integer, with `pattern` in the bits above its prefix.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, pattern: u8, prefix_bits: u32, value: usize) {
    let mask = prefix_max(prefix_bits);
    match u8::try_from(value) {
        Ok(small) if small < mask => out.push(pattern | small),
        _ => {
            out.push(pattern | mask);
            write_rest(out, value - usize::from(mask));
        }
    }
}

fn write_rest(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(0x80 | low_bits(value));
        value >>= 7;
    }
    out.push(low_bits(value));
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits fit into a byte")]
const fn low_bits(value: usize) -> u8 {
    (value & 0x7f) as u8
}

const fn prefix_max(prefix_bits: u32) -> u8 {
    u8::MAX >> (8 - prefix_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pattern: u8, prefix_bits: u32, value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, pattern, prefix_bits, value);
        out
    }

    fn read_all(bytes: &[u8], prefix_bits: u32) -> Result<usize, Error> {
        let (&first, mut rest) = bytes.split_first().unwrap();
        let value = read(first, prefix_bits, &mut rest)?;
        assert!(rest.is_empty());
        Ok(value)
    }

    /// RFC 7541 appendix C.1.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(written(0, 5, 10), [0x0a]);
        assert_eq!(written(0, 5, 1337), [0x1f, 0x9a, 0x0a]);
        assert_eq!(written(0, 8, 42), [0x2a]);
        assert_eq!(read_all(&[0xea], 5), Ok(10));
        assert_eq!(read_all(&[0xff, 0x9a, 0x0a], 5), Ok(1337));
        assert_eq!(read_all(&[0x2a], 8), Ok(42));
    }

    #[test]
    fn what_is_written_is_read() {
        for prefix_bits in 4..=8 {
            for value in (0..600).chain([16_511, 16_512, 65_536, (1 << 28) - 1]) {
                assert_eq!(read_all(&written(0, prefix_bits, value), prefix_bits), Ok(value), "{value}");
            }
        }
    }

    #[test]
    fn the_bound_is_four_bytes_behind_the_prefix() {
        assert_eq!(read_all(&[0x7f, 0xff, 0xff, 0xff, 0x7f], 7), Ok(127 + (1 << 28) - 1));
        assert_eq!(read_all(&[0x7f, 0x80, 0x80, 0x80, 0x00], 7), Ok(127));
        assert_eq!(read_all(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x00], 7), Err(Error::Integer));
        assert_eq!(read_all(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0x01], 7), Err(Error::Integer));
        for len in 1..=4 {
            assert_eq!(read_all(&[0x7f, 0x80, 0x80, 0x80][..len], 7), Err(Error::Truncated));
        }
    }
}
