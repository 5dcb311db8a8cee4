//! Byte ranges (RFC 9110 section 14).

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
    let _ = value;
    todo!()
}

/// Holds what is asked for against the length of the body.
#[must_use]
pub fn resolve(asked: &Asked, bytes: u64) -> Ranges {
    let _ = (asked, bytes);
    todo!()
}

/// `Content-Range: bytes first-last/total` of a 206: (first, end, total).
#[must_use]
pub fn content_range(value: &[u8]) -> Option<(u64, u64, Option<u64>)> {
    let _ = value;
    todo!()
}
