//! Trailers (RFC 9113 section 8.1).

use rempart_flow::trailers::is_only_in_heads;
use rempart_flow::{Fields, HeadLimits};

use super::collect::{Collector, TooLarge};
use super::{ARENA_KEEP_BYTES, is_connection_specific};
use crate::hpack::{Decoded, Decoder, Error, Sink, Token};

/// Why trailers are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerError {
    /// They break RFC 9113, by a pseudo-header field for example: a stream error of type `PROTOCOL_ERROR`.
    Malformed,
    /// One of them is a field that only heads may bear (RFC 9110 section 6.5.1).
    Forbidden,
    /// Over a bound.
    TooLarge,
}

/// What becomes of a trailer that only a head may bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForbiddenTrailers {
    /// The message is refused: a request.
    Refuse,
    /// The field is marked as not to be passed on: a response.
    Mark,
}

/// Reads trailers. `fields` is cleared and filled. That the stream ends with them is the connection's to demand.
///
/// # Errors
/// The block is not HPACK, which ends the connection.
pub fn read_trailers(
    decoder: &mut Decoder,
    block: &[u8],
    limits: &HeadLimits,
    forbidden: ForbiddenTrailers,
    fields: &mut Fields,
) -> Result<Result<(), TrailerError>, Error> {
    fields.clear(ARENA_KEEP_BYTES);
    let collector = Collector::new(limits, END_BYTES);
    let mut reader = Reader { fields, collector, forbidden, result: Ok(()) };
    decoder.decode(block, &mut reader)?;
    Ok(reader.result)
}

/// The empty line.
const END_BYTES: usize = b"\r\n".len();

struct Reader<'a> {
    fields: &'a mut Fields,
    collector: Collector,
    forbidden: ForbiddenTrailers,
    /// The first that is wrong; after it nothing more is taken.
    result: Result<(), TrailerError>,
}

impl From<TooLarge> for TrailerError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl Sink for Reader<'_> {
    fn field(&mut self, field: Decoded<'_>) {
        if self.result.is_ok() {
            self.result = self.take(&field);
        }
    }
}

impl Reader<'_> {
    fn take(&mut self, field: &Decoded<'_>) -> Result<(), TrailerError> {
        let Token::Field(known) = field.token else { return Err(TrailerError::Malformed) };
        if !field.is_text || is_connection_specific(known) {
            return Err(TrailerError::Malformed);
        }
        let is_forbidden = is_only_in_heads(known, field.name);
        if is_forbidden && self.forbidden == ForbiddenTrailers::Refuse {
            return Err(TrailerError::Forbidden);
        }
        self.collector.add(self.fields, known, field)?;
        if let Some(last) = self.fields.list_mut().last_mut() {
            last.hop_by_hop |= is_forbidden;
        }
        Ok(())
    }
}
