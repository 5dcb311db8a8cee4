//! Field lines, of heads and of trailers.

use httparse::{EMPTY_HEADER, Header, Status};
use rempart_flow::{Field, Fields, Known, Span};

use crate::bytes::{TEXT, TOKEN, is};

/// Why a field line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldFault {
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

/// Reads the field lines of `block`, which ends with its empty line, has `count` lines before it and no
/// bare line feed. The block is in the arena of `fields` already, from the offset `base` on.
pub(crate) fn read(
    block: &[u8],
    base: usize,
    count: usize,
    fields: &mut Fields,
) -> Result<Noticed, FieldFault> {
    // Slots on the stack; clearing few costs less, so the common head has few.
    match count {
        0..=16 => read_into(&mut [EMPTY_HEADER; 16], block, base, count, fields),
        17..=128 => read_into(&mut [EMPTY_HEADER; 128], block, base, count, fields),
        _ => read_into(&mut vec![EMPTY_HEADER; count], block, base, count, fields),
    }
}

fn read_into<'a>(
    slots: &mut [Header<'a>],
    block: &'a [u8],
    base: usize,
    count: usize,
    fields: &mut Fields,
) -> Result<Noticed, FieldFault> {
    let headers = match httparse::parse_headers(block, slots) {
        // Two readers, one result: `httparse` has to see the same end and the same number of lines.
        Ok(Status::Complete((len, headers))) if len == block.len() && headers.len() == count => headers,
        Ok(_) | Err(_) => return Err(diagnose(block)),
    };
    let place = |part: &[u8]| {
        // Names and values are parts of the block. A span that were not would read as nothing.
        Span::new(base + part.as_ptr().addr().wrapping_sub(block.as_ptr().addr()), part.len())
    };
    let mut noticed = Noticed::default();
    fields.list_mut().reserve(count);
    for header in headers {
        let known = Known::from_name(header.name.as_bytes());
        let (name, value) = (place(header.name.as_bytes()), place(header.value));
        fields.push(Field { name, value, known, hop_by_hop: known.is_hop_by_hop() });
        if known != Known::Other {
            noticed.notice(known, value);
        }
    }
    Ok(noticed)
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

/// Says what is wrong with the first line of a block that is. Only for blocks that were refused.
#[cold]
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
    if name.is_empty() || !name.iter().all(|&b| is(b, TOKEN)) {
        return Some(FieldFault::Name);
    }
    (!value.iter().all(|&b| is(b, TEXT))).then_some(FieldFault::Value)
}
