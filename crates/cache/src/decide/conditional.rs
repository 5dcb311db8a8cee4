//! Validators and conditions, from both sides (RFC 9110 sections 8.8 and 13; RFC 9111 section 4.3).

use rempart_base::date::parse_http_date;
use rempart_flow::{Fields, Known, Method, RequestHead, ResponseHead};

use super::directives::{delta_s, elements};
use super::{Condition, HeadEffect};
use crate::object::StoredHead;

/// Whether the origin can be asked about a response.
pub(super) fn has_validator(fields: &Fields) -> bool {
    etag(fields).is_some() || fields.first(Known::LastModified).is_some_and(|value| !value.is_empty())
}

/// The entity tag, if there is anything in the field.
pub(super) fn etag(fields: &Fields) -> Option<&[u8]> {
    fields.first(Known::ETag).filter(|tag| !tag.is_empty())
}

/// An entity tag (RFC 9110 section 8.8.3). What is none is taken as it is: it equals itself and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    is_weak: bool,
    opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        match text.strip_prefix(b"W/") {
            Some(opaque) => Self { is_weak: true, opaque },
            None => Self { is_weak: false, opaque: text },
        }
    }

    /// Section 8.8.3.2.
    pub(super) fn matches_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }

    /// Section 8.8.3.2. What has no quotes is no tag, and no bytes can be relied on to be those it was given to.
    fn matches_strongly(self, other: Self) -> bool {
        self == other && self.is_strong()
    }

    const fn is_strong(self) -> bool {
        !self.is_weak && matches!(self.opaque, [b'"', .., b'"'])
    }
}

/// A condition of a request: nothing, one line, or several.
#[derive(Clone, Copy, Default)]
enum Line<'a> {
    #[default]
    None,
    One(&'a [u8]),
    /// A date cannot be a list (section 13.1.3); tags can, and their lines are looked for again.
    Several,
}

impl<'a> Line<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = if matches!(self, Self::None) { Self::One(value) } else { Self::Several };
    }

    const fn is_there(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Evaluates the visitor's conditions (section 13.2.2) for GET and HEAD. With another method they were for the
/// origin, which has answered.
#[must_use]
pub fn condition(request: &RequestHead, stored: &StoredHead) -> Condition {
    if !matches!(request.method, Method::Get | Method::Head) {
        return Condition::Met;
    }
    let (mut tags, mut since, mut same_tags, mut unchanged) = Default::default();
    for field in request.fields.iter() {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other fields are no conditions")]
        match field.known {
            Known::IfNoneMatch => Line::add(&mut tags, field.value),
            Known::IfModifiedSince => Line::add(&mut since, field.value),
            Known::IfMatch => Line::add(&mut same_tags, field.value),
            Known::IfUnmodifiedSince => Line::add(&mut unchanged, field.value),
            _ => {}
        }
    }
    // RFC 9111 section 4.3.2 and RFC 9110 section 13.2.1: a condition is about a representation.
    if !matches!(stored.status, 200 | 203 | 206) {
        return Condition::Met;
    }
    if same_tags.is_there() {
        let own = etag(&stored.fields).map(Tag::of);
        if !lists(request, Known::IfMatch, |tag| own.is_some_and(|own| own.matches_strongly(tag))) {
            return Condition::Failed;
        }
    } else if let Line::One(date) = unchanged
        && let Some(date) = parse_http_date(date, stored.date_unix_s)
        && stored.last_modified_unix_s.is_some_and(|modified| modified > date)
    {
        return Condition::Failed;
    }
    if tags.is_there() {
        let own = etag(&stored.fields).map(Tag::of);
        let is_known =
            lists(request, Known::IfNoneMatch, |tag| own.is_some_and(|own| own.matches_weakly(tag)));
        return if is_known { Condition::NotModified } else { Condition::Met };
    }
    match since {
        Line::One(date) if is_unmodified_since(stored, date) => Condition::NotModified,
        Line::None | Line::One(_) | Line::Several => Condition::Met,
    }
}

/// Whether a list of tags is `*` or has one that fits.
fn lists(request: &RequestHead, known: Known, fits: impl Fn(Tag<'_>) -> bool) -> bool {
    request.fields.values(known).any(|line| line == b"*" || elements(line).any(|tag| fits(Tag::of(tag))))
}

/// Section 13.1.3. A response without `Last-Modified` is as old as its `Date` (RFC 9111 section 4.3.2).
fn is_unmodified_since(stored: &StoredHead, since: &[u8]) -> bool {
    let modified = stored.fields.first(Known::LastModified);
    if modified == Some(since) {
        return true;
    }
    let modified_unix_s = match modified {
        Some(_) => stored.last_modified_unix_s,
        None => Some(stored.date_unix_s),
    };
    let since_unix_s = parse_http_date(since, stored.date_unix_s);
    modified_unix_s.zip(since_unix_s).is_some_and(|(modified, since)| modified <= since)
}

/// Whether `If-Range` lets a range through (section 13.1.5). True without the field.
#[must_use]
pub fn if_range(request: &RequestHead, stored: &StoredHead) -> bool {
    let Some(value) = request.fields.first(Known::IfRange) else { return true };
    if request.fields.values(Known::IfRange).nth(1).is_some() {
        return false;
    }
    if let Some(tag) = etag(&stored.fields)
        && Tag::of(tag).matches_strongly(Tag::of(value))
    {
        return true;
    }
    has_strong_date(stored)
        && stored.fields.first(Known::LastModified).is_some_and(|modified| modified == value)
}

/// Whether `Last-Modified` is a strong validator (section 8.8.2.2): the date of the response is later, so that
/// it cannot have changed again within the second that both name.
fn has_strong_date(stored: &StoredHead) -> bool {
    stored.last_modified_unix_s.is_some_and(|modified| stored.date_unix_s > modified)
}

/// The fields with which a stored response is validated: (name, value) (RFC 9111 section 4.3.1).
pub fn validators(stored: &StoredHead) -> impl Iterator<Item = (&'static [u8], &[u8])> {
    let tag = etag(&stored.fields).map(|tag| (b"If-None-Match".as_slice(), tag));
    let modified = stored.fields.first(Known::LastModified).filter(|value| !value.is_empty());
    tag.into_iter().chain(modified.map(|value| (b"If-Modified-Since".as_slice(), value)))
}

/// The strong validator of a response, if it has one: what `If-Range` takes (section 13.1.5).
#[must_use]
pub fn strong_validator(stored: &StoredHead) -> Option<&[u8]> {
    match etag(&stored.fields) {
        Some(tag) => Some(tag).filter(|tag| Tag::of(tag).is_strong()),
        None => stored.fields.first(Known::LastModified).filter(|_| has_strong_date(stored)),
    }
}

/// What an answer to HEAD says about a stored response with a body of `length` bytes (RFC 9111 section 4.3.5).
#[must_use]
pub fn head_effect(stored: &StoredHead, length: Option<u64>, answer: &ResponseHead) -> HeadEffect {
    if answer.status != 200 || stored.status != 200 {
        return HeadEffect::None;
    }
    let is_same = |known| match answer.fields.first(known) {
        None => true,
        Some(value) => stored.fields.first(known) == Some(value),
    };
    let has_length = match answer.fields.first(Known::ContentLength) {
        None => true,
        Some(value) => length.is_none() || delta_or_more(value) == length,
    };
    if is_same(Known::ETag) && is_same(Known::LastModified) && has_length {
        HeadEffect::Update
    } else {
        HeadEffect::Invalidate
    }
}

/// A length in digits: the codec let no other through.
fn delta_or_more(digits: &[u8]) -> Option<u64> {
    delta_s(digits)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
