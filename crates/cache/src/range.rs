//! Byte ranges (RFC 9110 section 14).

/// Ranges of one request; more are taken for an attack and ignored (section 14.2).
pub const RANGES_MAX: usize = 16;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Everything: no `Range`, one that is not understood, or one that is refused as abuse (too many, overlapping).
    All,
    /// Parts of a body of known length: (first, end), each not empty, in the order asked for.
    Parts(Vec<(u64, u64)>),
    /// 416.
    Unsatisfiable,
}

/// A `Range` that was read and not yet held against a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked(pub Vec<Spec>);

/// One part that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `first-last`.
    FromTo(u64, u64),
    /// `first-`.
    From(u64),
    /// `-count`.
    Last(u64),
}

/// Reads `Range`. `None`: it is to be ignored.
#[must_use]
pub fn parse(value: &[u8]) -> Option<Asked> {
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut specs = Vec::new();
    for element in set.split(|&byte| byte == b',').map(trim_ows).filter(|element| !element.is_empty()) {
        if specs.len() == RANGES_MAX {
            return None;
        }
        specs.push(spec(element)?);
    }
    (!specs.is_empty()).then_some(Asked(specs))
}

fn trim_ows(text: &[u8]) -> &[u8] {
    let is_ows = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_ows(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_ows(byte)).map_or(start, |at| at + 1);
    text.get(start..end).unwrap_or_default()
}

fn spec(element: &[u8]) -> Option<Spec> {
    let dash = element.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (element.get(..dash)?, element.get(dash + 1..)?);
    match (first, last) {
        ([], last) => Some(Spec::Last(number(last)?)),
        (first, []) => Some(Spec::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            // Section 14.1.1: such a range is invalid, and with it the whole field.
            (first <= last).then_some(Spec::FromTo(first, last))
        }
    }
}

/// Digits; what is too large is the largest there is, and lies behind every body.
fn number(digits: &[u8]) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    are_digits.then(|| {
        digits
            .iter()
            .fold(0_u64, |number, byte| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

/// Holds what is asked for against the length of the body. Parts that together are more than the body are taken
/// for an attack: whoever wants the body gets it once.
#[must_use]
pub fn resolve(asked: &Asked, bytes: u64) -> Ranges {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for spec in &asked.0 {
        let part = match *spec {
            Spec::FromTo(first, last) => (first, bytes.min(last.saturating_add(1))),
            Spec::From(first) => (first, bytes),
            // The end of nothing is nothing, and satisfiable (section 14.1.2); no `Content-Range` can say so.
            Spec::Last(count) if bytes == 0 && count > 0 => return Ranges::All,
            Spec::Last(count) => (bytes.saturating_sub(count), bytes),
        };
        if part.0 < part.1 {
            parts.push(part);
        }
    }
    if parts.is_empty() {
        return Ranges::Unsatisfiable;
    }
    let total = parts.iter().fold(0_u64, |total, (first, end)| total.saturating_add(end - first));
    if parts.len() > 1 && total > bytes { Ranges::All } else { Ranges::Parts(parts) }
}

/// `Content-Range: bytes first-last/total` of a 206: (first, end, total).
#[must_use]
pub fn content_range(value: &[u8]) -> Option<(u64, u64, Option<u64>)> {
    let (unit, rest) = value.split_at_checked(b"bytes ".len())?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    let (range, total) = (rest.get(..slash)?, rest.get(slash + 1..)?);
    let Spec::FromTo(first, last) = spec(range)? else { return None };
    let end = last.checked_add(1)?;
    let total = if total == b"*" { None } else { Some(number(total)?) };
    // Section 14.4: one that ends behind the body is invalid.
    let is_valid = unit.eq_ignore_ascii_case(b"bytes ") && total.is_none_or(|total| end <= total);
    is_valid.then_some((first, end, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_range_is() {
        use Spec::{From, FromTo, Last};
        for (value, specs) in [
            ("bytes=0-499", Some(vec![FromTo(0, 499)])),
            ("BYTES=0-0", Some(vec![FromTo(0, 0)])),
            ("bytes=500-", Some(vec![From(500)])),
            ("bytes=-500", Some(vec![Last(500)])),
            ("bytes=0-0 , -1,,\t5-", Some(vec![FromTo(0, 0), Last(1), From(5)])),
            ("bytes=99999999999999999999999-", Some(vec![From(u64::MAX)])),
            ("bytes=0-99999999999999999999999", Some(vec![FromTo(0, u64::MAX)])),
            ("bytes=", None),
            ("bytes=,", None),
            ("bytes=-", None),
            ("bytes=5", None),
            ("bytes=5-4", None),
            ("bytes=0-1,5-4", None),
            ("bytes=a-b", None),
            ("bytes=0x1-2", None),
            ("bytes= 0 - 1", None),
            ("bytes=--1", None),
            ("bytes=1-2-3", None),
            ("bytes 0-1", None),
            ("bytes =0-1", None),
            ("lines=0-1", None),
            ("", None),
        ] {
            assert_eq!(parse(value.as_bytes()), specs.map(Asked), "{value}");
        }
        let many = |count| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(parse(many(RANGES_MAX).as_bytes()).is_some());
        assert!(parse(many(RANGES_MAX + 1).as_bytes()).is_none());
    }

    #[test]
    fn what_it_is_of_a_body() {
        let parts = |parts: &[(u64, u64)]| Ranges::Parts(parts.to_vec());
        for (value, bytes, expected) in [
            ("bytes=0-1", 11, parts(&[(0, 2)])),
            ("bytes=1-", 11, parts(&[(1, 11)])),
            ("bytes=-1", 11, parts(&[(10, 11)])),
            ("bytes=-11", 11, parts(&[(0, 11)])),
            ("bytes=-12", 11, parts(&[(0, 11)])),
            ("bytes=0-99", 11, parts(&[(0, 11)])),
            ("bytes=0-99999999999999999999999", 11, parts(&[(0, 11)])),
            ("bytes=10-10", 11, parts(&[(10, 11)])),
            ("bytes=11-11", 11, Ranges::Unsatisfiable),
            ("bytes=11-", 11, Ranges::Unsatisfiable),
            ("bytes=-0", 11, Ranges::Unsatisfiable),
            ("bytes=0-", 0, Ranges::Unsatisfiable),
            ("bytes=-5", 0, Ranges::All),
            ("bytes=5-6,0-1", 11, parts(&[(5, 7), (0, 2)])),
            ("bytes=5-6,99-", 11, parts(&[(5, 7)])),
            ("bytes=0-5,5-", 11, Ranges::All),
            ("bytes=0-5,6-", 11, parts(&[(0, 6), (6, 11)])),
            ("bytes=0-,0-", 11, Ranges::All),
        ] {
            let asked = parse(value.as_bytes()).expect(value);
            assert_eq!(resolve(&asked, bytes), expected, "{value} of {bytes}");
        }
    }

    #[test]
    fn what_part_a_206_is() {
        for (value, expected) in [
            ("bytes 0-4/10", Some((0, 5, Some(10)))),
            ("bytes 4-9/10", Some((4, 10, Some(10)))),
            ("Bytes 0-4/*", Some((0, 5, None))),
            ("bytes 4-10/10", None),
            ("bytes 5-4/10", None),
            ("bytes */10", None),
            ("bytes -5/10", None),
            ("bytes 0-/10", None),
            ("bytes 0-4", None),
            ("bytes 0-4/", None),
            ("bytes 0-4/x", None),
            ("bytes=0-4/10", None),
            ("lines 0-4/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("", None),
        ] {
            assert_eq!(content_range(value.as_bytes()), expected, "{value}");
        }
    }
}
