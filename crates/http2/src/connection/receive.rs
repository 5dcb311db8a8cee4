//! Bytes in: the preface, frames' heads and the order that frames must have.

use std::time::Instant;

use super::{Connection, Failure, Partial, Phase, Violation};
use crate::budget::Budget;
use crate::event::StreamId;
use crate::frame::{ErrorCode, FrameHead, PREFACE, flag, kind};

impl Connection {
    /// Takes what the peer has sent: as many whole frames as are there, and DATA in pieces too. Returns how many
    /// bytes are done with; the rest is to be offered again with more behind it. `now` is when they were read.
    ///
    /// After a failure all bytes are taken and none is looked at.
    pub fn receive(&mut self, input: &[u8], now: Instant) -> usize {
        self.now = now;
        let mut rest = input;
        while !self.is_closed() {
            match self.step(rest) {
                Ok(Some(after)) => rest = after,
                Ok(None) => return input.len() - rest.len(),
                Err(failure) => self.fail(failure),
            }
        }
        input.len()
    }

    /// One frame, or a piece of one. `None` if there is not enough.
    fn step<'i>(&mut self, input: &'i [u8]) -> Result<Option<&'i [u8]>, Failure> {
        if self.partial.is_some() {
            return Ok(self.take_partial(input));
        }
        if let Phase::Preface(seen) = self.phase {
            return self.preface(seen, input).map_err(Failure::from);
        }
        let Some((head, rest)) = FrameHead::read(input) else { return Ok(None) };
        self.admit(head)?;
        match head.kind {
            kind::DATA => return self.data_frame(head, rest),
            kind::HEADERS..=kind::CONTINUATION | kind::PRIORITY_UPDATE => {}
            _ => {
                self.spend(
                    Budget::StrangeFrames,
                    |b| &mut b.strange_frames,
                    self.config.budgets.strange_frames,
                )?;
                self.partial = Some(Partial {
                    stream: None,
                    content: 0,
                    padding: head.len as usize,
                    ends_stream: false,
                });
                return Ok(Some(rest));
            }
        }
        let Some((payload, rest)) = rest.split_at_checked(head.len as usize) else { return Ok(None) };
        match head.kind {
            kind::HEADERS => self.headers(head, payload)?,
            kind::PRIORITY => self.priority_frame(head, payload)?,
            kind::RST_STREAM => self.rst_stream(head, payload)?,
            kind::SETTINGS => self.settings(head, payload)?,
            kind::PING => self.ping_frame(head, payload)?,
            kind::GOAWAY => self.goaway(head, payload)?,
            kind::WINDOW_UPDATE => self.window_update(head, payload)?,
            kind::CONTINUATION => self.continuation(head, payload)?,
            // Clients cannot push, and we have said that we take none (section 6.6).
            kind::PUSH_PROMISE => return Err(Violation::protocol("PUSH_PROMISE").into()),
            _ => self.priority_update(head, payload)?,
        }
        if self.output.control_bytes() > self.config.budgets.control_bytes_max {
            return Err(Failure::Budget(Budget::Untaken));
        }
        Ok(Some(rest))
    }

    /// The client's first 24 bytes.
    fn preface<'i>(&mut self, seen: usize, input: &'i [u8]) -> Result<Option<&'i [u8]>, Violation> {
        let wanted = PREFACE.get(seen..).unwrap_or_default();
        let count = wanted.len().min(input.len());
        let (here, rest) = input.split_at_checked(count).unwrap_or_default();
        if !wanted.starts_with(here) {
            return Err(Violation::protocol("no connection preface"));
        }
        self.phase = if count == wanted.len() { Phase::Settings } else { Phase::Preface(seen + count) };
        // Bytes of a preface that is not whole are done with: they are not needed again.
        Ok(if count == 0 { None } else { Some(rest) })
    }

    /// Whether a frame may come now, and be so long.
    fn admit(&mut self, head: FrameHead) -> Result<(), Violation> {
        if head.len > self.config.frame_bytes_max {
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, "a frame above MAX_FRAME_SIZE"));
        }
        match self.phase {
            Phase::Open => {}
            Phase::Settings | Phase::Preface(_) => {
                if head.kind != kind::SETTINGS || head.has(flag::ACK) {
                    return Err(Violation::protocol("the first frame is not SETTINGS"));
                }
            }
        }
        // Section 6.10: nothing may stand between the frames of a header block.
        match self.block {
            Some(block) if head.kind != kind::CONTINUATION || head.stream != block.stream => {
                Err(Violation::protocol("a frame inside of a header block"))
            }
            None if head.kind == kind::CONTINUATION => {
                Err(Violation::protocol("CONTINUATION without a header block"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a stream of that number has never been opened ("idle", section 5.1).
    pub(super) fn is_idle(&self, stream: u32) -> bool {
        if self.is_server() {
            // Streams of even numbers would be pushed by us; we push none.
            stream.is_multiple_of(2) || stream > self.last_peer
        } else {
            stream.is_multiple_of(2)
                || stream > self.last_own
                || self.unsent.is_some_and(|unsent| unsent.id == stream)
        }
    }

    /// Demands that a frame names a stream that is not idle. Returns the stream if it is open.
    pub(super) fn not_idle(&self, head: FrameHead) -> Result<Option<StreamId>, Violation> {
        if let Some(stream) = self.streams.find(head.stream).filter(|_| !self.is_idle(head.stream)) {
            return Ok(Some(stream));
        }
        if head.stream == 0 {
            return Err(Violation::protocol("a stream's frame on stream 0"));
        }
        if self.is_idle(head.stream) {
            return Err(Violation::protocol("a frame on an idle stream"));
        }
        Ok(None)
    }
}
