//! What becomes of an origin's answer that was fetched for the cache.

use std::sync::Arc;

use rempart_cache::decide::{self, Lookup, PassReason, Times, Vary};
use rempart_cache::fill::{Leader, Manner, Published, Reader};
use rempart_cache::purge::{Begun, Purged};
use rempart_cache::{CachePlan, CacheStatus, Entry, Key, KeyBuilder, Object, Stored};
use rempart_flow::{RequestHead, Scheme};
use rempart_origin::Connection;

use super::CacheTier;
use super::asked::{Asked, NotStored, renewed};
use super::forwarded::Fetched;
use super::part::{self, Span};
use super::pump::Pump;

/// A fetch for everybody who waits for it.
pub struct Lead {
    /// The duty.
    pub leader: Leader,
    /// What was asked of the cache.
    pub lookup: Lookup,
    /// When it began, for purges.
    pub begun: Begun,
    /// The primary key.
    pub primary: Key,
    /// Of the variant that is asked for, if the responses are known to vary.
    pub variant: Option<Key>,
    /// What is stored and must not be used as it is.
    pub stale: Option<Stale>,
    /// Unix seconds at which the request went out.
    pub asked_unix_s: u64,
    /// Which part is asked for; `None` is all of it.
    pub span: Option<Span>,
}

impl Lead {
    /// What is asked of the origin instead of what the visitor asked.
    #[must_use]
    pub fn fetched(&self) -> Fetched<'_> {
        let validates = self.stale.as_ref().map(|stale| &stale.object.response.head);
        Fetched { validates, span: self.span, is_same_as: None }
    }
}

/// An object that is stale.
#[derive(Clone)]
pub struct Stale {
    /// The object.
    pub object: Arc<Object>,
    /// It may be used if the origin fails.
    pub if_error: bool,
    /// It may be used while another validates it.
    pub while_updating: bool,
}

/// What has become of an answer.
pub enum Settled {
    /// This object answers; the origin's answer is used up.
    Object(Connection, Arc<Object>, CacheStatus),
    /// What follows is shared.
    Shared {
        /// The body on its way: to be started.
        pump: Box<Pump>,
        /// This exchange's own.
        reader: Reader,
        /// What is said of it.
        status: CacheStatus,
        /// Whether it is stored.
        is_kept: bool,
    },
    /// It is this visitor's alone.
    Alone(Connection, CacheStatus),
    /// It is not what this visitor asked for, and cannot be made so: it is to ask for itself.
    Again(CacheStatus),
}

/// Decides what becomes of an answer, and stores what can be stored before its body.
#[expect(clippy::too_many_arguments, reason = "each is a different thing")]
pub fn settle(
    tier: &CacheTier,
    plan: &CachePlan,
    keys: &mut KeyBuilder,
    request: &RequestHead,
    scheme: Scheme,
    lead: Lead,
    connection: Connection,
    now_unix_s: u64,
) -> Settled {
    let head = connection.head();
    let lookup = lead.lookup.clone();
    let asked = Asked {
        tier,
        plan,
        request,
        lookup: &lookup,
        times: Times { asked_unix_s: lead.asked_unix_s, answered_unix_s: now_unix_s },
    };
    if let Some(stale) = &lead.stale {
        if head.status == 304 {
            let stamp = tier.purges.renew(&lead.begun, &stale.object.response.stamp);
            let object = renewed(&asked, stamp, &stale.object, head);
            if object.response.freshness.validates_each {
                lead.leader.alone();
            } else {
                lead.leader.complete(Published { vary: Vary::No, object: Arc::clone(&object) });
            }
            return Settled::Object(connection, object, CacheStatus::Revalidated);
        }
        if stale.if_error && decide::is_stale_if_error(head.status) {
            let object = Arc::clone(&stale.object);
            lead.leader.complete(Published { vary: Vary::No, object: Arc::clone(&object) });
            return Settled::Object(connection, object, CacheStatus::Stale);
        }
    }
    if let Some(lone) = asked.lone(&lead, &connection) {
        return asked.keep_lone(lead, connection, lone);
    }
    if head.status == 206 && (lead.span.is_none() || part::brought(head).is_none()) {
        // Nobody asked for a part, or it does not say of what it is one: never to be taken for the whole.
        lead.leader.alone();
        return alone(connection, lead.span, CacheStatus::Bypass);
    }
    let (freshness, key, vary) = match asked.storable(keys, scheme, &lead.primary, head) {
        Ok(storable) => storable,
        Err(NotStored { for_s, reason }) => {
            // An error says nothing about what is stored, and an answer to this visitor alone neither: it can be
            // asked about again.
            if lead.stale.is_none() || !matches!(head.status, 400..500 | 500 | 502..=504) {
                asked.nobody_waits(lead.variant.as_ref().unwrap_or(&lead.primary), for_s, reason);
            }
            if lead.span.is_some() && head.status == 206 {
                return asked.cut(lead, connection, reason.status());
            }
            lead.leader.alone();
            return Settled::Alone(connection, reason.status());
        }
    };
    let status = if lead.stale.is_some() { CacheStatus::Expired } else { CacheStatus::Miss };
    let (published, coming) = asked.published(&lead.begun, freshness, key, vary, &connection);
    if coming.manner(tier.fills.bounds()) == Manner::Detached {
        if head.status == 206 {
            // Parts without a strong validator are never put together.
            return asked.cut(lead, connection, CacheStatus::Bypass);
        }
        // Too large to be stored. Whoever is slow would hold up all who share it.
        let key = lead.variant.as_ref().unwrap_or(&lead.primary);
        asked.nobody_waits(key, plan.hit_for_miss_s.into(), PassReason::Bypass);
        lead.leader.alone();
        return Settled::Alone(connection, status);
    }
    // What every visitor must validate for itself is not one answer for all who wait.
    let leader =
        if published.object.response.freshness.validates_each { lead.leader.solo() } else { lead.leader };
    let object = Arc::clone(&published.object);
    match leader.object(published, coming) {
        Ok((writer, reader)) => {
            // In slices, it can be found at once. A purge that came meanwhile is not to be undone.
            if object.bodies.origin().is_some() && tier.purges.check(&object.response.stamp) != Purged::Hard {
                let key = object.response.key.clone();
                tier.store.insert(Entry::new(key, Stored::Object(Arc::clone(&object))));
            }
            let pump = Box::new(Pump::new(connection, writer, object, lead.begun));
            Settled::Shared { pump, reader, status, is_kept: true }
        }
        Err(leader) => {
            leader.alone();
            alone(connection, lead.span, CacheStatus::Miss)
        }
    }
}

/// An answer that cannot be shared. One to another range than the visitor's is of no use to it.
fn alone(connection: Connection, span: Option<Span>, status: CacheStatus) -> Settled {
    if span.is_some() && connection.head().status == 206 {
        return Settled::Again(status);
    }
    Settled::Alone(connection, status)
}
