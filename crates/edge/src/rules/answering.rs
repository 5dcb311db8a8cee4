//! Phases that the head of an answer passes before the visitor gets it.

use std::mem::take;
use std::rc::Rc;
use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Snapshot, ZonePlan};
use rempart_features::managed_transforms::SECURITY_HEADERS;
use rempart_features::rulesets::plan::LogFields;
use rempart_flow::{BodyLength, Fault, Fields, Known, Method, RequestHead, ResponseHead};
use rempart_origin::Connection;
use rempart_rules::Phase;
use rempart_wire::Peer;

use super::acting::{Change, Outcome};
use super::amend::change;
use super::draft::Draft;
use super::fields::{Facts, Response};
use super::headers::HeaderEdit;
use super::logged::{self, Of};
use super::phase::{Ran, Running, Walking, levels, tell};
use super::reply::{Body, Reply};
use super::ruling::Ruling;
use super::stages::body_of_answered;
use crate::core::Core;
use crate::forward::Client;
use crate::guard::{self, STAGE_CPU_MAX};
use crate::metrics::ReleaseCounters;
use crate::pipeline::FETCHED;
use crate::relay::Held;
use crate::text::RayText;
use crate::zone_state::ZoneState;

/// The statuses that custom errors may replace.
const ERRORS: std::ops::RangeInclusive<u16> = 400..=999;

/// What an answer is the answer to, and where it comes from.
pub struct Asked<'e, 'p> {
    pub(crate) core: &'e Core,
    pub(crate) snapshot: &'p Snapshot,
    /// What this core counts of the release.
    pub(crate) release: &'e ReleaseCounters,
    pub(crate) zone: &'p Arc<ZonePlan>,
    /// The request as it came.
    pub(crate) own: &'e RequestHead,
    /// The same as rules have made it.
    pub(crate) head: &'e RequestHead,
    pub(crate) peer: &'e Peer,
    pub(crate) client: Client,
    pub(crate) ray: &'e RayText,
    pub(crate) started: Now,
    pub(crate) held: Option<Held<'e>>,
    /// Until the origin's head was there, and in the edge without that: milliseconds.
    pub(crate) timings_ms: (u64, u64),
}

/// The head of an answer, and what rules have said so far.
pub struct Answering<'e, 'p> {
    pub(crate) asked: Asked<'e, 'p>,
    pub(crate) ruling: &'e mut Ruling<'p>,
    pub(crate) draft: Draft,
    /// What kind of failure it shows.
    pub(crate) failure: Failure,
    /// The body that takes the place of the answer's.
    pub(crate) instead: Option<Body>,
    /// Its fields before the first rule, once one has changed them.
    pub(crate) raw: Option<Fields>,
    /// The rule that runs.
    pub(crate) rule: &'p str,
    /// Whether the rules of a phase have used up the time that they have.
    pub(crate) is_overrun: bool,
    /// Rules have said what the answer says about caching.
    says_how_cached: bool,
}

/// What kind of failure an answer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// `cf.response.error_type`; empty if it is none of the edge's.
    pub(crate) error_type: &'static str,
    /// `cf.response.1xxx_code`.
    pub(crate) error_code: u16,
    /// The operator has written it for this very case.
    pub(crate) is_custom: bool,
}

impl Failure {
    /// Of an answer that the edge gives by itself.
    pub(crate) const fn of(reply: &Reply) -> Self {
        let Reply { error_type, error_code, is_custom, .. } = *reply;
        Self { error_type, error_code, is_custom }
    }

    /// Of a page for a fault with this status.
    pub(crate) const fn of_fault(status: u16) -> Self {
        Self { error_type: if status >= 500 { "5xx" } else { "" }, error_code: 0, is_custom: false }
    }
}

impl<'e, 'p> Answering<'e, 'p> {
    /// A head that no rule has seen.
    pub(crate) fn new(
        asked: Asked<'e, 'p>,
        ruling: &'e mut Ruling<'p>,
        draft: Draft,
        failure: Failure,
    ) -> Self {
        Self {
            asked,
            ruling,
            draft,
            failure,
            instead: None,
            raw: None,
            rule: "",
            is_overrun: false,
            says_how_cached: false,
        }
    }

    /// Custom errors.
    pub(crate) fn custom_errors(&mut self, stage: &'static str) {
        // An origin's own failure, of which its operator wants the origin's own page.
        let is_passed_on =
            self.failure.error_type.is_empty() && self.draft.status >= 500 && self.ruling.passes_errors_on();
        if !ERRORS.contains(&self.draft.status) || self.failure.is_custom || is_passed_on {
            return;
        }
        let outcome = self.run(stage, Phase::CustomErrors);
        if let Some(reply) = outcome.reply {
            self.replace(*reply);
        }
    }

    /// What an origin has answered, before it is stored.
    pub(crate) fn fetched(&mut self, stage: &'static str) {
        let changes = self.run(stage, Phase::ResponseCache).changes;
        self.says_how_cached |= change(&mut self.draft.fields, &changes);
    }

    /// Managed transforms.
    pub(crate) fn managed_headers(&mut self, _stage: &'static str) {
        let Some(features) = &self.asked.zone.features else { return };
        let transforms = features.transforms;
        self.keep_raw();
        if transforms.remove_x_powered_by {
            self.draft.edit(b"X-Powered-By", HeaderEdit::Remove);
        }
        if transforms.add_security {
            for (name, value) in SECURITY_HEADERS {
                // What an origin says itself may be stricter.
                if !self.draft.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name.as_bytes())) {
                    self.draft.edit(name.as_bytes(), HeaderEdit::Set(value.as_bytes()));
                }
            }
        }
    }

    /// Changes of the answer's fields.
    pub(crate) fn headers(&mut self, stage: &'static str) {
        let outcome = self.run(stage, Phase::ResponseHeaders);
        if !outcome.changes.is_empty() {
            self.keep_raw();
        }
        for change in &outcome.changes {
            if let Change::Header(name, change) = change {
                self.draft.edit(name.as_bytes(), change.as_edit());
            }
        }
    }

    /// How the answer may be compressed.
    pub(crate) fn compression(&mut self, stage: &'static str) {
        for change in self.run(stage, Phase::Compression).changes {
            if let Change::Compression(algorithms) = change {
                self.ruling.compression = Some(algorithms);
            }
        }
    }

    /// What the log line has beside.
    pub(crate) fn log_fields(&mut self, stage: &'static str) {
        let changes = self.run(stage, Phase::LogFields).changes;
        let rules: Vec<&LogFields> = changes
            .iter()
            .filter_map(|change| if let Change::Log(fields) = change { Some(*fields) } else { None })
            .collect();
        if !rules.is_empty() {
            let Self { asked, draft, raw, .. } = &*self;
            let raw = raw.as_ref().unwrap_or(&draft.fields);
            let of = Of { own: asked.own, head: asked.head, raw, response: &draft.fields };
            self.ruling.logged = logged::write(&rules, &of);
        }
    }

    fn keep_raw(&mut self) {
        if self.raw.is_none() {
            self.raw = Some(self.draft.fields.clone());
        }
    }

    fn run(&mut self, stage: &'static str, phase: Phase) -> Outcome<'p> {
        let Self { asked, ruling, draft, failure, raw, rule, is_overrun, .. } = self;
        let config = &ruling.config;
        let running = Running {
            core: asked.core,
            levels: levels(asked.snapshot, asked.zone),
            facts: Facts {
                own: asked.own,
                head: asked.head,
                uri: ruling.uri.as_ref(),
                peer: asked.peer,
                client: asked.client,
                ray: asked.ray,
                seed: &ruling.seed,
                started: asked.started,
                zone: &asked.zone.name,
                response: Some(Response {
                    status: draft.status,
                    fields: &draft.fields,
                    raw: raw.as_ref().unwrap_or(&draft.fields),
                    error_type: failure.error_type,
                    error_code: failure.error_code,
                    origin_ms: asked.timings_ms.0,
                    edge_ms: asked.timings_ms.1,
                }),
            },
            body: &|| body_of_answered(asked.own, asked.held, config),
        };
        let mut begun = None;
        let outcome = loop {
            let walking = Walking {
                under_way: &mut ruling.under_way,
                skips: &mut ruling.skips,
                matched: &mut ruling.matched,
                rule,
            };
            match running.run(phase, walking) {
                Ran::Done(outcome) => break outcome,
                // The head is waited for: rules of answers are few, and each has its budget.
                Ran::Again => {
                    if guard::cpu().saturating_sub(*begun.get_or_insert_with(guard::cpu)) > STAGE_CPU_MAX {
                        *is_overrun = true;
                        break take(&mut ruling.under_way).outcome;
                    }
                }
                // No field asks for one here.
                Ran::Body => break take(&mut ruling.under_way).outcome,
            }
        };
        tell(asked.core, asked.snapshot.number, &asked.zone.name, stage, &outcome.over_budget);
        outcome
    }

    /// Puts an answer of the operator's in the place of an error.
    fn replace(&mut self, reply: Reply) {
        let Self { draft, asked, .. } = self;
        if reply.status != 0 {
            draft.status = reply.status;
        }
        self.raw.get_or_insert_with(|| draft.fields.clone());
        let is_of_body = |known| {
            matches!(
                known,
                Known::ContentType
                    | Known::ContentLength
                    | Known::ContentEncoding
                    | Known::ContentLanguage
                    | Known::ContentLocation
                    | Known::ContentRange
                    | Known::AcceptRanges
                    | Known::ETag
                    | Known::LastModified
                    | Known::CacheControl
                    | Known::Expires
                    | Known::Age
            )
        };
        draft.fields.list_mut().retain(|field| !is_of_body(field.known));
        for (name, value) in &reply.fields {
            draft.fields.append(name.as_bytes(), value);
        }
        if asked.head.method == Method::Head {
            let bytes = reply.body.bytes().to_string();
            draft.fields.append(b"Content-Length", bytes.as_bytes());
            draft.body = BodyLength::None;
            self.instead = Some(Body::default());
        } else {
            draft.body = BodyLength::Exact(reply.body.bytes());
            self.instead = Some(reply.body);
        }
        self.failure.is_custom = true;
    }
}

/// Has rules see what an origin has answered. Answers whether they have said what it says about caching: then
/// [`CachePlan::following_answer`](rempart_cache::CachePlan::following_answer) is the plan for it.
///
/// # Errors
/// They have failed, and it is not to be used without them.
pub(crate) fn amend<'p>(
    state: &Rc<ZoneState>,
    asked: Asked<'_, 'p>,
    ruling: &mut Ruling<'p>,
    connection: &mut Connection,
) -> Result<bool, Fault> {
    let ResponseHead { status, body, .. } = *connection.head();
    if status == 101 {
        return Ok(false);
    }
    let draft = Draft { status, fields: take(connection.fields_mut()), body };
    let mut answering = Answering::new(asked, ruling, draft, Failure::default());
    let amended =
        FETCHED.iter().try_for_each(|stage| guard::answer_stage(state, None, stage, &mut answering));
    let says_how_cached = answering.says_how_cached;
    *connection.fields_mut() = answering.draft.fields;
    amended.map(|()| says_how_cached)
}
