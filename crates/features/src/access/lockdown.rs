//! Zone lockdown: URLs that only certain addresses may ask for.

use std::net::IpAddr;
use std::sync::Arc;

use rempart_base::prefix::PrefixSet;
use rempart_rules::ast::Case;

use super::AccessRule;

/// One lockdown.
#[derive(Debug)]
pub struct Lockdown {
    pub(crate) rule: AccessRule,
    pub(crate) urls: Box<[UrlPattern]>,
    pub(crate) allowed: PrefixSet,
}

/// A URL in which `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlPattern {
    /// In lower case.
    pub(crate) host: Arc<str>,
    /// With query, if there is a `?` in it: then that has to be in the URL, too. Without, it is for any query.
    /// Its case counts where another is written in the case that is asked for: many origins take `/Admin` for `/admin`,
    /// and others do not.
    pub(crate) path: Arc<str>,
}

impl Lockdown {
    /// Whether it is about this URL, if the case of letters counts or if it does not.
    pub(crate) fn is_for(&self, host: &[u8], uri: &[u8], case: Case) -> bool {
        let path = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
        self.urls.iter().any(|url| {
            let asked = if url.path.contains('?') { uri } else { path };
            fits(url.host.as_bytes(), host, case) && fits(url.path.as_bytes(), asked, case)
        })
    }

    /// Whether this address may come in.
    pub(crate) fn allows(&self, ip: IpAddr) -> bool {
        self.allowed.contains(ip)
    }
}

/// Whether a text fits a pattern, in which `*` stands for any bytes, none among them. In time proportional to the product
/// of their lengths at worst: only the last star is ever tried again.
pub(crate) fn fits(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and where in the text what follows it was tried.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(own) if own == byte || case == Case::Insensitive && own.eq_ignore_ascii_case(byte) => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, tried)) = star else { return false };
                star = Some((at, tried + 1));
                p = at + 1;
                t = tried + 1;
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use rempart_base::prefix::PrefixSet;
    use rempart_rules::ast::Case;

    use super::{AccessRule, Lockdown, UrlPattern, fits};
    use crate::access::Mode;

    #[test]
    fn a_query_opens_no_path_that_is_locked() {
        for (path, uri, is_for) in [
            ("/admin", "/admin", true),
            ("/admin", "/admin?", true),
            ("/admin", "/admin?x=/y", true),
            ("/admin", "/admin/?x", false),
            ("/admin*", "/admin/x?y", true),
            ("*.php", "/a.php?b", true),
            ("*.php", "/a?b.php", false),
            ("/a?page=*", "/a?page=1", true),
            ("/a?page=*", "/a", false),
            ("/a?page=*", "/a?x", false),
            ("/Admin/*", "/admin/%C3%A4", true),
        ] {
            let rule = AccessRule { id: "id".into(), description: "".into(), mode: Mode::Block };
            let urls = [UrlPattern { host: "a.test".into(), path: path.into() }].into();
            let lockdown = Lockdown { rule, urls, allowed: PrefixSet::default() };
            assert_eq!(lockdown.is_for(b"a.test", uri.as_bytes(), Case::Insensitive), is_for, "{path} {uri}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, text, is_fit) in [
            ("/admin*", "/admin", true),
            ("/admin*", "/admin/x?y", true),
            ("/admin*", "/Admin", true),
            ("/Admin*", "/aDMIN/x", true),
            ("/[", "/{", false),
            ("/@", "/`", false),
            ("/admin", "/admin/", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*.php", "/a.php.b.php", true),
            ("*.php", "/a.php?", false),
            ("/a*b*c", "/aXbYbZc", true),
            ("/a*b*c", "/aXbYbZ", false),
            ("/a?", "/ab", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), text.as_bytes(), Case::Insensitive),
                is_fit,
                "{pattern} {text}"
            );
        }
    }
}
