//! The seam between the protocols and the edge: what an exchange can do with its visitor, whatever the
//! visitor speaks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use rempart_flow::{BodyLength, Fault, Field, Fields, RequestHead};
use rempart_http2::PriorityField;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The visitor's address: the socket's, or what the PROXY protocol says.
    pub address: SocketAddr,
    /// The address that the visitor connected to.
    pub local: SocketAddr,
    /// What TLS agreed on; `None` in cleartext.
    pub tls: Option<Arc<TlsFacts>>,
    /// Whether it is no visitor but this process itself, which tries a release.
    pub is_inside: bool,
}

/// What TLS agreed on with a visitor.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// The name asked for, lower case.
    pub server_name: Option<Box<str>>,
    /// For example `TLSv1.3`.
    pub version: &'static str,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher: Box<str>,
    /// Whether HTTP/2 was agreed on (RFC 7301, RFC 9113 section 3.2).
    pub is_http2: bool,
}

/// The beginning of a head that was prepared once, for every protocol.
#[derive(Clone, Copy, Debug)]
pub struct Prepared<'a> {
    /// Status line and field lines of HTTP/1.
    pub http1: &'a [u8],
    /// A header block of HTTP/2 that needs no dynamic table.
    pub http2: &'a [u8],
    /// What its `Priority` field says.
    pub priority: PriorityField,
}

/// One request and its answer, as the edge sees them: HTTP/1 connections implement it, and streams of HTTP/2;
/// those of HTTP/3 later. Every call is driven by one task; `poll_…` calls wake it.
///
/// An answer is: any number of interim heads, then one head, body pieces, [`Visitor::finish`]. A head is
/// [`Visitor::begin`], fields, [`Visitor::end`]. Nothing need reach the visitor before
/// [`Visitor::poll_flush`], which is called before anything else is waited for.
pub trait Visitor {
    /// The request's head.
    fn head(&self) -> &RequestHead;

    /// Who asks.
    fn peer(&self) -> &Peer;

    /// Waits until a piece of the request's body is there (`Ok(true)`) or its end (`Ok(false)`).
    ///
    /// # Errors
    /// The visitor broke off, was too slow, sent malformed chunks or more than is allowed.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>>;

    /// The piece that [`Visitor::poll_body`] announced.
    fn body(&self) -> &[u8];

    /// Takes bytes of that piece away.
    fn take_body(&mut self, count: usize);

    /// Whether the whole request body was taken.
    fn is_body_done(&self) -> bool;

    /// The request's trailers, once the body is at its end.
    fn request_trailers(&self) -> Option<&Fields>;

    /// Begins a head. One that was begun and not ended is taken back.
    fn begin(&mut self, status: u16);

    /// Begins a head whose status and fields are prepared.
    fn begin_prepared(&mut self, prepared: Prepared<'_>);

    /// Adds a field to it. Framing and connection fields are the protocol's own business.
    fn field(&mut self, name: &[u8], value: &[u8]);

    /// Adds a field whose value `write` appends: one line of text.
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>));

    /// Adds those fields of another head for which `keep` holds.
    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool);

    /// Ends a final head. `body` says how much follows: of a body that is not sent (HEAD, 304) it is
    /// `None`, whatever `Content-Length` says.
    fn end(&mut self, body: BodyLength);

    /// Ends an interim head (1xx but 101).
    fn end_interim(&mut self);

    /// Ends a 101 head and turns what follows, both ways, into bytes without meaning.
    fn end_upgrade(&mut self, protocol: &[u8]);

    /// Takes up to all of a piece of the answer's body. Ready with how many bytes were taken.
    ///
    /// # Errors
    /// The visitor went away or takes too slowly.
    fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>>;

    /// The answer's body is complete.
    fn finish(&mut self, trailers: Option<&Fields>);

    /// Hands everything to the network.
    ///
    /// # Errors
    /// The visitor went away or takes too slowly.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>>;

    /// The answer that follows is the connection's last.
    fn close_after(&mut self);

    /// The answer cannot be completed: the visitor must be able to tell that it is not whole.
    fn abort(&mut self);

    /// Looks whether the visitor is still there, while there is nothing to send: `Ready` once its
    /// connection is lost, or it has closed its side and a grace for half-closed visitors is over.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Bytes of this exchange.
    fn moved(&self) -> Moved;

    /// Whether other exchanges of its connection may be under way, so that it pays to have all of them come as far
    /// as this one before it goes on: what they do next is then done for all of them in a row.
    fn has_company(&self) -> bool {
        false
    }
}

/// Bytes of one exchange, heads and framing included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// From the visitor.
    pub received: u64,
    /// To the visitor.
    pub sent: u64,
    /// Of those, body.
    pub sent_body: u64,
}
