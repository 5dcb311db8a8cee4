//! What of a request may be kept. Names of fields are kept, values only of those fields that are known to
//! say nothing about who asks: a list of what is secret would always lack a name.

use rempart_flow::{BodyLength, Known, RequestHead};

/// A part of a path or the name of a parameter that is so long, and has a digit, may be a token.
const TOKEN_BYTES_MIN: usize = 16;
/// No more of a value is imitated.
const VALUE_BYTES_MAX: usize = 256;

/// Writes a request without body that resembles this one. Answers whether there is one, and it fits into
/// `bytes_max`.
pub(super) fn write(head: &RequestHead, out: &mut Vec<u8>, bytes_max: usize) -> bool {
    let first_line = head.path_and_query.len as usize + head.authority.len as usize;
    if head.authority.is_empty() || first_line > bytes_max {
        return false;
    }
    out.extend_from_slice(head.bytes(head.method_text));
    out.push(b' ');
    path(head.bytes(head.path), out);
    if let Some(found) = head.query {
        out.push(b'?');
        query(head.bytes(found), out);
    }
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(head.bytes(head.authority));
    out.extend_from_slice(b"\r\n");
    for field in head.fields.iter() {
        if field.hop_by_hop || is_framing(field.known) {
            continue;
        }
        if out.len() + field.name.len() + field.value.len() > bytes_max {
            return false;
        }
        out.extend_from_slice(field.name);
        out.extend_from_slice(b": ");
        if is_harmless(field.known) {
            out.extend_from_slice(field.value);
        } else {
            imitate(field.value, out);
        }
        out.extend_from_slice(b"\r\n");
    }
    if head.body != BodyLength::None {
        out.extend_from_slice(b"Content-Length: 0\r\n");
    }
    out.extend_from_slice(b"Connection: close\r\n\r\n");
    out.len() <= bytes_max
}

/// As long as the value, and of it nothing.
fn imitate(value: &[u8], out: &mut Vec<u8>) {
    out.resize(out.len() + value.len().min(VALUE_BYTES_MAX), b'x');
}

/// Written by us, or about a body that is not there.
const fn is_framing(known: Known) -> bool {
    matches!(
        known,
        Known::Host | Known::ContentLength | Known::TransferEncoding | Known::Expect | Known::CdnLoop
    )
}

/// What browsers say about themselves and what they can read; nothing that names a person or opens a door.
const fn is_harmless(known: Known) -> bool {
    matches!(
        known,
        Known::Accept
            | Known::AcceptEncoding
            | Known::AcceptLanguage
            | Known::CacheControl
            | Known::ContentEncoding
            | Known::ContentType
            | Known::IfModifiedSince
            | Known::IfUnmodifiedSince
            | Known::Pragma
            | Known::Range
            | Known::UserAgent
            | Known::XRequestedWith
    )
}

fn path(path: &[u8], out: &mut Vec<u8>) {
    for (at, part) in path.split(|byte| *byte == b'/').enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        unless_token(part, out);
    }
}

/// Names of parameters without their values.
fn query(query: &[u8], out: &mut Vec<u8>) {
    for (at, part) in query.split(|byte| *byte == b'&').enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        match part.iter().position(|byte| *byte == b'=') {
            Some(end) => {
                unless_token(part.get(..end).unwrap_or_default(), out);
                out.push(b'=');
            }
            None => unless_token(part, out),
        }
    }
}

/// Links to reset a password, to share a document or to leave a list carry their secret in the path.
fn unless_token(part: &[u8], out: &mut Vec<u8>) {
    if part.len() >= TOKEN_BYTES_MIN && part.iter().any(u8::is_ascii_digit) {
        imitate(part, out);
    } else {
        out.extend_from_slice(part);
    }
}
