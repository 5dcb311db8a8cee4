//! The head of a request, the same for every protocol.

use crate::body::BodyLength;
use crate::fields::{Fields, Span};
use crate::method::{Method, Scheme, Version};

/// What the sender said about this connection (RFC 9110 section 7.6.1). HTTP/1 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// `Connection: close`, or HTTP/1.0 without `keep-alive`: nothing follows this message.
    pub close: bool,
    /// `Connection: upgrade` together with an `Upgrade` field.
    pub upgrade: bool,
}

/// The head of a request. Spans point into the arena of `fields`. Codecs fill it; nobody else makes one,
/// so what stands here has passed the checks of its protocol.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method, recognised.
    pub method: Method,
    /// The method's own text.
    pub method_text: Span,
    /// The version of the message.
    pub version: Version,
    /// The scheme of the connection it came over (never that of an absolute-form target).
    pub scheme: Scheme,
    /// The path, beginning with `/`, or `*` for a server-wide OPTIONS; bytes as they came.
    pub path: Span,
    /// What follows the first `?`, if there is one.
    pub query: Option<Span>,
    /// `path` and `query` with the `?` between them, as one range: what the next hop is asked for.
    pub path_and_query: Span,
    /// The authority the request is for: host and optional port. Empty only for HTTP/1.0 without `Host`.
    pub authority: Span,
    /// The host of `authority`, without port; brackets of an IPv6 literal stay.
    pub host: Span,
    /// How the body ends.
    pub body: BodyLength,
    /// What the sender said about the connection.
    pub connection: ConnectionOptions,
    /// The protocol that an extended CONNECT asks for (RFC 8441, HTTP/2 and later); `None` of any other request.
    pub protocol: Option<Span>,
    /// `Expect: 100-continue` (never set for HTTP/1.0, RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    /// The fields, in order.
    pub fields: Fields,
}

impl RequestHead {
    /// Makes it ready for the next request, keeping at most `keep_bytes` of arena.
    pub fn clear(&mut self, keep_bytes: usize) {
        // Field by field: the arena stays where it is.
        let Self {
            method,
            method_text,
            version,
            scheme,
            path,
            query,
            path_and_query,
            authority,
            host,
            body,
            connection,
            protocol,
            expects_continue,
            fields,
        } = self;
        *method = Method::default();
        *method_text = Span::default();
        *version = Version::default();
        *scheme = Scheme::default();
        *path = Span::default();
        *query = None;
        *path_and_query = Span::default();
        *authority = Span::default();
        *host = Span::default();
        *body = BodyLength::default();
        *connection = ConnectionOptions::default();
        *protocol = None;
        *expects_continue = false;
        fields.clear(keep_bytes);
    }

    /// The bytes of one of its spans.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.fields.bytes(span)
    }
}
