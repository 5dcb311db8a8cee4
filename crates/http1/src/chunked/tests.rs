use super::*;

use crate::encode;

const LIMITS: ChunkLimits = ChunkLimits { line_bytes_max: 32, trailer_bytes_max: 64, trailer_fields_max: 3 };

type Trailer = (Vec<u8>, Vec<u8>);

/// What a body decodes to, and how much of the input it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decoded {
    data: Vec<u8>,
    done: bool,
    consumed: usize,
    trailers: Vec<Trailer>,
}

fn decode(mut decoder: Decoder, pieces: &[&[u8]]) -> Result<Decoded, ChunkError> {
    let mut decoded = Decoded { data: Vec::new(), done: false, consumed: 0, trailers: Vec::new() };
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (consumed, step) = decoder.step(rest).inspect_err(|error| {
                assert_eq!(decoder.clone().step(b"0\r\n\r\n"), Err(*error), "an error stays");
            })?;
            decoded.consumed += consumed;
            let more = match step {
                Step::Data(range) => {
                    assert!(!range.is_empty() && range.end <= consumed);
                    decoded.data.extend_from_slice(&rest[range]);
                    true
                }
                Step::NeedMore => {
                    assert_eq!(consumed, rest.len(), "all input is taken");
                    false
                }
                Step::Done => {
                    decoded.done = true;
                    false
                }
            };
            rest = &rest[consumed..];
            if !more {
                break;
            }
        }
    }
    let kept = decoder.trailers().into_iter().flat_map(Fields::iter).filter(|t| !t.hop_by_hop);
    decoded.trailers = kept.map(|t| (t.name.to_vec(), t.value.to_vec())).collect();
    Ok(decoded)
}

/// Whole, in two pieces at every position, and byte by byte. All have to agree.
#[track_caller]
fn all_ways(decoder: &Decoder, input: &[u8]) -> Result<Decoded, ChunkError> {
    let whole = decode(decoder.clone(), &[input]);
    for cut in 0..=input.len() {
        let (a, b) = input.split_at(cut);
        assert_eq!(decode(decoder.clone(), &[a, b]), whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(decode(decoder.clone(), &bytes), whole);
    whole
}

#[track_caller]
fn good(input: &str) -> Decoded {
    let decoded = all_ways(&Decoder::for_request(LIMITS), input.as_bytes()).unwrap();
    assert!(decoded.done, "{input:?}");
    decoded
}

#[track_caller]
fn bad(input: &str, error: ChunkError) {
    assert_eq!(all_ways(&Decoder::for_request(LIMITS), input.as_bytes()), Err(error), "{input:?}");
}

#[test]
fn a_body_ends_where_it_says_and_no_later() {
    let decoded = good("4\r\nWiki\r\nA\r\n0123456789\r\n0\r\n\r\nGET /");
    assert_eq!(decoded.data, b"Wiki0123456789");
    assert_eq!(decoded.consumed, "4\r\nWiki\r\nA\r\n0123456789\r\n0\r\n\r\n".len());
    assert_eq!(good("0\r\n\r\n").data, b"");
    assert_eq!(good("000\r\n\r\n").data, b"");
    assert!(!all_ways(&Decoder::for_request(LIMITS), b"4\r\nWiki\r\n").unwrap().done);
}

#[test]
fn sizes() {
    assert_eq!(good("0000000000000001\r\na\r\n0\r\n\r\n").data, b"a");
    bad("00000000000000001\r\na\r\n0\r\n\r\n", ChunkError::Size);
    let huge = all_ways(&Decoder::for_request(LIMITS), b"ffffffffffffffff\r\nabc").unwrap();
    assert_eq!((huge.data.as_slice(), huge.done), (&b"abc"[..], false));
    for size in ["", "+1", "-1", "0x1", "1_0", "g", " 1", "\t1", ";a", "1.", "\u{b2}", "\0"] {
        bad(&format!("{size}\r\na\r\n0\r\n\r\n"), ChunkError::Size);
    }
    bad("1 \r\na\r\n", ChunkError::Extension);
    bad("1 1\r\na\r\n", ChunkError::Extension);
}

#[test]
fn line_ends_are_crlf() {
    for input in
        ["1\ra", "1\r\nab", "1\r\na\n", "1\r\na\rb", "0\r\n\rx", "0\r\r\n", "1\r\na1\r\nb", "0\r\nX: y\n\r\n"]
    {
        bad(input, ChunkError::LineEnd);
    }
    bad("1\na\r\n", ChunkError::Size);
    bad("0\r\n\n", ChunkError::LineEnd);
    bad("0\r\nX: y\rz\r\n\r\n", ChunkError::TrailerLine);
}

#[test]
fn extensions_are_skipped() {
    for extension in [";a", ";a=b", " ; a = b", ";a=\"x;y\"", ";a=\"\\\"\"", ";a=\"\u{e9}\"", "\t;a;b"] {
        assert_eq!(good(&format!("1{extension}\r\nz\r\n0{extension}\r\n\r\n")).data, b"z", "{extension}");
    }
    for extension in [";a=\"", ";a=\"\\", ";\u{e9}", ";a\0", ";a=\"\0\"", ";\n", ";a=\"\n\"", ";\u{7f}"] {
        bad(&format!("1{extension}\r\nz\r\n0\r\n\r\n"), ChunkError::Extension);
    }
    let long = |len: usize| format!("1;{}\r\nz\r\n0\r\n\r\n", "a".repeat(len - 2));
    good(&long(LIMITS.line_bytes_max));
    bad(&long(LIMITS.line_bytes_max + 1), ChunkError::LineTooLong);
}

#[test]
fn extensions_may_not_outweigh_the_data() {
    // Each line of 32 bytes owes 32 - 16 - 2.
    let chunks = |count: usize| format!("1;{}\r\nz\r\n", "a".repeat(30)).repeat(count);
    let at_the_bound = usize::try_from(OVERHEAD_BYTES_MAX / 14).unwrap();
    let limits = || Decoder::for_request(LIMITS);
    assert!(decode(limits(), &[chunks(at_the_bound).as_bytes()]).is_ok());
    assert_eq!(decode(limits(), &[chunks(at_the_bound + 1).as_bytes()]), Err(ChunkError::LineTooLong));
}

#[test]
fn trailers() {
    let decoded = good("1\r\nz\r\n0\r\nServer-Timing: a\r\nETag: \"b\"\r\n\r\n");
    let expected = [("Server-Timing", "a"), ("ETag", "\"b\"")].map(|(n, v)| (n.into(), v.into()));
    assert_eq!(decoded.trailers, expected);
    for line in ["X : y", " X: y", ": y", "X", "X: \0", "X\u{e9}: y"] {
        bad(&format!("0\r\n{line}\r\n\r\n"), ChunkError::TrailerLine);
    }
    let count = |count: usize| format!("0\r\n{}\r\n", "X: y\r\n".repeat(count));
    good(&count(LIMITS.trailer_fields_max));
    bad(&count(LIMITS.trailer_fields_max + 1), ChunkError::TrailersTooLarge);
    let sized = |len: usize| format!("0\r\nX: {}\r\n\r\n", "a".repeat(len - 7));
    good(&sized(LIMITS.trailer_bytes_max));
    bad(&sized(LIMITS.trailer_bytes_max + 1), ChunkError::TrailersTooLarge);
}

#[test]
fn trailers_that_only_a_head_may_bear() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Host",
        "Trailer",
        "Connection",
        "Authorization",
        "Set-Cookie",
        "Cookie",
        "Content-Encoding",
        "Content-Type",
        "Content-Range",
        "Cache-Control",
        "X-Forwarded-Proto",
        "CF-Anything",
        "Max-Forwards",
        "WWW-Authenticate",
        "Access-Control-Allow-Origin",
    ] {
        let input = format!("0\r\n{name}: x\r\nX: y\r\n\r\n");
        bad(&input, ChunkError::TrailerForbidden);
        let dropped = all_ways(&Decoder::for_response(LIMITS), input.as_bytes()).unwrap();
        assert_eq!(dropped.trailers, [(b"X".to_vec(), b"y".to_vec())], "{name}");
    }
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % below
    };
    for round in 0..300 {
        let (mut wire, mut data) = (Vec::new(), Vec::new());
        for _ in 0..next(6) {
            let largest = if next(8) == 0 { 5000 } else { 40 };
            let chunk: Vec<u8> = (0..=next(largest)).map(|_| b"\r\n0;x"[next(5)]).collect();
            encode::chunk_head(&mut wire, chunk.len());
            wire.extend_from_slice(&chunk);
            wire.extend_from_slice(encode::CHUNK_END);
            data.extend_from_slice(&chunk);
        }
        let mut fields = Fields::default();
        for _ in 0..next(3) {
            fields.append(b"X-Sum", &vec![b'v'; next(10)]);
        }
        encode::last_chunk(&mut wire, Some(&fields));
        let pieces: Vec<&[u8]> = wire.chunks(1 + next(70)).collect();
        let decoded = decode(Decoder::for_request(LIMITS), &pieces).unwrap();
        assert!(decoded.done && decoded.consumed == wire.len(), "round {round}");
        assert_eq!(decoded.data, data, "round {round}");
        assert_eq!(decoded.trailers.len(), fields.len(), "round {round}");
    }
}
