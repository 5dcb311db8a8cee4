//! Where fields may stand: the words of the table.

use crate::phase::Phase::*;
use crate::phase::{Kinds, Phases, Place};

pub(super) const EVERYWHERE: Place = Place { phases: Phases::ALL, kinds: Kinds::All };
pub(super) const RESPONSES: Place = Place { phases: Phases::RESPONSE, kinds: Kinds::All };
pub(super) const MEDIA: Place = within(&[CustomErrors, ResponseHeaders, Compression]);
pub(super) const ERRORS: Place = within(&[CustomErrors, ResponseHeaders]);
pub(super) const TRANSFORM: Place = within(&[UrlRewrite, RequestHeaders, ResponseHeaders]);
/// Cache response rules are named on their own page of the documentation only.
pub(super) const LANGUAGES: Place = within(&[UrlRewrite, RequestHeaders, ResponseHeaders, ResponseCache]);
pub(super) const TRANSFORM_VALUES: Place = Place { phases: TRANSFORM.phases, kinds: Kinds::Values };
pub(super) const HEADERS: Place = within(&[RequestHeaders, ResponseHeaders]);
pub(super) const CUSTOM: Place = within(&[Custom, RateLimit, RateLimitResponse]);
pub(super) const APPSEC: Place = within(&[Custom, RateLimit, RateLimitResponse, RequestHeaders]);
pub(super) const SEQUENCE: Place =
    within(&[Custom, RateLimit, RateLimitResponse, BulkRedirect, RequestHeaders]);
pub(super) const FRAUD: Place = within(&[Custom, RequestHeaders]);

const fn within(phases: &[crate::phase::Phase]) -> Place {
    Place { phases: Phases::of(phases), kinds: Kinds::All }
}
