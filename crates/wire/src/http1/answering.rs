//! One request and its answer, as the edge sees them.

use std::io;
use std::task::{Context, Poll, ready};

use rempart_base::Now;
use rempart_flow::{BadRequest, BodyLength, Fault, Field, Fields, RequestHead, Version};
use rempart_http1::encode;
use rempart_io::body::Front;
use rempart_io::buffer::Filled;
use rempart_io::{BodyReader, Stream};

use super::{Answer, Http1};
use crate::bounds::{HALF_CLOSED, READ_AHEAD_BYTES_MAX};
use crate::visitor::{Moved, Peer, Prepared, Visitor};

impl Visitor for Http1 {
    fn head(&self) -> &RequestHead {
        &self.head
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        loop {
            match self.body.front(&mut self.input).map_err(|error| Fault::BadRequest(error.bad_request()))? {
                Front::Data(count) => {
                    self.front = count;
                    let is_over = self.body_bytes + count as u64 > self.limits.body_bytes_max;
                    return Poll::Ready(if is_over && !self.is_tunnel() {
                        Err(Fault::BodyTooLarge)
                    } else {
                        Ok(true)
                    });
                }
                Front::Done => {
                    self.front = 0;
                    return Poll::Ready(Ok(false));
                }
                Front::NeedMore => {}
            }
            let before = self.input.len();
            match self.input.poll_fill(&mut self.stream, cx, self.limits.head_bytes_max) {
                Poll::Ready(Ok(Filled::Bytes)) => {
                    self.receive.moved(self.input.len() - before);
                }
                Poll::Ready(Ok(Filled::End)) => {
                    self.input_ended = true;
                    if !self.body.end_of_stream() {
                        return Poll::Ready(Err(Fault::BadRequest(BadRequest::Truncated)));
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::ClientGone)),
                Poll::Pending if self.is_tunnel() => return Poll::Pending,
                Poll::Pending => return self.receive.poll_out(cx).map(|()| Err(Fault::BodyTimeout)),
            }
        }
    }

    fn body(&self) -> &[u8] {
        self.input.bytes().get(..self.front).unwrap_or_default()
    }

    fn take_body(&mut self, count: usize) {
        let count = count.min(self.front);
        self.front -= count;
        self.body_bytes += count as u64;
        self.body.take(&mut self.input, count);
    }

    fn is_body_done(&self) -> bool {
        self.body.is_done()
    }

    fn request_trailers(&self) -> Option<&Fields> {
        self.body.trailers()
    }

    fn begin(&mut self, status: u16) {
        let out = self.outbox.bytes_mut();
        // Nothing is written to the network between a head's begin and its end.
        out.truncate(self.head_begun_at.unwrap_or(out.len()));
        self.head_begun_at = Some(out.len());
        encode::status_line(self.outbox.bytes_mut(), status, encode::reason(status).as_bytes());
    }

    fn begin_prepared(&mut self, prepared: Prepared<'_>) {
        let out = self.outbox.bytes_mut();
        out.truncate(self.head_begun_at.unwrap_or(out.len()));
        self.head_begun_at = Some(out.len());
        out.extend_from_slice(prepared.http1);
    }

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        encode::field(self.outbox.bytes_mut(), name, value);
    }

    #[inline]
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.outbox.bytes_mut();
        encode::field_begin(out, name);
        write(out);
        encode::field_end(out);
    }

    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool) {
        encode::fields(self.outbox.bytes_mut(), fields, keep);
    }

    fn end(&mut self, body: BodyLength) {
        self.head_begun_at = None;
        let old = self.head.version == Version::Http10;
        let out = self.outbox.bytes_mut();
        self.answer = match body {
            BodyLength::None => Answer::Exact(0),
            BodyLength::Exact(bytes) => {
                encode::content_length(out, bytes);
                Answer::Exact(bytes)
            }
            // RFC 9112 section 6.1: no chunks to a visitor that may not know them.
            BodyLength::Chunked | BodyLength::UntilClose if old => Answer::UntilClose,
            BodyLength::Chunked | BodyLength::UntilClose => {
                encode::field(out, b"Transfer-Encoding", b"chunked");
                Answer::Chunked
            }
        };
        // What is left of an upload is not waited for before the connection can be used again.
        self.close |= self.answer == Answer::UntilClose || !self.body.is_done() || self.guest.is_draining();
        if self.close {
            encode::field(out, b"Connection", b"close");
        } else if old {
            encode::field(out, b"Connection", b"keep-alive");
        }
        encode::end_of_head(out);
    }

    fn end_interim(&mut self) {
        self.head_begun_at = None;
        encode::end_of_head(self.outbox.bytes_mut());
    }

    fn end_upgrade(&mut self, protocol: &[u8]) {
        self.head_begun_at = None;
        let out = self.outbox.bytes_mut();
        encode::field(out, b"Upgrade", protocol);
        encode::field(out, b"Connection", b"upgrade");
        encode::end_of_head(out);
        self.body = BodyReader::UntilClose;
        self.answer = Answer::UntilClose;
        self.close = true;
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        let piece = match self.answer {
            Answer::Exact(left) => piece.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(piece),
            Answer::None | Answer::Chunked | Answer::UntilClose => piece,
        };
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.answer == Answer::Chunked && self.chunk_left == 0 {
            encode::chunk_head(self.outbox.bytes_mut(), piece.len());
            self.chunk_left = piece.len();
        }
        let piece = if self.answer == Answer::Chunked {
            piece.get(..self.chunk_left).unwrap_or(piece)
        } else {
            piece
        };
        let poll = self.outbox.poll_send(&mut self.stream, cx, piece);
        let count = ready!(self.sent(poll, cx))?;
        self.sent_body += count as u64;
        match &mut self.answer {
            Answer::Exact(left) => *left -= (count as u64).min(*left),
            Answer::Chunked => {
                self.chunk_left -= count.min(self.chunk_left);
                if self.chunk_left == 0 {
                    self.outbox.bytes_mut().extend_from_slice(encode::CHUNK_END);
                }
            }
            Answer::None | Answer::UntilClose => {}
        }
        Poll::Ready(Ok(count))
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        if self.answer == Answer::Chunked {
            encode::last_chunk(self.outbox.bytes_mut(), trailers);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.outbox.is_empty() && !matches!(self.stream, Stream::Tls(_)) {
            return Poll::Ready(Ok(()));
        }
        let poll = self.outbox.poll_flush(&mut self.stream, cx);
        self.sent(poll, cx)
    }

    fn close_after(&mut self) {
        self.close = true;
    }

    fn abort(&mut self) {
        // Half a head says nothing.
        if let Some(begun) = self.head_begun_at.take() {
            self.outbox.bytes_mut().truncate(begun);
        }
        // A missing last chunk or missing bytes say it, once the connection closes. A body that lasts
        // until the close has no such mark: only a reset tells.
        self.close = true;
        self.aborted = true;
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // While a body is read, reading it tells.
        if !self.body.is_done() && !self.input_ended {
            return Poll::Pending;
        }
        while !self.input_ended {
            // The next request may be here already; one buffer of it is enough to know.
            if self.input.len() >= READ_AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            match self.input.poll_fill(&mut self.stream, cx, READ_AHEAD_BYTES_MAX) {
                Poll::Ready(Ok(Filled::Bytes)) => {}
                Poll::Ready(Ok(Filled::End)) => self.input_ended = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.answer == Answer::None {
            // While the head of an answer is waited for, a half-closed visitor waits with us.
            return Poll::Pending;
        }
        if self.send.is_waiting() {
            // It has something to take, and patience with that is the sender's.
            return Poll::Pending;
        }
        let sent = self.outbox.total();
        if self.silent_since_sent.replace(sent) != Some(sent) {
            self.deadline.set(Now::mono() + HALF_CLOSED);
        }
        self.deadline.poll_passed(cx)
    }

    fn moved(&self) -> Moved {
        let sent = self.outbox.total() + self.outbox.waiting() as u64 - self.sent_before;
        let received = self.input.consumed() - self.received_before;
        Moved { received, sent, sent_body: self.sent_body }
    }
}

impl Http1 {
    const fn is_tunnel(&self) -> bool {
        matches!(self.body, BodyReader::UntilClose)
    }

    /// Counts what a write took, or waits with patience.
    fn sent<T>(&mut self, poll: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T, Fault>> {
        let sent = usize::try_from(self.outbox.total() - self.sent_seen).unwrap_or(usize::MAX);
        self.sent_seen = self.outbox.total();
        // A write that is not through yet may have taken something all the same.
        if sent > 0 || poll.is_ready() {
            self.send.moved(sent);
        }
        match poll {
            Poll::Ready(Ok(done)) => Poll::Ready(Ok(done)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Fault::ClientGone)),
            Poll::Pending => self.send.poll_out(cx).map(|()| Err(Fault::ReadTooSlow)),
        }
    }
}
