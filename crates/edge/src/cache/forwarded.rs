//! How a request that is made for the cache differs from the visitor's.

use rempart_cache::decide;
use rempart_cache::object::StoredHead;
use rempart_flow::Known;
use rempart_origin::FieldWriter;

use super::part::Span;

/// A fetch for the cache: the whole response, whatever this visitor has already or wants of it.
#[derive(Clone, Copy, Default)]
pub struct Fetched<'a> {
    /// What is validated.
    pub validates: Option<&'a StoredHead>,
    /// Which part is asked for; `None` is all of it.
    pub span: Option<Span>,
    /// Only if it is of the same body still.
    pub is_same_as: Option<&'a StoredHead>,
}

impl Fetched<'_> {
    /// Whether a field of the visitor's goes on.
    #[must_use]
    pub const fn passes(&self, known: Known) -> bool {
        // A visitor that has a part wants all of it if it is not of the same body.
        let is_condition_of_part =
            matches!(known, Known::IfRange) && self.span.is_some() && self.is_same_as.is_none();
        is_condition_of_part
            || !matches!(
                known,
                Known::IfMatch
                    | Known::IfNoneMatch
                    | Known::IfModifiedSince
                    | Known::IfUnmodifiedSince
                    | Known::IfRange
                    | Known::Range
            )
    }

    /// Whether a field is what some origins take for `Range`: an answer to it must not be taken for the whole.
    #[must_use]
    pub fn is_range(name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(b"Request-Range")
    }

    /// Adds what is asked instead.
    pub fn encode(&self, out: &mut impl FieldWriter) {
        for (name, value) in self.validates.into_iter().flat_map(decide::validators) {
            out.field(name, value);
        }
        if let Some(span) = &self.span {
            out.field(b"Range", span.value().as_bytes());
        }
        if let Some(validator) = self.is_same_as.and_then(decide::strong_validator) {
            out.field(b"If-Range", validator);
        }
    }
}
