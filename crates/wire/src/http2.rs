//! HTTP/2 toward visitors. A connection has one task: [`Http2`] moves its bytes, and each of its streams' exchanges
//! has an [`Http2Stream`], which is what a visitor is to the edge. They share the protocol's state, on one core.
//!
//! One wake of the task reads once, lets the exchanges run that can, and writes once: answers of a batch leave
//! together.

mod moving;
mod shared;
mod stream;
mod tunnel;
mod writing;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rempart_base::Now;
use rempart_flow::HeadLimits;
use rempart_http2::{Config, Connection, Failure};
use rempart_io::{Buffer, Deadline, Patience, Stream, Terms};

use self::shared::Shared;
pub use self::stream::Http2Stream;
use crate::bounds::{HTTP2_HEADS_BYTES_PER_STREAM, HTTP2_UNSENT_BYTES_MAX};
use crate::config::Limits;
use crate::drain::Guest;
use crate::visitor::Peer;

/// A visitor's HTTP/2 connection: what moves its bytes.
#[derive(Debug)]
pub struct Http2 {
    shared: Rc<Shared>,
    stream: Stream,
    input: Buffer,
    guest: Guest,
    /// When what is waited for is over.
    deadline: Deadline,
    waiting: Waiting,
    /// Since when that is waited for.
    since: Option<Instant>,
    /// How much had been asked for when that began.
    answered: u64,
    /// With a visitor who takes what waits.
    patience: Patience,
    /// Something waits to be written.
    is_stalled: bool,
    /// Since when a head is coming.
    head_since: Option<Instant>,
    end: End,
}

/// What the connection as a whole waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Nothing: streams are open, and have their own patience.
    Nothing,
    /// The first request.
    First,
    /// Another request, which may come at once.
    Next,
    /// The same, without memory for it.
    Resting,
}

/// How far the end of the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has not begun.
    Open,
    /// The visitor has closed its side; what it has asked for is still answered, for a moment.
    HalfClosed(Instant),
    /// Nothing can be read or written any more.
    Lost,
}

impl Http2 {
    /// A connection on a stream that is ready for HTTP/2.
    #[must_use]
    pub fn new(stream: Stream, peer: Peer, limits: &Arc<Limits>, guest: Guest) -> Self {
        let terms = Terms {
            idle: limits.write_idle_timeout,
            bytes_per_s_min: limits.send_rate_min_bytes_per_s,
            grace: limits.rate_grace,
        };
        let protocol = Connection::server(&config(limits), Now::mono());
        let is_tls = peer.tls.is_some();
        stream.bound_unsent(HTTP2_UNSENT_BYTES_MAX);
        Self {
            shared: Rc::new(Shared::new(protocol, peer, Arc::clone(limits), is_tls)),
            stream,
            input: Buffer::default(),
            guest,
            deadline: Deadline::default(),
            waiting: Waiting::Nothing,
            since: None,
            answered: 0,
            patience: Patience::new(terms),
            is_stalled: false,
            head_since: None,
            end: End::Open,
        }
    }

    /// A visitor for exchanges on its streams, one after the other.
    #[must_use]
    pub fn visitor(&self) -> Http2Stream {
        Http2Stream::new(Rc::clone(&self.shared))
    }

    /// Whether a request waits that nobody has taken.
    #[must_use]
    pub fn has_request(&self) -> bool {
        self.shared.state().has_request()
    }

    /// Wakes the next who may send, if there is one.
    #[must_use]
    pub fn gives_room(&self) -> bool {
        self.shared.state().hear()
    }

    /// Why the protocol ended it, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.shared.state().protocol.failure()
    }

    /// Whether no exchange is under way and none waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.state().protocol.streams() == 0
    }

    /// Whether nothing has been asked for some time, so that it needs no memory for exchanges.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.waiting == Waiting::Resting
    }

    /// Has a visitor that waits for a request take the next. `false`: there is none that waits.
    #[must_use]
    pub fn call(&self) -> bool {
        let waker = self.shared.state().idle.pop();
        waker.is_some_and(|waker| {
            waker.wake();
            true
        })
    }
}

fn config(limits: &Limits) -> Config {
    let head = HeadLimits {
        head_bytes_max: limits.head_bytes_max,
        target_bytes_max: limits.target_bytes_max,
        fields_max: limits.fields_max,
    };
    let trailers = HeadLimits {
        head_bytes_max: limits.trailer_bytes_max,
        target_bytes_max: 0,
        fields_max: limits.trailer_fields_max,
    };
    Config {
        streams_max: limits.http2_streams_max,
        // What is written has no use for a table: answers are prepared, or said once.
        own_table_bytes_max: 0,
        head,
        trailers,
        block_bytes_max: 2 * limits.head_bytes_max,
        heads_bytes_max: usize::try_from(limits.http2_streams_max).unwrap_or(usize::MAX)
            * HTTP2_HEADS_BYTES_PER_STREAM,
        ..Config::default()
    }
}
