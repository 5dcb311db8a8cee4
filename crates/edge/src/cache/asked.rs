//! What was asked of an origin, and what can be made of its answer.

use std::sync::Arc;

use rempart_cache::decide::{self, Freshness, Lookup, PassReason, Storing, Times, Vary};
use rempart_cache::fill::{Coming, Leader, Manner, Published};
use rempart_cache::object::{Bodies, Response, StoredHead};
use rempart_cache::purge::{Begun, Purged, Stamp};
use rempart_cache::{Body, CachePlan, CacheStatus, Entry, Key, KeyBuilder, Object, Stored};
use rempart_flow::{BodyLength, RequestHead, ResponseHead, Scheme};
use rempart_origin::Connection;

use super::CacheTier;
use super::part;
use super::pump::Pump;
use super::settle::{Lead, Settled};

/// Why an answer is not stored, and for how long nobody waits for another.
#[derive(Clone, Copy)]
pub(super) struct NotStored {
    pub(super) for_s: u64,
    pub(super) reason: PassReason,
}

/// What was asked, by whom, and for whom.
pub struct Asked<'a> {
    /// What is stored.
    pub tier: &'a CacheTier,
    /// How the zone caches.
    pub plan: &'a CachePlan,
    /// The request.
    pub request: &'a RequestHead,
    /// What it wants of the cache.
    pub lookup: &'a Lookup,
    /// When it was asked and answered.
    pub times: Times,
}

impl Asked<'_> {
    /// For how long the answer is fresh and under what it is stored; or why it is not stored.
    pub(super) fn storable(
        &self,
        keys: &mut KeyBuilder,
        scheme: Scheme,
        primary: &Key,
        head: &ResponseHead,
    ) -> Result<(Freshness, Key, Vary), NotStored> {
        let Self { request, plan, .. } = *self;
        let freshness = match decide::storing(request, self.lookup, head, plan, self.times) {
            Storing::Store(freshness) => freshness,
            Storing::HitForMiss { for_s, reason } => return Err(NotStored { for_s, reason }),
        };
        let too_much = NotStored { for_s: plan.hit_for_miss_s.into(), reason: PassReason::Bypass };
        let vary = decide::vary(head, plan);
        let key = match &vary {
            Vary::No => primary.clone(),
            Vary::By(by) => {
                keys.primary(request, scheme, plan);
                let variant = keys.variant(request, by, plan).ok_or(too_much)?.to_key();
                remember(self.tier, primary, by.clone(), plan.vary.sets_max);
                variant
            }
            Vary::Any => return Err(too_much),
        };
        Ok((freshness, key, vary))
    }

    /// For so long nobody waits for another's fetch of this. What is known of the variants of a URL stays known.
    pub(super) fn nobody_waits(&self, key: &Key, for_s: u64, reason: PassReason) {
        let now = self.times.answered_unix_s;
        let stays = |entry: &Arc<Entry>| match &entry.stored {
            Stored::HitForMiss { until_unix_s, .. } => *until_unix_s > now,
            Stored::Varies(_) => true,
            Stored::Object(_) | Stored::Slice(_) => false,
        };
        if for_s == 0 || self.tier.store.get(key.as_ref(), stays) == Some(true) {
            return;
        }
        let until_unix_s = now + for_s;
        self.tier.store.insert(Entry::new(key.clone(), Stored::HitForMiss { until_unix_s, reason }));
    }

    /// A small part that can never be put together with others, but is worth keeping as it is; and its freshness.
    pub(super) fn lone(&self, lead: &Lead, connection: &Connection) -> Option<(StoredHead, Freshness, u64)> {
        let Self { tier, plan, request, .. } = *self;
        let (head, span) = (connection.head(), lead.span?);
        let bytes = part::lone(head).filter(|bytes| *bytes <= tier.fills.bounds().slice_bytes)?;
        let stored = decide::part_head(head, span.value().as_bytes(), plan, self.times.answered_unix_s);
        // With one it is a slice of a whole, or does not say the truth about it.
        if decide::strong_validator(&stored).is_some() {
            return None;
        }
        part::of_lone(request, &stored, bytes)?;
        match decide::storing(request, self.lookup, head, plan, self.times) {
            Storing::Store(freshness)
                if !freshness.validates_each && decide::vary(head, plan) == Vary::No =>
            {
                Some((stored, freshness, bytes))
            }
            Storing::Store(_) | Storing::HitForMiss { .. } => None,
        }
    }

    /// Gives such a part to who asked, and stores it: under a key of its own, so that a whole is never looked for in
    /// it.
    pub(super) fn keep_lone(
        &self,
        lead: Lead,
        connection: Connection,
        (head, freshness, bytes): (StoredHead, Freshness, u64),
    ) -> Settled {
        let Self { tier, plan, request, .. } = *self;
        let target = request.bytes(request.path_and_query);
        let host = plan.host(request.bytes(request.authority));
        let stamp = tier.purges.stamp(&lead.begun, plan, host, target, &decide::tags(connection.head()));
        let key = lead.primary.as_ref().part(part::LONE);
        let response = Response { id: tier.id(), key, head, freshness, stamp, length: Some(bytes) };
        let object = Arc::new(Object { response: Arc::new(response), bodies: Arc::default() });
        let coming = Coming {
            first: 0,
            bytes: Some(bytes),
            total: Some(bytes),
            has_strong_validator: false,
            origin: connection.plan().content_hash(),
        };
        let published = Published { vary: Vary::No, object };
        for_one(lead.leader, lead.begun, connection, (published, coming), (CacheStatus::Miss, true))
    }

    /// A part that is more than the visitor asked for, and not stored: the visitor gets what it asked for of it.
    pub(super) fn cut(&self, lead: Lead, connection: Connection, status: CacheStatus) -> Settled {
        let brought = part::brought(connection.head());
        if !matches!(brought, Some((first, end, Some(total))) if part::has_all(self.request, (first, end), total))
        {
            lead.leader.alone();
            return Settled::Again(status);
        }
        let freshness = Freshness::default();
        let (mut published, mut coming) =
            self.published(&lead.begun, freshness, lead.primary, Vary::No, &connection);
        coming.has_strong_validator = false;
        let bodies = Arc::default();
        published.object = Arc::new(Object { response: Arc::clone(&published.object.response), bodies });
        for_one(lead.leader, lead.begun, connection, (published, coming), (status, false))
    }

    /// What is published of the answer, and what of it comes.
    pub fn published(
        &self,
        begun: &Begun,
        freshness: Freshness,
        key: Key,
        vary: Vary,
        connection: &Connection,
    ) -> (Published, Coming) {
        let Self { tier, plan, request, .. } = *self;
        let head = connection.head();
        let stored_head = decide::stored_head(head, plan, self.times.answered_unix_s);
        let (first, bytes, total) = match part::brought(head) {
            Some((first, end, total)) => (first, Some(end - first), total),
            None => {
                let length = match head.body {
                    BodyLength::Exact(bytes) => Some(bytes),
                    BodyLength::None => Some(0),
                    BodyLength::Chunked | BodyLength::UntilClose => None,
                };
                (0, length, length)
            }
        };
        let coming = Coming {
            first,
            bytes,
            total,
            has_strong_validator: decide::strong_validator(&stored_head).is_some(),
            origin: connection.plan().content_hash(),
        };
        let is_sliced = coming.manner(tier.fills.bounds()) == Manner::Sliced;
        // What is stored of a body that is the same, byte by byte, is of use for this one too.
        let known = if is_sliced { self.known(&key, &stored_head, total) } else { None };
        let (id, bodies) = known.unwrap_or_else(|| {
            let bodies = coming.bodies(tier.fills.bounds());
            (tier.id(), Arc::new(bodies))
        });
        let target = request.bytes(request.path_and_query);
        let host = plan.host(request.bytes(request.authority));
        let stamp = tier.purges.stamp(begun, plan, host, target, &decide::tags(head));
        let response = Response { id, key, head: stored_head, freshness, stamp, length: total };
        let object = Arc::new(Object { response: Arc::new(response), bodies });
        (Published { vary, object }, coming)
    }

    /// Id and bodies of an object in slices that stands under this key and is the same but for its head.
    fn known(&self, key: &Key, head: &StoredHead, total: Option<u64>) -> Option<(u64, Arc<Bodies>)> {
        let Self { tier, .. } = *self;
        let look = |entry: &Arc<Entry>| match &entry.stored {
            Stored::Object(object) => Some(Arc::clone(object)),
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => None,
        };
        let object = tier.store.get(key.as_ref(), look).flatten()?;
        let Some(Body::Sliced { bytes }) = object.bodies.origin() else { return None };
        let is_same = total == Some(*bytes)
            && part::is_same_body(&object.response.head, head)
            && tier.purges.check(&object.response.stamp) != Purged::Hard;
        is_same.then(|| (object.response.id, Arc::clone(&object.bodies)))
    }
}

/// What comes is for this visitor, and nobody else waits for it.
fn for_one(
    leader: Leader,
    begun: Begun,
    connection: Connection,
    (published, coming): (Published, Coming),
    (status, is_kept): (CacheStatus, bool),
) -> Settled {
    let object = Arc::clone(&published.object);
    match leader.solo().object(published, coming) {
        Ok((writer, reader)) => {
            let pump = Box::new(Pump::new(connection, writer, object, begun));
            Settled::Shared { pump, reader, status, is_kept }
        }
        Err(leader) => {
            leader.alone();
            Settled::Again(status)
        }
    }
}

/// An object after an answer that says it is still so (RFC 9111 sections 4.3.4 and 4.3.5), stored anew with this
/// stamp; without one it was purged meanwhile, and is not.
pub fn renewed(
    asked: &Asked<'_>,
    stamp: Option<Stamp>,
    old: &Arc<Object>,
    head: &ResponseHead,
) -> Arc<Object> {
    let before = &old.response;
    let decide::Updated { head, freshness, is_for_all } =
        decide::updated(before, head, asked.request, asked.lookup, asked.plan, asked.times);
    let is_kept = stamp.is_some() && is_for_all;
    let response = Response {
        id: before.id,
        key: before.key.clone(),
        head,
        freshness,
        // Whoever waits for it must see that it is gone.
        stamp: stamp.unwrap_or_else(|| before.stamp.clone()),
        length: before.length,
    };
    let object = Arc::new(Object { response: Arc::new(response), bodies: Arc::clone(&old.bodies) });
    if is_kept {
        // What was fetched meanwhile is newer than what was asked about.
        let entry = Entry::new(before.key.clone(), Stored::Object(Arc::clone(&object)));
        asked.tier.store.replace(entry, |entry| match &entry.stored {
            Stored::Object(there) => there.response.id == before.id,
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => false,
        });
    }
    object
}

/// Puts by what the response varies under the primary key, before anybody may look for a variant.
fn remember(tier: &CacheTier, primary: &Key, by: Box<[Box<[u8]>]>, lists_max: usize) {
    let known = tier.store.get(primary.as_ref(), |entry| match &entry.stored {
        Stored::Varies(lists) if lists.first() == Some(&by) => None,
        Stored::Varies(lists) => Some(lists.clone()),
        Stored::Object(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => Some(Box::default()),
    });
    let Some(known) = known.unwrap_or_else(|| Some(Box::default())) else { return };
    let others = known.into_vec().into_iter().filter(|other| *other != by);
    let lists: Vec<_> = std::iter::once(by.clone()).chain(others).take(lists_max).collect();
    tier.store.insert(Entry::new(primary.clone(), Stored::Varies(lists.into())));
}
