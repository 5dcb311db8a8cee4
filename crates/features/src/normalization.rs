//! The one form of a URL's path (RFC 3986 section 6.2.2), and Cloudflare's additions to it, so that a rule about
//! `/admin` sees `/%61dmin` and `//admin`, too.

mod dots;

use rempart_base::config::Context;

rempart_base::config! {
    /// The form of URLs.
    pub struct NormalizationConfig {
        /// `rfc3986`: what RFC 3986 takes as the same is the same: letters, digits, `-`, `.`, `_` and `~` are not
        /// encoded, what may not stand in a path is, and `.` and `..` are resolved. `cloudflare`: before that, `\`
        /// becomes `/`, and several `/` one.
        r#type: Kind = Kind::Cloudflare;
        /// `incoming`: rules see the one form; the cache and the origin what the visitor sent, so that no two URLs are
        /// one in the cache that the origin may tell apart. `both`: the cache and the origin see it, too. `none`: nobody
        /// does.
        scope: Scope = Scope::Incoming;
    }
}

/// Which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 3986, after backslashes and repeated slashes are done away with.
    #[default]
    Cloudflare,
    /// RFC 3986.
    Rfc3986,
}

rempart_base::config_words!(Kind { Kind::Cloudflare = "cloudflare", Kind::Rfc3986 = "rfc3986" });

/// Who sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Rules.
    #[default]
    Incoming,
    /// They, the cache and the origin.
    Both,
    /// Nobody.
    None,
}

rempart_base::config_words!(Scope {
    Scope::Incoming = "incoming",
    Scope::Both = "both",
    Scope::None = "none",
});

/// The form of URLs of a zone. The default is Cloudflare's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Normalization {
    /// Which form.
    pub kind: Kind,
    /// Who sees it.
    pub scope: Scope,
}

impl Normalization {
    /// Makes the plan.
    #[must_use]
    pub fn compile(config: Option<&NormalizationConfig>, _: &mut Context) -> Self {
        config.map_or_else(Self::default, |config| Self { kind: config.r#type, scope: config.scope })
    }
}

/// Whether a path has its form already: most have, and then nothing need be written. A path that is none (`*`) has.
#[must_use]
pub fn is_normal(path: &[u8], kind: Kind) -> bool {
    if path.first() != Some(&b'/') {
        return path == b"*";
    }
    let merges = kind == Kind::Cloudflare;
    let mut before = b'x';
    for byte in path {
        let is_good = match byte {
            b'/' => !(merges && before == b'/'),
            // `.` at the beginning of a segment may be one that goes; an escape may not be in its one form.
            b'.' => before != b'/',
            b'%' => false,
            byte => is_unreserved(*byte) || is_reserved(*byte),
        };
        if !is_good {
            return false;
        }
        before = *byte;
    }
    true
}

/// Writes the form of a path over what is in `to`. The path is without query. It grows to at most three times its
/// length, and is linear in it. What does not begin with `/` is left as it is.
pub fn normalize(path: &[u8], kind: Kind, to: &mut Vec<u8>) {
    to.clear();
    if !matches!(path.first(), Some(b'/' | b'\\')) || (kind == Kind::Rfc3986 && path.first() == Some(&b'\\'))
    {
        to.extend_from_slice(path);
        return;
    }
    let mut bytes = path;
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        match (first, rest) {
            (b'\\' | b'/', _) if kind == Kind::Cloudflare => {
                if to.last() != Some(&b'/') {
                    to.push(b'/');
                }
            }
            (b'%', [high, low, rest @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes = rest;
                let byte = nibble(*high) << 4 | nibble(*low);
                if is_unreserved(byte) { to.push(byte) } else { encode(byte, to) }
            }
            (byte, _) if is_unreserved(*byte) || is_reserved(*byte) => to.push(*byte),
            // `%` that begins no escape is a byte like others.
            (byte, _) => encode(*byte, to),
        }
    }
    dots::remove(to);
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 2.2. `?` and `#` end a path, but one that was given as such has them as they are.
const fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b':' | b'/'
            | b'?'
            | b'#'
            | b'['
            | b']'
            | b'@'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
    )
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

fn encode(byte: u8, to: &mut Vec<u8>) {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
    }
    to.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, kind: Kind) -> String {
        let mut to = b"what was there before".to_vec();
        normalize(path.as_bytes(), kind, &mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn the_examples_of_the_documentation_come_out_as_it_says() {
        for (path, rfc, cloudflare) in [
            ("/hello", "/hello", "/hello"),
            ("/%68ello", "/hello", "/hello"),
            ("/%68ello//pa\\th", "/hello//pa%5Cth", "/hello/pa/th"),
            ("/hello//../path", "/hello/path", "/path"),
            ("/hello/\\../path", "/hello/%5C../path", "/path"),
            ("/./lang//en/hello./", "/lang//en/hello./", "/lang/en/hello./"),
        ] {
            assert_eq!(of(path, Kind::Rfc3986), rfc, "{path}");
            assert_eq!(of(path, Kind::Cloudflare), cloudflare, "{path}");
        }
    }

    #[test]
    fn escapes_have_one_form() {
        for (path, form) in [
            ("/%41%7a%2D%2e%5f%7E%30", "/Az-._~0"),
            ("/%2f%3a%c3%bc", "/%2F%3A%C3%BC"),
            ("/ü \"<>^`{|}", "/%C3%BC%20%22%3C%3E%5E%60%7B%7C%7D"),
            ("/a:@!$&'()*+,;=[]", "/a:@!$&'()*+,;=[]"),
            ("/%", "/%25"),
            ("/%zz%4", "/%25zz%254"),
            ("/%2561", "/%2561"),
            ("/%%36%31", "/%2561"),
            ("/\u{0}\u{7f}", "/%00%7F"),
        ] {
            assert_eq!(of(path, Kind::Rfc3986), form, "{path}");
        }
    }

    #[test]
    fn dots_are_resolved_and_never_lead_above_the_root() {
        for (path, form) in [
            ("/a/b/c/./../../g", "/a/g"),
            ("/%2e%2E/x", "/x"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/../../..//a", "//a"),
            ("/a/../../b", "/b"),
            ("/...", "/..."),
            ("/.a/..b/c.", "/.a/..b/c."),
        ] {
            assert_eq!(of(path, Kind::Rfc3986), form, "{path}");
        }
        assert_eq!(of("*", Kind::Cloudflare), "*");
        assert_eq!(of("", Kind::Cloudflare), "");
    }

    #[test]
    fn a_form_is_its_own_form_and_what_is_said_to_be_normal_is() {
        // Every path of up to five of these bytes.
        let bytes = b"/\\.%2e5a?";
        for kind in [Kind::Rfc3986, Kind::Cloudflare] {
            for number in 0..9_usize.pow(5) {
                let mut path = vec![b'/'];
                let mut rest = number;
                while rest > 0 {
                    path.push(bytes[rest % 9]);
                    rest /= 9;
                }
                let (mut once, mut twice) = (Vec::new(), Vec::new());
                normalize(&path, kind, &mut once);
                normalize(&once, kind, &mut twice);
                assert_eq!(once, twice, "{}", String::from_utf8_lossy(&path));
                if is_normal(&path, kind) {
                    assert_eq!(once, path, "{}", String::from_utf8_lossy(&path));
                }
            }
        }
    }
}
