//! Frames that move no message: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM and priorities.

use super::ending::DRAIN_PING;
use super::{Connection, Failure, Phase, Violation};
use crate::budget::Budget;
use crate::event::{Broken, By, Event, StreamId};
use crate::flow_control::INITIAL_WINDOW_BYTES;
use crate::frame::{ErrorCode, FrameHead, MAX_31, flag, kind, u32_of};
use crate::priority::Priority;
use crate::settings;
use crate::stream::{Closed, Receiving, Sending};

impl Connection {
    /// Asks the peer for a sign of life, which [`Event::Pong`] tells with the same number. One at a time: a
    /// second replaces the first.
    pub fn ping(&mut self, number: u64) {
        if !self.is_closed() {
            self.ping = Some(number);
            self.output.control(kind::PING, 0, 0, &[&number.to_be_bytes()]);
        }
    }

    /// Section 6.5.
    pub(super) fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        if head.stream != 0 {
            return Err(Violation::protocol("SETTINGS on a stream").into());
        }
        let is_ack = head.has(flag::ACK);
        if !payload.len().is_multiple_of(6) || (is_ack && !payload.is_empty()) {
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, "SETTINGS of a wrong length").into());
        }
        self.spend(Budget::Settings, |b| &mut b.settings, self.config.budgets.settings)?;
        if is_ack {
            self.settled();
            return Ok(());
        }
        self.phase = Phase::Open;
        let before = self.peer;
        let from_server = !self.is_server();
        for (id, value) in settings::parameters(payload) {
            let table_bytes = self.peer.table_bytes;
            self.peer.take(id, value, from_server)?;
            // A table that was smaller for a moment has lost its entries.
            if self.peer.table_bytes != table_bytes {
                self.encoder.set_peer_table_bytes(self.peer.table_bytes);
            }
        }
        self.has_priorities |= self.is_server() && self.peer.no_old_priorities;
        self.output.control(kind::SETTINGS, flag::ACK, 0, &[]);
        let shift = i64::from(self.peer.window_bytes) - i64::from(before.window_bytes);
        if shift != 0 {
            self.shift_windows(shift)?;
        }
        if before != self.peer {
            self.events.push_back(Event::Settings);
        }
        Ok(())
    }

    /// The peer goes by our settings now.
    fn settled(&mut self) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        self.decoder.set_table_bytes_max(self.config.table_bytes_max as usize);
        // Section 6.9.3: windows that began larger than ours are to be.
        let smaller = INITIAL_WINDOW_BYTES.saturating_sub(self.config.stream_window_bytes);
        if smaller > 0 {
            self.stream_window.shrink(smaller);
            let open: Vec<_> = self.streams.open().collect();
            for stream in open {
                if let Some(found) = self.streams.get_mut(stream) {
                    found.receive_window.shrink(smaller);
                }
            }
        }
    }

    /// INITIAL_WINDOW_SIZE has changed (section 6.9.2).
    fn shift_windows(&mut self, shift: i64) -> Result<(), Violation> {
        let open: Vec<_> = self.streams.open().collect();
        for stream in open {
            let Some(found) = self.streams.get_mut(stream) else { continue };
            if found.send_window.shift(shift).is_err() {
                let what = "INITIAL_WINDOW_SIZE makes a window too large";
                return Err(Violation::new(ErrorCode::FLOW_CONTROL_ERROR, what));
            }
            self.list(stream);
        }
        Ok(())
    }

    /// Section 6.7.
    pub(super) fn ping_frame(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        if head.stream != 0 {
            return Err(Violation::protocol("PING on a stream").into());
        }
        let Some((number, [])) = payload.split_first_chunk::<8>() else {
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, "PING of a wrong length").into());
        };
        self.spend(Budget::Pings, |b| &mut b.pings, self.config.budgets.pings)?;
        if !head.has(flag::ACK) {
            self.output.control(kind::PING, flag::ACK, 0, &[payload]);
            return Ok(());
        }
        let number = u64::from_be_bytes(*number);
        if number == DRAIN_PING {
            self.drain_heard();
        }
        if self.ping == Some(number) {
            self.ping = None;
            self.events.push_back(Event::Pong(number));
        }
        Ok(())
    }

    /// Section 6.8.
    pub(super) fn goaway(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        if head.stream != 0 {
            return Err(Violation::protocol("GOAWAY on a stream").into());
        }
        let Some(((last, rest), true)) = u32_of(payload).map(|read| (read, payload.len() >= 8)) else {
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, "GOAWAY of a wrong length").into());
        };
        let code = ErrorCode(u32_of(rest).map_or(0, |(code, _)| code));
        self.spend(Budget::Settings, |b| &mut b.settings, self.config.budgets.settings)?;
        // It never grows, whatever the peer says.
        let last = (last & MAX_31).min(self.peer_last.unwrap_or(MAX_31));
        self.peer_last = Some(last);
        if !self.is_server() {
            let beyond: Vec<_> = self.streams.open().filter(|stream| stream.id > last).collect();
            for stream in beyond {
                if Some(stream) == self.unsent {
                    self.forget_unsent(stream);
                }
                self.end_broken(stream, Closed::ByPeer);
                let broken = Broken { code, by: By::Peer, is_unprocessed: true };
                self.events.push_back(Event::Reset(stream, broken));
            }
        }
        self.events.push_back(Event::GoAway(code));
        Ok(())
    }

    /// Section 6.9.
    pub(super) fn window_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        let Some((bytes, [])) = u32_of(payload) else {
            let what = "WINDOW_UPDATE of a wrong length";
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what).into());
        };
        let bytes = bytes & MAX_31;
        self.spend(Budget::WindowUpdates, |b| &mut b.window_updates, self.config.budgets.window_updates)?;
        if head.stream == 0 {
            if bytes == 0 {
                return Err(Violation::protocol("WINDOW_UPDATE of nothing").into());
            }
            return self.send_window.shift(i64::from(bytes)).map_err(|_| {
                let what = "the connection's window above 2^31-1";
                Violation::new(ErrorCode::FLOW_CONTROL_ERROR, what).into()
            });
        }
        let Some(stream) = self.not_idle(head)? else { return Ok(()) };
        if bytes == 0 {
            return self.break_off(stream, ErrorCode::PROTOCOL_ERROR);
        }
        let Some(found) = self.streams.get_mut(stream) else { return Ok(()) };
        if found.send_window.shift(i64::from(bytes)).is_err() {
            return self.break_off(stream, ErrorCode::FLOW_CONTROL_ERROR);
        }
        self.list(stream);
        Ok(())
    }

    /// Section 6.4.
    pub(super) fn rst_stream(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        let Some((code, [])) = u32_of(payload) else {
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, "RST_STREAM of a wrong length").into());
        };
        let code = ErrorCode(code);
        let Some(stream) = self.not_idle(head)? else {
            return self.spend(
                Budget::StrangeFrames,
                |b| &mut b.strange_frames,
                self.config.budgets.strange_frames,
            );
        };
        let Some(found) = self.streams.get(stream) else { return Ok(()) };
        let is_answered = found.sending == Sending::Ended;
        if self.is_server() {
            if !is_answered {
                self.spend(Budget::PeerResets, |b| &mut b.peer_resets, self.config.budgets.peer_resets)?;
            }
        } else if found.receiving == Receiving::Ended {
            // Section 8.1: the response is whole and stays; only the rest of the request is not wanted.
            self.stop_sending(stream);
            return Ok(());
        }
        let is_unprocessed = !self.is_server()
            && code == ErrorCode::REFUSED_STREAM
            && self.streams.get(stream).is_some_and(|found| found.receiving == Receiving::Head);
        self.end_broken(stream, Closed::ByPeer);
        self.events.push_back(Event::Reset(stream, Broken { code, by: By::Peer, is_unprocessed }));
        Ok(())
    }

    /// A server wants no more of a request.
    fn stop_sending(&mut self, stream: StreamId) {
        if self.open_head == Some(stream) {
            self.take_back_head();
        }
        if let Some(found) = self.streams.get_mut(stream) {
            found.sending = Sending::Broken;
        }
        self.streams.close(stream, Closed::ByPeer);
        self.events.push_back(Event::SendStopped(stream));
    }

    /// PRIORITY is read and says nothing (section 5.3.2).
    pub(super) fn priority_frame(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        if head.stream == 0 {
            return Err(Violation::protocol("PRIORITY on stream 0").into());
        }
        self.spend(Budget::Priorities, |b| &mut b.priorities, self.config.budgets.priorities)?;
        let dependency = match u32_of(payload) {
            Some((dependency, [_])) => dependency & MAX_31,
            Some(_) | None => {
                // An idle stream cannot be reset.
                let what = "PRIORITY of a wrong length";
                return match self.streams.find(head.stream) {
                    Some(stream) if !self.is_idle(head.stream) => {
                        self.break_off(stream, ErrorCode::FRAME_SIZE_ERROR)
                    }
                    Some(_) | None => Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what).into()),
                };
            }
        };
        if dependency == head.stream {
            return Err(Violation::protocol("a stream that depends on itself").into());
        }
        Ok(())
    }

    /// RFC 9218 section 7.1.
    pub(super) fn priority_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Failure> {
        if head.stream != 0 {
            return Err(Violation::protocol("PRIORITY_UPDATE on a stream").into());
        }
        if !self.is_server() {
            return Err(Violation::protocol("PRIORITY_UPDATE from a server").into());
        }
        let Some((stream, field)) = u32_of(payload) else {
            let what = "PRIORITY_UPDATE of a wrong length";
            return Err(Violation::new(ErrorCode::FRAME_SIZE_ERROR, what).into());
        };
        let stream = stream & MAX_31;
        // Nothing is pushed: no stream of an even number can be meant.
        if stream.is_multiple_of(2) {
            return Err(Violation::protocol("PRIORITY_UPDATE for no stream of the client").into());
        }
        self.spend(Budget::Priorities, |b| &mut b.priorities, self.config.budgets.priorities)?;
        self.has_priorities = true;
        let priority = Priority::from_field(field);
        if self.is_idle(stream) {
            self.early.put(stream, priority);
        } else if let Some(found) = self.streams.find(stream).and_then(|id| self.streams.get_mut(id)) {
            found.priority = priority;
            found.is_prioritised = true;
        }
        Ok(())
    }
}
