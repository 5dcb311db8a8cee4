//! What the edge holds for one exchange with an origin: an HTTP/1 connection, or one stream of an HTTP/2 connection
//! that others use too.

use std::cell::Ref;
use std::ops::Deref;
use std::sync::Arc;
use std::task::{Context, Poll};

use rempart_flow::{BodyLength, Fault, Fields, Method, ResponseHead};

use crate::connect::Facts;
use crate::http1::Http1;
use crate::http2::Exchange;
use crate::plan::OriginPlan;
use crate::request::Request;

/// A way to an origin, for one exchange.
pub struct Connection(pub(crate) Way);

/// Each part is one pointer.
pub(crate) enum Way {
    Http1(Box<Http1>),
    Http2(Box<Exchange>),
}

/// Calls the same method of either.
macro_rules! either {
    ($connection:expr, $way:ident => $call:expr) => {
        match $connection {
            Way::Http1($way) => $call,
            Way::Http2($way) => $call,
        }
    };
}

impl Connection {
    pub(crate) fn http1(connection: Box<Http1>) -> Self {
        Self(Way::Http1(connection))
    }

    pub(crate) fn http2(exchange: Box<Exchange>) -> Self {
        Self(Way::Http2(exchange))
    }

    /// What became known when it was opened.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        either!(&self.0, way => way.facts())
    }

    /// Whether the connection has carried another exchange before.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        either!(&self.0, way => way.is_reused())
    }

    /// The origin it leads to.
    #[must_use]
    pub fn plan(&self) -> &Arc<OriginPlan> {
        either!(&self.0, way => way.plan())
    }

    /// Whether the origin may refuse a request of any method without having done anything with it, so that what was
    /// sent of a body is worth keeping.
    #[must_use]
    pub const fn may_refuse(&self) -> bool {
        matches!(self.0, Way::Http2(_))
    }

    /// Begins a request whose body is of this length.
    pub fn begin(&mut self, request: &impl Request, body: BodyLength) {
        either!(&mut self.0, way => way.begin(request, body));
    }

    /// Takes up to all of a piece of the request's body. Ready with how many bytes were taken.
    ///
    /// # Errors
    /// The origin takes nothing for too long. A connection that broke is no error here: the answer may
    /// have come before, and reading tells.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        either!(&mut self.0, way => way.poll_send(cx, piece))
    }

    /// The request's body is complete.
    pub fn finish(&mut self, trailers: Option<&Fields>) {
        either!(&mut self.0, way => way.finish(trailers));
    }

    /// Hands everything to the network, or to whoever writes for all streams of a connection.
    ///
    /// # Errors
    /// The origin takes nothing for too long.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match &mut self.0 {
            Way::Http1(http1) => http1.poll_flush(cx),
            Way::Http2(exchange) => {
                exchange.flush();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Waits for the next head: interim ones, then the final one, which stays in [`Connection::head`].
    ///
    /// # Errors
    /// The origin closed, was silent for too long, or sent what is no answer.
    pub fn poll_head(&mut self, cx: &mut Context<'_>, method: Method) -> Poll<Result<(), Fault>> {
        match &mut self.0 {
            Way::Http1(http1) => http1.poll_head(cx, method),
            Way::Http2(exchange) => exchange.poll_head(cx),
        }
    }

    /// The head of the answer that came last.
    #[must_use]
    pub fn head(&self) -> &ResponseHead {
        either!(&self.0, way => way.head())
    }

    /// The same, to be changed before anybody goes by it. How the body ends stays as it came.
    pub fn fields_mut(&mut self) -> &mut Fields {
        either!(&mut self.0, way => way.fields_mut())
    }

    /// Waits until a piece of the answer's body is there (`Ok(true)`) or its end (`Ok(false)`).
    ///
    /// # Errors
    /// The origin broke off, was silent for too long, or broke its protocol.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        either!(&mut self.0, way => {
            let polled = way.poll_body(cx);
            if matches!(polled, Poll::Ready(Err(_))) {
                way.counts().count_failed();
            }
            polled
        })
    }

    /// The piece that [`Connection::poll_body`] announced.
    #[must_use]
    pub fn body(&self) -> Piece<'_> {
        match &self.0 {
            Way::Http1(http1) => Piece(Place::Own(http1.body())),
            Way::Http2(exchange) => Piece(Place::Shared(exchange.body())),
        }
    }

    /// Takes bytes of that piece away.
    pub fn take_body(&mut self, count: usize) {
        either!(&mut self.0, way => way.take_body(count));
    }

    /// The answer's trailers, once the body is at its end.
    #[must_use]
    pub fn trailers(&self) -> Option<&Fields> {
        either!(&self.0, way => way.trailers())
    }

    /// Whether the head of the answer connects a stream to the protocol that was asked for (RFC 8441 section 5). In
    /// HTTP/1 a 101 says so.
    #[must_use]
    pub fn has_connected(&self) -> bool {
        match &self.0 {
            Way::Http1(_) => false,
            Way::Http2(exchange) => exchange.has_connected(),
        }
    }

    /// Turns what follows, both ways, into bytes without meaning.
    pub fn begin_tunnel(&mut self) {
        either!(&mut self.0, way => way.begin_tunnel());
    }

    /// Tells the origin that nothing more comes; for a tunnel whose visitor is done. The end of a stream says it already.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Way::Http1(http1) => http1.poll_shutdown(cx),
            Way::Http2(_) => Poll::Ready(()),
        }
    }

    /// Bytes of the answer so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        either!(&self.0, way => way.received())
    }

    /// Whether not one byte of an answer has come.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        either!(&self.0, way => way.is_unanswered())
    }

    /// Whether the origin has said, or cannot but have, that it has done nothing with the request: any may be sent again
    /// (RFC 9113 section 8.7).
    fn is_unprocessed(&self) -> bool {
        match &self.0 {
            Way::Http1(_) => false,
            Way::Http2(exchange) => exchange.is_unprocessed(),
        }
    }

    /// Whether a request that failed here may be sent again, given that what was sent of its body can be: the origin has
    /// done nothing with it; or it does no harm if it has, and the connection was one that the origin may have closed
    /// as the request was on its way.
    #[must_use]
    pub fn may_be_repeated(&self, fault: Fault, method: Method) -> bool {
        let is_closed = match &self.0 {
            Way::Http1(_) => fault.is_before_answer(),
            // Or it leads nowhere any more.
            Way::Http2(exchange) => fault.is_before_answer() || exchange.is_dead(),
        };
        self.is_unprocessed()
            || (self.is_reused() && self.is_unanswered() && is_closed && method.is_idempotent())
    }
}

/// A piece of a body, where it lies. While one is held, nothing else can happen on its connection.
pub struct Piece<'a>(Place<'a>);

enum Place<'a> {
    /// In a connection's own buffer.
    Own(&'a [u8]),
    /// In that of a stream of a shared connection.
    Shared(Ref<'a, [u8]>),
}

impl Deref for Piece<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Own(bytes) => bytes,
            Place::Shared(bytes) => bytes,
        }
    }
}
