//! The answer on an HTTP/1 connection to an origin: its heads, its body, its trailers.

use std::io;
use std::task::{Context, Poll, ready};

use rempart_flow::{BadResponse, BodyLength, Fault, Fields, Method, ResponseHead};
use rempart_http1::chunked::{ChunkLimits, Decoder};
use rempart_http1::{HeadLimits, Parsed, response};
use rempart_io::body::Front;
use rempart_io::buffer::{Filled, SMALL_BYTES};
use rempart_io::{BodyReader, Terms};

use super::{Answered, Http1, Sending};

impl Http1 {
    /// Waits for the next head: interim ones, then the final one, which stays in [`Http1::head`].
    ///
    /// # Errors
    /// The origin closed, was silent for too long, or sent what is no answer.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>, method: Method) -> Poll<Result<(), Fault>> {
        let polled = self.poll_any_head(cx, method);
        // It may close what it has kept for long enough, also just now.
        if matches!(polled, Poll::Ready(Err(_))) && !(self.is_reused && self.is_unanswered()) {
            self.counts.count_failed();
        }
        polled
    }

    fn poll_any_head(&mut self, cx: &mut Context<'_>, method: Method) -> Poll<Result<(), Fault>> {
        let limits = HeadLimits {
            head_bytes_max: self.plan.settings.head_bytes_max,
            target_bytes_max: 0,
            fields_max: self.plan.settings.fields_max,
        };
        loop {
            if !self.input.is_empty() {
                let parsed =
                    response::parse_from(self.input.bytes(), self.scanned, &limits, method, &mut self.head);
                match parsed.map_err(Fault::BadResponse)? {
                    Parsed::Complete { head_bytes } => {
                        self.input.consume(head_bytes);
                        self.scanned = 0;
                        if self.head.is_interim() {
                            // The origin is at work: its time begins anew.
                            self.receive.moved(head_bytes);
                        } else {
                            self.begin_body();
                        }
                        return Poll::Ready(Ok(()));
                    }
                    Parsed::Partial => self.scanned = self.input.len(),
                }
            }
            match ready!(self.poll_fill(cx, limits.head_bytes_max + 1))? {
                Filled::Bytes => self.answer = Answered::Begun,
                Filled::End => return Poll::Ready(Err(Fault::BadResponse(self.early_end()))),
            }
        }
    }

    fn begin_body(&mut self) {
        self.answer = Answered::Final;
        let settings = &self.plan.settings;
        let limits = ChunkLimits {
            line_bytes_max: 4096,
            trailer_bytes_max: settings.head_bytes_max,
            trailer_fields_max: settings.fields_max,
        };
        self.body = BodyReader::new(self.head.body, || Decoder::for_response(limits));
        self.receive.renew(Terms::idle(settings.body_idle_timeout));
        // What is long moves in large pieces.
        if self.head.body == BodyLength::UntilClose
            || self.body.left().is_none_or(|left| left > SMALL_BYTES as u64)
        {
            self.input.prefer_large(true);
        }
    }

    const fn early_end(&self) -> BadResponse {
        match self.answer {
            Answered::Nothing => BadResponse::Empty,
            Answered::Begun | Answered::Final => BadResponse::Truncated,
        }
    }

    /// Reads once. A reset counts as an end: what it means depends on where it comes.
    fn poll_fill(&mut self, cx: &mut Context<'_>, bytes_max: usize) -> Poll<Result<Filled, Fault>> {
        let before = self.input.len();
        match self.input.poll_fill(&mut self.stream, cx, bytes_max) {
            Poll::Ready(Ok(filled)) => {
                let came = self.input.len() - before;
                self.received += came as u64;
                // A head has its time as a whole, however many pieces it comes in.
                if self.answer == Answered::Final {
                    self.receive.moved(came);
                }
                Poll::Ready(Ok(filled))
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::OutOfMemory => {
                Poll::Ready(Err(Fault::BadResponse(BadResponse::HeadTooLarge)))
            }
            Poll::Ready(Err(_)) => {
                self.is_broken = true;
                Poll::Ready(Ok(Filled::End))
            }
            Poll::Pending if self.is_tunnel() => Poll::Pending,
            // While the request's body is on its way the origin owes no answer.
            Poll::Pending if self.request != Sending::Complete && self.answer != Answered::Final => {
                Poll::Pending
            }
            Poll::Pending => self.receive.poll_out(cx).map(|()| Err(Fault::OriginTimeout)),
        }
    }

    pub(crate) const fn fields_mut(&mut self) -> &mut Fields {
        &mut self.head.fields
    }

    /// The final head of the answer.
    #[must_use]
    pub(crate) const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Waits until a piece of the answer's body is there (`Ok(true)`) or its end (`Ok(false)`).
    ///
    /// # Errors
    /// The origin broke off, was silent for too long, or sent malformed chunks.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        loop {
            let front = self.body.front(&mut self.input);
            match front.map_err(|error| Fault::BadResponse(error.bad_response()))? {
                Front::Data(count) => {
                    self.front = count;
                    return Poll::Ready(Ok(true));
                }
                Front::Done => {
                    self.front = 0;
                    return Poll::Ready(Ok(false));
                }
                Front::NeedMore => {}
            }
            let filled = ready!(self.poll_fill(cx, self.plan.settings.head_bytes_max))?;
            // A reset is no end of a body that lasts until the close.
            if filled == Filled::End && (!self.body.end_of_stream() || (self.is_broken && !self.is_tunnel()))
            {
                return Poll::Ready(Err(Fault::OriginBodyTruncated));
            }
        }
    }

    /// The piece that [`Http1::poll_body`] announced.
    #[must_use]
    pub(crate) fn body(&self) -> &[u8] {
        self.input.bytes().get(..self.front).unwrap_or_default()
    }

    /// Takes bytes of that piece away.
    pub(crate) fn take_body(&mut self, count: usize) {
        let count = count.min(self.front);
        self.front -= count;
        self.body.take(&mut self.input, count);
    }

    /// The answer's trailers, once the body is at its end.
    #[must_use]
    pub(crate) fn trailers(&self) -> Option<&Fields> {
        self.body.trailers()
    }

    /// Bytes of the answer so far.
    #[must_use]
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether not one byte of an answer has come.
    #[must_use]
    pub(crate) fn is_unanswered(&self) -> bool {
        self.answer == Answered::Nothing
    }
}
