//! The list: what happens to a request, in order, each row with the reason for its place. Labels of
//! metrics and the table in the documentation are printed from it.

mod first;
mod set;
use rempart_flow::Fault;
use rempart_rules::Phase;

use crate::exchange::Screening;
use crate::page::StageName;
use crate::rules::{Answering, products, stages};

pub use self::set::{StageId, StageSet, stage_named};

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
    /// For whom it runs.
    pub when: When,
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

/// For whom a stage runs: it costs nobody else anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// For everybody.
    Always,
    /// For zones with rules in this phase.
    Phase(Phase),
    /// For zones that have their URLs normalised.
    Normalization,
    /// For zones with access rules for addresses.
    Access,
    /// For zones with lockdowns.
    Lockdown,
    /// For zones with rules for user agents.
    UserAgent,
    /// For zones whose images are protected.
    Hotlink,
    /// For zones with managed transforms of requests.
    ManagedTransforms,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To its end.
    Done,
    /// It has done a bounded piece of its work, and wants to be called again once the core has looked after
    /// others.
    Again,
    /// To its end, and to that of the others: the edge answers what stands in the ruling.
    Answered,
    /// It wants to be called again once the beginning of the request's body is here.
    Body,
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
        when: When::Always,
        run: first::zone,
    },
    Stage {
        name: "loop",
        mark: StageName::new("loop"),
        why: "a request that comes back must end before it costs the origin anything",
        on_failure: OnFailure::Closed,
        switch: Switch::Nobody,
        when: When::Always,
        run: first::loops,
    },
    Stage {
        name: "share",
        mark: StageName::new("share"),
        why: "while the process is short of something, a zone that has its share of it gets no more; before anything costs more than a look",
        on_failure: OnFailure::Open,
        switch: Switch::Nobody,
        when: When::Always,
        run: first::share,
    },
    Stage {
        name: "normalize",
        mark: StageName::new("normalize"),
        why: "every rule is to see one spelling of a path, whatever the visitor's",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Normalization,
        run: products::normalize,
    },
    Stage {
        name: "dynamic-redirect",
        mark: StageName::new("dynamic-redirect"),
        why: "who is sent elsewhere costs nothing more",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::DynamicRedirect),
        run: |screening| stages::phase(screening, "dynamic-redirect", Phase::DynamicRedirect),
    },
    Stage {
        name: "url-rewrite",
        mark: StageName::new("url-rewrite"),
        why: "later rules, the cache and the origin see the URL that is meant",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::UrlRewrite),
        run: |screening| stages::phase(screening, "url-rewrite", Phase::UrlRewrite),
    },
    Stage {
        name: "config-settings",
        mark: StageName::new("config-settings"),
        why: "what it sets must hold for all that follows",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::Config),
        run: |screening| stages::phase(screening, "config-settings", Phase::Config),
    },
    Stage {
        name: "origin-rules",
        mark: StageName::new("origin-rules"),
        why: "where a request goes is known before it is looked at closely, as at Cloudflare",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::Origin),
        run: |screening| stages::phase(screening, "origin-rules", Phase::Origin),
    },
    Stage {
        name: "access",
        mark: StageName::new("access"),
        why: "an address that is let in or kept out needs no other rule",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Access,
        run: products::access,
    },
    Stage {
        name: "firewall-custom",
        mark: StageName::new("firewall-custom"),
        why: "the operator's own rules decide before anything that they can leave out",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::Custom),
        run: |screening| stages::phase(screening, "firewall-custom", Phase::Custom),
    },
    Stage {
        name: "lockdown",
        mark: StageName::new("lockdown"),
        why: "behind the custom rules, which can leave it out",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Lockdown,
        run: products::lockdown,
    },
    Stage {
        name: "user-agent",
        mark: StageName::new("user-agent"),
        why: "behind the custom rules, which can leave it out",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::UserAgent,
        run: products::user_agent,
    },
    Stage {
        name: "hotlink",
        mark: StageName::new("hotlink"),
        why: "behind the custom rules, which can leave it out, and behind the settings, which can switch it",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Hotlink,
        run: products::hotlink,
    },
    Stage {
        name: "firewall-managed",
        mark: StageName::new("firewall-managed"),
        why: "what costs most of what protects comes last of it",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::Managed),
        run: |screening| stages::phase(screening, "firewall-managed", Phase::Managed),
    },
    Stage {
        name: "bulk-redirect",
        mark: StageName::new("bulk-redirect"),
        why: "behind the firewall: a list may be long, and nobody who is kept out looks into it",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::BulkRedirect),
        run: |screening| stages::phase(screening, "bulk-redirect", Phase::BulkRedirect),
    },
    Stage {
        name: "managed-transforms",
        mark: StageName::new("managed-transforms"),
        why: "before the operator's own header rules, which may change what it has set",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::ManagedTransforms,
        run: products::managed_transforms,
    },
    Stage {
        name: "header-rewrite",
        mark: StageName::new("header-rewrite"),
        why: "the request as it goes to the cache and the origin",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::RequestHeaders),
        run: |screening| stages::phase(screening, "header-rewrite", Phase::RequestHeaders),
    },
    Stage {
        name: "cache-rules",
        mark: StageName::new("cache-rules"),
        why: "last: they are about the request as all others have made it",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Phase(Phase::Cache),
        run: |screening| stages::phase(screening, "cache-rules", Phase::Cache),
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-stale",
        mark: StageName::new("test-stale"),
        why: "a stage that fails, where what is stored would answer",
        on_failure: OnFailure::Stale,
        switch: Switch::Operator,
        when: When::Always,
        run: crate::test_stages::stale,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-open",
        mark: StageName::new("test-open"),
        why: "a stage that fails, and that a request can do without",
        on_failure: OnFailure::Open,
        switch: Switch::Operator,
        when: When::Always,
        run: crate::test_stages::open,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-closed",
        mark: StageName::new("test-closed"),
        why: "a stage that fails, and that protects something",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Always,
        run: crate::test_stages::closed,
    },
    #[cfg(feature = "fault")]
    Stage {
        name: "test-burn",
        mark: StageName::new("test-burn"),
        why: "a stage that uses a core, and that protects something",
        on_failure: OnFailure::Closed,
        switch: Switch::Operator,
        when: When::Always,
        run: crate::test_stages::burn,
    },
];

/// One row of the list of what the head of an answer passes.
pub struct AnswerStage {
    /// Its name in metrics, logs and documents.
    pub name: &'static str,
    /// The same for the page that outlives this process.
    pub mark: StageName,
    /// Why it stands where it stands.
    pub why: &'static str,
    /// What becomes of an answer on which it fails.
    pub on_failure: OnFailure,
    /// The phase that it is.
    pub(crate) phase: Phase,
    /// What it does to the head.
    pub(crate) run: fn(&mut Answering<'_, '_>, &'static str),
}

/// What the head of an answer passes before the visitor gets it, wherever it comes from: an origin, the store, or this
/// edge itself.
pub const ANSWER: &[AnswerStage] = &[
    AnswerStage {
        name: "custom-errors",
        mark: StageName::new("custom-errors"),
        why: "what is answered in an error's place passes all that follows",
        on_failure: OnFailure::Open,
        phase: Phase::CustomErrors,
        run: |answering, stage| answering.custom_errors(stage),
    },
    AnswerStage {
        name: "managed-headers",
        mark: StageName::new("managed-headers"),
        why: "before the operator's own header rules, which may change what it has set",
        on_failure: OnFailure::Closed,
        phase: Phase::ManagedResponse,
        run: |answering, stage| answering.managed_headers(stage),
    },
    AnswerStage {
        name: "response-headers",
        mark: StageName::new("response-headers"),
        why: "the fields as the visitor gets them; what is to be hidden must not get out without it",
        on_failure: OnFailure::Closed,
        phase: Phase::ResponseHeaders,
        run: |answering, stage| answering.headers(stage),
    },
    AnswerStage {
        name: "compression",
        mark: StageName::new("compression"),
        why: "it goes by the fields that the visitor gets",
        on_failure: OnFailure::Open,
        phase: Phase::Compression,
        run: |answering, stage| answering.compression(stage),
    },
    AnswerStage {
        name: "log-fields",
        mark: StageName::new("log-fields"),
        why: "the log tells what has become of it all",
        on_failure: OnFailure::Open,
        phase: Phase::LogFields,
        run: |answering, stage| answering.log_fields(stage),
    },
];

/// What an origin has answered passes this before anybody stores it or goes by it; what is fetched for nobody in
/// particular too. Nobody switches it off: what is stored is for all.
pub const FETCHED: &[AnswerStage] = &[AnswerStage {
    name: "cache-response",
    mark: StageName::new("cache-response"),
    why: "what is stored is stored as rules have it",
    on_failure: OnFailure::Closed,
    phase: Phase::ResponseCache,
    run: |answering, stage| answering.fetched(stage),
}];
