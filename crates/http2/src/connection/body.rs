//! DATA in (RFC 9113 section 6.1), and its way to whoever takes it.

use rempart_flow::Fields;

use super::heads::frame_bytes;
use super::{Connection, Failure, Going, Partial, Violation};
use crate::budget::Budget;
use crate::event::{Event, StreamId};
use crate::frame::{ErrorCode, FrameHead, flag, kind};
use crate::stream::{Closed, Receiving};

/// DATA below this size for a stream that has ended counts as a strange frame. Larger ones cost their sender
/// more than us.
const SMALL_FRAME_BYTES: usize = 1024;

impl Connection {
    /// The bytes of body that have come and were not consumed.
    #[inline]
    #[must_use]
    pub fn data(&self, stream: StreamId) -> &[u8] {
        self.streams.get(stream).map_or(&[], |stream| stream.body.bytes())
    }

    /// Takes the first `count` bytes of [`Connection::data`] away, and lets the peer send as many more.
    pub fn consume(&mut self, stream: StreamId, count: usize) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        let count = found.body.consume(count);
        found.is_data_told = false;
        self.credit(Some(stream), count);
    }

    /// Whether the peer has ended the stream and every byte of it was consumed. Streams that are broken off or
    /// released never are.
    #[must_use]
    pub fn is_received(&self, stream: StreamId) -> bool {
        self.streams.get(stream).is_some_and(|s| s.receiving == Receiving::Ended && s.body.len() == 0)
    }

    /// The trailers, once the peer has ended the stream with some.
    #[must_use]
    pub fn trailers(&self, stream: StreamId) -> Option<&Fields> {
        self.streams.get(stream).filter(|s| s.has_trailers).map(|s| &s.trailers)
    }

    /// A DATA frame begins. All that can be wrong with it is found before its first byte of content is taken.
    pub(super) fn data_frame<'i>(
        &mut self,
        head: FrameHead,
        rest: &'i [u8],
    ) -> Result<Option<&'i [u8]>, Failure> {
        let (padding, rest) = if !head.has(flag::PADDED) {
            (0, rest)
        } else if head.len == 0 {
            let what = "no room for the length of padding";
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what).into());
        } else {
            let Some((padding, rest)) = rest.split_first() else { return Ok(None) };
            if u32::from(*padding) >= head.len {
                return Err(Violation::protocol("more padding than payload").into());
            }
            (usize::from(*padding) + 1, rest)
        };
        let content = head.len as usize - padding;
        let ends_stream = head.has(flag::END_STREAM);
        let open = self.not_idle(head)?;
        if self.receive_window.take(head.len).is_err() {
            let what = "more than the connection's window";
            return Err(Violation::new(ErrorCode::FLOW_CONTROL_ERROR, what).into());
        }
        if content > 0 {
            self.buckets.received(&self.config.budgets);
        } else if !ends_stream {
            self.spend(Budget::EmptyFrames, |b| &mut b.empty_frames, self.config.budgets.empty_frames)?;
        }
        let stream = match open {
            Some(stream) => self.admit_data(stream, head, content as u64, ends_stream)?,
            None => {
                self.data_after_end(head.stream, content)?;
                None
            }
        };
        // What nobody will consume needs no room: padding, and content that nobody wants.
        self.credit(stream, if stream.is_some() { padding } else { head.len as usize });
        self.partial = Some(Partial { stream, content, padding: padding.saturating_sub(1), ends_stream });
        Ok(self.take_partial(rest).or(Some(rest)))
    }

    /// Whether an open stream can take this frame. `None` if it was reset for it.
    fn admit_data(
        &mut self,
        stream: StreamId,
        head: FrameHead,
        content: u64,
        ends_stream: bool,
    ) -> Result<Option<StreamId>, Failure> {
        let Some(found) = self.streams.get_mut(stream) else { return Ok(None) };
        found.moved.received += frame_bytes(head);
        let code = match (found.receiving, found.body_left) {
            (Receiving::Ended | Receiving::Broken, _) => ErrorCode::STREAM_CLOSED,
            // Content before the head of a response.
            (Receiving::Head, _) => ErrorCode::PROTOCOL_ERROR,
            _ if found.receive_window.take(head.len).is_err() => ErrorCode::FLOW_CONTROL_ERROR,
            // Section 8.1.1: `content-length` and DATA must agree.
            (Receiving::Body, Some(left)) if content > left || (ends_stream && content < left) => {
                ErrorCode::PROTOCOL_ERROR
            }
            (Receiving::Body, left) => {
                found.body_left = left.map(|left| left - content);
                return Ok(Some(stream));
            }
        };
        self.break_off(stream, code)?;
        Ok(None)
    }

    /// DATA for a stream that is no more open.
    fn data_after_end(&mut self, stream: u32, content: usize) -> Result<(), Failure> {
        if content < SMALL_FRAME_BYTES {
            self.spend(Budget::StrangeFrames, |b| &mut b.strange_frames, self.config.budgets.strange_frames)?;
        }
        match self.streams.closed(stream) {
            // It was under way when we reset the stream, or is of one that is not served.
            Some(Closed::ByUs) => Ok(()),
            None if matches!(self.going, Going::Last(last) if stream > last) => Ok(()),
            Some(Closed::Ended | Closed::ByPeer) | None => self.refuse(stream, ErrorCode::STREAM_CLOSED),
        }
    }

    /// Takes what is there of a payload. `None` if nothing is and more must come.
    pub(super) fn take_partial<'i>(&mut self, input: &'i [u8]) -> Option<&'i [u8]> {
        let mut partial = self.partial.take()?;
        let (content, rest) = input.split_at_checked(partial.content).unwrap_or((input, &[]));
        partial.content -= content.len();
        if let (Some(stream), false) = (partial.stream, content.is_empty()) {
            self.take_content(stream, content);
        }
        let (padding, rest) = rest.split_at_checked(partial.padding).unwrap_or((rest, &[]));
        partial.padding -= padding.len();
        if partial.content == 0 && partial.padding == 0 {
            if let (Some(stream), true) = (partial.stream, partial.ends_stream) {
                self.end_receiving(stream, Told::Now);
            }
            return Some(rest);
        }
        self.partial = Some(partial);
        (rest.len() < input.len()).then_some(rest)
    }

    fn take_content(&mut self, stream: StreamId, content: &[u8]) {
        match self.streams.get_mut(stream) {
            Some(found) if found.receiving == Receiving::Body => {
                found.body.push(content);
                if !std::mem::replace(&mut found.is_data_told, true) {
                    self.events.push_back(Event::Data(stream));
                }
            }
            // It was reset or released while the frame was coming.
            Some(_) | None => self.credit(None, content.len()),
        }
    }

    /// The peer has ended a stream.
    pub(super) fn end_receiving(&mut self, stream: StreamId, told: Told) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        if found.receiving != Receiving::Body {
            return;
        }
        found.receiving = Receiving::Ended;
        if found.is_over() {
            self.streams.close(stream, Closed::Ended);
        }
        if matches!(told, Told::Now) {
            self.events.push_back(Event::End(stream));
        }
    }

    /// So many bytes need no more room, on the connection and on a stream.
    pub(super) fn credit(&mut self, stream: Option<StreamId>, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count == 0 || self.is_closed() {
            return;
        }
        self.receive_window.credit(count);
        if let Some(bytes) = self.receive_window.grant() {
            self.output.control(kind::WINDOW_UPDATE, 0, 0, &[&bytes.to_be_bytes()]);
        }
        let Some(stream) = stream else { return };
        let Some(found) = self.streams.get_mut(stream) else { return };
        if found.receiving == Receiving::Body {
            found.receive_window.credit(count);
            if let Some(bytes) = found.receive_window.grant() {
                self.output.control(kind::WINDOW_UPDATE, 0, stream.id, &[&bytes.to_be_bytes()]);
            }
        }
    }
}

/// Whether the end of a stream is an event of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Yes.
    Now,
    /// No: the head says it.
    ByHead,
}
