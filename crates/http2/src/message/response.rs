//! The head of a response (RFC 9113 section 8.3.2).

use rempart_flow::bytes::decimal;
use rempart_flow::{BadResponse, BodyLength, HeadLimits, Known, Method, ResponseHead, Version};

use super::collect::{Collector, TooLarge};
use super::{ARENA_KEEP_BYTES, is_connection_specific};
use crate::hpack::{Decoded, Decoder, Error, Sink, Token};

/// Reads a response, an interim one too. `head` is cleared and filled. The method of the request decides whether a
/// body follows: where it is [`BodyLength::None`] and the stream goes on, DATA has to be empty.
///
/// What it refuses is a stream error of type `PROTOCOL_ERROR`, but for [`BadResponse::HeadTooLarge`], which only we
/// do not like.
///
/// # Errors
/// The block is not HPACK, which ends the connection.
pub fn read_response(
    decoder: &mut Decoder,
    block: &[u8],
    ends_stream: bool,
    limits: &HeadLimits,
    request_method: Method,
    head: &mut ResponseHead,
) -> Result<Result<(), BadResponse>, Error> {
    head.clear(ARENA_KEEP_BYTES);
    head.version = Version::Http2;
    let mut reader = Reader {
        head,
        collector: Collector::new(limits, FIXED_BYTES),
        has_regular: false,
        length: Length::Absent,
        result: Ok(()),
    };
    decoder.decode(block, &mut reader)?;
    Ok(reader.finish(ends_stream, request_method))
}

/// The status line of HTTP/1.1 without a reason, and the empty line.
const FIXED_BYTES: usize = b"HTTP/1.1 200 \r\n\r\n".len();

/// What the `content-length` fields say. Several that are equal may be merged (RFC 9110 section 8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Absent,
    Bytes(u64),
    Invalid,
}

struct Reader<'a> {
    head: &'a mut ResponseHead,
    collector: Collector,
    has_regular: bool,
    length: Length,
    /// The first that is wrong; after it nothing more is taken.
    result: Result<(), BadResponse>,
}

impl From<TooLarge> for BadResponse {
    fn from(_: TooLarge) -> Self {
        Self::HeadTooLarge
    }
}

impl Sink for Reader<'_> {
    fn field(&mut self, field: Decoded<'_>) {
        if self.result.is_err() {
            return;
        }
        self.result = match field.token {
            Token::Field(known) => self.regular(known, &field),
            Token::Status => self.status(&field),
            Token::Method
            | Token::Scheme
            | Token::Path
            | Token::Authority
            | Token::Protocol
            | Token::UnknownPseudo => Err(BadResponse::PseudoField),
            Token::Invalid => Err(BadResponse::FieldLine),
        };
    }
}

impl Reader<'_> {
    /// Three digits, once, before all other fields. HTTP/2 has no 101 (RFC 9113 section 8.6).
    fn status(&mut self, field: &Decoded<'_>) -> Result<(), BadResponse> {
        let status = match field.value {
            [_, _, _] => decimal(field.value).and_then(|status| u16::try_from(status).ok()),
            _ => None,
        };
        match status {
            Some(status @ (100 | 102..=599)) if !self.has_regular && self.head.status == 0 => {
                self.head.status = status;
                Ok(())
            }
            _ => Err(BadResponse::PseudoField),
        }
    }

    fn regular(&mut self, known: Known, field: &Decoded<'_>) -> Result<(), BadResponse> {
        self.has_regular = true;
        if !field.is_text || is_connection_specific(known) {
            return Err(BadResponse::FieldLine);
        }
        self.collector.add(&mut self.head.fields, known, field)?;
        if known == Known::ContentLength {
            self.content_length(field.value);
        }
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) {
        self.length = match (self.length, decimal(value)) {
            (Length::Absent, Some(bytes)) => Length::Bytes(bytes),
            (Length::Bytes(before), Some(bytes)) if before == bytes => {
                self.drop_lengths(1);
                Length::Bytes(bytes)
            }
            _ => Length::Invalid,
        };
    }

    /// Marks all `content-length` fields but the first `keep` as not to be passed on.
    fn drop_lengths(&mut self, keep: usize) {
        let lengths = self.head.fields.list_mut().iter_mut().filter(|f| f.known == Known::ContentLength);
        for field in lengths.skip(keep) {
            field.hop_by_hop = true;
        }
    }

    fn finish(mut self, ends_stream: bool, request_method: Method) -> Result<(), BadResponse> {
        self.result?;
        if self.head.status == 0 {
            return Err(BadResponse::PseudoField);
        }
        self.head.body = self.body(ends_stream, request_method)?;
        Ok(())
    }

    /// How the body ends (RFC 9110 section 6.4.1, RFC 9113 section 8.1.1).
    fn body(&mut self, ends_stream: bool, request_method: Method) -> Result<BodyLength, BadResponse> {
        let is_tunnel = request_method == Method::Connect && self.head.status / 100 == 2;
        match self.head.status {
            // An interim response ends nothing (RFC 9113 section 8.1).
            100..=199 if ends_stream => return Err(BadResponse::Framing),
            100..=199 | 204 => {
                // Lengths have no business here (RFC 9110 section 8.6), and whoever gets them might believe them.
                self.drop_lengths(0);
                return Ok(BodyLength::None);
            }
            _ => {}
        }
        if self.head.status == 304 || request_method == Method::Head {
            // The length that a GET would have had: passed on if it is one.
            if self.length == Length::Invalid {
                self.drop_lengths(0);
            }
            return Ok(BodyLength::None);
        }
        match (self.length, ends_stream) {
            _ if is_tunnel => {
                self.drop_lengths(0);
                Ok(if ends_stream { BodyLength::None } else { BodyLength::Chunked })
            }
            (Length::Invalid, _) | (Length::Bytes(1..), true) => Err(BadResponse::Framing),
            (Length::Bytes(bytes), _) => Ok(BodyLength::Exact(bytes)),
            (Length::Absent, true) => Ok(BodyLength::None),
            (Length::Absent, false) => Ok(BodyLength::Chunked),
        }
    }
}
