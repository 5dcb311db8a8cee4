//! The walk through the rules of a phase: a plain function. It knows nothing of requests: whether a rule's filter
//! holds, and what comes of its action, is up to [`Effects`].

use rempart_rules::{FilterId, Phase};

use super::plan::{Action, PhasePlan, PhaseSet, Product, Products, RulePlan, RulesetName, Skip};

/// So many rules are looked at in one piece: a walk through more lets the core look after others in between.
pub const RULES_A_PIECE: u32 = 1_000;

/// What a walk is for.
pub trait Effects<'p> {
    /// This rule comes next: its filter is about to be asked for, then perhaps its action. Whoever must say what
    /// ran when something went wrong remembers it.
    fn begin(&mut self, rule: &'p RulePlan);

    /// The first filter of the phase's program, from this one on, that may hold: all between do not, and need not be
    /// asked. `None`: no more of them may.
    fn next(&self, from: FilterId) -> Option<FilterId> {
        Some(from)
    }

    /// Whether a filter of the phase's program holds. One that costs too much does not, or decides.
    fn holds(&mut self, filter: FilterId) -> Asked;

    /// Does what the rule does, whose filter holds. Never called for what the walk does itself: `execute`, `skip`,
    /// `log`.
    fn act(&mut self, rule: &'p RulePlan) -> Next;

    /// The rule has matched, and what it does is done, by whoever does it.
    fn matched(&mut self, rule: &'p RulePlan);

    /// Whether what was done in this piece is enough for one.
    fn is_enough(&self) -> bool {
        false
    }
}

/// Whether a filter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody knows before some of the body is there.
    NeedsBody,
    /// Nobody will know, and the request is not to go on without.
    Stop,
}

/// What comes after an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next rule.
    Continue,
    /// Nothing: it is decided what becomes of the request.
    Stop,
    /// The same rule once more, when some of the body is there: a value was made of it.
    NeedsBody,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To the end of the phase.
    Done,
    /// To a rule that has decided.
    Stopped,
    /// To the end of a piece: call again with the same position.
    Again,
    /// To a rule that asks for the body: call again with the same position when some of it is there, or all that
    /// there will be.
    NeedsBody,
}

/// Where in a phase a walk stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position(u32);

/// What rules have left out so far in one exchange. It goes from phase to phase, and from the account to the zone.
#[derive(Clone, Debug, Default)]
pub struct Skips<'p> {
    phases: PhaseSet,
    products: Products,
    /// Those that name rulesets or rules.
    named: Vec<&'p Skip>,
}

impl<'p> Skips<'p> {
    /// Whether a phase is left out.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> bool {
        self.phases.contains(phase)
    }

    /// Whether a product is left out.
    #[must_use]
    pub const fn product(&self, product: Product) -> bool {
        self.products.contains(product)
    }

    /// Those that concern phases and products as a whole, for whoever outlives the configuration that they are of.
    #[must_use]
    pub const fn wide(&self) -> Skips<'static> {
        Skips { phases: self.phases, products: self.products, named: Vec::new() }
    }

    /// Leaves something out from now on.
    fn add(&mut self, skip: &'p Skip, phase: Phase) {
        self.phases = self.phases.and(skip.phases);
        if skip.current_phase {
            self.phases = self.phases.with(phase);
        }
        self.products = self.products.and(skip.products);
        if !skip.rulesets.is_empty() || !skip.rules.is_empty() {
            self.named.push(skip);
        }
    }

    /// Whether a ruleset is left out, by its id or its name.
    fn ruleset(&self, ruleset: &RulesetName) -> bool {
        self.named.iter().any(|skip| skip.rulesets.iter().any(|own| ruleset.is_called(own)))
    }

    fn rule(&self, rule: &RulePlan) -> bool {
        self.named.iter().flat_map(|skip| &skip.rules).any(|skipped| {
            rule.ruleset.is_called(&skipped.ruleset)
                && skipped.rules.iter().any(|own| **own == *rule.id || **own == *rule.name)
        })
    }
}

/// Goes through the rules of a phase from `position`, one piece.
pub fn walk<'p>(
    plan: &'p PhasePlan,
    position: &mut Position,
    skips: &mut Skips<'p>,
    effects: &mut impl Effects<'p>,
) -> Progress {
    let mut left = RULES_A_PIECE;
    while !skips.phase(plan.phase) {
        pass(plan, position, effects);
        let Some(rule) = plan.rules.get(position.0 as usize) else { return Progress::Done };
        // At least one, so that every piece comes further.
        if left == 0 || left < RULES_A_PIECE && effects.is_enough() {
            return Progress::Again;
        }
        left -= 1;
        match step(plan.phase, rule, position, skips, effects) {
            Next::Continue => {}
            Next::Stop => return Progress::Stopped,
            Next::NeedsBody => return Progress::NeedsBody,
        }
    }
    Progress::Done
}

/// Goes past rules whose filters cannot hold, where that takes no look at each.
fn pass<'p>(plan: &'p PhasePlan, position: &mut Position, effects: &impl Effects<'p>) {
    let (Some(rule), Some(by_filter)) = (plan.rules.get(position.0 as usize), &plan.by_filter) else {
        return;
    };
    let next = effects.next(rule.filter).and_then(|filter| by_filter.get(filter.0 as usize).copied());
    // Rules may share a filter.
    position.0 = next.map_or(u32::MAX, |next| next.max(position.0));
}

/// One rule. Afterwards the position is that of the rule that comes next.
fn step<'p>(
    phase: Phase,
    rule: &'p RulePlan,
    position: &mut Position,
    skips: &mut Skips<'p>,
    effects: &mut impl Effects<'p>,
) -> Next {
    // Who does not enter a ruleset goes on behind it.
    let beyond = if let Action::Execute { end, .. } = &rule.action { *end } else { position.0 + 1 };
    effects.begin(rule);
    let is_left_out = !skips.named.is_empty() && skips.rule(rule);
    match if is_left_out { Asked::No } else { effects.holds(rule.filter) } {
        Asked::Yes => {}
        Asked::No => {
            position.0 = beyond;
            return Next::Continue;
        }
        Asked::NeedsBody => return Next::NeedsBody,
        Asked::Stop => return Next::Stop,
    }
    match &rule.action {
        Action::Execute { ruleset, .. } if skips.ruleset(ruleset) => position.0 = beyond,
        Action::Execute { .. } | Action::Log => {
            effects.matched(rule);
            position.0 += 1;
        }
        Action::Skip(skip) => {
            effects.matched(rule);
            skips.add(skip, phase);
            position.0 = if skip.current_ruleset { rule.ruleset_end } else { beyond };
        }
        Action::Block(_)
        | Action::Challenge(_)
        | Action::Redirect(_)
        | Action::Rewrite(_)
        | Action::Route(_)
        | Action::SetConfig(_)
        | Action::SetCacheSettings(_)
        | Action::SetCacheTags(_)
        | Action::SetCacheControl(_)
        | Action::CompressResponse(_)
        | Action::ServeError(_)
        | Action::LogCustomField(_)
        | Action::ForceConnectionClose => {
            let next = effects.act(rule);
            if next != Next::NeedsBody {
                position.0 += 1;
                effects.matched(rule);
            }
            return next;
        }
    }
    Next::Continue
}
