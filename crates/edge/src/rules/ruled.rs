//! What an exchange runs on: its zone's, or what rules have put in its place.

use std::ops::Deref;
use std::sync::Arc;

use rempart_origin::plan::OriginPlan;

/// Something of the zone's, or what rules have put in its place.
pub enum Ruled<'a, T> {
    /// The zone's own.
    Zone(&'a Arc<T>),
    /// A rule's.
    Rule(Arc<T>),
}

impl<T> Deref for Ruled<'_, T> {
    type Target = Arc<T>;

    #[inline]
    fn deref(&self) -> &Arc<T> {
        match self {
            Self::Zone(own) => own,
            Self::Rule(ruled) => ruled,
        }
    }
}

/// Where rules have a request go instead of to its zone's origins. Never empty.
pub type Route = Arc<[Arc<OriginPlan>]>;
