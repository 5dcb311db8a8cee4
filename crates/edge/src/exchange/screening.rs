//! What the stages of the pipeline see of a request.

use std::sync::Arc;

use rempart_config::{Snapshot, ZonePlan};
use rempart_flow::RequestHead;
use rempart_wire::Peer;

use crate::core::Core;
use crate::page::Slot;

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
    /// Whether the stage that refused it has failed, and what is stored may answer.
    pub may_be_stale: bool,
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
