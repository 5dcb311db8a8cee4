//! `:path` and `:authority`.

use rempart_flow::authority::Authority;
use rempart_flow::bytes::{IN_PATH, TARGET, len_of};
use rempart_flow::{BadRequest, Method, RequestHead, Span};

use super::{Check, malformed, refused};

/// Sets path and query from the text of both. It begins with `/`, or is the `*` of a server-wide OPTIONS (RFC 9113
/// section 8.3.1).
pub(super) fn resolve_path(head: &mut RequestHead) -> Check {
    let whole = head.path_and_query;
    let text = head.fields.bytes(whole);
    let path_len = len_of(IN_PATH, text);
    let from_query = text.get(path_len..).unwrap_or_default();
    let is_right = match from_query {
        [] => true,
        [b'?', ..] => len_of(TARGET, from_query) == from_query.len(),
        _ => false,
    };
    let begins_right = match text {
        [b'/', ..] => true,
        b"*" => head.method == Method::Options,
        _ => false,
    };
    if !is_right {
        return odd_path(head);
    }
    set_path(head, path_len);
    if begins_right { Ok(()) } else { malformed(BadRequest::Target) }
}

/// A path with a byte that may not stand there. Where HTTP/1.1 would end the target, or the line, it is an attempt;
/// elsewhere a browser may have sent it.
#[cold]
fn odd_path(head: &mut RequestHead) -> Check {
    let text = head.fields.bytes(head.path_and_query);
    let ends_target = text.iter().any(|&byte| byte <= b' ' || byte == b'#' || byte == 0x7f);
    let begins_right = text.first() == Some(&b'/');
    let path_len = text.iter().position(|&byte| byte == b'?').unwrap_or(text.len());
    set_path(head, path_len);
    if ends_target || !begins_right { malformed(BadRequest::Target) } else { refused(BadRequest::Target) }
}

fn set_path(head: &mut RequestHead, path_len: usize) {
    let whole = head.path_and_query;
    let (start, len) = (whole.start as usize, whole.len as usize);
    head.path = Span::new(start, path_len);
    head.query = (path_len < len).then(|| Span::new(start + path_len + 1, len - path_len - 1));
}

/// Sets the host from the text of the authority, which came as `:authority` or as `host`.
pub(super) fn resolve_authority(head: &mut RequestHead) -> Check {
    let text = head.fields.bytes(head.authority);
    if let Some(authority) = Authority::parse(text) {
        head.host = Span { start: head.authority.start, ..Span::new(0, authority.host.len()) };
        return Ok(());
    }
    let has_user = text.contains(&b'@');
    let is_missing = !head.fields.has(rempart_flow::Known::Host);
    head.authority = Span::default();
    if has_user {
        // RFC 9113 section 8.3.1.
        malformed(BadRequest::HostInvalid)
    } else if is_missing {
        refused(BadRequest::HostMissing)
    } else {
        refused(BadRequest::HostInvalid)
    }
}

/// Whether `host` names the same place as `:authority`.
pub(super) fn agrees(authority: &[u8], host: &[u8], default_port: u16) -> bool {
    authority == host
        || match (Authority::parse(authority), Authority::parse(host)) {
            (Some(authority), Some(host)) => authority.agrees_with(&host, default_port),
            _ => false,
        }
}
