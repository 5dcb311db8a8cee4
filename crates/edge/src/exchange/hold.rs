//! Holding the beginning of a request's body, for rules that look into it.

use rempart_flow::Fault;
use rempart_wire::Visitor;

use super::Exchange;
use crate::budgets::UnderWay;
use crate::relay::{Held, Terms};

impl<V: Visitor> Exchange<'_, V> {
    /// Holds at most `bytes_max` of the body; a second call does nothing. Meanwhile the exchange counts as under way, since
    /// it holds memory.
    ///
    /// # Errors
    /// The body has failed, or this core holds too much: the exchange is to fail with that.
    pub(super) async fn hold_body(&mut self, bytes_max: usize) -> Result<(), Fault> {
        let settings = &self.snapshot.settings;
        let limits = &settings.limits;
        let terms = Terms {
            bytes_max,
            core_bytes_max: limits.body_inspect_total_bytes_max / settings.workers.get() as u64,
            timeout: limits.body_inspect_timeout,
        };
        if self.under_way.is_none() {
            self.under_way = Some(UnderWay::enter(&self.state));
        }
        self.upload.hold(&mut self.visitor, terms, &self.core.metrics).await
    }

    /// What is held of the body; `None` if nobody has asked for it.
    pub(super) fn held(&self) -> Option<Held<'_>> {
        self.upload.held()
    }
}

/// A stage that looks at bodies, where the configuration asks for one.
#[cfg(feature = "fault")]
impl<V: Visitor> Exchange<'_, V> {
    pub(super) fn is_to_be_held(&self) -> bool {
        self.zone.is_some_and(|zone| zone.test.hold_body) && self.held().is_none()
    }

    pub(super) async fn hold_for_test(&mut self) -> super::State {
        if let Err(fault) = self.hold_body(self.snapshot.settings.limits.body_inspect_bytes_max).await {
            return super::State::Fail(fault);
        }
        if let Some(Held { bytes, is_whole, size }) = self.held() {
            let count = bytes.len();
            tracing::info!("test-body: {count} of {size}, whole: {is_whole}, sum: {:x}", fnv(bytes));
        }
        super::State::Lookup
    }
}

/// A sum that shows any difference (FNV-1a).
#[cfg(feature = "fault")]
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}
