//! The rules of RFC 9113 section 8, one after the other.

mod limits;
mod requests;
mod responses;
mod targets;
mod trailers;
mod write;

use rempart_flow::{BadRequest, Fault, Fields, HeadLimits, RequestHead, Span};

use super::{Outcome, RequestRules, read_request};
use crate::hpack::{Decoder, block};

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 4096, target_bytes_max: 64, fields_max: 8 };

const RULES: RequestRules = RequestRules { limits: LIMITS, extended_connect: false };

/// A header block of these fields, names as they are.
fn block_of<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        block::raw(&mut out, name.as_ref());
        block::raw(&mut out, value.as_ref());
    }
    out
}

/// The list of a request to `h`, with these fields behind it.
fn get<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![(":method", "GET"), (":scheme", "https"), (":authority", "h"), (":path", "/")];
    fields.extend_from_slice(more);
    fields
}

fn read(
    fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ends_stream: bool,
    rules: &RequestRules,
) -> (Outcome, RequestHead) {
    let mut head = RequestHead::default();
    let outcome = read_request(&mut Decoder::new(4096), &block_of(fields), ends_stream, rules, &mut head);
    (outcome.unwrap(), head)
}

#[track_caller]
fn good(fields: &[(&str, &str)]) -> RequestHead {
    let (outcome, head) = read(fields, true, &RULES);
    assert_eq!(outcome, Outcome::Complete, "{fields:?}");
    head
}

#[track_caller]
fn malformed(fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)], reason: BadRequest) {
    assert_eq!(read(fields, true, &RULES).0, Outcome::Malformed(reason));
}

#[track_caller]
fn refused(fields: &[(&str, &str)], fault: Fault) {
    assert_eq!(read(fields, true, &RULES).0, Outcome::Refused(fault), "{fields:?}");
}

fn text(head: &RequestHead, span: Span) -> &str {
    std::str::from_utf8(head.bytes(span)).unwrap()
}

fn shown(fields: &Fields) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    fields.iter().map(|field| (text(field.name), text(field.value))).collect()
}
