//! Holding the beginning of a request's body before anybody is asked for an answer, so that rules can look at it. It is
//! the same prefix that [`Upload`] keeps to send a request again, and goes to the origin first.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::{BodyLength, Fault};
use rempart_io::Deadline;
use rempart_wire::Visitor;

use super::Upload;
use crate::metrics::CoreMetrics;

/// What is short is mostly there again after this time: others are held for a moment only.
const OVERLOADED: Fault = Fault::Overloaded { retry_after: Duration::from_secs(1) };

/// How much is held, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Bytes of this body.
    pub bytes_max: usize,
    /// Bytes of all bodies that this core holds.
    pub core_bytes_max: u64,
    /// Until what has come is all that is looked at.
    pub timeout: Duration,
}

/// What is held of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// The beginning of it.
    pub bytes: &'a [u8],
    /// Whether that is all of it.
    pub is_whole: bool,
    /// Bytes of all of it, if its head has said so; else of what has come, whether held or not.
    pub size: u64,
}

/// The same, as an upload keeps it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    bytes: usize,
    is_whole: bool,
    size: u64,
    /// Whether the visitor was told to go on (RFC 9110 section 10.1.1).
    has_continued: bool,
}

impl Upload {
    /// Takes the beginning of the body from the visitor, until it is whole, or as much as may be held, or time is over.
    /// A visitor who waits for `100 Continue` gets it. To be called before [`Upload::begin`]; a second call does nothing.
    ///
    /// # Errors
    /// The visitor broke off, was too slow, sent malformed chunks or more than is allowed; or this core holds too much.
    pub async fn hold<V: Visitor>(
        &mut self,
        visitor: &mut V,
        terms: Terms,
        metrics: &Arc<CoreMetrics>,
    ) -> Result<(), Fault> {
        if self.hold.is_some() || self.has_begun {
            return Ok(());
        }
        let length = visitor.head().body;
        let has_continued = visitor.head().expects_continue && !length.is_empty() && terms.bytes_max > 0;
        if has_continued {
            visitor.begin(100);
            visitor.end_interim();
        }
        let mut deadline = Deadline::default();
        deadline.set(Now::mono() + terms.timeout);
        let is_whole = length.is_empty()
            || poll_fn(|cx| self.poll_hold(visitor, terms, metrics, &mut deadline, cx)).await?;
        let bytes = self.prefix.len();
        let size = match length {
            BodyLength::Exact(size) => size,
            BodyLength::None | BodyLength::Chunked | BodyLength::UntilClose => {
                (bytes + if is_whole { 0 } else { visitor.body().len() }) as u64
            }
        };
        self.hold = Some(Hold { bytes, is_whole, size, has_continued });
        Ok(())
    }

    /// Ready with whether all of the body is held.
    fn poll_hold<V: Visitor>(
        &mut self,
        visitor: &mut V,
        terms: Terms,
        metrics: &Arc<CoreMetrics>,
        deadline: &mut Deadline,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Fault>> {
        loop {
            let room = terms.bytes_max.saturating_sub(self.prefix.len());
            if room == 0 && is_longer(visitor.head().body, terms.bytes_max) {
                return Poll::Ready(Ok(false));
            }
            match visitor.poll_body(cx) {
                Poll::Ready(Ok(true)) if room == 0 => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(true)) => {
                    let piece = visitor.body();
                    let piece = piece.get(..room).unwrap_or(piece);
                    let count = piece.len();
                    if !self.make_room(count, terms, metrics) {
                        return Poll::Ready(Err(OVERLOADED));
                    }
                    self.prefix.extend_from_slice(piece);
                    visitor.take_body(count);
                }
                Poll::Ready(Ok(false)) => return Poll::Ready(Ok(true)),
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                Poll::Pending => {
                    // `100 Continue`, and answers to earlier requests: the visitor may wait for them before it goes on.
                    if let Poll::Ready(Err(fault)) = visitor.poll_flush(cx) {
                        return Poll::Ready(Err(fault));
                    }
                    return deadline.poll_passed(cx).map(|()| Ok(false));
                }
            }
        }
    }

    /// Makes room for more of the prefix, unless this core would then hold too much.
    fn make_room(&mut self, count: usize, terms: Terms, metrics: &Arc<CoreMetrics>) -> bool {
        let (len, capacity) = (self.prefix.len(), self.prefix.capacity());
        if len + count <= capacity {
            return true;
        }
        let wanted = (capacity * 2).clamp(len + count, terms.bytes_max.max(len + count));
        let charge = self.charge.get_or_insert_with(|| Charge { metrics: Arc::clone(metrics), bytes: 0 });
        if !charge.set(wanted as u64, terms.core_bytes_max) {
            return false;
        }
        self.prefix.reserve_exact(wanted - len);
        true
    }

    /// What is held, once it is, and until it has gone to the origin and will not be sent again.
    #[must_use]
    pub fn held(&self) -> Option<Held<'_>> {
        let Hold { bytes, is_whole, size, .. } = self.hold?;
        Some(Held { bytes: self.prefix.get(..bytes)?, is_whole, size })
    }

    /// What is held stays until the body is abandoned or released: rules of the answer look into it too.
    pub const fn keep_held(&mut self) {
        self.keeps_held = true;
    }

    /// Whether the visitor has got its `100 Continue` already.
    #[must_use]
    pub fn has_continued(&self) -> bool {
        self.hold.is_some_and(|hold| hold.has_continued)
    }

    /// Nothing is sent again from now on: gives the memory back as soon as all that is in it was sent.
    pub fn release(&mut self) {
        self.prefix_max = 0;
        if self.sent >= self.prefix.len() {
            self.forget();
        }
    }

    /// Nothing of the body is sent any more.
    pub fn abandon(&mut self) {
        self.forget();
    }

    /// No more of the body will fit, so it cannot be sent again. All that was kept was sent.
    pub(super) fn overflow(&mut self) {
        match self.hold {
            Some(Hold { bytes, .. }) if self.keeps_held => {
                self.is_whole = false;
                self.prefix.truncate(bytes);
                self.sent = self.prefix.len();
            }
            Some(_) | None => {
                self.forget();
                self.is_whole = false;
            }
        }
    }

    pub(super) fn forget(&mut self) {
        if !self.prefix.is_empty() {
            self.is_whole = false;
            self.prefix = Vec::new();
            self.sent = 0;
        }
        self.charge = None;
    }
}

const fn is_longer(length: BodyLength, than: usize) -> bool {
    matches!(length, BodyLength::Exact(bytes) if bytes > than as u64)
}

/// Bytes that count as held by a core, until this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    metrics: Arc<CoreMetrics>,
    bytes: u64,
}

impl Charge {
    /// Counts so many from now on, unless the core then had more than `max`.
    fn set(&mut self, bytes: u64, max: u64) -> bool {
        let others = self.metrics.held_body_bytes.read().wrapping_sub(self.bytes);
        if others.saturating_add(bytes) > max {
            return false;
        }
        self.metrics.held_body_bytes.add(bytes.wrapping_sub(self.bytes));
        self.bytes = bytes;
        true
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // Fewer: counters wrap.
        self.metrics.held_body_bytes.add(0_u64.wrapping_sub(self.bytes));
    }
}
