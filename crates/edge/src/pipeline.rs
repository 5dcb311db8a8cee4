//! The list: what happens to a request, in order, each row with the reason for its place. Labels of
//! metrics and the table in the documentation are printed from it.

use std::sync::Arc;

use rempart_flow::{Fault, Known};

use crate::exchange::Screening;
use crate::page::StageName;

/// One row of the list.
pub struct Stage {
    /// Its name in metrics, logs and documents.
    pub name: &'static str,
    /// The same for the page that outlives this process.
    pub mark: StageName,
    /// Why it stands where it stands.
    pub why: &'static str,
    /// What becomes of a request on which it fails.
    pub on_failure: OnFailure,
    /// Who may switch it off for a zone.
    pub switch: Switch,
    /// What it does: nothing, a note in the screening, or a refusal.
    pub run: fn(&mut Screening<'_, '_>) -> Result<Progress, Fault>,
}

/// What becomes of a request on which a stage fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused: what the stage protects must not be reached without it. Such a stage is never left
    /// out by itself, however often it fails.
    Closed,
    /// It goes on without the stage. If the stage keeps failing, it is left out for that zone for a while.
    Open,
    /// What is stored answers if it may be given stale, as if the origin had failed; else it is refused.
    Stale,
}

/// Who may switch a stage off for a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Nobody: without it a request means nothing.
    Nobody,
    /// An operator.
    Operator,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To its end.
    Done,
    /// It has done a bounded piece of its work, and wants to be called again once the core has looked after
    /// others.
    Again,
}

/// The stages of a request, cheapest refusal first. What broke the protocol was refused before: the codec
/// lets nothing through that has two readings.
pub const REQUEST: &[Stage] = &[
    Stage {
        name: "zone",
        mark: StageName::new("zone"),
        why: "every later stage is some zone's; a host that nobody has ends here",
        on_failure: OnFailure::Closed,
        switch: Switch::Nobody,
        run: zone,
    },
    Stage {
        name: "loop",
        mark: StageName::new("loop"),
        why: "a request that comes back must end before it costs the origin anything",
        on_failure: OnFailure::Closed,
        switch: Switch::Nobody,
        run: loops,
    },
    Stage {
        name: "share",
        mark: StageName::new("share"),
        why: "while the process is short of something, a zone that has its share of it gets no more; before anything costs more than a look",
        on_failure: OnFailure::Open,
        switch: Switch::Nobody,
        run: share,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-stale",
        mark: StageName::new("test-stale"),
        why: "a stage that fails, where what is stored would answer",
        on_failure: OnFailure::Stale,
        switch: Switch::Operator,
        run: crate::test_stages::stale,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-open",
        mark: StageName::new("test-open"),
        why: "a stage that fails, and that a request can do without",
        on_failure: OnFailure::Open,
        switch: Switch::Operator,
        run: crate::test_stages::open,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-closed",
        mark: StageName::new("test-closed"),
        why: "a stage that fails, and that protects something",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        run: crate::test_stages::closed,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-burn",
        mark: StageName::new("test-burn"),
        why: "a stage that uses a core, and that protects something",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        run: crate::test_stages::burn,
    },
];

/// A stage of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageId(u8);

/// The stage of this name.
#[must_use]
pub fn stage_named(name: &str) -> Option<StageId> {
    StageId::all().find(|id| id.stage().name == name)
}

impl StageId {
    /// Every stage, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(REQUEST.len()).map(Self)
    }

    /// Its row.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "only `all` makes one, from the length of the list")]
    pub fn stage(self) -> &'static Stage {
        &REQUEST[usize::from(self.0)]
    }

    const fn bit(self) -> u32 {
        1 << self.0
    }
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

    /// Whether that one is among them.
    #[must_use]
    pub const fn contains(self, stage: StageId) -> bool {
        self.0 & stage.bit() != 0
    }

    /// Those of them that an operator may switch off.
    #[must_use]
    pub fn switchable(self) -> Self {
        let kept = self.stages().filter(|id| id.stage().switch == Switch::Operator);
        kept.fold(Self::NONE, Self::with)
    }

    /// Each of them, in order.
    pub fn stages(self) -> impl Iterator<Item = StageId> {
        StageId::all().filter(move |id| self.contains(*id))
    }
}

const _: () = assert!(REQUEST.len() <= u32::BITS as usize, "a set has a bit for each stage");

fn zone(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    let host = screening.head.bytes(screening.head.host);
    screening.zone = screening.snapshot.zone_for_host(host);
    match screening.zone {
        None => Err(Fault::UnknownHost),
        Some(zone) if zone.is_held_back => Err(Fault::ZoneHeldBack),
        Some(_) if is_misdirected(screening, host) => Err(Fault::Misdirected),
        Some(_) => Ok(Progress::Done),
    }
}

/// RFC 9113 section 9.1.1: a visitor may use a connection for every name that its certificate covers. Here for those
/// for which it would have been shown the same one, so that no name is reached past what its own zone says of TLS.
fn is_misdirected(screening: &Screening<'_, '_>, host: &[u8]) -> bool {
    let Some(tls) = screening.peer.tls.as_ref().filter(|tls| tls.is_http2) else { return false };
    // Who named nobody has taken what it was shown for whatever it asks.
    let Some(asked_for) = &tls.server_name else { return false };
    if asked_for.as_bytes().eq_ignore_ascii_case(host) {
        return false;
    }
    let Ok(host) = std::str::from_utf8(host) else { return true };
    let shown = screening.snapshot.certificate_for(asked_for);
    let due = screening.snapshot.certificate_for(&host.to_ascii_lowercase());
    match (shown, due) {
        (Some(shown), Some(due)) => !Arc::ptr_eq(&shown, &due) && shown.cert != due.cert,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

/// The others are to be served meanwhile.
const fn share(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    if screening.is_over_share { Err(Fault::ZoneOverShare) } else { Ok(Progress::Done) }
}

/// RFC 8586: a request that carries our token came through this installation before.
fn loops(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    let ours = screening.loop_token;
    let seen = screening.head.fields.values(Known::CdnLoop).any(|value| {
        // Tokens are compared whole: another installation's id may contain anything.
        value.split(|byte| *byte == b',').any(|token| token.trim_ascii() == ours)
    });
    if seen { Err(Fault::Loop) } else { Ok(Progress::Done) }
}
