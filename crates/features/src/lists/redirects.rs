//! Lists of redirects (Bulk Redirects).
//!
//! Of several entries that fit a URL the closest one counts: the host itself before its parents, the longest path
//! before shorter ones, an entry with a scheme before one without.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// A source with subpaths has at most so many `/` in its path, as at Cloudflare: so many paths are looked up.
pub const SLASHES_MAX: usize = 16;
/// The longest source and target, in bytes.
pub const URL_BYTES_MAX: usize = 32 << 10;

/// Redirects by their source.
#[derive(Debug, Default)]
pub struct RedirectList {
    hosts: HashMap<Box<[u8]>, HostEntries, FixedState>,
    /// Whether there is an entry that holds for subdomains.
    has_subdomains: bool,
}

/// The redirects of one host.
#[derive(Debug, Default)]
struct HostEntries {
    paths: HashMap<Box<[u8]>, Vec<RedirectEntry>, FixedState>,
    /// Whether there is an entry that holds for subpaths.
    has_subpaths: bool,
}

/// One redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectEntry {
    /// The scheme that it is for; `None`: both.
    pub is_https: Option<bool>,
    /// Where visitors are sent.
    pub target: Box<[u8]>,
    /// 301, 302, 307 or 308.
    pub status: u16,
    /// The query of the request goes with it.
    pub preserve_query_string: bool,
    /// It holds for the hosts under its own, too.
    pub include_subdomains: bool,
    /// It holds for the paths under its own, too.
    pub subpath_matching: bool,
    /// What a path has more than the source's is put behind the target's.
    pub preserve_path_suffix: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For `Location`.
    pub location: Vec<u8>,
    /// 301, 302, 307 or 308.
    pub status: u16,
}

impl RedirectList {
    /// Takes an entry. The host is in lower case.
    ///
    /// # Errors
    /// There is an entry with the same source already; this one comes back.
    pub fn insert(&mut self, host: &[u8], path: &[u8], entry: RedirectEntry) -> Result<(), RedirectEntry> {
        let entries = self.hosts.entry(host.into()).or_default();
        let same = entries.paths.entry(path.into()).or_default();
        if same.iter().any(|other| other.is_https == entry.is_https) {
            return Err(entry);
        }
        self.has_subdomains |= entry.include_subdomains;
        entries.has_subpaths |= entry.subpath_matching;
        // One with a scheme is closer.
        let at = if entry.is_https.is_some() { 0 } else { same.len() };
        same.insert(at, entry);
        Ok(())
    }

    /// Where a URL is sent; `None`: nowhere. A URL without scheme is that of plain HTTP.
    #[must_use]
    pub fn find(&self, url: &[u8]) -> Option<Found> {
        let url = Url::of(url)?;
        let mut host = url.host.as_slice();
        let mut is_parent = false;
        loop {
            if let Some(found) = self.hosts.get(host).and_then(|host| host.find(&url, is_parent)) {
                return Some(found);
            }
            let dot = host.iter().position(|byte| *byte == b'.').filter(|_| self.has_subdomains)?;
            host = host.get(dot + 1..).unwrap_or_default();
            is_parent = true;
        }
    }
}

impl HostEntries {
    fn find(&self, url: &Url<'_>, is_parent: bool) -> Option<Found> {
        let fits = |entry: &&RedirectEntry, is_prefix: bool| {
            entry.is_https.is_none_or(|is_https| is_https == url.is_https)
                && (entry.include_subdomains || !is_parent)
                && (entry.subpath_matching || !is_prefix)
        };
        let at = |path: &[u8], is_prefix: bool| {
            let entry = self.paths.get(path)?.iter().find(|entry| fits(entry, is_prefix))?;
            Some(entry.sends(url, url.path.get(path.len()..).unwrap_or_default()))
        };
        at(url.path, false)
            .or_else(|| prefixes(url.path).filter(|_| self.has_subpaths).find_map(|path| at(path, true)))
    }
}

/// The paths above a path that can be in a list, the longest first: `/a/b` has `/a/`, `/a` and `/`.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes: Vec<usize> = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at)
        .take(SLASHES_MAX + 1)
        .collect();
    slashes.into_iter().rev().flat_map(move |slash| {
        let with = path.get(..=slash).filter(|with| with.len() < path.len());
        let without = path.get(..slash).filter(|without| !without.is_empty());
        with.into_iter().chain(without)
    })
}

impl RedirectEntry {
    fn sends(&self, url: &Url<'_>, suffix: &[u8]) -> Found {
        let mut location = self.target.to_vec();
        if self.preserve_path_suffix && !suffix.is_empty() {
            // The suffix belongs to the path, before a query and a fragment of the target.
            let end = location.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(location.len());
            let tail = location.split_off(end);
            if location.ends_with(b"/") {
                // No slash of the suffix is left: after a target like `/` it would begin the name of another host.
                let slashes = suffix.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
                location.extend_from_slice(suffix.get(slashes..).unwrap_or_default());
            } else {
                if !suffix.starts_with(b"/") {
                    location.push(b'/');
                }
                location.extend_from_slice(suffix);
            }
            location.extend_from_slice(&tail);
        }
        if let (true, Some(query)) = (self.preserve_query_string, url.query) {
            let end = location.iter().position(|byte| *byte == b'#').unwrap_or(location.len());
            let tail = location.split_off(end);
            location.push(b'?');
            location.extend_from_slice(query);
            location.extend_from_slice(&tail);
        }
        Found { location, status: self.status }
    }
}

/// The parts of a request's URL.
struct Url<'a> {
    is_https: bool,
    /// In lower case, without port and without a final dot.
    host: Vec<u8>,
    /// Never empty.
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl<'a> Url<'a> {
    fn of(url: &'a [u8]) -> Option<Self> {
        let (is_https, rest) = match (url.strip_prefix(b"https://"), url.strip_prefix(b"http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => (false, url),
        };
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let rest = rest.split(|byte| *byte == b'#').next().unwrap_or_default();
        let (path, query) = match rest.iter().position(|byte| *byte == b'?') {
            Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
            None => (rest, None),
        };
        let host = host_of(authority);
        let host = host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase();
        (!host.is_empty()).then_some(Self {
            is_https,
            host,
            path: if path.is_empty() { b"/" } else { path },
            query,
        })
    }
}

/// An authority without its port.
fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(at) if authority.get(at) == Some(&b':') => at,
        Some(_) | None => authority.len(),
    };
    authority.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str) -> RedirectEntry {
        RedirectEntry {
            is_https: None,
            target: target.as_bytes().into(),
            status: 301,
            preserve_query_string: false,
            include_subdomains: false,
            subpath_matching: false,
            preserve_path_suffix: false,
        }
    }

    fn sent(list: &RedirectList, url: &str) -> Option<String> {
        list.find(url.as_bytes()).map(|found| String::from_utf8(found.location).unwrap())
    }

    #[test]
    fn an_entry_holds_for_its_url_whatever_scheme_port_and_query() {
        let mut list = RedirectList::default();
        list.insert(b"a.example", b"/about", entry("https://a.example/new")).unwrap();
        for url in ["http://a.example/about", "https://A.example:8443/about?x=1", "https://a.example./about"]
        {
            assert_eq!(sent(&list, url).as_deref(), Some("https://a.example/new"), "{url}");
        }
        for url in ["http://b.a.example/about", "http://a.example/about/", "http://a.example/", "", "http://"]
        {
            assert_eq!(sent(&list, url), None, "{url}");
        }
    }

    #[test]
    fn an_entry_can_hold_for_what_is_under_it() {
        let mut list = RedirectList::default();
        let wide = RedirectEntry {
            include_subdomains: true,
            subpath_matching: true,
            preserve_path_suffix: true,
            preserve_query_string: true,
            ..entry("https://n.example/qux/#f")
        };
        list.insert(b"a.example", b"/foo/", wide).unwrap();
        for (url, to) in [
            ("http://a.example/foo/", Some("https://n.example/qux/#f")),
            ("http://a.example/foo/bar?q=1", Some("https://n.example/qux/bar?q=1#f")),
            ("http://x.y.a.example/foo/b/c", Some("https://n.example/qux/b/c#f")),
            ("http://a.example/foo", None),
            ("http://a.example/foobar", None),
            ("http://ba.example/foo/", None),
        ] {
            assert_eq!(sent(&list, url).as_deref(), to, "{url}");
        }
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let under =
            |target| RedirectEntry { subpath_matching: true, preserve_path_suffix: true, ..entry(target) };
        for (target, source, url, to) in [
            ("/", "/old", "http://a.example/old//evil.example", "/evil.example"),
            ("/", "/old", "http://a.example/old///evil.example//x", "/evil.example//x"),
            ("/", "/old", "http://a.example/old/\\evil.example", "/evil.example"),
            ("/", "/old/", "http://a.example/old//evil.example", "/evil.example"),
            ("/", "/old/", "http://a.example/old/\\evil.example", "/evil.example"),
            ("/", "/", "http://a.example//evil.example", "/evil.example"),
            ("https://b.example/", "/old", "http://a.example/old//x", "https://b.example/x"),
            ("https://b.example", "/old", "http://a.example/old/x", "https://b.example/x"),
        ] {
            let mut list = RedirectList::default();
            list.insert(b"a.example", source.as_bytes(), under(target)).unwrap();
            assert_eq!(sent(&list, url).as_deref(), Some(to), "{target} {source} {url}");
        }
    }

    #[test]
    fn the_closest_entry_counts() {
        let mut list = RedirectList::default();
        let under = RedirectEntry { subpath_matching: true, include_subdomains: true, ..entry("wide") };
        list.insert(b"a.example", b"/", under.clone()).unwrap();
        list.insert(b"a.example", b"/x", RedirectEntry { target: b"long"[..].into(), ..under.clone() })
            .unwrap();
        list.insert(b"b.a.example", b"/x/y", entry("host")).unwrap();
        list.insert(b"a.example", b"/s", entry("any")).unwrap();
        list.insert(b"a.example", b"/s", RedirectEntry { is_https: Some(true), ..entry("secure") }).unwrap();
        assert!(list.insert(b"a.example", b"/s", entry("again")).is_err());
        for (url, to) in [
            ("http://a.example/x/y", "long"),
            ("http://a.example/xy", "wide"),
            ("http://b.a.example/x/y", "host"),
            ("http://b.a.example/x/z", "long"),
            ("http://a.example/s", "any"),
            ("https://a.example/s", "secure"),
        ] {
            assert_eq!(sent(&list, url).as_deref(), Some(to), "{url}");
        }
    }

    #[test]
    fn a_path_of_many_slashes_costs_no_more_than_the_bound() {
        let mut list = RedirectList::default();
        list.insert(b"a.example", b"/", RedirectEntry { subpath_matching: true, ..entry("up") }).unwrap();
        let url = format!("http://a.example{}", "/".repeat(10_000));
        assert_eq!(sent(&list, &url).as_deref(), Some("up"));
        assert!(prefixes(url.as_bytes()).count() <= 2 * (SLASHES_MAX + 1));
    }
}
