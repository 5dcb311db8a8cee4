//! Field lines, of heads and of trailers.

#[cfg(test)]
mod tests;

use rempart_flow::{Field, Fields, Known, Span};

use crate::scan::{HeadEnd, head_end};
use rempart_flow::bytes::{is_token, text_len, trim_ows_end, trim_ows_start};
use rempart_flow::words::position_of;

/// Why field lines are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldFault {
    /// More lines than may be.
    TooMany,
    BareLf,
    Line,
    Name,
    Value,
    ObsFold,
    BareCr,
}

/// A field that must not be repeated: how often it came, and its last value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Single {
    pub(crate) count: usize,
    pub(crate) value: Span,
}

/// The fields that frame and route a message, noticed while its lines are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noticed {
    pub(crate) host: Single,
    pub(crate) content_length: Single,
    pub(crate) transfer_encoding: Single,
    pub(crate) connection: bool,
    pub(crate) upgrade: bool,
    pub(crate) expect: bool,
}

/// Room for this many fields is made at once: more than an ordinary head has.
const FIELDS_USUAL: usize = 16;

/// Reads the field lines that begin at `from`, up to the empty line, and says where that ends; `None` if
/// it has not come and nothing is wrong so far. Spans count from the beginning of `text`, which the caller
/// stores at the beginning of the arena.
///
/// What is right is read in one pass. All else is read a second time, to say what is wrong with it.
pub(crate) fn read(
    text: &[u8],
    from: usize,
    fields_max: usize,
    fields: &mut Fields,
    noticed: &mut Noticed,
) -> Result<Option<usize>, FieldFault> {
    fields.list_mut().reserve(FIELDS_USUAL);
    match read_lines(text, from, fields_max, fields, noticed) {
        Some(end) => Ok(Some(end)),
        None => explain(text, from, fields_max, fields).map(|()| None),
    }
}

/// `None` for all that is not complete and right.
fn read_lines(
    text: &[u8],
    from: usize,
    fields_max: usize,
    fields: &mut Fields,
    noticed: &mut Noticed,
) -> Option<usize> {
    let mut start = from;
    loop {
        let rest = text.get(start..)?;
        if rest.starts_with(b"\r\n") {
            return Some(start + 2);
        }
        if fields.len() == fields_max {
            return None;
        }
        let line = read_line(rest)?;
        let (known, value) = (line.known, Span::new(start + line.value_start, line.value_len));
        let name = Span::new(start, line.name_len);
        fields.push(Field { name, value, known, hop_by_hop: known.is_hop_by_hop(), never_indexed: false });
        if known != Known::Other {
            noticed.notice(known, value);
        }
        start += line.len;
    }
}

/// Where the parts of a line stand in it.
struct Line {
    known: Known,
    name_len: usize,
    value_start: usize,
    value_len: usize,
    /// With its CRLF.
    len: usize,
}

/// `field-name ":" OWS field-value OWS CRLF` (RFC 9112 section 5).
fn read_line(text: &[u8]) -> Option<Line> {
    // The colon may be that of a later line; the line end before it is then no part of a token.
    let name_len = position_of(b':', text)?;
    let name = text.get(..name_len)?;
    let known = Known::from_name(name);
    // Every known name is a token.
    if known == Known::Other && !is_token(name) {
        return None;
    }
    let after = text.get(name_len + 1..)?;
    let value = trim_ows_start(after);
    let value_start = text.len() - value.len();
    let end = text_len(value);
    if !value.get(end..)?.starts_with(b"\r\n") {
        return None;
    }
    let value_len = trim_ows_end(value.get(..end)?).len();
    Some(Line { known, name_len, value_start, value_len, len: value_start + end + 2 })
}

impl Noticed {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other field frames or routes a message")]
    const fn notice(&mut self, known: Known, value: Span) {
        let single = match known {
            Known::Host => &mut self.host,
            Known::ContentLength => &mut self.content_length,
            Known::TransferEncoding => &mut self.transfer_encoding,
            Known::Connection => return self.connection = true,
            Known::Upgrade => return self.upgrade = true,
            Known::Expect => return self.expect = true,
            _ => return,
        };
        single.count += 1;
        single.value = value;
    }
}

/// Says what is wrong with lines that were not read to their end; nothing, if they only have not all come.
#[cold]
fn explain(text: &[u8], from: usize, fields_max: usize, fields: &mut Fields) -> Result<(), FieldFault> {
    fields.list_mut().clear();
    match head_end(text, from) {
        Err(_) => Err(FieldFault::BareLf),
        Ok(HeadEnd::Open) => Ok(()),
        Ok(HeadEnd::At { lines, .. }) if lines > fields_max => Err(FieldFault::TooMany),
        Ok(HeadEnd::At { len, .. }) => Err(diagnose(text.get(from..len).unwrap_or_default())),
    }
}

/// What is wrong with the first line of a block that is.
fn diagnose(block: &[u8]) -> FieldFault {
    let mut rest = block;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        if let Some(fault) = diagnose_line(line.strip_suffix(b"\r\n").unwrap_or(line)) {
            return fault;
        }
    }
    FieldFault::Line
}

fn diagnose_line(line: &[u8]) -> Option<FieldFault> {
    if line.is_empty() {
        return None;
    }
    if line.contains(&b'\r') {
        return Some(FieldFault::BareCr);
    }
    if matches!(line, [b' ' | b'\t', ..]) {
        return Some(FieldFault::ObsFold);
    }
    let Some(colon) = memchr::memchr(b':', line) else { return Some(FieldFault::Line) };
    let (name, value) = line.split_at(colon);
    if !is_token(name) {
        return Some(FieldFault::Name);
    }
    (text_len(value) < value.len()).then_some(FieldFault::Value)
}
