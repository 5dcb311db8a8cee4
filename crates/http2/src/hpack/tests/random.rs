//! What holds of any lists and any blocks.

use super::super::{Encoder, huffman};
use super::naive::Naive;
use super::{Decoder, List, block, decode};

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }
}

const NAMES: &[&str] = &[
    ":method",
    ":path",
    ":authority",
    ":status",
    "accept",
    "accept-encoding",
    "cookie",
    "authorization",
    "user-agent",
    "x-any",
    "x-other",
    "x-a-name-that-is-rather-long-and-in-no-table",
    "date",
    "link",
];

fn field(random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let name = NAMES[random.below(NAMES.len())];
    let value = match random.below(8) {
        0 => random.bytes(20),
        1 => b"GET".to_vec(),
        2 => vec![b'v'; random.below(300)],
        3 => vec![b'w'; random.below(5000)],
        _ => format!("value {}", random.below(30)).into_bytes(),
    };
    (name.as_bytes().into(), value)
}

/// Random lists, with tables of random sizes that change, through our encoder and both decoders.
#[test]
fn what_is_encoded_is_decoded() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..150 {
        let own = [0, 64, 200, 4096, 10_000][random.below(5)];
        let mut announced = 4096;
        let mut encoder = Encoder::new(own);
        let mut decoder = Decoder::new(announced);
        let mut naive = Naive { table: List::new(), bytes_max: announced, announced };
        for _ in 0..40 {
            for _ in 0..random.below(3) {
                announced = [0, 33, 100, 1000, 4096, 20_000][random.below(6)];
                // Acknowledged one after the other, so the decoder only ever sees the last before a block.
                encoder.set_peer_table_bytes(u32::try_from(announced).unwrap());
            }
            decoder.set_table_bytes_max(announced);
            naive.announced = announced;
            let fields: List = (0..random.below(12)).map(|_| field(&mut random)).collect();
            let mut block = Vec::new();
            encoder.begin(&mut block);
            for (name, value) in &fields {
                match random.below(4) {
                    0 => block::field(&mut block, name, value),
                    1 => block::field_packed(&mut block, name, value),
                    _ => encoder.field(&mut block, &name.to_ascii_uppercase(), value),
                }
            }
            assert_eq!(decode(&mut decoder, &block).as_ref(), Ok(&fields));
            assert_eq!(naive.decode(&block), Some(fields));
        }
    }
}

#[test]
fn what_repeats_takes_one_byte_a_field() {
    let mut encoder = Encoder::new(4096);
    let mut write = |out: &mut Vec<u8>| {
        encoder.begin(out);
        for (name, value) in
            [(":method", "GET"), (":scheme", "https"), (":authority", "h"), ("User-Agent", "x/1")]
        {
            encoder.field(out, name.as_bytes(), value.as_bytes());
        }
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    write(&mut first);
    write(&mut second);
    assert!(first.len() > 6);
    assert_eq!(second, [0x82, 0x87, 0xbf, 0xbe]);
}

/// Blocks of parts that are mostly right, as both decoders see them.
#[test]
fn another_decoder_decodes_the_same() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let bytes_max = [0, 40, 100, 4096][random.below(4)];
        let mut decoder = Decoder::new(bytes_max);
        let mut naive = Naive { table: List::new(), bytes_max, announced: bytes_max };
        for _ in 0..random.below(6) {
            let block = some_block(&mut random);
            let (ours, other) = (decode(&mut decoder, &block).ok(), naive.decode(&block));
            assert_eq!(ours, other, "{block:x?}");
            if ours.is_none() {
                bad += 1;
                break;
            }
            good += 1;
        }
    }
    assert!(good > 5000 && bad > 5000, "{good} good, {bad} bad");
}

fn some_block(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    if random.below(10) == 0 {
        out.push(0x20 | u8::try_from(random.below(31)).unwrap());
    }
    for _ in 0..random.below(8) {
        match random.below(40) {
            0 => out.push(0x20),
            1 => {
                let len = random.below(8);
                out.extend(random.bytes(len));
            }
            2..10 => out.push(0x80 | u8::try_from(1 + random.below(65)).unwrap()),
            kind => {
                let pattern = [0x00, 0x10, 0x40][kind % 3];
                let index = [0, 0, 5, 58, 62, 63][random.below(6)];
                super::super::integer::write(&mut out, pattern, if pattern == 0x40 { 6 } else { 4 }, index);
                for _ in 0..1 + usize::from(index == 0) {
                    let text = if random.below(4) == 0 { random.bytes(3) } else { b"text".to_vec() };
                    string(random, &text, &mut out);
                }
            }
        }
    }
    out
}

fn string(random: &mut Random, text: &[u8], out: &mut Vec<u8>) {
    match random.below(8) {
        0..4 => block::raw(out, text),
        4..7 => {
            out.push(0x80 | u8::try_from(huffman::encoded_len(text)).unwrap());
            huffman::encode(text, out);
        }
        _ => {
            out.push(0x80 | u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text);
        }
    }
}

/// Any bytes, and every beginning of blocks that are right, come to a result.
#[test]
fn nothing_panics() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..20_000 {
        let mut decoder = Decoder::new([0, 100, 4096][random.below(3)]);
        let len = random.below(64);
        let _ = decoder.decode(&random.bytes(len), &mut super::All::default());
    }
    for _ in 0..200 {
        let mut encoder = Encoder::new(4096);
        let mut block = Vec::new();
        for _ in 0..6 {
            let (name, value) = field(&mut random);
            let value = value.get(..50).unwrap_or(&value);
            match random.below(2) {
                0 => encoder.field(&mut block, &name, value),
                _ => block::field_packed(&mut block, &name, value),
            }
        }
        for len in 0..block.len() {
            let mut decoder = Decoder::new(4096);
            let _ = decoder.discard(&block[..len]);
        }
    }
}

/// One byte of a block that refers to one long entry hands much on, and keeps nothing.
#[test]
fn a_block_that_unpacks_to_much_keeps_no_more_than_the_table() {
    let mut encoder = Encoder::new(8192);
    encoder.set_peer_table_bytes(8192);
    let mut block = Vec::new();
    encoder.field(&mut block, b"x-any", &[b'v'; 2000]);
    block.extend([0xbe; 16_000]);
    let mut decoder = Decoder::new(8192);
    decoder.discard(&block).unwrap();
    let held = decoder.held_bytes();
    assert!(held <= 8192, "{held}");
}
