//! The head of a response, the same for every protocol.

use crate::body::BodyLength;
use crate::fields::{Fields, Span};
use crate::method::Version;
use crate::request::ConnectionOptions;

/// The head of a response. Spans point into the arena of `fields`.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// 100 to 599.
    pub status: u16,
    /// The reason phrase; may be empty, is never trusted.
    pub reason: Span,
    /// The version of the message.
    pub version: Version,
    /// How the body ends, given the method of its request.
    pub body: BodyLength,
    /// What the origin said about the connection.
    pub connection: ConnectionOptions,
    /// The fields, in order.
    pub fields: Fields,
}

impl ResponseHead {
    /// Makes it ready for the next response, keeping at most `keep_bytes` of arena.
    pub fn clear(&mut self, keep_bytes: usize) {
        // Field by field: the arena stays where it is.
        let Self { status, reason, version, body, connection, fields } = self;
        *status = 0;
        *reason = Span::default();
        *version = Version::default();
        *body = BodyLength::default();
        *connection = ConnectionOptions::default();
        fields.clear(keep_bytes);
    }

    /// An interim response (RFC 9110 section 15.2). 101 is final for HTTP: the protocol changes.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}
