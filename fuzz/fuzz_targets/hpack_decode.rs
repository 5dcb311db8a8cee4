//! Any bytes as header blocks of one connection: what is read and written again reads the same, with tables of any
//! size, and nothing holds more memory than its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_http2::hpack::{Decoded, Decoder, Encoder, Sink, Token};

const TABLE_BYTES: [usize; 4] = [0, 64, 300, 4096];

/// More than this of one block is not looked at: a byte can stand for a whole entry.
const FIELDS_MAX: usize = 64;

#[derive(Default)]
struct Some {
    list: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Sink for Some {
    fn field(&mut self, field: Decoded<'_>) {
        assert_eq!(field.token, Token::from_name(field.name));
        if field.is_text {
            assert!(!field.value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)));
        }
        if self.list.len() < FIELDS_MAX {
            self.list.push((field.name.into(), field.value.into()));
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let table_bytes = TABLE_BYTES[usize::from(choice) % TABLE_BYTES.len()];
    let own_bytes = TABLE_BYTES[usize::from(choice) / TABLE_BYTES.len() % TABLE_BYTES.len()];
    let mut decoder = Decoder::new(table_bytes);
    let mut encoder = Encoder::new(own_bytes);
    encoder.set_peer_table_bytes(u32::try_from(table_bytes).unwrap());
    let mut second = Decoder::new(table_bytes);
    // Blocks are divided by a byte that begins no field that means anything.
    for block in input.split(|&byte| byte == 0x80) {
        let mut fields = Some::default();
        if decoder.decode(block, &mut fields).is_err() {
            return;
        }
        assert!(decoder.held_bytes() <= 4 * table_bytes + 64, "{}", decoder.held_bytes());
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value) in &fields.list {
            encoder.field(&mut out, name, value);
        }
        let mut again = Some::default();
        second.decode(&out, &mut again).unwrap();
        for (before, after) in fields.list.iter().zip(&again.list) {
            // Names are written in lower case.
            assert_eq!((before.0.to_ascii_lowercase(), &before.1), (after.0.clone(), &after.1));
        }
        assert_eq!(fields.list.len(), again.list.len());
    }
});
