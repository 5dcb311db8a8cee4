//! Any bytes as a chunked body: whole and in pieces come to the same, no range lies outside of the
//! input, and what was decoded is the same body when it is encoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_flow::Fields;
use rempart_http1::chunked::{ChunkError, ChunkLimits, Decoder, Step};
use rempart_http1::encode;

const LIMITS: ChunkLimits = ChunkLimits { line_bytes_max: 40, trailer_bytes_max: 128, trailer_fields_max: 4 };

#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    data: Vec<u8>,
    done: bool,
    consumed: usize,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, input)) = input.split_first() else { return };
    let decoder = |limits| {
        if first % 2 == 0 { Decoder::for_request(limits) } else { Decoder::for_response(limits) }
    };
    let whole = decode(decoder(LIMITS), input, input.len().max(1));
    assert_eq!(decode(decoder(LIMITS), input, usize::from(first / 2).max(1)), whole);
    assert_eq!(decode(decoder(LIMITS), input, 1), whole);

    let Ok(whole) = whole else { return };
    if whole.done {
        let encoded = encode_body(&whole);
        // A space after each colon makes trailers longer than they came.
        let again = decode(decoder(ChunkLimits { trailer_bytes_max: 256, ..LIMITS }), &encoded, 7);
        assert_eq!(again, Ok(Decoded { consumed: encoded.len(), ..whole }));
    }
});

fn decode(mut decoder: Decoder, input: &[u8], piece_bytes: usize) -> Result<Decoded, ChunkError> {
    let mut decoded = Decoded { data: Vec::new(), done: false, consumed: 0, trailers: Vec::new() };
    'pieces: for mut piece in input.chunks(piece_bytes) {
        loop {
            let (consumed, step) = decoder.step(piece)?;
            decoded.consumed += consumed;
            match step {
                Step::Data(range) => {
                    assert!(!range.is_empty() && range.end == consumed);
                    decoded.data.extend_from_slice(&piece[range]);
                    piece = &piece[consumed..];
                }
                Step::NeedMore => {
                    assert_eq!(consumed, piece.len());
                    break;
                }
                Step::Done => {
                    decoded.done = true;
                    break 'pieces;
                }
            }
        }
    }
    let kept = decoder.trailers().into_iter().flat_map(Fields::iter).filter(|t| !t.hop_by_hop);
    decoded.trailers = kept.map(|t| (t.name.to_vec(), t.value.to_vec())).collect();
    Ok(decoded)
}

fn encode_body(decoded: &Decoded) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in decoded.data.chunks(300) {
        encode::chunk_head(&mut out, chunk.len());
        out.extend_from_slice(chunk);
        out.extend_from_slice(encode::CHUNK_END);
    }
    let mut trailers = Fields::default();
    for (name, value) in &decoded.trailers {
        trailers.append(name, value);
    }
    encode::last_chunk(&mut out, Some(&trailers));
    out
}
