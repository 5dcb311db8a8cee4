//! Which field decides (RFC 9213): `Cloudflare-CDN-Cache-Control` before `CDN-Cache-Control` before
//! `Cache-Control` and `Expires`. One of the first two that is empty or does not parse counts as not there.

use rempart_flow::{Fields, Known};

use super::directives::{About, DELTA_S_MAX, Policy, Stated};
use super::structured::{Item, dictionary};

/// Aimed at this edge alone, so visitors do not get it. Too long a name for [`Known`].
pub(super) const CLOUDFLARE: &[u8] = b"cloudflare-cdn-cache-control";

impl Policy {
    /// What a response says to this cache.
    pub(super) fn of(fields: &Fields) -> Self {
        let own = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(CLOUDFLARE));
        targeted(own.map(|field| field.value))
            .or_else(|| targeted(fields.values(Known::CdnCacheControl)))
            .unwrap_or_else(|| Self::of_lines(fields.values(Known::CacheControl)))
    }
}

/// The value of the targeted field that a cache here goes by, of several lines as one. `None`: there is none that
/// counts, and `Cache-Control` decides.
#[must_use]
pub fn targeted_value(fields: &Fields) -> Option<Vec<u8>> {
    let own = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(CLOUDFLARE));
    [own.map(|field| field.value).collect::<Vec<_>>(), fields.values(Known::CdnCacheControl).collect()]
        .into_iter()
        .find(|lines| targeted(lines.iter().copied()).is_some())
        .map(|lines| lines.join(b", ".as_slice()))
}

/// `None`: no line, nothing in them, or what is in them does not parse.
fn targeted<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Policy> {
    let mut lines = lines.peekable();
    // Most responses have none, and are looked at twice.
    lines.peek()?;
    // Several lines are one list (RFC 8941 section 4.2).
    let text = lines.collect::<Vec<_>>().join(b", ".as_slice());
    let members = dictionary(&text).filter(|members| !members.is_empty())?;
    let mut policy = Policy { is_targeted: true, ..Policy::default() };
    for (name, item) in &members {
        policy.add_member(name, item);
    }
    Some(policy)
}

impl Policy {
    /// A value whose type is not the directive's is not made to fit (RFC 9213 section 2.1): of a flag nothing is
    /// left then, and a number of seconds cannot be read.
    fn add_member(&mut self, name: &[u8], item: &Item) {
        let is_true = *item == Item::Boolean(true);
        match name {
            b"max-age" => self.max_age = stated(item),
            b"s-maxage" => self.s_maxage = stated(item),
            b"no-store" => self.no_store = is_true,
            b"no-cache" => about(&mut self.no_cache, item),
            b"private" => about(&mut self.private, item),
            b"public" => self.public = is_true,
            b"must-revalidate" => self.must_revalidate = is_true,
            b"proxy-revalidate" => self.proxy_revalidate = is_true,
            b"must-understand" => self.must_understand = is_true,
            b"stale-while-revalidate" => self.stale_while_revalidate_s = stated(item).seconds(),
            b"stale-if-error" => self.stale_if_error_s = stated(item).seconds(),
            _ => {}
        }
    }
}

fn stated(item: &Item) -> Stated {
    match item {
        Item::Integer(seconds) => u64::try_from(*seconds)
            .map_or(Stated::Invalid, |seconds| Stated::Seconds(seconds.min(DELTA_S_MAX))),
        Item::Boolean(_) | Item::String(_) | Item::Token(_) | Item::Other => Stated::Invalid,
    }
}

/// `true`, or names in a string.
fn about(about: &mut About, item: &Item) {
    *about = About::Nothing;
    match item {
        Item::Boolean(true) => about.add(None),
        Item::String(names) => about.add(Some(names)),
        Item::Boolean(false) | Item::Integer(_) | Item::Token(_) | Item::Other => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(lines: &[(&str, &str)]) -> Policy {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.append(name.as_bytes(), value.as_bytes());
        }
        Policy::of(&fields)
    }

    const CDN: &str = "CDN-Cache-Control";
    const OURS: &str = "Cloudflare-CDN-Cache-Control";
    const ALL: &str = "Cache-Control";

    #[test]
    fn the_field_that_is_aimed_best_decides_alone() {
        for (lines, max_age) in [
            (&[(ALL, "max-age=1")][..], 1),
            (&[(ALL, "max-age=1"), (CDN, "max-age=2")], 2),
            (&[(ALL, "max-age=1"), (CDN, "max-age=2"), (OURS, "max-age=3")], 3),
            (&[(ALL, "no-store"), (OURS, "max-age=3"), (CDN, "private")], 3),
            (&[(CDN, "max-age=2"), (OURS, "")], 2),
            (&[(CDN, "max-age=2"), (OURS, "max-age=%")], 2),
            (&[(CDN, ""), (ALL, "max-age=1")], 1),
            (&[(CDN, "max-age=10000, &&&&"), (ALL, "max-age=1")], 1),
            (&[(CDN, "MaX-aGe=3600"), (ALL, "max-age=1")], 1),
            (&[(CDN, "max-age='5'"), (ALL, "max-age=1")], 1),
            (&[(CDN, "max-age=5,"), (ALL, "max-age=1")], 1),
            (&[(CDN, "max-age =5"), (ALL, "max-age=1")], 1),
            // Not one line alone, but both together do not parse.
            (&[(CDN, "max-age=5"), (CDN, "%"), (ALL, "max-age=1")], 1),
            (&[(CDN, "max-age=5"), (CDN, "public")], 5),
            (&[(CDN, "max-age=5, max-age=6")], 6),
            (&[(CDN, "max-age=5;x=y;z")], 5),
            (&[(CDN, "max-age=2147483648")], 1 << 31),
            (&[(CDN, "max-age=99999999999")], 1 << 31),
        ] {
            assert_eq!(policy(lines).max_age, Stated::Seconds(max_age), "{lines:?}");
        }
    }

    #[test]
    fn types_are_exact() {
        for value in [
            "max-age=\"60\"",
            "max-age=60.0",
            "max-age=-1",
            "max-age",
            "max-age=?0",
            "max-age=a",
            "max-age=(60)",
        ] {
            let policy = policy(&[(CDN, value), (ALL, "max-age=5")]);
            assert_eq!((policy.is_targeted, policy.max_age), (true, Stated::Invalid), "{value}");
        }
        for value in ["no-store=?0", "no-store=1", "no-store=yes", "no-store=\"x\"", "none"] {
            let policy = policy(&[(CDN, value), (ALL, "no-store")]);
            assert!(policy.is_targeted && !policy.no_store, "{value}");
        }
        for (value, no_cache) in [
            ("no-cache", About::All),
            ("no-cache=?1", About::All),
            ("no-cache;x=1", About::All),
            ("no-cache=?0", About::Nothing),
            ("no-cache=a", About::Nothing),
            ("no-cache=\"a, B\"", About::Fields(vec![b"a".as_slice().into(), b"b".as_slice().into()])),
            ("no-cache=\"a\", no-cache", About::All),
            ("no-cache, no-cache=\"a\"", About::Fields(vec![b"a".as_slice().into()])),
            ("no-cache, no-cache=?0", About::Nothing),
        ] {
            assert_eq!(policy(&[(CDN, value)]).no_cache, no_cache, "{value}");
        }
        assert!(policy(&[(CDN, "no-store")]).no_store);
        assert!(policy(&[(CDN, "must-revalidate, private")]).must_revalidate);
    }
}
