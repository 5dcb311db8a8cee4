//! Header blocks out of messages.

use rempart_flow::{Field, Fields, Known};

use super::is_connection_specific;
use crate::hpack::{Encoder, block};

/// The pseudo-header fields of a request (RFC 9113 section 8.3.1).
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:scheme`.
    pub scheme: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// `:path`, with the query.
    pub path: &'a [u8],
    /// `:protocol`, of an extended CONNECT (RFC 8441).
    pub protocol: Option<&'a [u8]>,
}

/// Writes one header block to the end of `out`, with the table of its connection: blocks have to be sent in the order
/// in which they were written. Nothing is checked here: names and values come from a head that was read, or from the
/// program itself.
#[derive(Debug)]
pub struct BlockWriter<'a> {
    encoder: &'a mut Encoder,
    out: &'a mut Vec<u8>,
}

impl<'a> BlockWriter<'a> {
    /// A request's.
    #[must_use]
    pub fn request(encoder: &'a mut Encoder, out: &'a mut Vec<u8>, line: &RequestLine<'_>) -> Self {
        let mut writer = Self::trailers(encoder, out);
        writer.field(b":method", line.method);
        writer.field(b":scheme", line.scheme);
        writer.field(b":authority", line.authority);
        writer.field(b":path", line.path);
        if let Some(protocol) = line.protocol {
            writer.field(b":protocol", protocol);
        }
        writer
    }

    /// A response's.
    #[must_use]
    pub fn response(encoder: &'a mut Encoder, out: &'a mut Vec<u8>, status: u16) -> Self {
        let writer = Self::trailers(encoder, out);
        block::status(writer.out, status);
        writer
    }

    /// That of trailers, which have no pseudo-header fields.
    #[must_use]
    pub fn trailers(encoder: &'a mut Encoder, out: &'a mut Vec<u8>) -> Self {
        encoder.begin(out);
        Self { encoder, out }
    }

    /// Adds a field, its name in any case.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        self.encoder.field(self.out, name, value);
    }

    /// Adds those fields of a head for which `keep` holds: never one that is about an HTTP/1 connection, and no `host`,
    /// which is `:authority` here.
    pub fn fields(&mut self, fields: &Fields, mut keep: impl FnMut(&Field) -> bool) {
        let kept = fields.list().iter().filter(|field| {
            field.known != Known::Host && !is_connection_specific(field.known) && keep(field)
        });
        for field in kept {
            let (name, value) = (fields.bytes(field.name), fields.bytes(field.value));
            if field.never_indexed {
                block::field_never_indexed(self.out, name, value);
            } else {
                self.field(name, value);
            }
        }
    }
}
