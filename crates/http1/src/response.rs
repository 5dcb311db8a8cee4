//! The head of a response.

#[cfg(test)]
mod tests;

use rempart_flow::{BadResponse, BodyLength, ConnectionOptions, Known, Method, ResponseHead, Span, Version};

use crate::connection::{self, BadOption};
use crate::fields::{self, FieldFault, Noticed};
use crate::framing::{Coding, coding, is_strange};
use crate::scan::is_still_open;
use crate::{ARENA_KEEP_BYTES, HeadLimits, Parsed};
use rempart_flow::bytes::{self, text_len};

/// Reads a head from the beginning of `input`. `head` is cleared and filled. The method of the request
/// decides whether a body follows.
///
/// # Errors
///
/// [`BadResponse`] as soon as it is certain that no more input can make the head acceptable.
pub fn parse(
    input: &[u8],
    limits: &HeadLimits,
    request_method: Method,
    head: &mut ResponseHead,
) -> Result<Parsed, BadResponse> {
    head.clear(ARENA_KEEP_BYTES);
    let text = input.get(..limits.head_bytes_max).unwrap_or(input);
    let open =
        if text.len() < limits.head_bytes_max { Ok(Parsed::Partial) } else { Err(BadResponse::HeadTooLarge) };
    let Some(line) = read_line(text)? else { return open };
    let mut noticed = Noticed::default();
    let end = fields::read(text, line.end, limits.fields_max, &mut head.fields, &mut noticed);
    let Some(head_bytes) = end.map_err(field_fault)? else { return open };
    fill(text.get(..head_bytes).unwrap_or_default(), &line, &noticed, request_method, head)?;
    Ok(Parsed::Complete { head_bytes })
}

/// Like [`parse`], for a caller that remembers that the first `scanned` bytes of this very input gave
/// [`Parsed::Partial`]; see [`crate::request::parse_from`].
///
/// # Errors
///
/// As [`parse`].
pub fn parse_from(
    input: &[u8],
    scanned: usize,
    limits: &HeadLimits,
    request_method: Method,
    head: &mut ResponseHead,
) -> Result<Parsed, BadResponse> {
    if input.len() < limits.head_bytes_max && is_still_open(input, scanned) {
        return Ok(Parsed::Partial);
    }
    parse(input, limits, request_method, head)
}

struct StatusLine {
    version: Version,
    status: u16,
    reason: Span,
    end: usize,
}

/// The shape of a status line up to its status; `0` stands for any digit.
const SHAPE: &[u8] = b"HTTP/1.0 000";

/// Reads the status line (RFC 9112 section 4). The space after the status may be missing where there is
/// no reason, as many servers send it; nothing is read differently for it.
fn read_line(text: &[u8]) -> Result<Option<StatusLine>, BadResponse> {
    if !begins_right(text) {
        return Err(BadResponse::StatusLine);
    }
    let Some((start, rest)) = text.split_at_checked(SHAPE.len()) else { return Ok(None) };
    let status = start.last_chunk::<3>().and_then(|digits| bytes::decimal(digits)).unwrap_or_default();
    let status = u16::try_from(status).unwrap_or_default();
    if !(100..=599).contains(&status) {
        return Err(BadResponse::StatusLine);
    }
    let version = if start.get(7) == Some(&b'0') { Version::Http10 } else { Version::Http11 };
    let reason_len = text_len(rest);
    match rest.get(reason_len..).unwrap_or_default() {
        _ if !matches!(rest, [] | [b' ' | b'\r', ..]) => return Err(BadResponse::StatusLine),
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => {}
        _ => return Err(BadResponse::StatusLine),
    }
    let reason = Span::new(SHAPE.len() + usize::from(reason_len > 0), reason_len.saturating_sub(1));
    Ok(Some(StatusLine { version, status, reason, end: SHAPE.len() + reason_len + 2 }))
}

/// Whether the text has the shape, as far as it has come.
fn begins_right(text: &[u8]) -> bool {
    if let Some(after) = text.strip_prefix(b"HTTP/1.1 ") {
        return after.iter().take(3).all(u8::is_ascii_digit);
    }
    text.iter().zip(SHAPE).all(|(&byte, &expected)| match expected {
        b'0' => byte.is_ascii_digit(),
        _ => byte == expected,
    })
}

fn fill(
    text: &[u8],
    line: &StatusLine,
    noticed: &Noticed,
    request_method: Method,
    head: &mut ResponseHead,
) -> Result<(), BadResponse> {
    head.fields.store(text);
    head.status = line.status;
    head.version = line.version;
    head.reason = line.reason;
    head.connection = connection::read(&mut head.fields, noticed, head.version, BadOption::Ignore)
        .map_err(|_| BadResponse::FieldLine)?;
    head.body = body(noticed, request_method, head)?;
    if head.body == BodyLength::UntilClose {
        head.connection = ConnectionOptions { close: true, ..head.connection };
    }
    Ok(())
}

const fn field_fault(fault: FieldFault) -> BadResponse {
    match fault {
        FieldFault::TooMany => BadResponse::HeadTooLarge,
        FieldFault::BareLf
        | FieldFault::Line
        | FieldFault::Name
        | FieldFault::Value
        | FieldFault::ObsFold
        | FieldFault::BareCr => BadResponse::FieldLine,
    }
}

/// How the body ends (RFC 9112 section 6.3).
fn body(
    noticed: &Noticed,
    request_method: Method,
    head: &mut ResponseHead,
) -> Result<BodyLength, BadResponse> {
    let (length, transfer) = (noticed.content_length, noticed.transfer_encoding);
    if matches!(head.status, 100..=199 | 204) {
        // Lengths have no business here (RFC 9110 section 8.6), and whoever gets them might believe them.
        keep_lengths(head, 0);
        return Ok(BodyLength::None);
    }
    if head.status == 304 || request_method == Method::Head {
        // The length that a GET would have had: passed on if it is one.
        let keep = transfer.count == 0 && only_length(noticed, head).is_some();
        keep_lengths(head, usize::from(keep));
        return Ok(BodyLength::None);
    }
    if transfer.count > 0 {
        let ambiguous = transfer.count > 1 || length.count > 0 || head.version == Version::Http10;
        let value = head.fields.bytes(transfer.value);
        return match coding(value) {
            Coding::Chunked if !ambiguous => Ok(BodyLength::Chunked),
            // It ends with its connection, and nobody could take the coding off; the field goes no further. What
            // is known to change the bytes would be passed on as something else: refused.
            Coding::Invalid if !ambiguous && is_strange(value) => Ok(BodyLength::UntilClose),
            Coding::Chunked | Coding::Unknown | Coding::Invalid => Err(BadResponse::Framing),
        };
    }
    if length.count == 0 {
        return Ok(BodyLength::UntilClose);
    }
    let bytes = only_length(noticed, head).ok_or(BadResponse::Framing)?;
    if length.count > 1 {
        keep_lengths(head, 1);
    }
    Ok(BodyLength::Exact(bytes))
}

/// The length, if all `Content-Length` fields are valid and equal (RFC 9110 section 8.6 lets a recipient
/// merge equal ones; the others are then not passed on).
fn only_length(noticed: &Noticed, head: &ResponseHead) -> Option<u64> {
    let bytes = bytes::decimal(head.fields.bytes(noticed.content_length.value))?;
    let repeated = noticed.content_length.count > 1;
    let equal = !repeated
        || head.fields.values(Known::ContentLength).all(|other| bytes::decimal(other) == Some(bytes));
    equal.then_some(bytes)
}

/// Marks all `Content-Length` fields but the first `keep` as not to be passed on.
fn keep_lengths(head: &mut ResponseHead, keep: usize) {
    for field in head.fields.list_mut().iter_mut().filter(|f| f.known == Known::ContentLength).skip(keep) {
        field.hop_by_hop = true;
    }
}
