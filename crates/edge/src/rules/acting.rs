//! What matched rules do, as far as it can be said while the rules of a phase are walked through. Their changes are
//! made when the walk is over: all rules of a phase see the same request.

use std::net::IpAddr;
use std::sync::Arc;

use rempart_features::rulesets::plan::{
    Algorithm, CacheControlChange, CacheOverride, HeaderAct, LogFields, Redirect, Rewrite, RulePlan,
    SetConfig, Tags, TagsOperation, Text,
};
use rempart_features::rulesets::{Action, Asked, Effects, Next};
use rempart_flow::Fault;
use rempart_rules::{Arena, FilterId, Phase, Run, Stop, Value, Witness};

use super::matched::{Match, Matched};
use super::pages;
use super::redirect::{self, TooLong};
use super::reply::Reply;
use crate::page::Slot;
use crate::text::RayText;

/// A change that a rule makes.
#[derive(Clone, Debug)]
pub(super) enum Change<'p> {
    /// Of the path.
    Path(Box<[u8]>),
    /// Of the query.
    Query(Box<[u8]>),
    /// Of the fields of a name.
    Header(&'p str, HeaderChange),
    /// Of the way to the origin.
    Route(RouteChange<'p>),
    /// Of settings.
    Config(&'p SetConfig),
    /// Of how the answer is cached.
    Cache(&'p CacheOverride),
    /// Of an answer's tags.
    Tags(TagsOperation, Vec<Box<[u8]>>),
    /// Of an answer's `Cache-Control`.
    CacheControl(&'p CacheControlChange),
    /// Of how an answer is compressed.
    Compression(&'p [Algorithm]),
    /// Of what the log line has.
    Log(&'p LogFields),
}

/// What becomes of a header field.
#[derive(Clone, Debug)]
pub(super) enum HeaderChange {
    /// It has this value and no other.
    Set(Box<[u8]>),
    /// It has this value too.
    Add(Box<[u8]>),
    /// It goes.
    Remove,
}

/// What a rule says of the way to the origin.
#[derive(Clone, Debug)]
pub(super) struct RouteChange<'p> {
    /// `Host` toward the origin.
    pub host_header: Option<Box<[u8]>>,
    /// Whether the rule itself says that, and no request.
    pub is_fixed: bool,
    /// What else it says.
    pub rule: &'p rempart_features::rulesets::plan::Route,
}

/// What a walk through a phase has come to so far.
#[derive(Default)]
pub(super) struct Outcome<'p> {
    /// What is to be changed, in order.
    pub changes: Vec<Change<'p>>,
    /// The answer that the edge gives by itself.
    pub reply: Option<Box<Reply>>,
    /// Why the request is refused, if it is: what a rule makes does not fit, or one that protects costs too much.
    pub fault: Option<Fault>,
    /// Rules that used up what they may compute.
    pub over_budget: Vec<Overrun>,
}

/// A rule that used up what it may compute.
#[derive(Clone, Debug)]
pub(super) struct Overrun {
    /// Its name.
    pub rule: Arc<str>,
    /// Whether that refuses the request.
    pub refuses: bool,
}

/// So many values are named that have made a rule match.
const WITNESSES_MAX: usize = 4;
/// So many bytes of each are shown.
const WITNESS_BYTES_MAX: usize = 120;
/// So many rules over their budget are named for one request.
const OVER_BUDGET_MAX: usize = 4;
/// After so many steps a walk lets the core look after others.
const PIECE_STEPS_MAX: u64 = 4 << 20;

/// What stands in the place of what a rule has seen that has refused a request for its cost.
const OVER_BUDGET: &str = "(over its budget)";

/// What stands in the place of a secret.
const NOT_KEPT: &str = "(not kept)";

/// The effects of one walk.
pub(super) struct Acting<'w, 'p, 'r, 's> {
    /// The phase's program on this exchange.
    pub(super) run: &'w Run<'r, 's>,
    /// What it makes on the way.
    pub(super) arena: &'r Arena<'r>,
    /// Where it is said what runs.
    pub(super) slot: &'static Slot,
    /// The exchange's id.
    pub(super) ray: &'w RayText,
    /// Who asks.
    pub(super) ip: IpAddr,
    /// What has come of it.
    pub(super) outcome: &'w mut Outcome<'p>,
    /// What has matched.
    pub(super) matched: &'w mut Matched<'p>,
    /// The phase.
    pub(super) phase: Phase,
    /// The rule that runs.
    pub(super) rule: &'w mut &'p str,
    /// The same, whole.
    pub(super) current: Option<&'p RulePlan>,
    /// Whether nobody may pass by it unasked.
    pub(super) protects: bool,
    /// The query of the request, for redirects that keep it.
    pub(super) query: Option<&'w [u8]>,
}

impl<'p> Effects<'p> for Acting<'_, 'p, '_, '_> {
    fn begin(&mut self, rule: &'p RulePlan) {
        *self.rule = &rule.name;
        self.current = Some(rule);
        self.protects = protects(self.phase, &rule.action);
    }

    fn next(&self, from: FilterId) -> Option<FilterId> {
        self.run.next(from)
    }

    fn holds(&mut self, filter: FilterId) -> Asked {
        if !self.run.may_match(filter) {
            return Asked::No;
        }
        // Only what may take time is worth a name on the page.
        self.slot.rule(self.rule);
        match self.run.matches(filter) {
            Ok(true) => Asked::Yes,
            Ok(false) => Asked::No,
            Err(Stop::NeedsBody) => Asked::NeedsBody,
            Err(Stop::OverBudget) if self.protects => {
                self.refuse_over_budget();
                Asked::Stop
            }
            Err(Stop::OverBudget) => {
                self.over_budget(false);
                Asked::No
            }
        }
    }

    fn matched(&mut self, rule: &'p RulePlan) {
        self.matched.count(rule.action.name());
        if rule.logs {
            let seen = self.seen(rule);
            self.matched.add(Match::of_rule(rule, self.phase, seen));
        } else {
            self.matched.note(&rule.name, rule.action.name());
        }
    }

    fn act(&mut self, rule: &'p RulePlan) -> Next {
        let changes = self.outcome.changes.len();
        match self.acted(rule) {
            Ok(next) => next,
            Err(stop) => {
                // A rule does all that it says, or nothing.
                self.outcome.changes.truncate(changes);
                match stop {
                    Stop::NeedsBody => Next::NeedsBody,
                    Stop::OverBudget => self.without(&rule.action),
                }
            }
        }
    }

    fn is_enough(&self) -> bool {
        self.run.steps() > PIECE_STEPS_MAX
    }
}

/// Whether a rule keeps requests out, so that one about which it cannot be told must not pass.
const fn protects(phase: Phase, action: &Action) -> bool {
    matches!(phase, Phase::Custom | Phase::Managed)
        && matches!(
            action,
            Action::Block(_) | Action::Challenge(_) | Action::Execute { .. } | Action::ForceConnectionClose
        )
}

impl<'p> Acting<'_, 'p, '_, '_> {
    fn acted(&mut self, rule: &'p RulePlan) -> Result<Next, Stop> {
        match &rule.action {
            // The walk's own.
            Action::Execute { .. } | Action::Skip(_) | Action::Log => {}
            Action::Block(reply) => {
                return Ok(self.answer(match reply {
                    Some(reply) => pages::custom(reply, 403, self.ip, self.ray),
                    None => pages::blocked(self.ray, pages::WAF),
                }));
            }
            Action::Challenge(_) => return Ok(self.answer(pages::challenge(self.ray))),
            Action::ServeError(reply) => return Ok(self.answer(pages::custom(reply, 0, self.ip, self.ray))),
            Action::ForceConnectionClose => return Ok(self.answer(Reply::closed())),
            Action::Redirect(redirect) => match self.redirect(redirect)? {
                Ok(Some(reply)) => return Ok(self.answer(reply)),
                Ok(None) => {}
                Err(TooLong) => {
                    self.outcome.fault = Some(Fault::TargetTooLong);
                    return Ok(Next::Stop);
                }
            },
            Action::Rewrite(rewrite) => self.rewrite(rewrite)?,
            Action::Route(route) => {
                let host_header = route.host_header.as_ref().map(|text| self.text(text)).transpose()?;
                let is_fixed = matches!(route.host_header, Some(Text::Fixed(_)));
                self.change(Change::Route(RouteChange { host_header, is_fixed, rule: route }));
            }
            Action::SetConfig(config) => self.change(Change::Config(config)),
            Action::SetCacheSettings(settings) => self.change(Change::Cache(settings)),
            Action::SetCacheTags(set) => {
                let tags = self.tags(&set.tags)?;
                self.change(Change::Tags(set.operation, tags));
            }
            Action::SetCacheControl(change) => self.change(Change::CacheControl(change)),
            Action::CompressResponse(algorithms) => self.change(Change::Compression(algorithms)),
            Action::LogCustomField(fields) => self.change(Change::Log(fields)),
        }
        Ok(Next::Continue)
    }

    fn change(&mut self, change: Change<'p>) {
        self.outcome.changes.push(change);
    }

    fn answer(&mut self, reply: Reply) -> Next {
        self.outcome.reply = Some(Box::new(reply));
        Next::Stop
    }

    /// What becomes of a rule whose filter holds, and whose values cost too much.
    #[cold]
    fn without(&mut self, action: &'p Action) -> Next {
        match action {
            // Who is to be sent elsewhere must not come in.
            Action::Redirect(_) => {
                self.refuse_over_budget();
                return Next::Stop;
            }
            // Nobody is to take what a visitor has written for what the rule would have.
            Action::Rewrite(rewrite) => {
                for header in &rewrite.headers {
                    if !matches!(header.act, HeaderAct::Add(_)) {
                        self.change(Change::Header(&header.name, HeaderChange::Remove));
                    }
                }
            }
            Action::Execute { .. }
            | Action::Skip(_)
            | Action::Log
            | Action::Block(_)
            | Action::Challenge(_)
            | Action::Route(_)
            | Action::SetConfig(_)
            | Action::SetCacheSettings(_)
            | Action::SetCacheTags(_)
            | Action::SetCacheControl(_)
            | Action::CompressResponse(_)
            | Action::ServeError(_)
            | Action::LogCustomField(_)
            | Action::ForceConnectionClose => {}
        }
        self.over_budget(false);
        Next::Continue
    }

    #[cold]
    fn refuse_over_budget(&mut self) {
        self.outcome.fault = Some(Fault::StageOverrun);
        if let Some(rule) = self.current {
            self.matched.add(Match::of_rule(rule, self.phase, OVER_BUDGET.into()));
        }
        self.over_budget(true);
    }

    #[cold]
    fn over_budget(&mut self, refuses: bool) {
        if refuses {
            // It has to be named, whatever the others.
            self.outcome.over_budget.truncate(OVER_BUDGET_MAX - 1);
        }
        if self.outcome.over_budget.len() < OVER_BUDGET_MAX {
            self.outcome.over_budget.push(Overrun { rule: (**self.rule).into(), refuses });
        }
    }

    /// What has made a rule match, for its event.
    fn seen(&self, rule: &RulePlan) -> Box<str> {
        let witnesses = self.run.witnesses(rule.filter, WITNESSES_MAX, WITNESS_BYTES_MAX).into_iter();
        let each = witnesses.map(|Witness { what, value }| {
            let value = if super::secrets::is_secret(&what) { NOT_KEPT } else { &*value };
            format!("{what} = {value}")
        });
        each.collect::<Vec<_>>().join("; ").into()
    }

    fn text(&self, text: &Text) -> Result<Box<[u8]>, Stop> {
        match text {
            Text::Fixed(bytes) => Ok(bytes.clone()),
            Text::Computed(value) => Ok(self.run.value(*value)?.bytes().unwrap_or_default().into()),
        }
    }

    fn rewrite(&mut self, rewrite: &'p Rewrite) -> Result<(), Stop> {
        if let Some(path) = &rewrite.path {
            let path = self.text(path)?;
            self.change(Change::Path(path));
        }
        if let Some(query) = &rewrite.query {
            let query = self.text(query)?;
            self.change(Change::Query(query));
        }
        for header in &rewrite.headers {
            let change = match &header.act {
                HeaderAct::Set(text) => HeaderChange::Set(self.text(text)?),
                HeaderAct::Add(text) => HeaderChange::Add(self.text(text)?),
                HeaderAct::Remove => HeaderChange::Remove,
            };
            self.change(Change::Header(&header.name, change));
        }
        Ok(())
    }

    fn redirect(&self, redirect: &Redirect) -> Result<Result<Option<Reply>, TooLong>, Stop> {
        Ok(match redirect {
            Redirect::To { target, status, preserve_query_string } => {
                let target = self.text(target)?;
                redirect::to(&target, self.query.filter(|_| *preserve_query_string), *status)
            }
            Redirect::FromList { list, key } => {
                let found = self.run.value(*key)?.bytes().and_then(|url| list.find(url));
                found.map_or(Ok(None), |found| redirect::to(&found.location, None, found.status))
            }
        })
    }

    fn tags(&self, tags: &Tags) -> Result<Vec<Box<[u8]>>, Stop> {
        let computed = match tags {
            Tags::Fixed(tags) => return Ok(tags.to_vec()),
            Tags::Computed(value) => self.run.value(*value)?,
        };
        Ok(match computed {
            Value::Array(array) => {
                let all = (0..array.len()).filter_map(|at| array.at(at, self.arena).bytes());
                all.map(Box::from).collect()
            }
            Value::Bytes(tag) => vec![tag.into()],
            Value::Missing | Value::Bool(_) | Value::Int(_) | Value::Ip(_) | Value::Map(_) => Vec::new(),
        })
    }
}
