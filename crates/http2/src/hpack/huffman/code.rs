//! The code itself (RFC 7541 appendix B). It is canonical: symbols of one length have codes that rise with the
//! symbol, and shorter codes come before longer ones. So the lengths say everything.

/// The symbol that ends a text, and is never written.
pub(super) const EOS: usize = 256;

/// Bits of the longest code.
pub(super) const BITS_MAX: u32 = 30;

/// How many bits the first look takes: all that visible ASCII needs, but for a few rare marks.
pub(super) const FIRST_BITS: u32 = 10;

/// In [`FIRST_LOOK`]: the code is longer.
pub(super) const LONG: u16 = u16::MAX;

/// Bits of the code of each symbol.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, // 0x00
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, // 0x10
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, // 0x20
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 0x30
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // 0x40
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // 0x50
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, // 0x60
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // 0x70
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, // 0x90
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, // 0xa0
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, // 0xb0
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, // 0xd0
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, // 0xe0
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, // 0xf0
    30, // EOS
];

/// The symbols in the order of their codes.
const BY_CODE: [u16; 257] = by_code();

/// Code and bits of each symbol.
pub(super) static CODES: [(u32, u32); 257] = codes();

/// By the first bits of a text: the symbol in the low byte and its length above it, or [`LONG`].
pub(super) static FIRST_LOOK: [u16; 1 << FIRST_BITS] = first_look();

/// The codes of one length, for those that the first look does not find.
#[derive(Clone, Copy)]
struct Group {
    /// The first code of the next length, at the top of a word: what is below it is of this group.
    end: u64,
    /// The first code of this length, at the top of a word.
    first: u64,
    /// Where its symbol stands in [`BY_CODE`].
    first_at: u16,
}

static GROUPS: [Group; BITS_MAX as usize + 1] = groups();

/// Finds a code that is longer than the first look, at the top of a word. Every word begins with some code.
pub(super) fn look_long(word: u64) -> (u16, u32) {
    for (bits, group) in (0..).zip(&GROUPS).skip(FIRST_BITS as usize + 1) {
        if word < group.end || bits == BITS_MAX {
            let number = word.wrapping_sub(group.first) >> (64 - bits);
            let at = usize::from(group.first_at) + usize::try_from(number).unwrap_or_default();
            return (BY_CODE.get(at).copied().unwrap_or(u16::MAX), bits);
        }
    }
    (u16::MAX, BITS_MAX)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn by_code() -> [u16; 257] {
    let mut sorted = [0; 257];
    let (mut count, mut bits) = (0, 1);
    while bits <= BITS_MAX {
        let mut symbol = 0_u16;
        while symbol as usize <= EOS {
            if LENGTHS[symbol as usize] as u32 == bits {
                sorted[count] = symbol;
                count += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    assert!(count == 257, "every symbol has a code");
    sorted
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn codes() -> [(u32, u32); 257] {
    let mut codes = [(0, 0); 257];
    let (mut at, mut next, mut bits) = (0, 0_u32, 0);
    while at < 257 {
        let symbol = BY_CODE[at] as usize;
        let more = LENGTHS[symbol] as u32 - bits;
        next <<= more;
        bits += more;
        codes[symbol] = (next, bits);
        next += 1;
        at += 1;
    }
    assert!(next == 1 << BITS_MAX, "the code is complete: its last one is all ones");
    codes
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn first_look() -> [u16; 1 << FIRST_BITS] {
    let codes = codes();
    let mut look = [LONG; 1 << FIRST_BITS];
    let mut symbol = 0;
    while symbol < EOS {
        let (code, bits) = codes[symbol];
        if bits <= FIRST_BITS {
            let mut at = code << (FIRST_BITS - bits);
            let end = (code + 1) << (FIRST_BITS - bits);
            while at < end {
                look[at as usize] = ((bits as u16) << 8) | symbol as u16;
                at += 1;
            }
        }
        symbol += 1;
    }
    look
}

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn groups() -> [Group; BITS_MAX as usize + 1] {
    let codes = codes();
    let mut groups = [Group { end: 0, first: 0, first_at: 0 }; BITS_MAX as usize + 1];
    let mut at = 0;
    while at < 257 {
        let (code, bits) = codes[BY_CODE[at] as usize];
        let group = &mut groups[bits as usize];
        let top = (code as u64) << (64 - bits);
        if group.end == 0 {
            group.first = top;
            group.first_at = at as u16;
        }
        // The end of the last group would be beyond a word.
        group.end = top.saturating_add(1 << (64 - bits));
        at += 1;
    }
    groups
}
