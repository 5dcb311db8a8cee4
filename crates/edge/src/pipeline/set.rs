//! Which stages of the list: one, or several.

use super::{ANSWER, AnswerStage, REQUEST, Stage, Switch, When};

/// A stage of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageId(u8);

/// The stage of this name.
#[must_use]
pub fn stage_named(name: &str) -> Option<StageId> {
    StageId::all().find(|id| id.name() == name)
}

impl StageId {
    /// Every stage, in order: those of a request, then those of an answer.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(REQUEST.len() + ANSWER.len()).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.request(), self.answer()) {
            (Some(stage), _) => stage.name,
            (None, Some(stage)) => stage.name,
            (None, None) => "",
        }
    }

    /// Who may switch it off.
    #[must_use]
    pub fn switch(self) -> Switch {
        self.request().map_or(Switch::Operator, |stage| stage.switch)
    }

    /// Its row, if it is a request's.
    #[must_use]
    pub fn request(self) -> Option<&'static Stage> {
        REQUEST.get(usize::from(self.0))
    }

    /// Its row, if it is an answer's.
    #[must_use]
    pub fn answer(self) -> Option<&'static AnswerStage> {
        ANSWER.get(usize::from(self.0).checked_sub(REQUEST.len())?)
    }

    const fn bit(self) -> u32 {
        1 << self.0
    }

    /// The stage that finds the zone: there is nothing to choose from before it.
    pub const FIRST: Self = Self(0);
}

/// Stages of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageSet(u32);

impl StageSet {
    /// No stage.
    pub const NONE: Self = Self(0);

    /// These, and one more.
    #[must_use]
    pub const fn with(self, stage: StageId) -> Self {
        Self(self.0 | stage.bit())
    }

    /// These, without that one.
    #[must_use]
    pub const fn without(self, stage: StageId) -> Self {
        Self(self.0 & !stage.bit())
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without those.
    #[must_use]
    pub const fn less(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The one that runs first.
    #[must_use]
    pub fn first(self) -> Option<StageId> {
        let at = self.0.trailing_zeros();
        u8::try_from(at).ok().filter(|_| self.0 != 0).map(StageId)
    }

    /// Those behind the first that run for everybody.
    pub const ALWAYS: Self = Self(always(REQUEST, 0) & !StageId::FIRST.bit());

    /// Whether that one is among them.
    #[must_use]
    pub const fn contains(self, stage: StageId) -> bool {
        self.0 & stage.bit() != 0
    }

    /// Those of them that an operator may switch off.
    #[must_use]
    pub fn switchable(self) -> Self {
        let kept = self.stages().filter(|id| id.switch() == Switch::Operator);
        kept.fold(Self::NONE, Self::with)
    }

    /// Each of them, in order.
    pub fn stages(self) -> impl Iterator<Item = StageId> {
        StageId::all().filter(move |id| self.contains(*id))
    }
}

const fn always(rows: &[Stage], at: u32) -> u32 {
    match rows {
        [] => 0,
        [first, rest @ ..] => (matches!(first.when, When::Always) as u32) << at | always(rest, at + 1),
    }
}

const _: () = assert!(REQUEST.len() + ANSWER.len() <= u32::BITS as usize, "a set has a bit for each stage");
