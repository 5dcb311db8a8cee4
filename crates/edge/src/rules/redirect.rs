//! Sending a visitor elsewhere.

use super::reply::{Body, Reply};

/// No `Location` is longer.
const LOCATION_BYTES_MAX: usize = 64 * 1024;

/// The target would be longer than [`LOCATION_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A redirect to this target, with the query if there is one. `None`: there is nowhere to go.
///
/// # Errors
/// It would be too long to send: whoever is to go there must not come in instead.
pub(super) fn to(target: &[u8], query: Option<&[u8]>, status: u16) -> Result<Option<Reply>, TooLong> {
    let mut location = encoded(target.trim_ascii());
    if !leads_somewhere(&location) {
        return Ok(None);
    }
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        let fragment = location.iter().position(|byte| *byte == b'#');
        let fragment = fragment.map_or_else(Vec::new, |at| location.split_off(at));
        location.push(if location.contains(&b'?') { b'&' } else { b'?' });
        location.extend_from_slice(&encoded(query));
        location.extend_from_slice(&fragment);
    }
    if location.len() > LOCATION_BYTES_MAX {
        return Err(TooLong);
    }
    let fields = vec![("Location", location.into_boxed_slice())];
    Ok(Some(Reply { fields, ..Reply::of(status, Body::default()) }))
}

/// Whether a target is a path, or a URL of the web. Others are no places to which a site sends its visitors.
fn leads_somewhere(target: &[u8]) -> bool {
    let begins = |scheme: &[u8]| {
        target.split_at_checked(scheme.len()).is_some_and(|(begin, rest)| {
            begin.eq_ignore_ascii_case(scheme) && !rest.is_empty() && !rest.starts_with(b"/")
        })
    };
    target.starts_with(b"/") || begins(b"http://") || begins(b"https://")
}

/// With everything percent-encoded that may not stand in a field or a URI (RFC 3986 section 2).
fn encoded(text: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut made = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        {
            made.push(*byte);
        } else {
            made.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(target: &str, query: Option<&str>) -> Option<String> {
        let reply = to(target.as_bytes(), query.map(str::as_bytes), 301).unwrap()?;
        assert_eq!(reply.status, 301);
        reply.fields.first().map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn the_query_is_kept_if_it_is_to_be() {
        assert_eq!(location("https://a.test/b", None).as_deref(), Some("https://a.test/b"));
        assert_eq!(location("https://a.test/b", Some("x=1")).as_deref(), Some("https://a.test/b?x=1"));
        assert_eq!(location("/b?y=2#end", Some("x=1")).as_deref(), Some("/b?y=2&x=1#end"));
        assert_eq!(location("/b", Some("")).as_deref(), Some("/b"));
    }

    #[test]
    fn no_expression_writes_a_second_line() {
        assert_eq!(location("/a\r\nSet-Cookie: x", None).as_deref(), Some("/a%0D%0ASet-Cookie:%20x"));
    }

    #[test]
    fn an_empty_target_sends_nobody_anywhere_and_one_over_the_bound_refuses() {
        for nowhere in
            ["  ", "javascript:alert(1)", "foo bar", "https://", "https:///a", "mailto:a@a.test", "b.test/c"]
        {
            assert_eq!(location(nowhere, Some("x")), None, "{nowhere}");
        }
        assert_eq!(location("HTTPS://a.test", None).as_deref(), Some("HTTPS://a.test"));
        let most = "/".repeat(LOCATION_BYTES_MAX);
        assert_eq!(location(&most, None), Some(most.clone()));
        assert_eq!(to(format!("{most}/").as_bytes(), None, 301), Err(TooLong));
        assert_eq!(to(most.as_bytes(), Some(b"x"), 301), Err(TooLong));
    }
}
