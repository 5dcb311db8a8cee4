//! What the parts do together.

mod errors;
mod naive;
mod random;
mod vectors;

use super::{Decoded, Decoder, Error, Sink, Token, block};

/// Names and values, owned.
type List = Vec<(Vec<u8>, Vec<u8>)>;

/// Takes what comes.
#[derive(Default)]
struct All {
    list: List,
    never_indexed: Vec<bool>,
}

impl Sink for All {
    fn field(&mut self, field: Decoded<'_>) {
        assert_eq!(field.token, Token::from_name(field.name));
        let value = String::from_utf8_lossy(field.value);
        let is_text = value == value.trim_matches([' ', '\t'])
            && !field.value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        assert_eq!(field.is_text, is_text, "{:?}", field.value.escape_ascii().to_string());
        self.list.push((field.name.into(), field.value.into()));
        self.never_indexed.push(field.never_indexed);
    }
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<List, Error> {
    let mut all = All::default();
    decoder.decode(block, &mut all).map(|()| all.list)
}

fn list(fields: &[(&str, &str)]) -> List {
    fields.iter().map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into())).collect()
}

#[test]
fn statuses() {
    for status in 100..1000 {
        let mut out = Vec::new();
        block::status(&mut out, status);
        assert_eq!(decode(&mut Decoder::new(0), &out).unwrap(), list(&[(":status", &status.to_string())]));
        assert_eq!(out.len() == 1, matches!(status, 200 | 204 | 206 | 304 | 400 | 404 | 500), "{status}");
    }
}

#[test]
fn fields_that_need_no_table() {
    let mut out = Vec::new();
    block::field(&mut out, b"Content-Type", b"text/html");
    block::field(&mut out, b"X-Any", b"");
    block::field_packed(&mut out, b"CF-Cache-Status", b"DYNAMIC");
    block::field_packed(&mut out, b"x", b"\x01\x02");
    block::field_with(&mut out, b"Age", |out| out.extend_from_slice(b"17"));
    let expected = list(&[
        ("content-type", "text/html"),
        ("x-any", ""),
        ("cf-cache-status", "DYNAMIC"),
        ("x", "\u{1}\u{2}"),
        ("age", "17"),
    ]);
    assert_eq!(decode(&mut Decoder::new(0), &out).unwrap(), expected);
}

#[test]
fn a_value_that_is_written_in_place_may_be_of_any_length() {
    for len in [0, 1, 126, 127, 128, 254, 255, 300, 20_000] {
        let value = vec![b'v'; len];
        let mut out = b"before".to_vec();
        block::field_with(&mut out, b"etag", |out| out.extend_from_slice(&value));
        let mut expected = b"before".to_vec();
        block::field(&mut expected, b"etag", &value);
        assert_eq!(out, expected, "{len}");
    }
}

#[test]
fn secrets_are_never_indexed() {
    for (name, value, is_secret) in [
        ("Authorization", "Basic YTpi", true),
        ("proxy-authorization", "Basic YTpi", true),
        ("Set-Cookie", "a=1; Path=/; HttpOnly; Secure", true),
        ("cookie", "a=123456789012345678", false),
        ("cookie", "a=12345678901234567", true),
        ("x-any", "1", false),
    ] {
        let mut blocks = [Vec::new(), Vec::new(), Vec::new()];
        block::field(&mut blocks[0], name.as_bytes(), value.as_bytes());
        block::field_packed(&mut blocks[1], name.as_bytes(), value.as_bytes());
        super::Encoder::new(4096).field(&mut blocks[2], name.as_bytes(), value.as_bytes());
        for block in blocks {
            let mut all = All::default();
            Decoder::new(4096).decode(&block, &mut all).unwrap();
            assert_eq!(all.never_indexed, [is_secret], "{name}");
        }
    }
}
