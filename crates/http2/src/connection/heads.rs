//! Header blocks in (RFC 9113 sections 4.3, 6.2 and 6.10): requests, responses, trailers.

use rempart_flow::{BadResponse, BodyLength, Fault, Known, RequestHead, ResponseHead};

use super::body::Told;
use super::{Block, Connection, Failure, Going, Violation};
use crate::budget::Budget;
use crate::event::{Event, StreamId};
use crate::flow_control::SendWindow;
use crate::frame::{ErrorCode, FrameHead, HEAD_BYTES, flag, u32_of};
use crate::hpack;
use crate::message::{self, ForbiddenTrailers, Outcome, TrailerError};
use crate::priority::{Priority, PriorityField};
use crate::stream::{Closed, KEEP_BYTES, Receiving, Sending};

/// Heads of responses that are kept for the next ones.
const SPARE_MAX: usize = 16;

impl From<hpack::Error> for Failure {
    fn from(_: hpack::Error) -> Self {
        Violation::new(ErrorCode::COMPRESSION_ERROR, "a header block that is not HPACK").into()
    }
}

impl Connection {
    /// The request of a stream that was told with `Head`, `Refused` or `Malformed`: swapped with `head`, whose
    /// memory serves the next one. `false`, and nothing happens, if it was taken already.
    #[inline]
    pub fn take_request(&mut self, stream: StreamId, head: &mut RequestHead) -> bool {
        self.streams.get_mut(stream).is_some_and(|stream| stream.take_request(head))
    }

    /// The next head of a stream's response: interim ones, then the final one, one for each `Head`. `false`, and
    /// nothing happens, if none has come.
    pub fn take_response(&mut self, stream: StreamId, head: &mut ResponseHead) -> bool {
        let Some(next) = self.streams.get_mut(stream).and_then(|stream| stream.responses.pop_front()) else {
            return false;
        };
        let mut old = std::mem::replace(head, next);
        if self.spare.len() < SPARE_MAX {
            old.clear(KEEP_BYTES);
            self.spare.push(old);
        }
        true
    }

    /// HEADERS: checked as far as it can be before the block is there.
    pub(super) fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        let id = head.stream;
        if self.is_server() {
            if id.is_multiple_of(2) {
                return Err(Violation::protocol("HEADERS on a stream that is not a client's").into());
            }
            if id <= self.last_peer && self.streams.find(id).is_none() {
                self.may_be_late(id)?;
            }
        } else if self.not_idle(head)?.is_none() {
            self.may_be_late(id)?;
        }
        let mut fragment = payload;
        let mut padding = 0;
        if head.has(flag::PADDED) {
            let what = "HEADERS without the length of its padding";
            let (first, rest) =
                fragment.split_first().ok_or(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what))?;
            (padding, fragment) = (usize::from(*first), rest);
        }
        let mut depends_on_itself = false;
        if head.has(flag::PRIORITY) {
            // The old priorities: five bytes that say nothing any more (section 5.3.2).
            let what = "HEADERS without the priority that it should have";
            let (dependency, rest) =
                u32_of(fragment).ok_or(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what))?;
            let (_, rest) = rest.split_first().ok_or(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what))?;
            depends_on_itself = dependency & crate::frame::MAX_31 == id;
            fragment = rest;
        }
        let Some(content) = fragment.len().checked_sub(padding) else {
            return Err(Violation::protocol("more padding than payload").into());
        };
        let fragment = fragment.get(..content).unwrap_or_default();
        let block = Block {
            stream: id,
            ends_stream: head.has(flag::END_STREAM),
            depends_on_itself,
            continuations: 0,
            bytes: frame_bytes(head),
        };
        if head.has(flag::END_HEADERS) {
            return self.block(block, fragment);
        }
        self.block_bytes.clear();
        self.block = Some(block);
        self.keep(fragment)
    }

    /// Whether HEADERS for a stream that is closed may have been under way.
    fn may_be_late(&self, id: u32) -> Result<(), Violation> {
        match self.streams.closed(id) {
            Some(Closed::ByUs | Closed::ByPeer) => Ok(()),
            None if matches!(self.going, Going::Last(last) if id > last) => Ok(()),
            Some(Closed::Ended) => {
                Err(Violation::new(ErrorCode::STREAM_CLOSED, "HEADERS on a stream that has ended"))
            }
            // One of ours that is forgotten.
            None if !self.is_server() => Ok(()),
            // Section 5.1.1: numbers only grow.
            None => Err(Violation::protocol("HEADERS on a stream below the last")),
        }
    }

    pub(super) fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        let Some(block) = &mut self.block else { return Ok(()) };
        block.continuations += 1;
        block.bytes += frame_bytes(head);
        let block = *block;
        if block.continuations > self.config.budgets.continuations_max {
            return Err(Failure::Budget(Budget::Continuations));
        }
        if payload.is_empty() && !head.has(flag::END_HEADERS) {
            self.spend(Budget::EmptyFrames, |b| &mut b.empty_frames, self.config.budgets.empty_frames)?;
        }
        self.keep(payload)?;
        if head.has(flag::END_HEADERS) {
            self.block = None;
            let bytes = std::mem::take(&mut self.block_bytes);
            self.block(block, &bytes)?;
        }
        Ok(())
    }

    fn keep(&mut self, fragment: &[u8]) -> Result<(), Failure> {
        if self.block_bytes.len() + fragment.len() > self.config.block_bytes_max {
            return Err(Failure::Budget(Budget::HeaderBlock));
        }
        self.block_bytes.extend_from_slice(fragment);
        Ok(())
    }

    /// A whole header block. Whatever becomes of its stream, it is decoded: the table is the connection's
    /// (section 4.3).
    fn block(&mut self, block: Block, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > self.config.block_bytes_max {
            return Err(Failure::Budget(Budget::HeaderBlock));
        }
        if self.is_server() && block.stream > self.last_peer {
            return self.request(block, bytes);
        }
        let Some(stream) = self.streams.find(block.stream) else {
            self.decoder.discard(bytes)?;
            if self.streams.closed(block.stream) == Some(Closed::ByPeer) {
                return self.refuse(block.stream, ErrorCode::STREAM_CLOSED);
            }
            return self.spend(
                Budget::StrangeFrames,
                |b| &mut b.strange_frames,
                self.config.budgets.strange_frames,
            );
        };
        if let Some(found) = self.streams.get_mut(stream) {
            found.moved.received += block.bytes;
        }
        match self.streams.get(stream).map(|stream| stream.receiving) {
            Some(Receiving::Head) => self.response(stream, block, bytes),
            Some(Receiving::Body) if block.ends_stream => self.trailer_section(stream, bytes),
            Some(Receiving::Body) => {
                self.decoder.discard(bytes)?;
                self.break_off(stream, ErrorCode::PROTOCOL_ERROR)
            }
            Some(Receiving::Ended | Receiving::Broken) | None => {
                self.decoder.discard(bytes)?;
                self.break_off(stream, ErrorCode::STREAM_CLOSED)
            }
        }
    }

    /// A new stream.
    fn request(&mut self, block: Block, bytes: &[u8]) -> Result<(), Failure> {
        let id = block.stream;
        self.last_peer = id;
        if matches!(self.going, Going::Last(_)) {
            return Ok(self.decoder.discard(bytes)?);
        }
        if block.depends_on_itself {
            self.decoder.discard(bytes)?;
            return self.refuse(id, ErrorCode::PROTOCOL_ERROR);
        }
        if !self.has_room_for_one_more() {
            self.decoder.discard(bytes)?;
            return self.refuse_one_more(id);
        }
        let send_window = SendWindow::new(self.peer.window_bytes);
        let Some((stream, found)) = self.streams.insert(id, self.stream_window, send_window) else {
            return self.refuse_one_more(id);
        };
        let read = message::read_request(
            &mut self.decoder,
            bytes,
            block.ends_stream,
            &self.rules,
            &mut found.request,
        );
        let outcome = match read {
            Ok(outcome) => outcome,
            Err(error) => {
                // Nobody has heard of this stream: nobody else would give it back.
                self.give_up(stream);
                return Err(error.into());
            }
        };
        found.has_request = true;
        found.moved.received = block.bytes;
        found.sending = Sending::Open;
        found.head_bytes = head_bytes(&found.request);
        self.head_bytes += found.head_bytes;
        found.receiving = if block.ends_stream { Receiving::Ended } else { Receiving::Body };
        if let BodyLength::Exact(bytes) = found.request.body {
            found.body_left = Some(bytes);
        }
        if let Some(priority) = said_priority(&found.request) {
            found.priority = priority;
            found.is_prioritised = true;
            self.has_priorities = true;
        }
        if let Some(priority) = self.early.take(id) {
            found.priority = priority;
            found.is_prioritised = true;
        }
        if self.head_bytes > self.config.heads_bytes_max && self.streams.count() > 1 {
            self.give_up(stream);
            return self.refuse_one_more(id);
        }
        match outcome {
            Outcome::Complete => self.events.push_back(Event::Head(stream)),
            Outcome::Refused(fault) => {
                self.events.push_back(Event::Refused(stream, fault));
                if matches!(fault, Fault::HeadTooLarge | Fault::TargetTooLong) {
                    let allowance = self.config.budgets.large_heads;
                    return self.spend(Budget::LargeHeads, |b| &mut b.large_heads, allowance);
                }
            }
            Outcome::Bomb => {
                self.give_up(stream);
                return Err(Failure::Budget(Budget::HeaderBlock));
            }
            Outcome::Malformed(bad) => {
                return self.malformed(stream, ErrorCode::PROTOCOL_ERROR, Fault::BadRequest(bad));
            }
        }
        Ok(())
    }

    /// Whether a client that keeps to `streams_max` can have opened one more. To it a stream is open until it has
    /// read the end; so those whose end waits in the output count too, and the output is bounded with them.
    fn has_room_for_one_more(&self) -> bool {
        let streams_max = self.config.streams_max as usize;
        self.streams.open_count() + self.output.ends() < streams_max
            && self.streams.count() < streams_max.saturating_mul(2)
    }

    #[cold]
    fn refuse_one_more(&mut self, id: u32) -> Result<(), Failure> {
        self.spend(Budget::RefusedStreams, |b| &mut b.refused_streams, self.config.budgets.refused_streams)?;
        self.rst(id, ErrorCode::REFUSED_STREAM);
        self.streams.remember(id, Closed::ByUs);
        Ok(())
    }

    /// A message that is none (section 8.1.1), or none that we can do with.
    #[cold]
    fn malformed(&mut self, stream: StreamId, code: ErrorCode, fault: Fault) -> Result<(), Failure> {
        // Told even if this was one too many: whoever is told gives it back.
        let outcome = self.break_off_silently(stream, code);
        self.end_broken(stream, Closed::ByUs);
        self.events.push_back(Event::Malformed(stream, fault));
        outcome
    }

    /// Gives back a stream that nobody was told of.
    #[cold]
    fn give_up(&mut self, stream: StreamId) {
        self.end_broken(stream, Closed::ByUs);
        self.release(stream);
    }

    /// The head of a response.
    fn response(&mut self, stream: StreamId, block: Block, bytes: &[u8]) -> Result<(), Failure> {
        let Some(found) = self.streams.get_mut(stream) else { return Ok(self.decoder.discard(bytes)?) };
        let mut head = self.spare.pop().unwrap_or_default();
        let limits = &self.config.head;
        let read = message::read_response(
            &mut self.decoder,
            bytes,
            block.ends_stream,
            limits,
            found.method,
            &mut head,
        )?;
        if let Err(bad) = read {
            let is_ours = bad == BadResponse::HeadTooLarge;
            let code = if is_ours { ErrorCode::CANCEL } else { ErrorCode::PROTOCOL_ERROR };
            return self.malformed(stream, code, Fault::BadResponse(bad));
        }
        if found.responses.len() >= self.config.interim_max {
            let fault = Fault::BadResponse(BadResponse::InterimFlood);
            return self.malformed(stream, ErrorCode::ENHANCE_YOUR_CALM, fault);
        }
        if !head.is_interim() {
            found.body_left = match head.body {
                BodyLength::None => Some(0),
                BodyLength::Exact(bytes) => Some(bytes),
                BodyLength::Chunked | BodyLength::UntilClose => None,
            };
            found.receiving = Receiving::Body;
        }
        found.responses.push_back(head);
        self.events.push_back(Event::Head(stream));
        if block.ends_stream {
            self.end_receiving(stream, Told::ByHead);
        }
        Ok(())
    }

    /// Trailers: the last frames of a stream (section 8.1).
    fn trailer_section(&mut self, stream: StreamId, bytes: &[u8]) -> Result<(), Failure> {
        let forbidden = if self.is_server() { ForbiddenTrailers::Refuse } else { ForbiddenTrailers::Mark };
        let Some(found) = self.streams.get_mut(stream) else { return Ok(self.decoder.discard(bytes)?) };
        let limits = &self.config.trailers;
        let read = message::read_trailers(&mut self.decoder, bytes, limits, forbidden, &mut found.trailers)?;
        found.has_trailers = true;
        let is_short = found.body_left.is_some_and(|left| left > 0);
        match read {
            Ok(()) if is_short => self.break_off(stream, ErrorCode::PROTOCOL_ERROR),
            Err(TrailerError::Malformed | TrailerError::Forbidden) => {
                self.break_off(stream, ErrorCode::PROTOCOL_ERROR)
            }
            Err(TrailerError::TooLarge) => self.break_off(stream, ErrorCode::ENHANCE_YOUR_CALM),
            Ok(()) => {
                self.end_receiving(stream, Told::Now);
                Ok(())
            }
        }
    }
}

/// The bytes of a frame.
pub(super) fn frame_bytes(head: FrameHead) -> u64 {
    u64::from(head.len) + HEAD_BYTES as u64
}

/// How many bytes a request's head holds.
#[inline]
fn head_bytes(head: &RequestHead) -> usize {
    head.fields.bytes_held()
}

/// What a request's `priority` fields say (RFC 9218 section 5).
#[inline]
fn said_priority(head: &RequestHead) -> Option<Priority> {
    const NAME: &[u8] = b"priority";
    let fields = head.fields.list().iter().filter(|field| {
        field.name.len as usize == NAME.len() && field.known == Known::Other && head.bytes(field.name) == NAME
    });
    let said = fields.map(|field| PriorityField::of(head.bytes(field.value))).reduce(PriorityField::and)?;
    Some(said.over(Priority::default()))
}
