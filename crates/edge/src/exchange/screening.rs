//! What the stages of the pipeline see of a request.

use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Snapshot, ZonePlan};
use rempart_flow::RequestHead;
use rempart_wire::Peer;

use crate::core::Core;
use crate::forward::Client;
use crate::page::Slot;
use crate::pipeline::StageSet;
use crate::relay::Held;
use crate::rules::Ruling;
use crate::text::RayText;

/// What the stages of the pipeline see and write.
pub struct Screening<'exchange, 'snapshot> {
    /// The request.
    pub head: &'exchange RequestHead,
    /// Who sent it, over what connection.
    pub peer: &'exchange Peer,
    /// The configuration that this exchange is pinned to.
    pub snapshot: &'snapshot Snapshot,
    /// This installation's token in `CDN-Loop`.
    pub loop_token: &'exchange [u8],
    /// The zone, once it is known.
    pub zone: Option<&'snapshot Arc<ZonePlan>>,
    /// Whether the zone has its share of exchanges under way already, while the process is short of something.
    pub is_over_share: bool,
    /// Where the core says what it is about to run.
    pub slot: &'static Slot,
    /// Who the visitor is.
    pub client: Client,
    /// The exchange's id.
    pub ray: &'exchange RayText,
    /// When the request was there.
    pub started: Now,
    /// What is held of its body.
    pub held: Option<Held<'exchange>>,
    /// The core that it runs on.
    pub core: &'exchange Core,
    /// Whether the stage that refused it has failed, and what is stored may answer.
    pub may_be_stale: bool,
    /// What rules have decided so far.
    pub ruling: Option<Box<Ruling<'snapshot>>>,
    /// Stages that are still to run, if the screening was broken off for the body.
    pub left: Option<StageSet>,
    /// The rule that runs, for whoever has to tell what failed.
    pub rule: &'snapshot str,
    /// How long `test-burn` has computed.
    #[cfg(feature = "fault")]
    pub burnt: std::time::Duration,
}

impl<'exchange, 'snapshot> Screening<'exchange, 'snapshot> {
    /// Of a request that no stage has seen.
    #[must_use]
    pub fn new(
        head: &'exchange RequestHead,
        peer: &'exchange Peer,
        snapshot: &'snapshot Snapshot,
        core: &'exchange Core,
        (client, ray, started): (Client, &'exchange RayText, Now),
    ) -> Self {
        Self {
            head,
            peer,
            snapshot,
            loop_token: &core.loop_token,
            zone: None,
            is_over_share: false,
            may_be_stale: false,
            slot: core.slot,
            client,
            ray,
            started,
            held: None,
            core,
            ruling: None,
            left: None,
            rule: "",
            #[cfg(feature = "fault")]
            burnt: std::time::Duration::ZERO,
        }
    }

    /// To be called before a rule runs: should it fail, or never come back, it has a name.
    pub fn rule(&mut self, text: &'snapshot str) {
        self.rule = text;
        self.slot.rule(text);
    }
}
