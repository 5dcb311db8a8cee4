//! Plans that rules make of a zone's: made once for each combination of matched rules and kept by the core, so that no
//! request lays settings over each other.

use std::collections::HashMap;
use std::sync::Arc;

use rempart_cache::CachePlan;
use rempart_cache::plan::Name;
use rempart_config::ZonePlan;
use rempart_features::rulesets::plan::CacheOverride;
use rempart_origin::plan as origin;

use super::Route;

/// So many plans of each kind a core keeps; then it begins anew.
const PLANS_MAX: usize = 1024;

/// Of which zone in which release a plan was made. Numbers of releases only rise, so what stands at an address is the
/// same as long as the number is.
type Of = (u64, u64);

/// What a cache plan was made of: the addresses of the rules' settings stand for these.
type Laid = (Of, Box<[usize]>);

/// What one core has made.
#[derive(Debug, Default)]
pub struct Plans {
    cache: HashMap<Laid, Arc<CachePlan>>,
    /// By the place that a route leads to, too.
    routed: HashMap<(Laid, Box<[u8]>), Arc<CachePlan>>,
    routes: HashMap<(Of, origin::Route), Route>,
}

impl Plans {
    /// The zone's cache plan with these settings laid over it, one after the other.
    pub fn cache(&mut self, release: u64, zone: &ZonePlan, rules: &[&CacheOverride]) -> Arc<CachePlan> {
        let places = places(rules);
        if self.cache.len() >= PLANS_MAX {
            self.cache.clear();
        }
        let made = self.cache.entry(((release, zone.hash), places)).or_insert_with(|| {
            let mut plan = (*zone.cache).clone();
            rules.iter().for_each(|rule| rule.lay_over(&mut plan));
            Arc::new(plan.sealed())
        });
        Arc::clone(made)
    }

    /// The same for requests that rules send this way: what they are answered is kept apart from what others are.
    /// `None`: they go where the others go.
    pub fn routed(
        &mut self,
        release: u64,
        zone: &ZonePlan,
        rules: &[&CacheOverride],
        way: &origin::Route,
    ) -> Option<Arc<CachePlan>> {
        let place = way.place()?;
        let key = (((release, zone.hash), places(rules)), place);
        if let Some(known) = self.routed.get(&key) {
            return Some(Arc::clone(known));
        }
        let mut plan = match rules {
            [] => (*zone.cache).clone(),
            [_, ..] => (*self.cache(release, zone, rules)).clone(),
        };
        plan.key.route = Some(Name(key.1.clone()));
        if self.routed.len() >= PLANS_MAX {
            self.routed.clear();
        }
        let made = Arc::new(plan);
        self.routed.insert(key, Arc::clone(&made));
        Some(made)
    }

    /// The zone's origins, reached so. `None`: one of them cannot be.
    pub fn route(&mut self, release: u64, zone: &ZonePlan, to: origin::Route) -> Option<Route> {
        if self.routes.len() >= PLANS_MAX {
            self.routes.clear();
        }
        let key = ((release, zone.hash), to);
        if let Some(known) = self.routes.get(&key) {
            return Some(Arc::clone(known));
        }
        let mut made: Vec<Arc<origin::OriginPlan>> = Vec::new();
        for origin in &zone.origins {
            let routed = origin.routed(&key.1)?;
            // Another host for all of them makes one of them.
            if !made.iter().any(|other| other.id == routed.id) {
                made.push(Arc::new(routed));
            }
        }
        let made: Route = made.into();
        self.routes.insert(key, Arc::clone(&made));
        Some(made)
    }

    /// Forgets all: another release runs.
    pub fn clear(&mut self) {
        self.cache.clear();
        self.routed.clear();
        self.routes.clear();
    }
}

/// Rules by the addresses of their settings.
fn places(rules: &[&CacheOverride]) -> Box<[usize]> {
    rules.iter().map(|rule| std::ptr::from_ref::<CacheOverride>(rule).addr()).collect()
}
