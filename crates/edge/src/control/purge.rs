//! Purges by order: whose, whether its hosts are that zone's, and what came of it.

use std::sync::Arc;

use rempart_cache::plan::ZoneId;
use rempart_cache::purge::{Purge, Refused, What};
use rempart_config::ZonePlan;

use super::Control;
use crate::purging::ask::Ask;

/// A purge that is done.
#[derive(Debug)]
pub(super) struct Done {
    /// Whose it was.
    pub(super) zone: Arc<str>,
    pub(super) id: ZoneId,
    /// The number of the purge.
    pub(super) number: u64,
}

/// Why nothing was purged.
#[derive(Debug)]
pub(super) enum NotDone {
    /// There is no such zone.
    NoZone,
    /// Nothing of that host is this zone's.
    Foreign { host: String, zone: Arc<str> },
    /// It holds, or not; see [`Refused`].
    Refused(Refused),
}

impl Control {
    /// Purges, and returns when it is on disk and every request that begins from now on sees it. `by` says for
    /// the log who asked.
    pub(super) async fn purge(&self, zone: &str, ask: Ask, by: &str) -> Result<Done, NotDone> {
        let (name, id, purges) = self.purges_of(zone, &ask)?;
        let count = ask.what.len();
        match self.purging.purge(purges).await {
            Ok(number) => {
                tracing::info!(zone = &*name, count, soft = ask.soft, number, by, "purged");
                Ok(Done { zone: name, id, number })
            }
            Err(refused) => {
                tracing::warn!(zone = &*name, count, soft = ask.soft, ?refused, by, "not purged");
                Err(NotDone::Refused(refused))
            }
        }
    }

    /// What is asked in the words of every plan that the zone has now: with a canary there may be two.
    fn purges_of(&self, zone: &str, ask: &Ask) -> Result<(Arc<str>, ZoneId, Vec<Purge>), NotDone> {
        let plans = self.plans_of(zone);
        let Some(first) = plans.first() else { return Err(NotDone::NoZone) };
        let (name, id) = (Arc::clone(&first.name), first.cache.zone_id);
        if let Some(host) = ask.what.iter().filter_map(host_of).find(|host| !self.is_host_of(host, &name)) {
            return Err(NotDone::Foreign { host: String::from_utf8_lossy(host).into_owned(), zone: name });
        }
        let mut purges: Vec<Purge> = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let known = purges.len();
            for what in &ask.what {
                let purge = Purge::of(&plan.cache, what.clone(), ask.soft);
                if index == 0 || !purges.iter().take(known).any(|known| *known == purge) {
                    purges.push(purge);
                }
            }
        }
        Ok((name, id, purges))
    }

    /// The plans of the zone of this name or id: one, or two while a release is tried that changes it.
    fn plans_of(&self, zone: &str) -> Vec<Arc<ZonePlan>> {
        let running = self.running.load();
        let id = ZoneId::parse(zone);
        let mut plans: Vec<Arc<ZonePlan>> = Vec::new();
        for snapshot in running.each() {
            let named = snapshot.zone_named(&zone.to_ascii_lowercase());
            let by_id = || snapshot.zones().find(|plan| Some(plan.cache.zone_id) == id);
            let found = named.or_else(by_id);
            plans.extend(found.filter(|plan| plans.iter().all(|known| known.cache != plan.cache)).cloned());
        }
        plans
    }

    fn is_host_of(&self, host: &[u8], zone: &str) -> bool {
        let running = self.running.load();
        running.each().filter_map(|snapshot| snapshot.zone_for_host(host)).any(|plan| *plan.name == *zone)
    }
}

fn host_of(what: &What) -> Option<&[u8]> {
    match what {
        What::Url(host, _) | What::Host(host) | What::Prefix(host, _) => Some(host),
        What::Everything | What::Tag(_) => None,
    }
}
