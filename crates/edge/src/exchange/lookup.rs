//! What the store has for a request.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use rempart_cache::decide::{self, Lookup, PassReason, Reuse, Wants};
use rempart_cache::purge::Purged;
use rempart_cache::{Body, CachePlan, CacheStatus, Entry, Key, KeyRef, Object, Stored};
use rempart_flow::{Fault, Known};
use rempart_wire::Visitor;

use super::give::Giving;
use super::{Exchange, State};
use crate::cache::{CacheTier, LONE, Stale, of_lone};

/// How often a request looks again, because what it waited for was not for it, before it goes alone.
pub(super) const ROUNDS_MAX: u8 = 4;

/// What the store had.
pub(super) enum Found {
    /// The answer, and the visitor took all of it at once.
    Given,
    /// The answer.
    Giving(Giving),
    /// The answer, in slices.
    Sliced(Arc<Object>),
    /// An object that is stale, and may be given while it is validated.
    Aging(Arc<Object>),
    /// An object that must be validated.
    Stale(Stale),
    /// By what the responses vary: not the answer itself.
    Varies(Arc<Entry>),
    /// The last response could not be stored, for this reason.
    Alone(PassReason),
    /// Nothing of use.
    Absent,
}

/// What is fetched, and why.
pub(super) struct Miss {
    pub(super) lookup: Lookup,
    /// The primary key.
    pub(super) primary: Key,
    /// Of the variant that is asked for, if the responses are known to vary.
    pub(super) variant: Option<Key>,
    pub(super) stale: Option<Stale>,
}

impl<V: Visitor> Exchange<'_, V> {
    /// Asks the store.
    pub(super) async fn lookup(&mut self) -> State {
        let Some(plan) = self.cache_plan() else { return State::Fail(Fault::UnknownHost) };
        // Who tries a release wants to know what the origin says.
        if self.visitor.peer().is_inside {
            return State::Pass;
        }
        let plan = &**plan;
        let lookup = match decide::wants(self.visitor.head(), plan) {
            Wants::Lookup(lookup) => lookup,
            Wants::Pass(reason) => {
                self.record.cache.status = reason.status();
                return State::Pass;
            }
        };
        let (found, keys) = poll_fn(|cx| Poll::Ready(self.look(&lookup, plan, cx))).await;
        let (is_head, only_if_cached) = (lookup.is_head, lookup.only_if_cached);
        let miss = |stale, (primary, variant): (Key, Option<Key>)| Miss { lookup, primary, variant, stale };
        match (found, keys) {
            (Found::Given, _) => State::Record,
            (Found::Giving(giving), _) => State::Give(giving),
            (Found::Sliced(object), _) => self.give_stored(&object, CacheStatus::Hit),
            (Found::Alone(reason), keys) => {
                self.record.cache.status = reason.status();
                // It is fetched for this visitor alone; if it may be stored by now, it is.
                match keys.filter(|_| !is_head && !only_if_cached && self.wants_all()) {
                    Some(keys) => self.go_alone(miss(None, keys)),
                    None => State::Pass,
                }
            }
            (Found::Aging(object), Some(keys)) => {
                let stale = Stale { object: Arc::clone(&object), if_error: true, while_updating: true };
                self.refresh(miss(Some(stale), keys));
                self.give_stored(&object, CacheStatus::Updating)
            }
            (Found::Stale(stale), Some(keys)) => self.miss(miss(Some(stale), keys)),
            (Found::Absent | Found::Varies(_), Some(keys)) => self.miss(miss(None, keys)),
            (Found::Aging(_) | Found::Stale(_) | Found::Absent | Found::Varies(_), None) => State::Pass,
        }
    }

    fn miss(&mut self, miss: Miss) -> State {
        if miss.lookup.only_if_cached {
            return State::Fail(Fault::OnlyIfCached);
        }
        self.rounds += 1;
        if !miss.lookup.is_head && self.is_for_itself(&miss.lookup) {
            self.record.cache.status = CacheStatus::Bypass;
            return if self.wants_all() { self.go_alone(miss) } else { State::Pass };
        }
        if miss.lookup.is_head {
            self.seen = miss.stale.map(|stale| (stale.object, miss.lookup));
            self.record.cache.status = CacheStatus::Miss;
            return State::Pass;
        }
        if self.rounds > ROUNDS_MAX {
            self.record.cache.status = CacheStatus::Miss;
            return State::Pass;
        }
        State::Join(Box::new(miss))
    }

    /// Whether the answer is this visitor's alone unless its origin says otherwise (RFC 9111 section 3.5): nobody is to
    /// wait for it in vain, so it is not fetched for others.
    pub(super) fn is_for_itself(&self, lookup: &Lookup) -> bool {
        let is_obeyed = self.cache_plan().is_some_and(|plan| plan.origin_cache_control);
        lookup.has_authorization && is_obeyed || lookup.directives.no_store
    }

    /// Looks under the primary key, and under those of the variants that this request may select. Answers the
    /// keys too, unless the answer is given.
    fn look(
        &mut self,
        lookup: &Lookup,
        plan: &CachePlan,
        cx: &mut Context<'_>,
    ) -> (Found, Option<(Key, Option<Key>)>) {
        let core = self.core;
        let mut keys = core.keys.borrow_mut();
        let primary = keys.primary(self.visitor.head(), self.scheme(), plan);
        let found = self.look_at(primary, lookup, cx);
        let Found::Varies(entry) = found else {
            if matches!(found, Found::Absent) {
                let given = self.look_at_lone(primary, lookup, cx);
                if matches!(given, Found::Given | Found::Giving(_)) {
                    return (given, None);
                }
            }
            let keys = match found {
                Found::Given | Found::Giving(_) | Found::Sliced(_) => None,
                Found::Alone(_) | Found::Aging(_) | Found::Stale(_) | Found::Varies(_) | Found::Absent => {
                    Some((primary.to_key(), None))
                }
            };
            return (found, keys);
        };
        let lists = if let Stored::Varies(lists) = &entry.stored { &**lists } else { &[] };
        let mut newest = None;
        let mut best = Found::Absent;
        for list in lists {
            let Some(variant) = keys.variant(self.visitor.head(), list, plan) else { continue };
            let found = self.look_at(variant, lookup, cx);
            match found {
                Found::Given | Found::Giving(_) | Found::Sliced(_) => return (found, None),
                Found::Alone(_) => {
                    let variant = variant.to_key();
                    return (found, Some((keys.last_primary().to_key(), Some(variant))));
                }
                Found::Aging(_) | Found::Stale(_) => {
                    newest = Some(variant.to_key());
                    best = found;
                    break;
                }
                Found::Absent | Found::Varies(_) => {
                    newest = newest.or_else(|| Some(variant.to_key()));
                }
            }
        }
        (best, Some((keys.last_primary().to_key(), newest)))
    }

    fn look_at(&mut self, key: KeyRef<'_>, lookup: &Lookup, cx: &mut Context<'_>) -> Found {
        let tier: &CacheTier = &self.core.cache;
        let looked = tier.store.get(key, |entry| match &entry.stored {
            Stored::Object(object) => self.weigh(object, lookup, cx),
            Stored::Varies(_) => Found::Varies(Arc::clone(entry)),
            Stored::HitForMiss { until_unix_s, reason } if self.record.started.unix_s() < *until_unix_s => {
                Found::Alone(*reason)
            }
            Stored::HitForMiss { .. } | Stored::Slice(_) => Found::Absent,
        });
        looked.unwrap_or(Found::Absent)
    }

    /// Looks for a part that belongs to no whole, if one is asked for.
    fn look_at_lone(&mut self, primary: KeyRef<'_>, lookup: &Lookup, cx: &mut Context<'_>) -> Found {
        if !self.visitor.head().fields.has(Known::Range) {
            return Found::Absent;
        }
        let tier: &CacheTier = &self.core.cache;
        let looked = tier.store.get(primary.part(LONE).as_ref(), |entry| match &entry.stored {
            Stored::Object(object) => {
                let bytes = object.bodies.origin().map_or(0, Body::len);
                match of_lone(self.visitor.head(), &object.response.head, bytes) {
                    Some(_) => self.weigh(object, lookup, cx),
                    None => Found::Absent,
                }
            }
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => Found::Absent,
        });
        looked.unwrap_or(Found::Absent)
    }

    /// How a stored object may be used; if it may be as it is, it is given here and now.
    fn weigh(&mut self, object: &Arc<Object>, lookup: &Lookup, cx: &mut Context<'_>) -> Found {
        let response = &object.response;
        let soft = match self.core.cache.purges.check(&response.stamp) {
            Purged::No => false,
            Purged::Soft => true,
            Purged::Hard => return Found::Absent,
        };
        match decide::reuse(lookup, &response.freshness, soft, self.record.started.unix_s()) {
            Reuse::Fresh => self.give_at_once(object, cx),
            Reuse::WhileRevalidating => Found::Aging(Arc::clone(object)),
            Reuse::AfterValidation { if_error, while_updating } => {
                Found::Stale(Stale { object: Arc::clone(object), if_error, while_updating })
            }
            Reuse::No => Found::Absent,
        }
    }

    /// What is stored, if it may be given stale: a stage that fails so has failed, as an origin would.
    pub(super) fn stale(&mut self, fault: Fault) -> State {
        let Some(plan) = self.cache_plan() else { return State::Fail(fault) };
        let plan = &**plan;
        let Wants::Lookup(lookup) = decide::wants(self.visitor.head(), plan) else {
            return State::Fail(fault);
        };
        let found = {
            let mut keys = self.core.keys.borrow_mut();
            let store = &self.core.cache.store;
            let object = |entry: &Arc<Entry>| match &entry.stored {
                Stored::Object(object) => Ok(Arc::clone(object)),
                Stored::Varies(lists) => Err(lists.clone()),
                Stored::HitForMiss { .. } | Stored::Slice(_) => Err(Box::default()),
            };
            match store.get(keys.primary(self.visitor.head(), self.scheme(), plan), object) {
                Some(Ok(object)) => Some(object),
                Some(Err(lists)) => lists.iter().find_map(|list| {
                    let key = keys.variant(self.visitor.head(), list, plan)?;
                    store.get(key, object)?.ok()
                }),
                None => None,
            }
        };
        match found.filter(|object| self.may_stand_in(object, &lookup)) {
            Some(object) => self.give_stored(&object, CacheStatus::Stale),
            None => State::Fail(fault),
        }
    }

    /// Whether an object may answer for an origin that fails.
    fn may_stand_in(&self, object: &Object, lookup: &Lookup) -> bool {
        let response = &object.response;
        let soft = match self.core.cache.purges.check(&response.stamp) {
            Purged::No => false,
            Purged::Soft => true,
            Purged::Hard => return false,
        };
        match decide::reuse(lookup, &response.freshness, soft, self.record.started.unix_s()) {
            Reuse::Fresh | Reuse::WhileRevalidating | Reuse::AfterValidation { if_error: true, .. } => true,
            Reuse::AfterValidation { if_error: false, .. } | Reuse::No => false,
        }
    }

    /// Whether what is to be fetched has come between the look and now.
    pub(super) fn has_come(&self, miss: &Miss) -> bool {
        let tier: &CacheTier = &self.core.cache;
        let key = miss.variant.as_ref().unwrap_or(&miss.primary);
        let now_unix_s = self.core.now().unix_s();
        let looked = tier.store.get(key.as_ref(), |entry| match &entry.stored {
            Stored::Object(object) => {
                let response = &object.response;
                // What was purged softly, or is given only after validation, is what is to be asked about.
                tier.purges.check(&response.stamp) == Purged::No
                    && decide::reuse(&miss.lookup, &response.freshness, false, now_unix_s) == Reuse::Fresh
            }
            Stored::HitForMiss { until_unix_s, .. } => now_unix_s < *until_unix_s,
            Stored::Varies(_) | Stored::Slice(_) => false,
        });
        looked.unwrap_or_default()
    }
}
