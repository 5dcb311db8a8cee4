//! Heads and bodies out.

use rempart_flow::Method;

use super::{Connection, Going};
use crate::event::StreamId;
use crate::flow_control::SendWindow;
use crate::frame::{HEAD_BYTES, MAX_31};
use crate::hpack::Encoder;
use crate::settings::FRAME_BYTES_MIN;
use crate::stream::{Closed, Receiving, Sending};

/// A DATA frame that a window makes smaller than this does not earn the peer another WINDOW_UPDATE.
const TINY_FRAME_BYTES: usize = 256;

/// Content of a DATA frame at most: every peer takes as much, and larger ones would bring nothing but longer waits for
/// what is behind them.
const DATA_BYTES_MAX: usize = FRAME_BYTES_MIN as usize;

/// Where a head is written: append one header block to `out`, by `message::BlockWriter`, or by
/// `encoder.begin(out)` and prepared bytes.
#[derive(Debug)]
pub struct HeadBlock<'a> {
    /// The connection's encoder.
    pub encoder: &'a mut Encoder,
    /// The end of the output. What stands there already is not to be touched.
    pub out: &'a mut Vec<u8>,
}

impl Connection {
    /// Whether a stream can be opened: the peer takes one more, and the head of the one before has been sent.
    #[must_use]
    pub fn can_open(&self) -> bool {
        !self.is_server()
            && self.going == Going::On
            && self.peer_last.is_none()
            && self.unsent.is_none()
            && self.last_own < MAX_31
            && self.streams.open_count() < self.peer.streams_max as usize
    }

    /// How many streams the peer takes at once; 100 until it has said so.
    #[must_use]
    pub const fn peer_streams_max(&self) -> u32 {
        self.peer.streams_max
    }

    /// Opens a stream for a request of that method, whose head is to be sent before another is opened.
    pub fn open(&mut self, method: Method) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        let id = if self.last_own == 0 { 1 } else { self.last_own + 2 };
        let send_window = SendWindow::new(self.peer.window_bytes);
        let (stream, found) = self.streams.insert(id, self.stream_window, send_window)?;
        found.method = method;
        found.receiving = Receiving::Head;
        found.sending = Sending::Unsent;
        self.last_own = id;
        self.unsent = Some(stream);
        Some(stream)
    }

    /// A stream that the peer has never heard of: its number is free again.
    pub(super) fn forget_unsent(&mut self, stream: StreamId) {
        if self.unsent == Some(stream) {
            self.unsent = None;
            self.last_own = stream.id.saturating_sub(2);
        }
    }

    /// Whether the server takes extended CONNECT (RFC 8441).
    #[must_use]
    pub const fn peer_has_connect_protocol(&self) -> bool {
        self.peer.has_connect_protocol
    }

    /// Whether a stream can still send: it was neither ended nor reset.
    #[must_use]
    pub fn can_send(&self, stream: StreamId) -> bool {
        !self.is_closed()
            && self.streams.get(stream).is_some_and(|s| s.is_open && s.sending != Sending::Ended)
    }

    /// Begins a head: interim, final, or trailers. `None` if the stream can send no more. A head that was begun
    /// and not ended, of whichever stream, is taken back.
    #[inline]
    pub fn begin_head(&mut self, stream: StreamId) -> Option<HeadBlock<'_>> {
        if !self.can_send(stream) {
            return None;
        }
        self.take_back_head();
        self.open_head = Some(stream);
        Some(HeadBlock { encoder: &mut self.encoder, out: self.output.begin_head() })
    }

    /// Ends the head that was begun for this stream, and with it, if so wanted, our side of the stream.
    #[inline]
    pub fn end_head(&mut self, stream: StreamId, ends_stream: bool) {
        if self.open_head != Some(stream) {
            return;
        }
        self.open_head = None;
        let bytes = self.output.end_head(stream.id, ends_stream, self.frame_bytes_max());
        let is_first = self.unsent == Some(stream);
        if let Some(found) = self.streams.get_mut(stream) {
            found.moved.sent += bytes as u64;
            if is_first {
                found.sending = Sending::Open;
                self.unsent = None;
            }
        }
        if ends_stream {
            self.end_sending(stream);
        }
    }

    /// Takes back the head that was begun for this stream.
    pub fn abandon_head(&mut self, stream: StreamId) {
        if self.open_head == Some(stream) {
            self.take_back_head();
        }
    }

    #[inline]
    pub(super) fn take_back_head(&mut self) {
        if self.open_head.take().is_some() {
            self.output.abandon_head();
            self.encoder.forget();
        }
    }

    /// Sends as much of a piece of body as windows, the output's bound and others' turns allow, and after all of
    /// it, if so wanted, ends our side of the stream. Returns how many bytes were taken; if that is not all, the
    /// stream is told `Room` when it may go on.
    #[inline]
    pub fn send_data(&mut self, stream: StreamId, piece: &[u8], ends_stream: bool) -> usize {
        let allowed = self.allowance(stream, piece.len());
        let Some(found) = self.streams.get_mut(stream) else { return 0 };
        if found.sending != Sending::Open || self.going == Going::Closed {
            return 0;
        }
        let is_all = allowed == piece.len();
        let ends_now = ends_stream && is_all;
        if allowed > 0 || ends_now {
            let is_tiny = !is_all
                && allowed < TINY_FRAME_BYTES
                && allowed == found.send_window.bytes().min(self.send_window.bytes());
            found.send_window.take(allowed);
            self.send_window.take(allowed);
            found.sent += allowed as u64;
            found.turn = found.turn.saturating_sub(allowed);
            found.served = self.turns;
            found.moved.sent += (allowed + HEAD_BYTES * allowed.div_ceil(DATA_BYTES_MAX).max(1)) as u64;
            if allowed > 0 && !is_tiny {
                self.buckets.sent(&self.config.budgets);
            }
            self.write_frames(stream.id, piece.get(..allowed).unwrap_or_default(), ends_now);
        }
        if ends_now {
            self.end_sending(stream);
        } else if !is_all {
            self.want_room(stream);
        }
        allowed
    }

    /// DATA frames.
    #[inline]
    fn write_frames(&mut self, stream: u32, piece: &[u8], ends_stream: bool) {
        let mut rest = piece;
        while let Some((frame, after)) =
            rest.split_at_checked(DATA_BYTES_MAX).filter(|(_, after)| !after.is_empty())
        {
            self.output.data(stream, frame, false);
            rest = after;
        }
        self.output.data(stream, rest, ends_stream);
    }

    /// Ends our side of a stream, without trailers. Neither windows nor turns hold it back.
    pub fn finish(&mut self, stream: StreamId) {
        self.abandon_head(stream);
        self.send_data(stream, &[], true);
    }

    fn end_sending(&mut self, stream: StreamId) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        found.sending = Sending::Ended;
        found.wants_room = false;
        let is_over = found.is_over();
        if self.is_server() {
            self.buckets.answered(&self.config.budgets);
        }
        if is_over {
            self.streams.close(stream, Closed::Ended);
            if self.is_server() {
                // To the visitor it is open until it has read the end.
                self.output.end_stream();
            }
        }
    }

    /// Whether it is the peer's windows that keep a stream from sending, and not our own order of sending.
    #[must_use]
    pub fn is_held_by_peer(&self, stream: StreamId) -> bool {
        let is_open = self.streams.get(stream).is_some_and(|found| found.send_window.is_open());
        !is_open || !self.send_window.is_open()
    }

    const fn frame_bytes_max(&self) -> usize {
        self.peer.frame_bytes_max as usize
    }
}
