//! Slices of a stored object that are missing: fetched, and checked to be of the same body.

use std::sync::Arc;

use rempart_cache::decide::{self, Vary};
use rempart_cache::fill::{Coming, Leader, Published, Reader};
use rempart_cache::purge::Begun;
use rempart_cache::{Body, CachePlan, Object, Stored};
use rempart_flow::{BodyLength, Fault, ResponseHead};
use rempart_origin::Connection;

use super::CacheTier;
use super::part::{self, Span};
use super::pump::Pump;

/// A fetch of what is missing.
pub struct Missing {
    /// The duty. `None`: it is for one visitor alone.
    pub leader: Option<Leader>,
    /// When it began, for purges.
    pub begun: Begun,
    /// The object.
    pub object: Arc<Object>,
    /// The first byte that is wanted.
    pub first: u64,
    /// One past the last.
    pub end: u64,
}

/// What has come instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Another body: what is stored is outdated.
    Another,
    /// No body of this URL.
    Nothing(Fault),
}

impl Missing {
    /// What is asked for.
    #[must_use]
    pub fn span(&self) -> Span {
        let total = self.object.bodies.origin().map_or(0, Body::len);
        if self.end >= total { Span::From(self.first) } else { Span::FromTo(self.first, self.end) }
    }

    /// Which bytes an answer brings: from where, and how many. All of it from an origin that knows no ranges.
    ///
    /// # Errors
    /// They are not what is missing.
    pub fn check(
        &self,
        head: &ResponseHead,
        plan: &CachePlan,
        now_unix_s: u64,
    ) -> Result<(u64, u64), Instead> {
        let total = self.object.bodies.origin().map_or(0, Body::len);
        let is_same = || {
            let head = decide::stored_head(head, plan, now_unix_s);
            part::is_same_body(&self.object.response.head, &head)
        };
        match (head.status, part::brought(head), head.body) {
            (206, Some((first, end, Some(whole))), _)
                if whole == total && first <= self.first && self.first < end && is_same() =>
            {
                Ok((first, end - first))
            }
            (200, _, BodyLength::Exact(bytes)) if bytes == total && is_same() => Ok((0, total)),
            (200 | 206 | 416, ..) => Err(Instead::Another),
            _ => Err(Instead::Nothing(Fault::OriginBodyTruncated)),
        }
    }

    /// Shares what comes with all who wait for it.
    ///
    /// # Errors
    /// There is not enough room for it: who waits is told so.
    pub fn share(
        self,
        connection: Connection,
        (first, bytes): (u64, u64),
    ) -> Result<(Pump, Reader), Connection> {
        let Self { leader, begun, object, .. } = self;
        let coming = Coming {
            first,
            bytes: Some(bytes),
            total: object.bodies.origin().map(Body::len),
            has_strong_validator: true,
            origin: connection.plan().content_hash(),
        };
        let Some(leader) = leader else { return Err(connection) };
        match leader.object(Published { vary: Vary::No, object: Arc::clone(&object) }, coming) {
            Ok((writer, reader)) => Ok((Pump::new(connection, writer, object, begun), reader)),
            Err(leader) => {
                leader.alone();
                Err(connection)
            }
        }
    }

    /// Takes the object out of the store, unless another stands there.
    pub fn forget(&self, tier: &CacheTier) {
        tier.store.remove(self.object.response.key.as_ref(), |entry| match &entry.stored {
            Stored::Object(object) => object.response.id == self.object.response.id,
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => false,
        });
    }
}
