//! The request as rules have rewritten it. Whatever an expression makes, what goes on has one reading: a path or a query
//! with bytes that may not stand there is percent-encoded, so that no rule writes a second request.

use rempart_flow::bytes::{self, IN_PATH, TARGET};
use rempart_flow::{Fault, Known, RequestHead};

use super::headers::{self, HeaderEdit};

/// No rewritten path with its query is longer: a request whose would be is refused.
pub const TARGET_BYTES_MAX: usize = 64 * 1024;

/// Puts another path or another query in a request; `None` leaves the part as it is, and a query of no byte takes it
/// away.
///
/// # Errors
/// [`Fault::TargetTooLong`]: both together would be longer than [`TARGET_BYTES_MAX`]. The request is left as it was.
pub fn uri(head: &mut RequestHead, path: Option<&[u8]>, query: Option<&[u8]>) -> Result<(), Fault> {
    let mut target = match path {
        Some(path) => made_path(path),
        None => head.bytes(head.path).to_vec(),
    };
    let path_bytes = target.len();
    let own = head.query.map(|query| head.bytes(query));
    let query = query.map_or(own.map(<[u8]>::to_vec), |query| (!query.is_empty()).then(|| made_query(query)));
    if let Some(query) = &query {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(Fault::TargetTooLong);
    }
    let whole = head.fields.store(&target);
    head.path_and_query = whole;
    head.path = rempart_flow::Span { start: whole.start, len: saturated(path_bytes) };
    head.query = query.map(|query| rempart_flow::Span {
        start: whole.start.saturating_add(saturated(path_bytes + 1)),
        len: saturated(query.len()),
    });
    Ok(())
}

/// Changes the fields of a name. What frames the message and who it is for are no rule's business.
pub fn field(head: &mut RequestHead, name: &[u8], edit: HeaderEdit<'_>) {
    let known = Known::from_name(name);
    if known.is_hop_by_hop() || matches!(known, Known::Host | Known::ContentLength | Known::Expect) {
        return;
    }
    headers::edit(&mut head.fields, name, edit);
}

fn saturated(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A path that begins with a slash, of bytes that may stand in one.
fn made_path(path: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(path.len() + 1);
    if path.first() != Some(&b'/') {
        made.push(b'/');
    }
    encoded(&mut made, path, IN_PATH);
    made
}

/// A query without its question mark.
fn made_query(query: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(query.len());
    encoded(&mut made, query, TARGET);
    made
}

/// Percent-encodes what may not stand there (RFC 3986 section 2.1). A `#` would end the target.
fn encoded(made: &mut Vec<u8>, text: &[u8], class: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        if bytes::is(*byte, class) && *byte != b'#' {
            made.push(*byte);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            made.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rempart_flow::Span;

    use super::*;

    fn head(target: &str) -> RequestHead {
        let mut head = RequestHead::default();
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        head.path_and_query = head.fields.store(target.as_bytes());
        head.path = Span::new(0, path.len());
        head.query = query.map(|query| Span::new(path.len() + 1, query.len()));
        head
    }

    fn shown(head: &RequestHead) -> (String, String, Option<String>) {
        let text = |span| String::from_utf8_lossy(head.bytes(span)).into_owned();
        (text(head.path_and_query), text(head.path), head.query.map(text))
    }

    fn rewritten(target: &str, path: Option<&str>, query: Option<&str>) -> (String, String, Option<String>) {
        let mut head = head(target);
        uri(&mut head, path.map(str::as_bytes), query.map(str::as_bytes)).unwrap();
        shown(&head)
    }

    fn expected(whole: &str, path: &str, query: Option<&str>) -> (String, String, Option<String>) {
        (whole.to_owned(), path.to_owned(), query.map(str::to_owned))
    }

    #[test]
    fn path_and_query_are_rewritten_each_or_both() {
        assert_eq!(rewritten("/a?x=1", Some("/b"), None), expected("/b?x=1", "/b", Some("x=1")));
        assert_eq!(rewritten("/a?x=1", None, Some("y=2")), expected("/a?y=2", "/a", Some("y=2")));
        assert_eq!(rewritten("/a", Some("/b/c"), Some("z")), expected("/b/c?z", "/b/c", Some("z")));
        assert_eq!(rewritten("/a?x=1", None, Some("")), expected("/a", "/a", None));
    }

    #[test]
    fn what_may_not_stand_in_a_target_is_encoded() {
        assert_eq!(
            rewritten("/a", Some("b c?d#e\r\n"), None),
            expected("/b%20c%3Fd%23e%0D%0A", "/b%20c%3Fd%23e%0D%0A", None)
        );
        assert_eq!(
            rewritten("/a", None, Some("x=1 2?3#\n")),
            expected("/a?x=1%202?3%23%0A", "/a", Some("x=1%202?3%23%0A"))
        );
    }

    #[test]
    fn the_bound_is_exact() {
        let path = format!("/{}", "p".repeat(TARGET_BYTES_MAX - 1));
        assert_eq!(rewritten("/a", Some(&path), None).0, path);
        let mut head = head("/a");
        let longer = format!("{path}p");
        assert_eq!(uri(&mut head, Some(longer.as_bytes()), None), Err(Fault::TargetTooLong));
        assert_eq!(shown(&head).0, "/a");
    }

    #[test]
    fn a_rule_does_not_change_whom_a_request_is_for_or_where_it_ends() {
        let mut head = head("/");
        head.fields.append(b"Host", b"a.test");
        head.fields.append(b"Content-Length", b"3");
        for name in [b"host".as_slice(), b"Content-Length", b"Transfer-Encoding", b"Connection"] {
            field(&mut head, name, HeaderEdit::Set(b"b"));
        }
        let values: Vec<&[u8]> = head.fields.iter().map(|field| field.value).collect();
        assert_eq!(values, [b"a.test".as_slice(), b"3"]);
    }
}
