//! The head of a request (RFC 9113 section 8.3.1).

mod target;

use rempart_flow::bytes::{decimal, is_token};
use rempart_flow::{BadRequest, BodyLength, Fault, HeadLimits, Known, Method, RequestHead, Span, Version};

use super::collect::{Collector, TooLarge};
use super::{ARENA_KEEP_BYTES, is_connection_specific};
use crate::hpack::{Decoded, Decoder, Error, Sink, Token};

/// What a server demands of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestRules {
    /// Its bounds, counted as HTTP/1.1 would write it.
    pub limits: HeadLimits,
    /// Whether `SETTINGS_ENABLE_CONNECT_PROTOCOL` was announced (RFC 8441).
    pub extended_connect: bool,
}

/// What the header block of a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A request.
    Complete,
    /// None by RFC 9113 section 8.1.1: a stream error of type `PROTOCOL_ERROR`.
    Malformed(BadRequest),
    /// One that is answered with a fault, and goes no further.
    Refused(Fault),
    /// A few bytes that stand for very many ("HPACK bomb"): four times what a head may have, out of a quarter as many. No
    /// right client sends that, and it is not worth an answer.
    Bomb,
}

/// How much larger than its block, and than it may be, a head is that is a bomb.
const BOMB_FACTOR: usize = 4;

/// Reads a request. `head` is cleared and filled; its scheme is the business of whoever owns the connection. Of a
/// request that is malformed or refused, method, path and host stand there as far as they could be read, for the log.
///
/// The body is [`BodyLength::Exact`] if there is a `content-length`, which the connection compares with what comes;
/// else [`BodyLength::None`] if the stream ends here, else [`BodyLength::Chunked`].
///
/// # Errors
/// The block is not HPACK, which ends the connection.
pub fn read_request(
    decoder: &mut Decoder,
    block: &[u8],
    ends_stream: bool,
    rules: &RequestRules,
    head: &mut RequestHead,
) -> Result<Outcome, Error> {
    head.clear(ARENA_KEEP_BYTES);
    head.version = Version::Http2;
    let mut reader = Reader {
        head,
        rules,
        collector: Collector::new(&rules.limits, FIXED_BYTES),
        seen: Seen(0),
        default_port: 0,
        content_length: None,
        is_full: false,
        beyond_bytes: 0,
        outcome: Outcome::Complete,
    };
    decoder.decode(block, &mut reader)?;
    let bomb_bytes = BOMB_FACTOR.saturating_mul(rules.limits.head_bytes_max.max(block.len()));
    if reader.beyond_bytes > bomb_bytes {
        return Ok(Outcome::Bomb);
    }
    Ok(reader.finish(ends_stream))
}

/// What HTTP/1.1 writes around method and target, and the empty line.
const FIXED_BYTES: usize = b"  HTTP/1.1\r\n\r\n".len();

/// Fields that come once at most, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen(u8);

impl Seen {
    const METHOD: Self = Self(1);
    const SCHEME: Self = Self(2);
    const PATH: Self = Self(4);
    const AUTHORITY: Self = Self(8);
    const PROTOCOL: Self = Self(16);
    const HOST: Self = Self(32);
    /// Any field that is no pseudo-header field.
    const REGULAR: Self = Self(64);

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds one; `false` if it was there.
    const fn add(&mut self, other: Self) -> bool {
        let is_new = !self.has(other);
        self.0 |= other.0;
        is_new
    }
}

struct Reader<'a> {
    head: &'a mut RequestHead,
    rules: &'a RequestRules,
    collector: Collector,
    seen: Seen,
    /// Of the scheme; 0 until it is known.
    default_port: u16,
    content_length: Option<u64>,
    /// Nothing more is taken.
    is_full: bool,
    /// What was not taken.
    beyond_bytes: usize,
    outcome: Outcome,
}

/// The first that is wrong.
type Check = Result<(), Outcome>;

const fn malformed(reason: BadRequest) -> Check {
    Err(Outcome::Malformed(reason))
}

const fn refused(reason: BadRequest) -> Check {
    Err(Outcome::Refused(Fault::BadRequest(reason)))
}

impl From<TooLarge> for Outcome {
    fn from(_: TooLarge) -> Self {
        Self::Refused(Fault::HeadTooLarge)
    }
}

impl Sink for Reader<'_> {
    #[inline]
    fn field(&mut self, field: Decoded<'_>) {
        if self.is_full {
            self.beyond_bytes += field.name.len() + field.value.len();
            return;
        }
        let check = match field.token {
            Token::Field(known) => self.regular(known, &field),
            Token::Method => self.pseudo(Seen::METHOD, &field),
            Token::Scheme => self.pseudo(Seen::SCHEME, &field),
            Token::Path => self.pseudo(Seen::PATH, &field),
            Token::Authority => self.pseudo(Seen::AUTHORITY, &field),
            Token::Protocol => self.pseudo(Seen::PROTOCOL, &field),
            Token::Status | Token::UnknownPseudo => malformed(BadRequest::PseudoField),
            Token::Invalid => malformed(BadRequest::FieldName),
        };
        if let Err(outcome) = check {
            self.note(outcome);
        }
    }
}

impl Reader<'_> {
    /// Keeps what is wrong: the first, but that a request is none weighs more than that it is refused.
    #[cold]
    fn note(&mut self, outcome: Outcome) {
        self.is_full |= outcome == Outcome::Refused(Fault::HeadTooLarge);
        let is_graver = matches!((self.outcome, outcome), (Outcome::Refused(_), Outcome::Malformed(_)));
        if self.outcome == Outcome::Complete || is_graver {
            self.outcome = outcome;
        }
    }

    #[inline]
    fn pseudo(&mut self, which: Seen, field: &Decoded<'_>) -> Check {
        if self.seen.has(Seen::REGULAR) || !self.seen.add(which) {
            return malformed(BadRequest::PseudoField);
        }
        if !field.is_text {
            return malformed(BadRequest::FieldValue);
        }
        match which {
            Seen::METHOD => self.method(field.value),
            Seen::SCHEME => self.scheme(field.value),
            Seen::PATH => self.path(field.value),
            Seen::AUTHORITY => self.authority(field),
            _ => self.protocol(field.value),
        }
    }

    fn method(&mut self, value: &[u8]) -> Check {
        self.head.method = Method::from_token(value);
        if self.head.method == Method::Extension && !is_token(value) {
            return malformed(BadRequest::Method);
        }
        self.collector.count(value.len())?;
        self.head.method_text = self.head.fields.store(value);
        Ok(())
    }

    const fn scheme(&mut self, value: &[u8]) -> Check {
        self.default_port = match value {
            _ if value.eq_ignore_ascii_case(b"https") => 443,
            _ if value.eq_ignore_ascii_case(b"http") => 80,
            _ => return refused(BadRequest::Target),
        };
        Ok(())
    }

    fn path(&mut self, value: &[u8]) -> Check {
        let target_bytes_max = self.rules.limits.target_bytes_max;
        if let Some(start) = value.get(..target_bytes_max).filter(|_| value.len() > target_bytes_max) {
            self.head.path_and_query = self.head.fields.store(start);
            return Err(Outcome::Refused(Fault::TargetTooLong));
        }
        self.collector.count(value.len())?;
        self.head.path_and_query = self.head.fields.store(value);
        Ok(())
    }

    /// The authority becomes the `host` that HTTP/1.1 has in its place (RFC 9113 section 8.3.1).
    fn authority(&mut self, field: &Decoded<'_>) -> Check {
        self.collector.add_named(&mut self.head.fields, Known::Host, b"host", field)?;
        self.head.authority = self.last_value();
        Ok(())
    }

    fn protocol(&mut self, value: &[u8]) -> Check {
        if !self.rules.extended_connect {
            return malformed(BadRequest::PseudoField);
        }
        if !is_token(value) {
            return malformed(BadRequest::FieldValue);
        }
        self.collector.count(value.len())?;
        self.head.protocol = Some(self.head.fields.store(value));
        Ok(())
    }

    #[inline]
    fn regular(&mut self, known: Known, field: &Decoded<'_>) -> Check {
        self.seen.add(Seen::REGULAR);
        if !field.is_text {
            return malformed(BadRequest::FieldValue);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other field means anything to the protocol")]
        match known {
            Known::Host => return self.host(field),
            Known::Cookie => self.collector.add_cookie(&mut self.head.fields, field)?,
            Known::ContentLength => self.content_length(field)?,
            Known::Expect => self.expect(field)?,
            Known::Te if !field.value.eq_ignore_ascii_case(b"trailers") => {
                return malformed(BadRequest::ConnectionField);
            }
            _ if is_connection_specific(known) => return malformed(BadRequest::ConnectionField),
            _ => self.collector.add(&mut self.head.fields, known, field)?,
        }
        Ok(())
    }

    /// `host` is what names the place if `:authority` does not, and else has to name the same (RFC 9113 section
    /// 8.3.1). There is one in the list, as in every head.
    fn host(&mut self, field: &Decoded<'_>) -> Check {
        if !self.seen.add(Seen::HOST) {
            return malformed(BadRequest::HostRepeated);
        }
        if self.seen.has(Seen::AUTHORITY) {
            let authority = self.head.bytes(self.head.authority);
            let agrees = target::agrees(authority, field.value, self.default_port);
            return if agrees { Ok(()) } else { malformed(BadRequest::HostDisagrees) };
        }
        self.collector.add(&mut self.head.fields, Known::Host, field)?;
        self.head.authority = self.last_value();
        Ok(())
    }

    fn content_length(&mut self, field: &Decoded<'_>) -> Check {
        if self.content_length.is_some() {
            return malformed(BadRequest::ContentLengthRepeated);
        }
        self.content_length = decimal(field.value);
        if self.content_length.is_none() {
            return malformed(BadRequest::ContentLength);
        }
        self.collector.add(&mut self.head.fields, Known::ContentLength, field)?;
        Ok(())
    }

    /// RFC 9110 section 10.1.1.
    fn expect(&mut self, field: &Decoded<'_>) -> Check {
        if !field.value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Outcome::Refused(Fault::ExpectationUnknown));
        }
        self.collector.add(&mut self.head.fields, Known::Expect, field)?;
        self.head.expects_continue = true;
        Ok(())
    }

    fn last_value(&self) -> Span {
        self.head.fields.list().last().map_or_else(Span::default, |field| field.value)
    }

    fn finish(mut self, ends_stream: bool) -> Outcome {
        self.collector.finish(&mut self.head.fields);
        let resolved = self.resolve(ends_stream);
        match (self.outcome, resolved) {
            (Outcome::Complete, Err(outcome)) => outcome,
            (outcome, _) => outcome,
        }
    }

    /// What can be said only once all fields are there. Path and host are resolved first, for the log.
    fn resolve(&mut self, ends_stream: bool) -> Check {
        let path = target::resolve_path(self.head);
        let authority = target::resolve_authority(self.head);
        self.pseudo_fields()?;
        if self.head.method != Method::Connect || self.head.protocol.is_some() {
            path?;
        }
        authority?;
        // A proxy for a site is no tunnel but for protocols that are asked for, and TRACE shows the visitor what
        // proxies added.
        match self.head.method {
            Method::Connect if self.head.protocol.is_none() => Err(Outcome::Refused(Fault::MethodRefused)),
            Method::Trace => Err(Outcome::Refused(Fault::MethodRefused)),
            Method::Connect
            | Method::Get
            | Method::Head
            | Method::Post
            | Method::Put
            | Method::Delete
            | Method::Options
            | Method::Patch
            | Method::Extension => self.body(ends_stream),
        }
    }

    /// Which have to be there, and which must not (RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4).
    fn pseudo_fields(&self) -> Check {
        const TARGET: Seen = Seen(Seen::SCHEME.0 | Seen::PATH.0);
        let seen = self.seen;
        let is_right = match (self.head.method == Method::Connect, seen.has(Seen::PROTOCOL)) {
            (true, true) => seen.has(TARGET) && seen.has(Seen::AUTHORITY),
            (true, false) => seen.0 & TARGET.0 == 0 && seen.has(Seen::AUTHORITY),
            (false, false) => seen.has(TARGET) && seen.has(Seen::METHOD),
            (false, true) => false,
        };
        if is_right { Ok(()) } else { malformed(BadRequest::PseudoField) }
    }

    const fn body(&mut self, ends_stream: bool) -> Check {
        self.head.body = match (self.content_length, ends_stream) {
            // What follows is another protocol, which has no length (RFC 9110 section 9.3.6).
            (Some(_), _) if self.head.protocol.is_some() => return malformed(BadRequest::ContentLength),
            (Some(1..), true) => return malformed(BadRequest::ContentLength),
            (Some(bytes), _) => BodyLength::Exact(bytes),
            (None, true) => BodyLength::None,
            (None, false) => BodyLength::Chunked,
        };
        Ok(())
    }
}
