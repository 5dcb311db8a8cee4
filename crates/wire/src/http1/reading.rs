//! Reading requests: waiting for a head, within its time and its bounds.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use rempart_base::Now;
use rempart_flow::{BadRequest, BodyLength, Fault, Scheme};
use rempart_http1::chunked::{ChunkLimits, Decoder};
use rempart_http1::{HeadLimits, Parsed, request};
use rempart_io::BodyReader;
use rempart_io::buffer::Filled;

use super::{Http1, Next};
use crate::bounds::{BEYOND_HEAD_BYTES, CHUNK_LINE_BYTES_MAX, FRESH, HEAD_KEEP_BYTES};
use crate::visitor::Visitor;

/// What [`Http1::next`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// It does not wait yet.
    Nothing,
    /// The first byte of a head.
    Head,
    /// The first byte of a first head, while the core drains.
    LastHead,
    /// The end of a head.
    RestOfHead,
}

impl Http1 {
    /// Waits for the next request.
    pub async fn next(&mut self) -> Next {
        let mut waiting = Waiting::Nothing;
        poll_fn(|cx| self.poll_next(cx, &mut waiting)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, waiting: &mut Waiting) -> Poll<Next> {
        loop {
            if !self.input.is_empty() {
                match self.parse() {
                    Ok(true) => return Poll::Ready(Next::Request),
                    Ok(false) if self.input_ended => {
                        return Poll::Ready(self.refuse(Fault::BadRequest(BadRequest::Truncated)));
                    }
                    Ok(false) => {}
                    Err(next) => return Poll::Ready(next),
                }
            }
            // Answers of pipelined requests leave together, before we wait. As long as the visitor takes
            // them it is not idle.
            if ready!(self.poll_flush(cx)).is_err() || self.input_ended {
                return Poll::Ready(Next::Closed);
            }
            self.begin_wait(waiting);
            let bytes_max = self.limits.head_bytes_max + BEYOND_HEAD_BYTES;
            match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
                Poll::Ready(Ok(Filled::Bytes)) => {}
                Poll::Ready(Ok(Filled::End)) => self.input_ended = true,
                Poll::Ready(Err(_)) => return Poll::Ready(Next::Closed),
                Poll::Pending => return self.poll_wait(cx, waiting),
            }
        }
    }

    /// Sets the deadline of what is waited for from now on, once.
    fn begin_wait(&mut self, waiting: &mut Waiting) {
        let idle = self.input.is_empty();
        let is_fresh = self.requests == 0;
        let patience = match (*waiting, idle) {
            (Waiting::Nothing, true) if !is_fresh => self.limits.keepalive_timeout,
            (Waiting::Nothing, _) | (Waiting::Head | Waiting::LastHead, false) => {
                self.limits.head_read_timeout
            }
            (Waiting::Head | Waiting::LastHead, true) | (Waiting::RestOfHead, _) => return,
        };
        *waiting = if idle { Waiting::Head } else { Waiting::RestOfHead };
        let now = Now::mono();
        match (idle, is_fresh) {
            (true, true) => self.guest.rest_fresh(now),
            (true, false) => self.guest.rest(now),
            (false, _) => self.guest.rise(),
        }
        self.deadline.set(now + patience);
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, waiting: &mut Waiting) -> Poll<Next> {
        let idle = self.input.is_empty();
        if idle && self.guest.poll_drained(cx).is_ready() {
            // Who has just come is about to ask.
            if self.requests == 0 && self.guest.is_draining() && *waiting == Waiting::Head {
                *waiting = Waiting::LastHead;
                self.deadline.set(Now::mono() + FRESH);
            }
            // What the visitor has sent meanwhile is answered; a close would reset it.
            if *waiting == Waiting::Head && !self.stream.has_unread() {
                return Poll::Ready(Next::Closed);
            }
        }
        ready!(self.deadline.poll_passed(cx));
        Poll::Ready(if idle { Next::Closed } else { self.refuse(Fault::HeadTimeout) })
    }

    /// Tries to read a head from what waits.
    fn parse(&mut self) -> Result<bool, Next> {
        let limits = HeadLimits {
            head_bytes_max: self.limits.head_bytes_max,
            target_bytes_max: self.limits.target_bytes_max,
            fields_max: self.limits.fields_max,
        };
        match request::parse_from(self.input.bytes(), self.scanned, &limits, &mut self.head) {
            Ok(Parsed::Partial) => {
                self.scanned = self.input.len();
                Ok(false)
            }
            Ok(Parsed::Complete { head_bytes }) => {
                self.begin_exchange(head_bytes);
                match self.head.body {
                    BodyLength::Exact(bytes) if bytes > self.limits.body_bytes_max => {
                        self.close = true;
                        Err(Next::Refused { fault: Fault::BodyTooLarge, readable: true })
                    }
                    BodyLength::Exact(_)
                    | BodyLength::None
                    | BodyLength::Chunked
                    | BodyLength::UntilClose => Ok(true),
                }
            }
            Err(refusal) => {
                if !refusal.readable {
                    self.head.clear(HEAD_KEEP_BYTES);
                }
                self.refuse(refusal.fault);
                self.head.scheme = self.scheme();
                Err(Next::Refused { fault: refusal.fault, readable: refusal.readable })
            }
        }
    }

    fn refuse(&mut self, fault: Fault) -> Next {
        self.reset_exchange();
        self.guest.rise();
        // Where the next message would begin is not known: all of it belongs to this one.
        self.input.consume(self.input.len());
        self.close = true;
        Next::Refused { fault, readable: false }
    }

    const fn scheme(&self) -> Scheme {
        if self.peer.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    fn begin_exchange(&mut self, head_bytes: usize) {
        self.reset_exchange();
        self.guest.rise();
        self.input.consume(head_bytes);
        self.head.scheme = self.scheme();
        self.requests += 1;
        let limits = self.chunk_limits();
        self.body = BodyReader::new(self.head.body, || Decoder::for_request(limits));
        self.close = self.head.connection.close
            || self.guest.is_draining()
            || self.requests >= self.limits.requests_per_connection_max;
        self.deadline.clear();
    }

    fn chunk_limits(&self) -> ChunkLimits {
        ChunkLimits {
            line_bytes_max: CHUNK_LINE_BYTES_MAX,
            trailer_bytes_max: self.limits.trailer_bytes_max,
            trailer_fields_max: self.limits.trailer_fields_max,
        }
    }
}
