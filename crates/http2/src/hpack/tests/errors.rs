//! Blocks that are none.

use super::{Decoder, Error, decode, list};

#[track_caller]
fn bad(block: &[u8], expected: Error) {
    assert_eq!(decode(&mut Decoder::new(4096), block), Err(expected), "{block:x?}");
}

#[test]
fn indices_of_nothing() {
    bad(&[0x80], Error::Index);
    bad(&[0xbe], Error::Index);
    bad(&[0x7e, 1, b'v'], Error::Index);
    bad(&[0x0f, 0x2f, 1, b'v'], Error::Index);
    bad(&[0x1f, 0x2f, 1, b'v'], Error::Index);
    bad(&[0x0f, 0x2f, 0x81, 0x1f], Error::Index);
    bad(&[0xff, 0xff, 0xff, 0xff, 0x7f], Error::Index);
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &[0x40, 1, b'n', 1, b'v']).unwrap();
    assert_eq!(decode(&mut decoder, &[0xbe]).unwrap(), list(&[("n", "v")]));
    assert_eq!(decode(&mut decoder, &[0xbf]), Err(Error::Index));
}

#[test]
fn numbers_without_end() {
    bad(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Error::Integer);
    bad(&[0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x01], Error::Integer);
    bad(&[0x3f, 0x80, 0x80, 0x80, 0x80, 0x00], Error::Integer);
}

#[test]
fn blocks_that_end_too_early() {
    let whole = [0x40, 1, b'n', 1, b'v', 0x0f, 0x2f, 3, b'a', b'b', b'c', 0x10, 0x81, 0x1f, 0x81, 0x1f];
    let field_ends = [0, 5, 11, 16];
    for len in 0..=whole.len() {
        let result = decode(&mut Decoder::new(4096), &whole[..len]).map(|list| list.len());
        let expected = field_ends.iter().position(|&end| end == len).ok_or(Error::Truncated);
        assert_eq!(result, expected, "{len}");
    }
    bad(&[0x00, 0x7f, 0xff, 0xff, 0xff, 0x7f, b'x'], Error::Truncated);
}

#[test]
fn strings_that_are_no_code() {
    bad(&[0x00, 1, b'n', 0x81, 0x00], Error::Huffman);
    bad(&[0x00, 1, b'n', 0x81, 0xff], Error::Huffman);
    bad(&[0x40, 0x84, 0xff, 0xff, 0xff, 0xff, 1, b'v'], Error::Huffman);
}

#[test]
fn size_updates_stand_first_and_keep_to_what_was_announced() {
    let updated = |block: &[u8]| decode(&mut Decoder::new(4096), block).map(|list| list.len());
    assert_eq!(updated(&[0x3f, 0xe1, 0x1f]), Ok(0), "4096");
    assert_eq!(updated(&[0x20, 0x3f, 0xe1, 0x1f, 0x82]), Ok(1));
    bad(&[0x3f, 0xe2, 0x1f], Error::SizeUpdateTooLarge);
    bad(&[0x82, 0x20], Error::SizeUpdateLate);
    bad(&[0x20, 0x82, 0x20, 0x82], Error::SizeUpdateLate);
}

#[test]
fn a_size_update_evicts() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &[0x40, 1, b'a', 1, b'1', 0x40, 1, b'b', 1, b'2']).unwrap();
    // 34 bytes: one entry.
    assert_eq!(decode(&mut decoder, &[0x3f, 3, 0xbe]).unwrap(), list(&[("b", "2")]));
    assert_eq!(decode(&mut decoder, &[0xbf]), Err(Error::Index));
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &[0x40, 1, b'a', 1, b'1']).unwrap();
    assert_eq!(decode(&mut decoder, &[0x20, 0x3f, 0xe1, 0x1f, 0xbe]), Err(Error::Index));
}

#[test]
fn less_that_was_announced_has_to_be_answered() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &[0x40, 1, b'a', 1, b'1']).unwrap();
    decoder.set_table_bytes_max(100);
    let mut other = Decoder::new(4096);
    other.set_table_bytes_max(100);
    assert_eq!(decode(&mut other, &[0x82]), Err(Error::SizeUpdateMissing));
    assert_eq!(decode(&mut decoder, &[0x3f, 69, 0xbe]).unwrap(), list(&[("a", "1")]));
    assert_eq!(decode(&mut decoder, &[0xbe]).unwrap(), list(&[("a", "1")]));
    assert_eq!(decode(&mut decoder, &[0x3f, 70]), Err(Error::SizeUpdateTooLarge));
    // More that was announced need not be used.
    let mut more = Decoder::new(4096);
    more.set_table_bytes_max(8192);
    assert_eq!(decode(&mut more, &[0x82]).map(|list| list.len()), Ok(1));
    assert_eq!(decode(&mut more, &[0x3f, 0xe1, 0x3f]).map(|list| list.len()), Ok(0));
}

#[test]
fn a_field_that_is_larger_than_the_table_empties_it_and_is_handed_on() {
    let mut decoder = Decoder::new(70);
    decode(&mut decoder, &[0x40, 1, b'a', 1, b'1']).unwrap();
    let mut block = vec![0x40, 1, b'b', 38];
    block.extend_from_slice(&[b'v'; 38]);
    assert_eq!(decode(&mut decoder, &block).unwrap(), list(&[("b", &"v".repeat(38))]));
    assert_eq!(decode(&mut decoder, &[0xbe]), Err(Error::Index));
}

/// RFC 7541 section 4.4: the entry whose name is referred to may be the one that makes room.
#[test]
fn a_name_may_come_from_the_entry_that_is_evicted_for_it() {
    let mut decoder = Decoder::new(40);
    decode(&mut decoder, &[0x40, 4, b'n', b'a', b'm', b'e', 1, b'1']).unwrap();
    assert_eq!(decode(&mut decoder, &[0x7e, 2, b'2', b'2']).unwrap(), list(&[("name", "22")]));
    assert_eq!(decode(&mut decoder, &[0xbe]).unwrap(), list(&[("name", "22")]));
}
