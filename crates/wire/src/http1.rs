//! HTTP/1 toward visitors: one connection, one request after the other. Requests are read in `reading`,
//! answered in `answering`, and the connection is closed in `closing`.

mod answering;
mod closing;
mod reading;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rempart_flow::{Fault, RequestHead};
use rempart_io::{BodyReader, Buffer, Deadline, Outbox, Patience, Stream, Terms};

use crate::bounds::LINGER;
use crate::config::Limits;
use crate::drain::Guest;
use crate::visitor::Peer;

/// A visitor's HTTP/1 connection.
#[derive(Debug)]
pub struct Http1 {
    stream: Stream,
    peer: Peer,
    limits: Arc<Limits>,
    guest: Guest,
    input: Buffer,
    outbox: Outbox,
    deadline: Deadline,
    head: RequestHead,
    body: BodyReader,
    answer: Answer,
    /// Where in the outbox the head begins that is being written.
    head_begun_at: Option<usize>,
    receive: Patience,
    send: Patience,
    scanned: usize,
    front: usize,
    body_bytes: u64,
    /// What was consumed before this exchange.
    received_before: u64,
    sent_before: u64,
    sent_seen: u64,
    sent_body: u64,
    /// How much had been sent when a half-closed visitor was last given its grace.
    silent_since_sent: Option<u64>,
    chunk_left: usize,
    aborted: bool,
    requests: u64,
    close: bool,
    input_ended: bool,
}

/// How the body of the answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// No head was sent.
    None,
    /// So many bytes are due.
    Exact(u64),
    /// Chunks.
    Chunked,
    /// Until the connection closes; a tunnel too.
    UntilClose,
}

/// What the connection brings next.
#[derive(Debug)]
pub enum Next {
    /// A request: its head stands in [`Visitor::head`].
    Request,
    /// One that is refused; answer with the fault and close.
    Refused {
        /// Why.
        fault: Fault,
        /// Whether the head can be shown in the log.
        readable: bool,
    },
    /// Nothing: the visitor closed, was idle too long, or the core drains.
    Closed,
}

impl Http1 {
    /// A connection on a stream that is ready for HTTP.
    #[must_use]
    pub fn new(stream: Stream, peer: Peer, limits: Arc<Limits>, guest: Guest) -> Self {
        let mut http1 = Self {
            stream,
            peer,
            guest,
            input: Buffer::default(),
            outbox: Outbox::default(),
            deadline: Deadline::default(),
            head: RequestHead::default(),
            body: BodyReader::Done,
            answer: Answer::None,
            head_begun_at: None,
            receive: Patience::new(Terms::idle(LINGER)),
            send: Patience::new(Terms::idle(LINGER)),
            scanned: 0,
            front: 0,
            body_bytes: 0,
            received_before: 0,
            sent_before: 0,
            sent_seen: 0,
            sent_body: 0,
            silent_since_sent: None,
            chunk_left: 0,
            aborted: false,
            requests: 0,
            close: false,
            input_ended: false,
            limits,
        };
        http1.reset_exchange();
        http1
    }

    /// Uses other limits from the next request on.
    pub fn use_limits(&mut self, limits: &Arc<Limits>) {
        if !Arc::ptr_eq(&self.limits, limits) {
            self.limits = Arc::clone(limits);
        }
    }

    /// Nothing of an exchange has happened yet.
    fn reset_exchange(&mut self) {
        self.answer = Answer::None;
        self.body = BodyReader::Done;
        self.scanned = 0;
        self.front = 0;
        self.body_bytes = 0;
        self.received_before = self.input.consumed();
        self.sent_before = self.outbox.total() + self.outbox.waiting() as u64;
        self.chunk_left = 0;
        self.sent_body = 0;
        self.silent_since_sent = None;
        let limits = &self.limits;
        let (receive, send) = (limits.body_rate_min_bytes_per_s, limits.send_rate_min_bytes_per_s);
        let terms = |idle, bytes_per_s_min| Terms { idle, bytes_per_s_min, grace: limits.rate_grace };
        self.receive.renew(terms(limits.body_idle_timeout, receive));
        self.send.renew(terms(limits.write_idle_timeout, send));
    }
}
