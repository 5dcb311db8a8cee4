//! Messages as bytes, appended to a `Vec`. Nothing is checked here: names and values come from a parsed
//! head or from the program itself, never from a visitor by another way.

#[cfg(test)]
mod tests;

use rempart_flow::{Field, Fields, Span};

/// The end of a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// `METHOD target HTTP/1.1`. An intermediary sends its own version (RFC 9112 section 2.3).
pub fn request_line(out: &mut Vec<u8>, method: &[u8], target: &[u8]) {
    out.reserve(method.len() + target.len() + 12);
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// `HTTP/1.1 status reason`. The status is of three digits; see [`reason`] for reasons.
pub fn status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    debug_assert!((100..=999).contains(&status), "a status has three digits");
    out.reserve(reason.len() + 15);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// One field line. Names are literals most often, which are copied without a call where this is inlined.
#[inline]
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    debug_assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)), "a value is one line");
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The beginning of a field line, up to its value.
#[inline]
pub fn field_begin(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
}

/// Its end.
pub fn field_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// The lines of those fields for which `keep` holds. A head is kept as it came, so lines that stand there
/// one after the other, written as we would write them, are copied in one piece.
pub fn fields(out: &mut Vec<u8>, fields: &Fields, mut keep: impl FnMut(&Field) -> bool) {
    let mut piece = Span::default();
    for kept in fields.list().iter().filter(|field| keep(field)) {
        let line = plain_line(fields, kept);
        if let Some(line) = line
            && line.start == piece.start + piece.len
        {
            piece.len += line.len;
            continue;
        }
        out.extend_from_slice(fields.bytes(piece));
        piece = line.unwrap_or_default();
        if line.is_none() {
            field(out, fields.bytes(kept.name), fields.bytes(kept.value));
        }
    }
    out.extend_from_slice(fields.bytes(piece));
}

/// The whole line of a field, if it stands in the arena as `Name: value` with its line end.
fn plain_line(fields: &Fields, field: &Field) -> Option<Span> {
    let colon = Span { start: field.name.start + field.name.len, len: 2 };
    let end = Span { start: field.value.start + field.value.len, len: 2 };
    let is_plain =
        field.value.start == colon.start + 2 && fields.bytes(colon) == b": " && fields.bytes(end) == b"\r\n";
    is_plain.then_some(Span { start: field.name.start, len: end.start + 2 - field.name.start })
}

/// `Content-Length`.
pub fn content_length(out: &mut Vec<u8>, bytes: u64) {
    field(out, b"Content-Length", itoa::Buffer::new().format(bytes).as_bytes());
}

/// The empty line.
pub fn end_of_head(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// The line before `len` bytes of data, after which [`CHUNK_END`] has to follow. `len` is not 0: that would
/// be the last chunk.
pub fn chunk_head(out: &mut Vec<u8>, len: usize) {
    debug_assert!(len > 0, "a chunk of no bytes ends the body");
    let nibbles = (usize::BITS - len.leading_zeros()).div_ceil(4);
    for nibble in (0..nibbles).rev() {
        let digit = u32::try_from((len >> (4 * nibble)) & 15).unwrap_or_default();
        out.push(char::from_digit(digit, 16).map_or(b'0', |digit| digit as u8));
    }
    out.extend_from_slice(b"\r\n");
}

/// The last chunk, the trailers that may be passed on, and the end of the body.
pub fn last_chunk(out: &mut Vec<u8>, trailers: Option<&Fields>) {
    out.extend_from_slice(b"0\r\n");
    for trailer in trailers.into_iter().flat_map(Fields::iter).filter(|trailer| !trailer.hop_by_hop) {
        field(out, trailer.name, trailer.value);
    }
    end_of_head(out);
}

macro_rules! reasons {
    ($($status:literal $reason:literal)+) => {
        /// The reason phrase of a status, of IANA's registry or of Cloudflare's pages; empty if there is none.
        #[must_use]
        pub const fn reason(status: u16) -> &'static str {
            match status {
                $($status => $reason,)+
                _ => "",
            }
        }
    };
}

reasons! {
    100 "Continue" 101 "Switching Protocols" 103 "Early Hints"
    200 "OK" 201 "Created" 202 "Accepted" 203 "Non-Authoritative Information" 204 "No Content"
    205 "Reset Content" 206 "Partial Content"
    300 "Multiple Choices" 301 "Moved Permanently" 302 "Found" 303 "See Other" 304 "Not Modified"
    307 "Temporary Redirect" 308 "Permanent Redirect"
    400 "Bad Request" 401 "Unauthorized" 402 "Payment Required" 403 "Forbidden" 404 "Not Found"
    405 "Method Not Allowed" 406 "Not Acceptable" 407 "Proxy Authentication Required" 408 "Request Timeout"
    409 "Conflict" 410 "Gone" 411 "Length Required" 412 "Precondition Failed" 413 "Content Too Large"
    414 "URI Too Long" 415 "Unsupported Media Type" 416 "Range Not Satisfiable" 417 "Expectation Failed"
    421 "Misdirected Request" 422 "Unprocessable Content" 425 "Too Early" 426 "Upgrade Required"
    428 "Precondition Required" 429 "Too Many Requests" 431 "Request Header Fields Too Large"
    451 "Unavailable For Legal Reasons"
    500 "Internal Server Error" 501 "Not Implemented" 502 "Bad Gateway" 503 "Service Unavailable"
    504 "Gateway Timeout" 505 "HTTP Version Not Supported" 508 "Loop Detected"
    520 "Web Server Returned an Unknown Error" 521 "Web Server Is Down" 522 "Connection Timed Out"
    523 "Origin Is Unreachable" 524 "A Timeout Occurred" 525 "SSL Handshake Failed"
    526 "Invalid SSL Certificate" 530 "Origin DNS Error"
}
