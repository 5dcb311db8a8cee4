//! Fields that are read out of others.

/// The extension of a path: what follows the last dot of its last segment, in lower case. None without a dot, behind a
/// final one, or where the only dot is the segment's first character.
pub(super) fn extension(path: &[u8]) -> Vec<u8> {
    let segment = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    match segment.iter().rposition(|byte| *byte == b'.') {
        None | Some(0) => Vec::new(),
        Some(dot) => segment.get(dot + 1..).unwrap_or_default().to_ascii_lowercase(),
    }
}

/// The media type of a `Content-Type`: lower case, without parameters.
pub(super) fn media_type(value: &[u8]) -> Vec<u8> {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().to_ascii_lowercase()
}

/// The tags of `Accept-Language`, the most wanted first; those of one weight keep their order, `*` is none.
pub(super) fn languages(value: &[u8]) -> Vec<&[u8]> {
    let mut weighted: Vec<(u32, &[u8])> = value
        .split(|byte| *byte == b',')
        .filter_map(|element| {
            let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let tag = parts.next().filter(|tag| !tag.is_empty() && *tag != b"*")?;
            let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
            Some((weight.map_or(1000, thousandths), tag))
        })
        .collect();
    weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    weighted.into_iter().map(|(_, tag)| tag).collect()
}

/// A weight (RFC 9110 section 12.4.2) in thousandths; 0 for what is none.
fn thousandths(weight: &[u8]) -> u32 {
    let (whole, fraction) = match weight {
        [whole @ (b'0' | b'1')] => (*whole, [].as_slice()),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] => (*whole, fraction),
        _ => return 0,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(3);
    let value = digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    (u32::from(whole - b'0') * 1000 + value).min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_those_of_the_last_segment() {
        for (path, expected) in [
            ("/a/b.JPG", "jpg"),
            ("/a.b/c", ""),
            ("/archive.tar.gz", "gz"),
            ("/.htaccess", ""),
            ("/a/.b.c", "c"),
            ("/end.", ""),
            ("/", ""),
        ] {
            assert_eq!(extension(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn languages_stand_in_the_order_of_their_weights() {
        let tags = |value: &str| -> Vec<String> {
            let tags = languages(value.as_bytes());
            tags.into_iter().map(|tag| String::from_utf8_lossy(tag).into_owned()).collect()
        };
        assert_eq!(tags("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.95, *;q=0.5"), ["fr-CH", "de", "fr", "en"]);
        assert_eq!(tags("a;q=0.1, b, c;q=1.000, d;q=x"), ["b", "c", "a", "d"]);
        assert!(tags("").is_empty() && tags("*").is_empty());
    }

    #[test]
    fn a_media_type_is_without_parameters_and_in_lower_case() {
        assert_eq!(media_type(b"text/HTML; charset=utf-8"), b"text/html");
        assert_eq!(media_type(b"image/svg+xml"), b"image/svg+xml");
        assert_eq!(media_type(b""), b"");
    }
}
