//! The head of a request, as whoever asks knows it. Each protocol writes it in its own form, and none of them has
//! to make a list of it first.

use rempart_flow::{Field, Fields};
use rempart_http1::encode;
use rempart_http2::message::BlockWriter;

/// A request's head, but for how its body is framed.
pub trait Request {
    /// The method.
    fn method(&self) -> &[u8];
    /// Path and query, or `*`.
    fn target(&self) -> &[u8];
    /// The protocol that is asked for, if it can be asked for by extended CONNECT (RFC 8441). HTTP/1 asks by its fields.
    fn protocol(&self) -> Option<&[u8]> {
        None
    }
    /// Appends the host and optional port that are asked for.
    fn authority(&self, out: &mut Vec<u8>);
    /// Writes the fields, but for `Host` and those of the body's framing.
    fn fields<W: FieldWriter>(&self, out: &mut W);
}

/// Where fields are written.
pub trait FieldWriter {
    /// Whether a connection carries one exchange at a time, about which its fields may speak: `Connection` and
    /// `Upgrade` mean something there, and nowhere else (RFC 9113 section 8.2.2).
    const IS_HTTP1: bool;

    /// One field, its name in any case.
    fn field(&mut self, name: &[u8], value: &[u8]);
    /// One field whose value `write` appends.
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>));
    /// Those fields of a head for which `keep` holds.
    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool);
}

/// As lines.
pub(crate) struct Lines<'a>(pub(crate) &'a mut Vec<u8>);

impl FieldWriter for Lines<'_> {
    const IS_HTTP1: bool = true;

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        encode::field(self.0, name, value);
    }

    #[inline]
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        encode::field_begin(self.0, name);
        write(self.0);
        encode::field_end(self.0);
    }

    #[inline]
    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool) {
        encode::fields(self.0, fields, keep);
    }
}

/// In a header block. The second part is room for values that have to be put together.
pub(crate) struct Block<'a>(pub(crate) BlockWriter<'a>, pub(crate) &'a mut Vec<u8>);

impl FieldWriter for Block<'_> {
    const IS_HTTP1: bool = false;

    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.0.field(name, value);
    }

    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.1.clear();
        write(self.1);
        self.0.field(name, self.1);
    }

    fn fields(&mut self, fields: &Fields, keep: impl FnMut(&Field) -> bool) {
        self.0.fields(fields, keep);
    }
}
