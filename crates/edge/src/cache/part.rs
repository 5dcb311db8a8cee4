//! Parts of a response, fetched for the cache (RFC 9110 section 14).

use rempart_cache::decide;
use rempart_cache::object::StoredHead;
use rempart_cache::range::{self, Ranges, Spec};
use rempart_cache::slices::Slicing;
use rempart_flow::{BodyLength, Known, RequestHead, ResponseHead};
use rempart_http1::encode;

/// Which bytes are asked of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// From the first up to the second.
    FromTo(u64, u64),
    /// From this one on.
    From(u64),
    /// So many at the end.
    Last(u64),
}

impl Span {
    /// What to ask for so that a visitor gets what it asks for of a body of which nothing is known: the whole slices
    /// that its first part lies in. `None`: all of it.
    #[must_use]
    pub fn cold(request: &RequestHead, slice_bytes: u64) -> Option<Self> {
        let asked = range::parse(request.fields.first(Known::Range)?)?;
        let slicing = Slicing { slice_bytes, total: u64::MAX };
        let first_of = |at| slicing.first(slicing.place(at).0);
        let is_far = |at| at / slice_bytes.max(1) >= u64::from(u32::MAX);
        match *asked.0.first()? {
            // No slice has such a number.
            Spec::FromTo(first, _) | Spec::From(first) if is_far(first) => None,
            Spec::FromTo(first, last) if last < u64::MAX - slice_bytes => {
                let (first, end) = slicing.around(first, last + 1);
                Some(Self::FromTo(first, end))
            }
            Spec::FromTo(first, _) | Spec::From(first) if first >= slice_bytes => {
                Some(Self::From(first_of(first)))
            }
            Spec::FromTo(..) | Spec::From(_) => None,
            Spec::Last(count) => Some(Self::Last(count)),
        }
    }

    /// The slice under which others find this fetch; all ends of bodies are one.
    #[must_use]
    pub fn index(&self, slice_bytes: u64) -> u32 {
        match *self {
            Self::FromTo(first, _) | Self::From(first) => {
                Slicing { slice_bytes, total: u64::MAX }.place(first).0
            }
            Self::Last(_) => u32::MAX,
        }
    }

    /// Writes `Range`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let value = match *self {
            Self::FromTo(first, end) => format!("bytes={first}-{}", end.saturating_sub(1)),
            Self::From(first) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        };
        encode::field(out, b"Range", value.as_bytes());
    }
}

/// Which bytes a 206 brings: from the first up to the second, and how many there are in all, if it says so. `None` for
/// every other answer, several parts, and a length that is not theirs.
#[must_use]
pub(super) fn brought(head: &ResponseHead) -> Option<(u64, u64, Option<u64>)> {
    if head.status != 206 {
        return None;
    }
    let mut values = head.fields.values(Known::ContentRange);
    let (first, end, total) = range::content_range(values.next()?)?;
    let is_framed = match head.body {
        BodyLength::Exact(bytes) => bytes == end - first,
        BodyLength::Chunked | BodyLength::UntilClose => true,
        BodyLength::None => false,
    };
    (is_framed && values.next().is_none()).then_some((first, end, total))
}

/// Whether all that a visitor asks for lies in these bytes of a body, in their order.
#[must_use]
pub(super) fn has_all(request: &RequestHead, (first, end): (u64, u64), total: u64) -> bool {
    let asked = request.fields.first(Known::Range).and_then(range::parse);
    match asked.map(|asked| range::resolve(&asked, total)) {
        Some(Ranges::Parts(parts)) => {
            let order = parts.windows(2).all(|two| matches!(two, [one, next] if one.1 <= next.0));
            order && parts.iter().all(|part| first <= part.0 && part.1 <= end)
        }
        Some(Ranges::Unsatisfiable) => true,
        Some(Ranges::All) | None => false,
    }
}

/// Whether two responses have bodies of which the bytes are the same, one by one.
#[must_use]
pub(super) fn is_same_body(one: &StoredHead, other: &StoredHead) -> bool {
    let validator = decide::strong_validator(one);
    validator.is_some() && validator == decide::strong_validator(other)
}

#[cfg(test)]
mod tests {
    use rempart_flow::Fields;

    use super::*;

    fn asking(range: &str) -> RequestHead {
        let mut head = RequestHead::default();
        head.fields.append(b"Range", range.as_bytes());
        head
    }

    #[test]
    fn a_cold_range_asks_for_whole_slices_and_a_suffix_for_itself() {
        for (range, span) in [
            ("bytes=5000-5000", Some(Span::FromTo(5000, 5100))),
            ("bytes=99-100", Some(Span::FromTo(0, 200))),
            ("bytes=0-99, 500-", Some(Span::FromTo(0, 100))),
            ("bytes=250-", Some(Span::From(200))),
            ("bytes=250-18446744073709551615", Some(Span::From(200))),
            ("bytes=429496729499-429496729500", None),
            ("bytes=429496729499-", None),
            ("bytes=0-", None),
            ("bytes=99-", None),
            ("bytes=-7", Some(Span::Last(7))),
            ("lines=1-2", None),
            ("bytes=2-1", None),
        ] {
            assert_eq!(Span::cold(&asking(range), 100), span, "{range}");
        }
        let mut out = Vec::new();
        [Span::FromTo(5000, 5100), Span::From(7), Span::Last(9)]
            .iter()
            .for_each(|span| span.encode(&mut out));
        assert_eq!(out, b"Range: bytes=5000-5099\r\nRange: bytes=7-\r\nRange: bytes=-9\r\n");
    }

    #[test]
    fn a_part_is_what_its_length_says_too() {
        let answer = |status, range: &[&str], body| {
            let mut fields = Fields::default();
            range.iter().for_each(|range| fields.append(b"Content-Range", range.as_bytes()));
            ResponseHead { status, fields, body, ..ResponseHead::default() }
        };
        let good = &["bytes 2-4/9"][..];
        for (answer, found) in [
            (answer(206, good, BodyLength::Exact(3)), Some((2, 5, Some(9)))),
            (answer(206, good, BodyLength::Chunked), Some((2, 5, Some(9)))),
            (answer(206, good, BodyLength::Exact(4)), None),
            (answer(206, good, BodyLength::Exact(2)), None),
            (answer(200, good, BodyLength::Exact(3)), None),
            (answer(206, &[good[0], good[0]], BodyLength::Exact(3)), None),
            (answer(206, &["bytes 2-4/*"], BodyLength::Exact(3)), Some((2, 5, None))),
            (answer(206, &["bytes 2-4/4"], BodyLength::Exact(3)), None),
            (answer(206, &[], BodyLength::Exact(3)), None),
        ] {
            assert_eq!(brought(&answer), found);
        }
    }
}
