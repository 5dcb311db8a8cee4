//! The head of a request.

mod line;
mod target;
#[cfg(test)]
mod tests;

use rempart_flow::{BadRequest, BodyLength, Fault, Known, Method, RequestHead, Span, Version, bytes};

use self::line::RequestLine;
use crate::connection::{self, BadOption, ConnectionFault};
use crate::fields::{self, FieldFault, Noticed};
use crate::framing::{Coding, coding};
use crate::scan::is_still_open;
use crate::{ARENA_KEEP_BYTES, HeadLimits, Parsed, Refusal};

/// Empty lines before a request line that are skipped. RFC 9112 section 2.2 asks for at least one, for
/// old clients that send one after a body.
const EMPTY_LINES_SKIPPED_MAX: usize = 2;

/// Reads a head from the beginning of `input`. `head` is cleared and filled; its scheme is the business
/// of whoever owns the connection.
///
/// # Errors
///
/// [`Refusal`] as soon as it is certain that no more input can make the head acceptable.
pub fn parse(input: &[u8], limits: &HeadLimits, head: &mut RequestHead) -> Result<Parsed, Refusal> {
    head.clear(ARENA_KEEP_BYTES);
    let skipped = empty_lines(input);
    let text = window(input, skipped, limits);
    let mut line = RequestLine::default();
    match read(text, limits, &mut line, head) {
        Ok(Some(len)) => Ok(Parsed::Complete { head_bytes: skipped + len }),
        Ok(None) if text.len() >= limits.head_bytes_max => {
            Err(refuse(Fault::HeadTooLarge, text, &line, head))
        }
        Ok(None) => Ok(Parsed::Partial),
        Err(fault) => Err(refuse(fault, text, &line, head)),
    }
}

/// Like [`parse`], for a caller that remembers that the first `scanned` bytes of this very input gave
/// [`Parsed::Partial`]: what is in them is not looked at again until the head is complete, so that a
/// head which arrives in many pieces costs no more than one that arrives whole. `head` means nothing
/// until then.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_from(
    input: &[u8],
    scanned: usize,
    limits: &HeadLimits,
    head: &mut RequestHead,
) -> Result<Parsed, Refusal> {
    let skipped = empty_lines(input);
    let text = window(input, skipped, limits);
    if text.len() < limits.head_bytes_max && is_still_open(text, scanned.saturating_sub(skipped)) {
        return Ok(Parsed::Partial);
    }
    parse(input, limits, head)
}

/// Bytes of empty lines before the request line.
fn empty_lines(input: &[u8]) -> usize {
    let lines = input.chunks_exact(2).take(EMPTY_LINES_SKIPPED_MAX).take_while(|pair| pair == b"\r\n");
    2 * lines.count()
}

/// The part of the input in which the head has to end.
fn window<'a>(input: &'a [u8], skipped: usize, limits: &HeadLimits) -> &'a [u8] {
    let text = input.get(skipped..).unwrap_or_default();
    text.get(..limits.head_bytes_max).unwrap_or(text)
}

/// The length of the head, once it is complete and right.
fn read(
    text: &[u8],
    limits: &HeadLimits,
    line: &mut RequestLine,
    head: &mut RequestHead,
) -> Result<Option<usize>, Fault> {
    if !line::read(text, limits.target_bytes_max, line)? {
        return Ok(None);
    }
    let mut noticed = Noticed::default();
    let end = fields::read(text, line.end, limits.fields_max, &mut head.fields, &mut noticed);
    let Some(len) = end.map_err(field_fault)? else { return Ok(None) };
    fill(text.get(..len).unwrap_or_default(), line, &noticed, head)?;
    Ok(Some(len))
}

/// Fills `head` from the text of a whole head, whose fields have been read.
fn fill(text: &[u8], line: &RequestLine, noticed: &Noticed, head: &mut RequestHead) -> Result<(), Fault> {
    head.fields.store(text);
    head.version = line.version;
    set_method(line, head);
    match head.method {
        // A proxy for a site is no tunnel, and TRACE shows the visitor what proxies added.
        Method::Connect | Method::Trace => return Err(Fault::MethodRefused),
        Method::Get
        | Method::Head
        | Method::Post
        | Method::Put
        | Method::Delete
        | Method::Options
        | Method::Patch
        | Method::Extension => {}
    }
    target::resolve(text, line, noticed, head).map_err(Fault::BadRequest)?;
    head.body = body(noticed, head)?;
    head.connection = connection::read(&mut head.fields, noticed, head.version, BadOption::Refuse)
        .map_err(connection_fault)?;
    head.expects_continue = expects_continue(noticed, head)?;
    Ok(())
}

fn set_method(line: &RequestLine, head: &mut RequestHead) {
    head.method_text = Span::new(0, line.method_len);
    head.method = Method::from_token(head.fields.bytes(head.method_text));
}

/// How the body ends (RFC 9112 section 6.3).
fn body(noticed: &Noticed, head: &RequestHead) -> Result<BodyLength, Fault> {
    let (length, transfer) = (noticed.content_length, noticed.transfer_encoding);
    if transfer.count > 0 {
        if head.version == Version::Http10 {
            return Err(Fault::BadRequest(BadRequest::CodingInHttp10));
        }
        if length.count > 0 {
            return Err(Fault::BadRequest(BadRequest::LengthAndCoding));
        }
        if transfer.count > 1 {
            return Err(Fault::BadRequest(BadRequest::TransferEncoding));
        }
        return match coding(head.bytes(transfer.value)) {
            Coding::Chunked => Ok(BodyLength::Chunked),
            Coding::Unknown => Err(Fault::CodingUnknown),
            Coding::Invalid => Err(Fault::BadRequest(BadRequest::TransferEncoding)),
        };
    }
    match length.count {
        0 => Ok(BodyLength::None),
        1 => bytes::decimal(head.bytes(length.value))
            .map(BodyLength::Exact)
            .ok_or(Fault::BadRequest(BadRequest::ContentLength)),
        _ => Err(Fault::BadRequest(BadRequest::ContentLengthRepeated)),
    }
}

/// RFC 9110 section 10.1.1. An HTTP/1.0 client cannot mean it.
fn expects_continue(noticed: &Noticed, head: &RequestHead) -> Result<bool, Fault> {
    if !noticed.expect || head.version == Version::Http10 {
        return Ok(false);
    }
    let known = head.fields.values(Known::Expect).all(|value| value.eq_ignore_ascii_case(b"100-continue"));
    if known { Ok(true) } else { Err(Fault::ExpectationUnknown) }
}

const fn field_fault(fault: FieldFault) -> Fault {
    Fault::BadRequest(match fault {
        FieldFault::TooMany => return Fault::HeadTooLarge,
        FieldFault::BareLf => BadRequest::BareLf,
        FieldFault::Line => BadRequest::FieldLine,
        FieldFault::Name => BadRequest::FieldName,
        FieldFault::Value => BadRequest::FieldValue,
        FieldFault::ObsFold => BadRequest::ObsFold,
        FieldFault::BareCr => BadRequest::BareCr,
    })
}

const fn connection_fault(fault: ConnectionFault) -> Fault {
    match fault {
        ConnectionFault::NotToken => Fault::BadRequest(BadRequest::FieldValue),
        ConnectionFault::TooMany => Fault::HeadTooLarge,
        ConnectionFault::NamesEndToEnd => Fault::BadRequest(BadRequest::ConnectionNamesEndToEnd),
    }
}

/// Leaves in `head` what the log can show of a refused request.
#[cold]
fn refuse(fault: Fault, text: &[u8], line: &RequestLine, head: &mut RequestHead) -> Refusal {
    head.clear(ARENA_KEEP_BYTES);
    let readable = line.method_len > 0;
    if readable {
        head.fields.store(text);
        head.version = line.version;
        set_method(line, head);
        target::describe(text, line, head);
    }
    Refusal { fault, readable }
}
