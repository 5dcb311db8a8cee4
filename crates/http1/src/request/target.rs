//! The four forms of a request target (RFC 9112 section 3.2), and `Host`.

use rempart_flow::{BadRequest, Known, Method, RequestHead, Span, Version};

use super::line::RequestLine;
use crate::fields::Noticed;
use rempart_flow::authority::Authority;
use rempart_flow::bytes::trim_ows;

/// Sets path, query and authority of a request whose fields have been read.
pub(super) fn resolve(
    text: &[u8],
    line: &RequestLine,
    noticed: &Noticed,
    head: &mut RequestHead,
) -> Result<(), BadRequest> {
    resolve_host(noticed, head)?;
    match text.get(line.target.clone()).unwrap_or_default() {
        [b'/', ..] => origin_form(line, line.target.start, head),
        b"*" if head.method == Method::Options => origin_form(line, line.target.start, head),
        target => absolute_form(target, line, head)?,
    }
    Ok(())
}

/// Fills in what a refused request shows of where it wanted to go.
#[cold]
pub(super) fn describe(text: &[u8], line: &RequestLine, head: &mut RequestHead) {
    let target = text.get(line.target.clone()).unwrap_or_default();
    let authority_at = match target {
        [b'/', ..] | b"*" => {
            origin_form(line, line.target.start, head);
            None
        }
        _ if head.method == Method::Connect => Some(0..target.len()),
        _ => split_absolute(target).map(|absolute| {
            origin_form(line, line.target.start + absolute.authority.end, head);
            absolute.authority
        }),
    };
    let authority = match authority_at {
        Some(range) => Some(Span::new(line.target.start + range.start, range.len())),
        None => text.get(line.end..).filter(|_| line.end > 0).and_then(|block| find_host(block, line.end)),
    };
    if let Some(span) = authority {
        set_authority(span, head);
    }
}

/// HTTP/1.1 has exactly one `Host`, HTTP/1.0 at most one.
fn resolve_host(noticed: &Noticed, head: &mut RequestHead) -> Result<(), BadRequest> {
    match noticed.host.count {
        0 if head.version == Version::Http10 => Ok(()),
        0 => Err(BadRequest::HostMissing),
        1 if set_authority(noticed.host.value, head) => Ok(()),
        1 => Err(BadRequest::HostInvalid),
        _ => Err(BadRequest::HostRepeated),
    }
}

fn set_authority(span: Span, head: &mut RequestHead) -> bool {
    let Some(authority) = Authority::parse(head.fields.bytes(span)) else { return false };
    head.host = Span { start: span.start, ..Span::new(0, authority.host.len()) };
    head.authority = span;
    true
}

/// Path and query as they stand in the text, from `start` on.
fn origin_form(line: &RequestLine, start: usize, head: &mut RequestHead) {
    head.path = Span::new(start, line.path_end.saturating_sub(start));
    head.path_and_query = Span::new(start, line.target.end.saturating_sub(start));
    head.query = query(line);
}

fn query(line: &RequestLine) -> Option<Span> {
    let start = line.path_end + 1;
    (line.path_end < line.target.end).then(|| Span::new(start, line.target.end - start))
}

/// `http://authority/path?query`. The authority of the target counts (RFC 9112 section 3.2.2), and since
/// others might take `Host`, the two have to agree.
fn absolute_form(target: &[u8], line: &RequestLine, head: &mut RequestHead) -> Result<(), BadRequest> {
    let absolute = split_absolute(target).ok_or(BadRequest::Target)?;
    let text = target.get(absolute.authority.clone()).unwrap_or_default();
    let authority = Authority::parse(text).ok_or(BadRequest::Target)?;
    if !head.authority.is_empty() {
        let host = Authority::parse(head.bytes(head.authority));
        if !host.is_some_and(|host| host.agrees_with(&authority, absolute.default_port)) {
            return Err(BadRequest::HostDisagrees);
        }
    }
    let path_start = line.target.start + absolute.authority.end;
    if path_start < line.path_end {
        origin_form(line, path_start, head);
    } else {
        empty_path(target.get(absolute.authority.end..).unwrap_or_default(), line, head);
    }
    set_authority(Span::new(line.target.start + absolute.authority.start, text.len()), head);
    Ok(())
}

/// An absolute target without a path means `/`, or the server as a whole for an OPTIONS without a query
/// (RFC 9112 section 3.2.4).
fn empty_path(query_text: &[u8], line: &RequestLine, head: &mut RequestHead) {
    let whole_server = head.method == Method::Options && query_text.is_empty();
    head.path = head.fields.store(if whole_server { b"*" } else { b"/" });
    let rest = head.fields.store(query_text);
    head.path_and_query = Span { start: head.path.start, len: head.path.len + rest.len };
    head.query = query(line);
}

struct Absolute {
    authority: std::ops::Range<usize>,
    default_port: u16,
}

fn split_absolute(target: &[u8]) -> Option<Absolute> {
    let colon = memchr::memchr(b':', target)?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let default_port = match scheme {
        _ if scheme.eq_ignore_ascii_case(b"http") => 80,
        _ if scheme.eq_ignore_ascii_case(b"https") => 443,
        _ => return None,
    };
    let start = colon + b"://".len();
    let rest = rest.strip_prefix(b"://")?;
    let len = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    Some(Absolute { authority: start..start + len, default_port })
}

/// The value of the first line that is a `Host`, in a block that may be anything. `base` is where the
/// block stands in the arena.
fn find_host(block: &[u8], base: usize) -> Option<Span> {
    let mut start = 0;
    block.split(|&b| b == b'\n').find_map(|line| {
        let line_start = start;
        start += line.len() + 1;
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = value.strip_prefix(b":")?;
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let lead = value.iter().take_while(|&&b| b == b' ' || b == b'\t').count();
        (Known::from_name(name) == Known::Host)
            .then(|| Span::new(base + line_start + colon + 1 + lead, trim_ows(value).len()))
    })
}
