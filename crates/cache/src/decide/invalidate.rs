//! What a successful unsafe request invalidates (RFC 9111 section 4.4).

use rempart_flow::{Known, Method, RequestHead, ResponseHead};

/// A URL on this edge: host, and path with query.
pub type HostAndTarget = (Box<[u8]>, Box<[u8]>);

/// The URLs that a request invalidates, as (host, path and query): its own, and those that `Location` and
/// `Content-Location` name on the same host. None if its method is safe or it failed.
#[must_use]
pub fn invalidates(request: &RequestHead, response: &ResponseHead) -> Vec<HostAndTarget> {
    if is_safe(request) || !(200..400).contains(&response.status) {
        return Vec::new();
    }
    let host: Box<[u8]> = request.bytes(request.host).to_ascii_lowercase().into();
    let mut paths: Vec<Box<[u8]>> = vec![request.bytes(request.path_and_query).into()];
    for known in [Known::Location, Known::ContentLocation] {
        let named = response.fields.first(known).and_then(|reference| on_same_host(request, reference));
        if let Some(path) = named.filter(|path| paths.iter().all(|other| **other != **path)) {
            paths.push(path.into());
        }
    }
    paths.into_iter().map(|path| (host.clone(), path)).collect()
}

/// Whether a reference names the very URL that was asked for.
pub(super) fn is_own_url(request: &RequestHead, reference: &[u8]) -> bool {
    let named = on_same_host(request, reference);
    named.as_deref() == Some(request.bytes(request.path_and_query))
}

/// Methods that are registered as safe, beside those that the program knows; of all others nothing is known.
fn is_safe(request: &RequestHead) -> bool {
    const OTHERS: [&[u8]; 4] = [b"PROPFIND", b"QUERY", b"REPORT", b"SEARCH"];
    request.method.is_safe()
        || request.method == Method::Connect
        || OTHERS.contains(&request.bytes(request.method_text))
}

/// Path and query of a reference (RFC 3986 section 5.2), if it leads to the host that was asked. The scheme is
/// not compared: whoever ends TLS before this edge answers for both.
fn on_same_host(request: &RequestHead, reference: &[u8]) -> Option<Vec<u8>> {
    let reference = reference.split(|&byte| byte == b'#').next().unwrap_or_default();
    let hierarchy = match scheme_len(reference) {
        None => reference,
        Some(len) => {
            let (scheme, rest) = reference.split_at_checked(len)?;
            let is_ours = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
            rest.strip_prefix(b":").filter(|rest| is_ours && rest.starts_with(b"//"))?
        }
    };
    let (path, query) = if let Some(rest) = hierarchy.strip_prefix(b"//") {
        let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        if !is_same_authority(authority, request.bytes(request.authority)) {
            return None;
        }
        split_query(path)
    } else {
        split_query(hierarchy)
    };
    let base = request.bytes(request.path);
    let has_authority = hierarchy.starts_with(b"//");
    let path = match path {
        [] if has_authority => b"/".to_vec(),
        [] => base.to_vec(),
        [b'/', ..] => without_dots(path),
        relative => {
            let folder = base.iter().rposition(|&byte| byte == b'/').and_then(|at| base.get(..=at));
            without_dots(&[folder.unwrap_or(b"/"), relative].concat())
        }
    };
    let own_query = || request.query.map(|query| request.bytes(query));
    let query = query.or_else(|| if hierarchy.is_empty() { own_query() } else { None });
    Some(match query {
        None => path,
        Some(query) => [path.as_slice(), b"?", query].concat(),
    })
}

/// Bytes of the scheme with which a reference begins, if it has one (RFC 3986 section 3.1).
fn scheme_len(reference: &[u8]) -> Option<usize> {
    reference.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let len = reference.iter().position(|byte| !is_of_scheme(byte))?;
    (reference.get(len) == Some(&b':')).then_some(len)
}

fn split_query(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = path.splitn(2, |&byte| byte == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

/// A port that is the default of either scheme is none.
fn is_same_authority(one: &[u8], other: &[u8]) -> bool {
    let plain = |authority: &'_ [u8]| {
        let len = [b":80".as_slice(), b":443"]
            .iter()
            .find_map(|port| authority.strip_suffix(*port))
            .map_or(authority.len(), <[u8]>::len);
        authority.get(..len).unwrap_or_default().to_ascii_lowercase()
    };
    plain(one) == plain(other)
}

/// RFC 3986 section 5.2.4, for a path that begins with `/`.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if is_last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut plain = Vec::with_capacity(path.len());
    for segment in kept {
        plain.push(b'/');
        plain.extend_from_slice(segment);
    }
    if plain.is_empty() { b"/".to_vec() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::tests::{request, response};

    fn paths(start: &str, status: u16, lines: &[(&str, &str)]) -> Vec<String> {
        let found = invalidates(&request(start, &[]), &response(status, lines));
        found
            .iter()
            .map(|(host, path)| {
                assert_eq!(&**host, b"www.example.com");
                String::from_utf8_lossy(path).into_owned()
            })
            .collect()
    }

    #[test]
    fn only_unsafe_requests_that_succeeded() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "MKCOL"] {
            assert_eq!(paths(&format!("{method} /a?b"), 200, &[]), ["/a?b"], "{method}");
            assert_eq!(paths(&format!("{method} /a?b"), 303, &[]), ["/a?b"]);
            assert_eq!(paths(&format!("{method} /a"), 400, &[]), [""; 0]);
            assert_eq!(paths(&format!("{method} /a"), 500, &[]), [""; 0]);
        }
        for method in ["GET", "HEAD", "OPTIONS", "PROPFIND", "SEARCH", "QUERY", "REPORT"] {
            assert_eq!(paths(&format!("{method} /a"), 200, &[]), [""; 0], "{method}");
        }
    }

    #[test]
    fn references_are_resolved_and_stay_on_the_host() {
        for (reference, path) in [
            ("/x", Some("/x")),
            ("/x?y=1#z", Some("/x?y=1")),
            ("x", Some("/a/x")),
            ("./x", Some("/a/x")),
            ("../x", Some("/x")),
            ("../../../x", Some("/x")),
            ("/b/./c/../d/", Some("/b/d/")),
            ("/b/..", Some("/")),
            ("?q", Some("/a/b?q")),
            ("", Some("/a/b?c")),
            ("#z", Some("/a/b?c")),
            ("http://www.example.com/x", Some("/x")),
            ("HTTPS://WWW.Example.com:443/x", Some("/x")),
            ("http://www.example.com:80", Some("/")),
            ("http://www.example.com?q", Some("/?q")),
            ("//www.example.com/x", Some("/x")),
            ("http://www.example.com:8080/x", None),
            ("http://other.example.com/x", None),
            ("//other.example.com/x", None),
            ("http://user@www.example.com/x", None),
            ("http:x", None),
            ("ftp://www.example.com/x", None),
            ("mailto:x", None),
            ("x:y", None),
            ("1:y", Some("/a/1:y")),
        ] {
            let request = request("POST /a/b?c", &[]);
            let found = on_same_host(&request, reference.as_bytes());
            assert_eq!(found.as_deref(), path.map(str::as_bytes), "{reference}");
        }
    }

    #[test]
    fn both_locations_count_and_none_twice() {
        let lines = [("Location", "/x"), ("Content-Location", "http://www.example.com/y")];
        assert_eq!(paths("POST /a", 201, &lines), ["/a", "/x", "/y"]);
        assert_eq!(paths("POST /a", 201, &[("Location", "/a"), ("Content-Location", "/x")]), ["/a", "/x"]);
        assert_eq!(paths("POST /a", 201, &[("Location", "//evil.example/a/b")]), ["/a"]);
    }
}
