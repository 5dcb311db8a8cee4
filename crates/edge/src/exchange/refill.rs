//! Objects in slices, of which some are missing.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use rempart_cache::CacheStatus;
use rempart_cache::fill::{Joined, Leader, Outcome, Reader};
use rempart_flow::Fault;
use rempart_wire::Visitor;

use super::lookup::ROUNDS_MAX;
use super::{Exchange, State};
use crate::cache::{Answer, Duty, Errand, Instead, Lacks, Missing, Source};

/// How often in a row the same byte is waited for before its visitor gives up.
const TRIES_MAX: u8 = 3;

/// Why what is missing does not come.
pub(super) enum Refused {
    /// The fetch failed, or has shown that what is stored is outdated.
    Failed(Fault),
    /// Too much is under way.
    Full,
}

impl Refused {
    /// What it is to a visitor whose answer has begun.
    pub(super) const fn fault(&self) -> Fault {
        match self {
            Self::Failed(fault) => *fault,
            Self::Full => Fault::OriginBodyTruncated,
        }
    }
}

impl<V: Visitor> Exchange<'_, V> {
    /// Begins an answer from an object in slices, once its first byte is there: until then another answer is possible.
    pub(super) async fn give_sliced(&mut self, mut source: Source, status: CacheStatus) -> State {
        let Some((at, end)) = self.wanted(&source.object) else { return self.give_of(source, status) };
        let core = self.core;
        let tier = &*core.cache;
        let lacks = Poll::Ready(Err(Lacks::Fetch));
        if !poll_fn(|cx| Poll::Ready(source.poll(tier, cx, at) == lacks)).await {
            return self.give_of(source, status);
        }
        // Fetched after all, if only in part.
        let status = if status == CacheStatus::Hit { CacheStatus::Miss } else { status };
        match self.refill(&mut source, at, end).await {
            Ok(()) => self.give_of(source, status),
            Err(Refused::Failed(Fault::ClientGone)) => State::Fail(Fault::ClientGone),
            Err(_) if self.rounds > ROUNDS_MAX => self.pass_on(),
            // It is outdated, and stored no longer.
            Err(Refused::Failed(_)) if !self.is_stored(&source) => {
                self.rounds += 1;
                State::Lookup
            }
            Err(Refused::Failed(fault)) => State::Fail(fault),
            Err(Refused::Full) => self.pass_on(),
        }
    }

    /// The visitor asks for itself.
    pub(super) fn pass_on(&mut self) -> State {
        self.record.cache.status = CacheStatus::Miss;
        State::Pass
    }

    fn is_stored(&self, source: &Source) -> bool {
        let response = &source.object.response;
        let found = self.core.cache.store.get(response.key.as_ref(), |entry| match &entry.stored {
            rempart_cache::Stored::Object(object) => object.response.id == response.id,
            rempart_cache::Stored::Varies(_)
            | rempart_cache::Stored::HitForMiss { .. }
            | rempart_cache::Stored::Slice(_) => false,
        });
        found.unwrap_or_default()
    }

    /// Has what is missing from `at` on fetched, or follows who fetches it.
    pub(super) async fn refill(&mut self, source: &mut Source, at: u64, end: u64) -> Result<(), Refused> {
        let core = self.core;
        let tier = &*core.cache;
        if source.tries(at) > TRIES_MAX {
            return Err(Refused::Failed(Fault::OriginBodyTruncated));
        }
        let index = source.slicing(tier).place(at).0;
        loop {
            let response = Arc::clone(&source.object.response);
            let key = response.key.as_ref().slice(response.id, index);
            match tier.fills.join(key.as_ref()) {
                Joined::Leader(leader) => {
                    // It may have come between the look and now.
                    if source.look(tier, at) {
                        return Ok(());
                    }
                    self.fetch_missing(leader, source, at, end)?;
                }
                Joined::Follower(reader) => match self.head_of(reader).await? {
                    (Outcome::Object(published), reader) if published.object.response.id == response.id => {
                        let (held_from, ..) = reader.progress();
                        if source.look(tier, at) {
                            return Ok(());
                        }
                        if held_from > at {
                            // It began behind this byte, or has given it up: of this slice it brings nothing more.
                            drop(reader);
                            return self.fetch_alone(source, at, end).await;
                        }
                        source.follow(reader);
                        return Ok(());
                    }
                    (Outcome::Failed(fault), _) => return Err(Refused::Failed(fault)),
                    (Outcome::Lead(leader), _) => self.fetch_missing(leader, source, at, end)?,
                    (Outcome::Object(_) | Outcome::Alone, _) => {
                        return self.fetch_alone(source, at, end).await;
                    }
                },
                // Before its answer has begun, the visitor can still ask for itself.
                Joined::Full if !self.is_answering => return Err(Refused::Full),
                Joined::Full => return self.fetch_alone(source, at, end).await,
            }
        }
    }

    /// Waits for the head of another's fetch.
    pub(super) async fn head_of(&mut self, mut reader: Reader) -> Result<(Outcome, Reader), Refused> {
        let outcome = self.wait_for(poll_fn(|cx| reader.poll_head(cx).map(Ok))).await?;
        Ok((outcome, reader))
    }

    fn fetch_missing(&mut self, leader: Leader, source: &Source, at: u64, end: u64) -> Result<(), Refused> {
        let missing = self.missing(Some(leader), source, at, end);
        let errand = self.errand(Duty::Missing(missing)).ok_or(Refused::Failed(Fault::UnknownHost))?;
        errand.send();
        Ok(())
    }

    fn missing(&mut self, leader: Option<Leader>, source: &Source, at: u64, end: u64) -> Missing {
        let tier = &self.core.cache;
        let (first, end, is_lost) = source.lacking(tier, at, end);
        if is_lost {
            self.record.cache.refetches += 1;
        }
        let response = &source.object.response;
        if let Some(leader) = &leader {
            // Who wants what comes next waits for it too.
            let slicing = source.slicing(tier);
            let ahead = end.min(first.saturating_add(tier.fills.bounds().window_bytes));
            for index in slicing.place(first).0..=slicing.place(ahead.saturating_sub(1)).0 {
                let _ = leader.also(response.key.as_ref().slice(response.id, index).as_ref());
            }
        }
        Missing { leader, begun: tier.purges.begin(), object: Arc::clone(&source.object), first, end }
    }

    /// Fetches what is missing for this visitor alone.
    async fn fetch_alone(&mut self, source: &mut Source, at: u64, end: u64) -> Result<(), Refused> {
        let missing = self.missing(None, source, at, end);
        let plan = self.cache_plan().ok_or(Refused::Full)?;
        let errand = self.errand(Duty::Missing(missing)).ok_or(Refused::Full)?;
        let Answer(connection, _) = self.wait_for(errand.asked()).await?;
        let Duty::Missing(missing) = &errand.duty else { return Err(Refused::Full) };
        match missing.check(connection.head(), &plan, self.core.now().unix_s()) {
            Ok((first, _)) if first <= at => {
                source.read_own(connection, first);
                return Ok(());
            }
            Err(Instead::Another) => missing.forget(&self.core.cache),
            Ok(_) | Err(Instead::Nothing(_)) => {}
        }
        Err(Refused::Failed(Fault::OriginBodyTruncated))
    }

    /// Waits for an answer. Meanwhile what was sent goes on, and the visitor may leave.
    async fn wait_for<T>(&mut self, asked: impl Future<Output = Result<T, Fault>>) -> Result<T, Refused> {
        let mut asked = pin!(asked);
        let waited = poll_fn(|cx| {
            if let Poll::Ready(answered) = asked.as_mut().poll(cx) {
                return Poll::Ready(answered);
            }
            if let Poll::Ready(Err(fault)) = self.visitor.poll_flush(cx) {
                return Poll::Ready(Err(fault));
            }
            self.visitor.poll_gone(cx).map(|()| Err(Fault::ClientGone))
        });
        waited.await.map_err(Refused::Failed)
    }

    pub(super) fn errand(&self, duty: Duty) -> Option<Errand> {
        Some(Errand {
            core: Rc::clone(self.core),
            zone: Arc::clone(self.zone?),
            cache: Arc::clone(&*self.cache_plan()?),
            added: self.ruling.as_ref().and_then(|ruling| ruling.added.clone()),
            own: self.visitor.is_rewritten().then(|| Box::new(self.visitor.own_head().clone())),
            uri: self.ruling.as_ref().and_then(|ruling| ruling.uri.clone()),
            skips: self.ruling.as_ref().map(|ruling| ruling.skips.wide()).unwrap_or_default(),
            route: self.ruling.as_ref().and_then(|ruling| ruling.route.clone()),
            state: Rc::clone(&self.state),
            release: Rc::clone(self.snapshot),
            head: self.visitor.head().clone(),
            peer: self.visitor.peer().clone(),
            client: self.client,
            client_text: self.client_text,
            ray: self.ray,
            duty,
        })
    }
}
