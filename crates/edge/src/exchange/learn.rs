//! What an answer that was fetched for one visitor says about what is stored.

use std::sync::Arc;

use rempart_cache::decide::{self, HeadEffect, Lookup, Times, Vary};
use rempart_cache::purge::Purged;
use rempart_cache::{CacheStatus, Object, Stored};
use rempart_flow::{Method, ResponseHead};
use rempart_origin::Connection;
use rempart_wire::Visitor;

use super::join::is_whole;
use super::{Exchange, State};
use crate::cache::pump::{self, Pump};
use crate::cache::{Asked, renewed};

impl<V: Visitor> Exchange<'_, V> {
    /// Learns from the head of an answer.
    pub(super) fn learn(&self, answer: &ResponseHead) {
        let request = self.visitor.head();
        if request.method == Method::Head {
            self.learn_from_head(answer);
        } else if !request.method.is_safe() && matches!(answer.status, 200..=399) {
            self.invalidate(answer);
        }
    }

    /// What a request that changes something has changed is stored no longer (RFC 9111 section 4.4).
    fn invalidate(&self, answer: &ResponseHead) {
        let Some(plan) = self.cache_plan() else { return };
        for (host, target) in decide::invalidates(self.visitor.head(), answer) {
            self.core.cache.purges.invalidate(&plan, &host, &target);
        }
    }

    /// An answer to POST that says it is the page itself, and for how long, is stored for GET (RFC 9110 section
    /// 9.3.3). It comes back if it is anything else.
    pub(super) fn keep_answer_to_post(&mut self, connection: Connection) -> Result<State, Connection> {
        let (Some(begun), Some(plan)) = (self.begun.take(), self.cache_plan()) else {
            return Err(connection);
        };
        let (request, plan, tier) = (self.visitor.head(), &**plan, &*self.core.cache);
        let now = self.core.now().unix_s();
        let times = Times { asked_unix_s: self.record.started.unix_s(), answered_unix_s: now };
        let storing = decide::post_storing(request, connection.head(), plan, times);
        let (Some(freshness), true) = (storing, self.upload.is_done()) else { return Err(connection) };
        let lookup = &Lookup::default();
        let asked = Asked { tier, plan, request, lookup, times };
        let key = self.core.keys.borrow_mut().primary(request, self.scheme(), plan).to_key();
        let (published, coming) = asked.published(&begun, freshness, key, Vary::No, &connection);
        let object = Arc::clone(&published.object);
        for (host, target) in decide::invalidates(request, connection.head()) {
            tier.purges.invalidate_sparing(plan, &host, &target, &object.response.stamp);
        }
        let Ok((writer, reader)) = tier.fills.solo().object(published, coming) else {
            return Err(connection);
        };
        pump::start(self.core, Pump::new(connection, writer, Arc::clone(&object), begun));
        let reader = (!is_whole(&object)).then_some(reader);
        Ok(self.give_from(object, reader, CacheStatus::Dynamic))
    }

    /// An answer to HEAD says whether what GET has stored is still so (RFC 9111 section 4.3.5).
    fn learn_from_head(&self, answer: &ResponseHead) {
        let (Some((old, lookup)), Some(plan)) = (&self.seen, self.cache_plan()) else { return };
        let tier = &*self.core.cache;
        let before = &old.response;
        match decide::head_effect(&before.head, before.length, answer) {
            HeadEffect::None => {}
            HeadEffect::Invalidate => self.forget(old),
            HeadEffect::Update => {
                // Nothing was begun before this request went out: what was purged since stays as it is.
                let _begun = tier.purges.begin();
                let is_gone = tier.purges.check(&before.stamp) == Purged::Hard;
                let stamp = (!is_gone).then(|| before.stamp.clone());
                let now = self.core.now().unix_s();
                let times = Times { asked_unix_s: self.record.started.unix_s(), answered_unix_s: now };
                let request = self.visitor.head();
                let asked = Asked { tier, plan: &plan, request, lookup, times };
                renewed(&asked, stamp, old, answer);
            }
        }
    }

    /// Takes an object out of the store, if it still stands there.
    fn forget(&self, old: &Arc<Object>) {
        self.core.cache.store.remove(old.response.key.as_ref(), |entry| match &entry.stored {
            Stored::Object(object) => Arc::ptr_eq(object, old),
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => false,
        });
    }
}
