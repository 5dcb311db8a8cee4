//! Fetching what is not stored, once for all who wait for it.

use std::mem::take;
use std::sync::Arc;

use rempart_cache::decide;
use rempart_cache::fill::{Joined, Leader, Outcome, Published, Reader};
use rempart_cache::purge::Purged;
use rempart_cache::{Body, CacheStatus, Object};
use rempart_flow::{Fault, Fields, Scheme, Side};
use rempart_origin::Connection;
use rempart_wire::Visitor;

use super::lookup::Miss;
use super::{Exchange, Role, State};
use crate::cache::{Duty, Fetched, Lead, Settled, Span, Stale, pump, settle};
use crate::{forward, relay};

impl<V: Visitor> Exchange<'_, V> {
    /// Fetches for all who wait, or waits for who fetches.
    pub(super) async fn join(&mut self, miss: Miss) -> State {
        // What every visitor must validate for itself is asked about for it alone.
        if miss.stale.as_ref().is_some_and(|stale| stale.object.response.freshness.validates_each) {
            return self.go_alone(miss);
        }
        let key = miss.variant.as_ref().unwrap_or(&miss.primary);
        let slice_bytes = self.core.cache.fills.bounds().slice_bytes;
        let joined = match self.span(&miss) {
            // Who wants another part does not wait for this one.
            Some(span) => self.core.cache.fills.join(key.as_ref().part(span.index(slice_bytes)).as_ref()),
            None => self.core.cache.fills.join(key.as_ref()),
        };
        match joined {
            Joined::Leader(leader) => self.fetch_for_all(leader, miss),
            Joined::Follower(reader) => match miss.stale {
                Some(Stale { object, while_updating: true, .. }) => {
                    self.give_stored(&object, CacheStatus::Updating)
                }
                Some(_) | None => self.follow(reader, miss).await,
            },
            Joined::Full => self.pass_on(),
        }
    }

    /// Fetches for all, unless another's fetch has ended between the look and now. Whoever waits for this one is then
    /// the next to look.
    fn fetch_for_all(&mut self, leader: Leader, miss: Miss) -> State {
        if self.has_come(&miss) {
            return State::Lookup;
        }
        self.role = Role::Leader(Box::new(self.lead(leader, miss)));
        State::Pass
    }

    /// Fetches without being waited for: what comes is stored if it may be.
    pub(super) fn go_alone(&mut self, miss: Miss) -> State {
        self.role = Role::Leader(Box::new(self.lead(self.core.cache.fills.solo(), miss)));
        State::Pass
    }

    /// Whether the visitor wants all of the answer, whatever it has already: what is asked for the cache is no
    /// other than what it asks.
    pub(super) fn wants_all(&self) -> bool {
        self.visitor.head().fields.list().iter().all(|field| Fetched::default().passes(field.known))
    }

    fn lead(&self, leader: Leader, miss: Miss) -> Lead {
        let span = self.span(&miss);
        let purges = &self.core.cache.purges;
        let begun = purges.begin();
        // A purge since the look at it is kept only from here on.
        let stale = miss.stale.filter(|stale| purges.check(&stale.object.response.stamp) != Purged::Hard);
        Lead {
            leader,
            lookup: miss.lookup,
            begun,
            primary: miss.primary,
            variant: miss.variant,
            stale,
            asked_unix_s: self.core.now().unix_s(),
            span,
        }
    }

    /// Which part is fetched for a visitor who wants only a part, if nothing is known of the whole.
    fn span(&self, miss: &Miss) -> Option<Span> {
        if miss.stale.is_some() || miss.lookup.is_head {
            return None;
        }
        Span::cold(self.visitor.head(), self.core.cache.fills.bounds().slice_bytes)
    }

    /// What is asked of the origin instead of what this visitor asked.
    pub(super) fn fetched(&self) -> Option<Fetched<'_>> {
        let Role::Leader(lead) = &self.role else { return None };
        Some(lead.fetched())
    }

    /// Waits for the head of another's fetch.
    async fn follow(&mut self, reader: Reader, miss: Miss) -> State {
        let (outcome, reader) = match self.head_of(reader).await {
            Ok(found) => found,
            Err(refused) => return State::Fail(refused.fault()),
        };
        match outcome {
            Outcome::Object(published) => self.take_published(&published, reader, &miss),
            Outcome::Alone => self.pass_on(),
            Outcome::Failed(fault) => match miss.stale {
                Some(Stale { object, if_error: true, .. }) => self.give_stored(&object, CacheStatus::Stale),
                Some(_) | None => State::Fail(fault),
            },
            Outcome::Lead(leader) => self.fetch_for_all(leader, miss),
        }
    }

    /// Uses what another has fetched, if it is what this visitor asked for.
    fn take_published(&mut self, published: &Arc<Published>, reader: Reader, miss: &Miss) -> State {
        let response = &published.object.response;
        // A purge that this visitor came after must hold for it.
        if self.core.cache.purges.check(&response.stamp) != Purged::No {
            reader.disown();
            return State::Lookup;
        }
        if !self.selects(published, miss) {
            return State::Lookup;
        }
        self.record.cache.waited =
            Some(self.core.now().mono.saturating_duration_since(self.record.started.mono));
        let status = match &miss.stale {
            None => CacheStatus::Miss,
            Some(stale) if stale.object.response.id != response.id => CacheStatus::Expired,
            Some(_) if decide::ttl_s(&response.freshness, self.core.now().unix_s()) > 0 => {
                CacheStatus::Revalidated
            }
            Some(_) => CacheStatus::Stale,
        };
        let reader = (!is_whole(&published.object)).then_some(reader);
        self.give_from(Arc::clone(&published.object), reader, status)
    }

    /// Whether a response is the variant that this request selects.
    fn selects(&self, published: &Published, miss: &Miss) -> bool {
        let decide::Vary::By(by) = &published.vary else {
            let variant = miss.variant.as_ref().is_some_and(|variant| published.key() == variant.as_ref());
            return variant || published.key() == miss.primary.as_ref();
        };
        let Some(plan) = self.cache_plan() else { return false };
        let mut keys = self.core.keys.borrow_mut();
        keys.primary(self.visitor.head(), self.scheme(), &plan);
        keys.variant(self.visitor.head(), by, &plan).is_some_and(|key| key == published.key())
    }

    /// Validates what is given stale meanwhile, unless somebody does so already.
    pub(super) fn refresh(&mut self, miss: Miss) {
        let key = miss.variant.as_ref().unwrap_or(&miss.primary);
        if let Joined::Leader(leader) = self.core.cache.fills.join(key.as_ref())
            && !self.has_come(&miss)
        {
            let lead = self.lead(leader, miss);
            if let Some(errand) = self.errand(Duty::All(Box::new(lead))) {
                errand.send();
            }
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        forward::scheme(self.visitor.head(), &self.client)
    }

    /// The head of the answer to a fetch for all is there.
    pub(super) async fn settle(&mut self, connection: Connection) -> State {
        let Role::Leader(lead) = take(&mut self.role) else { return State::Deliver(connection) };
        let Some(plan) = self.cache_plan() else { return State::Deliver(connection) };
        let status = connection.head().status;
        // What is confirmed to this visitor alone, or cut for it, is its own with its cookies.
        let is_its_own = matches!(status, 206 | 304) && self.is_for_itself(&lead.lookup);
        let confirmed = lead.stale.as_ref().filter(|_| status == 304);
        let stored = confirmed.map(|stale| &stale.object.response.head);
        let strips_cookies = !is_its_own
            && !stored.is_some_and(|stored| stored.follows_answer)
            && plan.strips_cookies(stored.map_or(status, |stored| stored.status));
        self.own = decide::own_fields(connection.head(), strips_cookies, &plan);
        let mut own_if_not_kept = strips_cookies.then(|| decide::own_fields(connection.head(), false, &plan));
        let settled = settle(
            &self.core.cache,
            &plan,
            &mut self.core.keys.borrow_mut(),
            self.visitor.head(),
            self.scheme(),
            *lead,
            connection,
            self.core.now().unix_s(),
        );
        relay::abreast(&self.visitor).await;
        match settled {
            Settled::Object(connection, object, status) => {
                if status == CacheStatus::Stale {
                    // They are those of an error that it does not get.
                    self.own = Fields::default();
                }
                self.core.origins.give_back(connection, self.record.answered_at());
                self.give_stored(&object, status)
            }
            Settled::Shared { pump, reader, status, is_kept } => {
                if let Some(own) = own_if_not_kept.take().filter(|_| !is_kept) {
                    self.own = own;
                }
                let object = Arc::clone(&pump.object);
                pump::start(self.core, *pump);
                let reader = (!is_whole(&object)).then_some(reader);
                self.give_from(object, reader, status)
            }
            Settled::Alone(connection, status) => {
                self.record.cache.status = status;
                State::Deliver(connection)
            }
            Settled::Again(status) => {
                self.record.cache.status = status;
                State::Pass
            }
        }
    }

    /// A fetch for all has failed before the head of an answer was there. Whoever waits must not try the same one
    /// after the other.
    pub(super) fn rescue(&mut self, fault: Fault) -> State {
        let Role::Leader(lead) = take(&mut self.role) else { return State::Fail(fault) };
        if fault.side() != Side::Origin {
            // The duty passes to one of those who wait.
            return State::Fail(fault);
        }
        let Lead { leader, stale, .. } = *lead;
        leader.failed(fault);
        match stale {
            Some(Stale { object, if_error: true, .. }) => {
                self.record.fault = Some(fault);
                self.give_stored(&object, CacheStatus::Stale)
            }
            Some(_) | None => State::Fail(fault),
        }
    }

    /// The visitor has left while the origin was at work. Others may wait for the answer, or it is one that is
    /// likely stored; else the origin need not work for nobody.
    pub(super) fn leave_behind(&mut self, connection: Connection) {
        let Role::Leader(lead) = take(&mut self.role) else { return };
        if !(lead.lookup.is_static || lead.stale.is_some() || lead.leader.is_awaited()) {
            return;
        }
        let Some(left_behind) = self.state.leave_behind() else { return };
        if let Some(errand) = self.errand(Duty::All(lead)) {
            errand.go_on(connection, left_behind);
        }
    }
}

/// Whether all of a body is here, so that no fetch needs to be followed.
pub(super) fn is_whole(object: &Object) -> bool {
    matches!(object.bodies.origin(), Some(Body::Whole(..)))
}
