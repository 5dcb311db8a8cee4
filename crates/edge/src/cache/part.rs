//! Parts of a response, fetched for the cache (RFC 9110 section 14).

use rempart_cache::decide;
use rempart_cache::object::StoredHead;
use rempart_cache::range::{self, Ranges, Spec};
use rempart_cache::slices::Slicing;
use rempart_flow::{BodyLength, Known, Method, RequestHead, ResponseHead};

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
        // The last two numbers stand for ends of bodies, and for parts that belong to no whole.
        let is_far = |at| at / slice_bytes.max(1) >= u64::from(u32::MAX - 1);
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

    /// The value of `Range`.
    #[must_use]
    pub fn value(&self) -> String {
        match *self {
            Self::FromTo(first, end) => format!("bytes={first}-{}", end.saturating_sub(1)),
            Self::From(first) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        }
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

/// Under which number a part is stored that belongs to no whole: no slice has it.
pub const LONE: u32 = u32::MAX - 1;

/// The bytes of a 206 that may be kept as one piece, though it can never be put together with others: how many come.
/// They are those from its `Content-Range`'s first on, even if fewer come than it says.
#[must_use]
pub(super) fn lone(head: &ResponseHead) -> Option<u64> {
    let mut values = head.fields.values(Known::ContentRange);
    let (first, end, total) = range::content_range(values.next()?)?;
    let BodyLength::Exact(bytes) = head.body else { return None };
    let is_one = values.next().is_none() && total.is_some() && (1..=end - first).contains(&bytes);
    is_one.then_some(bytes)
}

/// What a visitor gets of such a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfLone {
    /// It asks as was asked for it: the answer as it came.
    AsItCame,
    /// These bytes of the body, of which the part begins at the third number, and so many are all.
    FromTo(u64, u64, u64, u64),
}

/// What a visitor gets of a part of which `bytes` came, if all that it asks for lies in it (RFC 9111 section 3.3).
#[must_use]
pub fn of_lone(request: &RequestHead, part: &StoredHead, bytes: u64) -> Option<OfLone> {
    if part.status != 206 || request.method != Method::Get || request.fields.has(Known::IfRange) {
        return None;
    }
    let (first, _, total) = range::content_range(part.fields.first(Known::ContentRange)?)?;
    let (range, total) = (request.fields.first(Known::Range)?, total?);
    if let Ranges::Parts(parts) = range::resolve(&range::parse(range)?, total)
        && let [(from, to)] = *parts.as_slice()
        && first <= from
        && to <= first.saturating_add(bytes)
    {
        return Some(OfLone::FromTo(from, to, first, total));
    }
    (part.kept.first(Known::Range) == Some(range)).then_some(OfLone::AsItCame)
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
        let values = [Span::FromTo(5000, 5100), Span::From(7), Span::Last(9)].map(|span| span.value());
        assert_eq!(values, ["bytes=5000-5099", "bytes=7-", "bytes=-9"]);
    }

    #[test]
    fn of_a_part_that_belongs_to_no_whole_only_what_it_has_is_given() {
        let part = |range: &str, asked: &str| {
            let mut head = StoredHead { status: 206, ..StoredHead::default() };
            head.fields.append(b"Content-Range", range.as_bytes());
            head.kept.append(b"range", asked.as_bytes());
            head
        };
        let get = |range: &str| RequestHead { method: Method::Get, ..asking(range) };
        // It says six bytes, and five have come: 4 to 8.
        let short = part("bytes 4-9/10", "bytes=-5");
        for (range, given) in [
            ("bytes=6-8", Some(OfLone::FromTo(6, 9, 4, 10))),
            ("bytes=4-8", Some(OfLone::FromTo(4, 9, 4, 10))),
            ("bytes=3-8", None),
            ("bytes=6-9", None),
            ("bytes=6-", None),
            ("bytes=-1", None),
            ("bytes=4-4,6-6", None),
            ("bytes=10-", None),
            ("lines=1-2", None),
            ("bytes=-5", Some(OfLone::AsItCame)),
        ] {
            assert_eq!(of_lone(&get(range), &short, 5), given, "{range}");
        }
        let right = part("bytes 5-9/10", "bytes=-5");
        assert_eq!(of_lone(&get("bytes=-5"), &right, 5), Some(OfLone::FromTo(5, 10, 5, 10)));
        let mut cautious = get("bytes=6-8");
        cautious.fields.append(b"If-Range", b"\"a\"");
        assert_eq!(of_lone(&cautious, &short, 5), None);
        assert_eq!(of_lone(&RequestHead { method: Method::Head, ..asking("bytes=6-8") }, &short, 5), None);
    }

    #[test]
    fn a_lone_part_has_a_length_that_its_place_has_room_for() {
        let answer = |range: &str, body| {
            let mut head = ResponseHead { status: 206, body, ..ResponseHead::default() };
            head.fields.append(b"Content-Range", range.as_bytes());
            head
        };
        for (range, body, bytes) in [
            ("bytes 4-9/10", BodyLength::Exact(6), Some(6)),
            ("bytes 4-9/10", BodyLength::Exact(5), Some(5)),
            ("bytes 4-9/10", BodyLength::Exact(7), None),
            ("bytes 4-9/10", BodyLength::Exact(0), None),
            ("bytes 4-9/10", BodyLength::Chunked, None),
            ("bytes 4-9/*", BodyLength::Exact(6), None),
            ("bytes 4-9/9", BodyLength::Exact(6), None),
        ] {
            assert_eq!(lone(&answer(range, body)), bytes, "{range} {body:?}");
        }
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
