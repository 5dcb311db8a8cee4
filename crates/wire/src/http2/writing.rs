//! Writing an answer to a stream: its head as one header block, its body as DATA.

use std::task::{Context, Poll};

use rempart_flow::{BodyLength, Fault, Field, Fields, Known};
use rempart_http2::PriorityField;
use rempart_http2::hpack::block;
use rempart_http2::message::BlockWriter;

use super::stream::{Answer, Http2Stream};

impl Http2Stream {
    /// Begins a head; what was begun is taken back.
    pub(super) fn begin_block(&mut self, status: u16) {
        self.block.clear();
        // RFC 8441 section 5: where HTTP/1 changes the protocol, this says that the tunnel stands.
        block::status(&mut self.block, if status == 101 { 200 } else { status });
    }

    #[inline]
    pub(super) fn write_field(&mut self, name: &[u8], value: &[u8]) {
        block::field(&mut self.block, name, value);
    }

    #[inline]
    pub(super) fn write_field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        block::field_with(&mut self.block, name, write);
    }

    pub(super) fn write_fields(&mut self, fields: &Fields, mut keep: impl FnMut(&Field) -> bool) {
        for field in fields.list().iter().filter(|field| keep(field)) {
            let name = fields.bytes(field.name);
            // Of HTTP/1's connection, and of its handshake for WebSocket.
            let is_of_http1 = field.hop_by_hop
                || matches!(field.known, Known::Upgrade | Known::Connection | Known::TransferEncoding)
                || name.eq_ignore_ascii_case(b"sec-websocket-accept");
            if name.eq_ignore_ascii_case(b"priority") {
                self.prioritise(PriorityField::of(fields.bytes(field.value)));
            }
            if !is_of_http1 {
                block::field(&mut self.block, name, fields.bytes(field.value));
            }
        }
    }

    /// What the origin says of its answer outweighs what the visitor said.
    #[inline]
    pub(super) fn prioritise(&self, said: PriorityField) {
        if let (Some(id), false) = (self.id, said.is_silent()) {
            self.shared.state().protocol.prioritise(id, said);
        }
    }

    /// Ends a final head.
    pub(super) fn end_block(&mut self, body: BodyLength) {
        self.answer = match body {
            BodyLength::None => Answer::Done,
            BodyLength::Exact(bytes) => {
                let mut text = itoa::Buffer::new();
                block::field(&mut self.block, b"content-length", text.format(bytes).as_bytes());
                if bytes == 0 { Answer::Done } else { Answer::Exact(bytes) }
            }
            BodyLength::Chunked | BodyLength::UntilClose => Answer::Open,
        };
        self.send_block(self.answer == Answer::Done);
    }

    /// Hands the block to the connection.
    pub(super) fn send_block(&mut self, ends_stream: bool) {
        let Some(id) = self.id else { return };
        let mut state = self.shared.state();
        if let Some(head) = state.protocol.begin_head(id) {
            head.encoder.begin(head.out);
            head.out.extend_from_slice(&self.block);
            state.protocol.end_head(id, ends_stream);
        }
        drop(state);
        self.block.clear();
    }

    /// Takes what the connection has room for.
    pub(super) fn send_piece(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        let Some(id) = self.id else { return Poll::Ready(Err(Fault::ClientGone)) };
        let (piece, is_last) = match self.answer {
            Answer::Exact(left) => {
                let piece = piece.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(piece);
                (piece, piece.len() as u64 == left)
            }
            Answer::Open => (piece, false),
            Answer::None | Answer::Done => return Poll::Ready(Ok(piece.len())),
        };
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut state = self.shared.state();
        if state.is_broken(id) {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        let count = state.protocol.send_data(id, piece, is_last);
        if count == 0 {
            state.wait(id, cx);
            let is_held_by_peer = state.protocol.is_held_by_peer(id);
            drop(state);
            if is_held_by_peer {
                return self.send.poll_out(cx).map(|()| Err(Fault::ReadTooSlow));
            }
            // Others have the turn, which is not its fault. With the connection as a whole its task has patience.
            self.send.moved(0);
            return Poll::Pending;
        }
        drop(state);
        self.send.moved(count);
        self.sent_body += count as u64;
        if let Answer::Exact(left) = &mut self.answer {
            *left -= (count as u64).min(*left);
            if *left == 0 {
                self.answer = Answer::Done;
            }
        }
        Poll::Ready(Ok(count))
    }

    /// The answer's body is complete.
    pub(super) fn finish_answer(&mut self, trailers: Option<&Fields>) {
        let Some(id) = self.id else { return };
        if self.answer != Answer::Open {
            return;
        }
        self.answer = Answer::Done;
        let mut state = self.shared.state();
        let Some(trailers) = trailers.filter(|trailers| !trailers.is_empty()) else {
            state.protocol.finish(id);
            return;
        };
        if let Some(head) = state.protocol.begin_head(id) {
            BlockWriter::trailers(head.encoder, head.out).fields(trailers, |field| !field.hop_by_hop);
            state.protocol.end_head(id, true);
        }
    }
}
