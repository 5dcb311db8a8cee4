//! Base64 (RFC 4648 sections 4 and 5).

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes, with the alphabet for URLs or the standard one, padded with `=` or not.
pub(super) fn encode(bytes: &[u8], for_urls: bool, padded: bool) -> Vec<u8> {
    let alphabet = if for_urls { URL_SAFE } else { STANDARD };
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let digit = group >> (18 - 6 * place) & 63;
                out.extend(alphabet.get(digit as usize));
            } else if padded {
                out.push(b'=');
            }
        }
    }
    out
}

/// Decodes text of the standard alphabet, padded or not; none if it is no such text.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, b'+', b'/')
}

/// Decodes text of the alphabet for URLs, padded or not; none if it is no such text.
pub(super) fn decode_for_urls(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, b'-', b'_')
}

fn decode_with(text: &[u8], sixty_two: u8, sixty_three: u8) -> Option<Vec<u8>> {
    let digits = match text {
        [rest @ .., b'=', b'='] if text.len().is_multiple_of(4) => rest,
        [rest @ .., b'='] if text.len().is_multiple_of(4) => rest,
        all => all,
    };
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut group: u32 = 0;
        for byte in chunk {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                other if *other == sixty_two => 62,
                other if *other == sixty_three => 63,
                _ => return None,
            };
            group = group << 6 | u32::from(digit);
        }
        let count = match chunk.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        group <<= 6 * (4 - chunk.len());
        out.extend(group.to_be_bytes().into_iter().skip(1).take(count));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_in_both_alphabets() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            for padded in [false, true] {
                let some = &bytes[bytes.len() - length..];
                assert_eq!(decode(&encode(some, false, padded)).as_deref(), Some(some));
                assert_eq!(decode_for_urls(&encode(some, true, padded)).as_deref(), Some(some));
            }
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes(), false, true), coded.as_bytes());
            assert_eq!(decode(coded.as_bytes()).as_deref(), Some(plain.as_bytes()));
        }
        for wrong in ["A", "AAAAA", "AA=", "A===", "====", "AA-_", "A A="] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
