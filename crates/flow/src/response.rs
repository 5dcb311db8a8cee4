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
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear(keep_bytes);
        *self = Self { fields, ..Self::default() };
    }

    /// An interim response (RFC 9110 section 15.2). 101 is final for HTTP: the protocol changes.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}
