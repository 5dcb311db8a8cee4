//! What rules have decided about one exchange.

use std::cell::OnceCell;
use std::sync::Arc;

use rempart_cache::CachePlan;
use rempart_config::ZonePlan;
use rempart_features::rulesets::plan::{Algorithm, CacheOverride};
use rempart_features::rulesets::{Position, Skips};
use rempart_flow::RequestHead;
use rempart_origin::plan as origin;
use rempart_rules::Phase;

use super::acting::Outcome;
use super::added::Added;
use super::config::Config;
use super::fields::SeenUri;
use super::matched::Matched;
use super::{Reply, Route, Ruled};
use crate::core::Core;

/// What rules have decided about one exchange. Made when the first phase of its zone runs.
#[derive(Default)]
pub struct Ruling<'p> {
    /// The request as they have rewritten it.
    pub head: Option<Box<RequestHead>>,
    /// Its URL, normalised for rules alone.
    pub uri: Option<SeenUri>,
    /// The answer that the edge gives by itself.
    pub reply: Option<Box<Reply>>,
    /// How the answer is cached, if not as the zone says.
    pub cache: Option<Arc<CachePlan>>,
    /// The same for where the request goes, once somebody has asked. `None`: it goes where the zone says.
    routed_cache: OnceCell<Option<Arc<CachePlan>>>,
    /// The same for the answer that has come, if rules have said what it says about caching.
    answer_cache: Option<Arc<CachePlan>>,
    /// What they say about caching, in order.
    pub cache_rules: Vec<&'p CacheOverride>,
    /// What rules have said of the way to the origin.
    pub(super) way: origin::Route,
    /// Where the request goes, if not to the zone's origins.
    pub route: Option<Route>,
    /// Settings for this exchange.
    pub config: Config<'p>,
    /// With which codings the answer may be compressed, best first.
    pub compression: Option<&'p [Algorithm]>,
    /// What rules add to the log line, as it stands there.
    pub logged: Vec<u8>,
    /// Which rules have matched.
    pub matched: Matched<'p>,
    /// What rules add that only the edge may say.
    pub added: Option<Box<Added>>,
    /// An access rule has let the visitor in: what protects is left out.
    pub is_let_in: bool,
    /// A lockdown of the URL has let the visitor in: rules for user agents are left out.
    pub is_past_lockdown: bool,
    /// What is left out.
    pub skips: Skips<'p>,
    /// Random bytes, once a rule has asked for them.
    pub seed: OnceCell<[u8; 16]>,
    /// A phase that is not at its end.
    pub(super) under_way: UnderWay<'p>,
}

/// How far a phase has come.
#[derive(Default)]
pub(super) struct UnderWay<'p> {
    /// Which; `None`: none has begun.
    pub(super) phase: Option<Phase>,
    /// Through the account's rules, if not 0.
    pub(super) level: usize,
    /// Where in those of the level.
    pub(super) position: Position,
    /// What has come of it.
    pub(super) outcome: Outcome<'p>,
}

impl Ruling<'_> {
    /// How the answer is cached: as the zone says, or rules. To be asked once every rule for the request has been.
    pub fn cache_plan<'a>(&self, core: &Core, release: u64, zone: &'a ZonePlan) -> Ruled<'a, CachePlan> {
        if let Some(plan) = &self.answer_cache {
            return Ruled::Rule(Arc::clone(plan));
        }
        let routed = self.routed_cache.get_or_init(|| {
            let mut plans = core.plans.borrow_mut();
            self.route.as_ref().and_then(|_| plans.routed(release, zone, &self.cache_rules, &self.way))
        });
        match routed.as_ref().or(self.cache.as_ref()) {
            None => Ruled::Zone(&zone.cache),
            Some(plan) => Ruled::Rule(Arc::clone(plan)),
        }
    }

    /// An answer has come: from now on its own word counts, or again that of settings.
    pub fn follow_answer(&mut self, says_how_cached: bool, core: &Core, release: u64, zone: &ZonePlan) {
        self.answer_cache = None;
        if says_how_cached {
            self.answer_cache = Some(Arc::new(self.cache_plan(core, release, zone).following_answer()));
        }
    }

    /// What rules add, to be added to.
    pub(super) fn added(&mut self) -> &mut Added {
        self.added.get_or_insert_default()
    }

    /// Whether an origin's own page for its failure is given whatever rules for errors say.
    pub(super) fn passes_errors_on(&self) -> bool {
        self.cache_rules.iter().rev().find_map(|rule| rule.origin_error_page_passthru).unwrap_or_default()
    }

    /// The request as rules may change it.
    pub(super) fn head(&mut self, own: &RequestHead) -> &mut RequestHead {
        self.head.get_or_insert_with(|| Box::new(own.clone()))
    }
}
