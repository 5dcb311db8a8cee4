//! Looking at bytes eight and sixteen at a time. Heads are short, so what counts is how little it costs to
//! begin: no call, no choice of a processor's features, plain arithmetic on words.

const ONES: u64 = u64::MAX / 0xff;
const HIGH_BITS: u64 = 0x80 * ONES;

/// Where the first such byte is.
#[must_use]
#[inline]
pub fn position_of(byte: u8, text: &[u8]) -> Option<usize> {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        // A byte that is sought is 0 here, and taking 1 from it borrows. What a borrow does to later bytes
        // does not matter: only the first is asked for.
        let difference = u64::from_le_bytes(*word) ^ (u64::from(byte) * ONES);
        let found = difference.wrapping_sub(ONES) & !difference & HIGH_BITS;
        if found != 0 {
            return Some(text.len() - rest.len() + first(found));
        }
        rest = after;
    }
    rest.iter().position(|&b| b == byte).map(|at| text.len() - rest.len() + at)
}

/// How many bytes stand before the first control byte, tab and DEL being some.
#[must_use]
#[inline]
pub fn len_before_control(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        if has_control(block) {
            return text.len() - rest.len() + first_control(block);
        }
        rest = after;
    }
    text.len() - rest.len() + len_before_control_in_tail(rest)
}

/// Once a head, in its last line.
#[cold]
fn len_before_control_in_tail(tail: &[u8]) -> usize {
    tail.iter().position(u8::is_ascii_control).unwrap_or(tail.len())
}

/// Without a branch, so that the compiler makes a few vector instructions of it on every processor.
fn has_control(block: &[u8; 16]) -> bool {
    block.iter().fold(false, |found, &byte| found | (byte < b' ') | (byte == 0x7f))
}

/// Where the first control of a block is that has one.
fn first_control(block: &[u8; 16]) -> usize {
    let marks = |half: Option<&[u8; 8]>| half.map_or(0, |half| controls(u64::from_le_bytes(*half)));
    let front = marks(block.first_chunk());
    if front != 0 { first(front) } else { 8 + first(marks(block.last_chunk())) }
}

/// The high bit of every byte that is a control.
const fn controls(word: u64) -> u64 {
    // No sum of two bytes reaches 0x100, so none touches its neighbour. Bytes above ASCII are none.
    let low_bits = word & !HIGH_BITS;
    let from_space_on = low_bits + 0x60 * ONES;
    let delete = low_bits + ONES;
    (!from_space_on | delete) & !word & HIGH_BITS
}

/// Which byte the first of these marks stands in.
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every place of texts around the sizes of words and blocks.
    fn every_byte_everywhere(check: impl Fn(&[u8], usize, u8)) {
        for len in [1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 33] {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'a'; len];
                    text[at] = byte;
                    check(&text, at, byte);
                }
            }
        }
    }

    #[test]
    fn the_first_control_is_found_wherever_it_stands() {
        every_byte_everywhere(|text, at, byte| {
            let expected = if byte < b' ' || byte == 0x7f { at } else { text.len() };
            assert_eq!(len_before_control(text), expected, "{text:?}");
            let mut second = text.to_vec();
            second.extend_from_slice(b"\xff\x7f\r\n");
            let expected = if expected < text.len() { expected } else { text.len() + 1 };
            assert_eq!(len_before_control(&second), expected, "{second:?}");
        });
    }

    #[test]
    fn the_first_of_a_byte_is_found_wherever_it_stands() {
        every_byte_everywhere(|text, at, byte| {
            assert_eq!(position_of(byte, text), Some(if byte == b'a' { 0 } else { at }), "{text:?}");
            assert_eq!(position_of(b':', text), (byte == b':').then_some(at), "{text:?}");
        });
        // Bytes that differ from the sought one by 1, after it, where a borrow would show.
        assert_eq!(position_of(b':', b"a;:;:;;:"), Some(2));
    }
}
