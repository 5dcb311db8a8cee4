//! `Cache-Control` (RFC 9111 section 5.2): taken apart, and what of it this cache knows.

/// Seconds are never more (RFC 9111 section 1.2.2).
pub(super) const DELTA_S_MAX: u64 = 1 << 31;

/// One directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    /// As it came; compared whatever its case.
    pub name: &'a [u8],
    /// What stands behind `=`, with its quotes.
    pub argument: Option<&'a [u8]>,
    /// Whitespace stood where none may stand.
    pub is_spaced: bool,
}

/// The directives of one field line. Commas in quoted strings part nothing; a quote that is never closed is a
/// byte like any other.
pub(super) fn directives(line: &[u8]) -> impl Iterator<Item = Directive<'_>> {
    elements(line).map(|element| {
        let (name, argument) = match element.iter().position(|&byte| byte == b'=') {
            None => (element, None),
            Some(at) => (element.get(..at).unwrap_or_default(), element.get(at + 1..)),
        };
        let argument_text = argument.unwrap_or_default();
        let is_spaced =
            name.trim_ascii().len() != name.len() || argument_text.trim_ascii().len() != argument_text.len();
        Directive { name: name.trim_ascii(), argument, is_spaced }
    })
}

/// The elements of a list (RFC 9110 section 5.6.1), without empty ones and without whitespace around them.
pub(super) fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let mut may_quote = true;
    std::iter::from_fn(move || {
        let text = rest?;
        let (element, after) = text.split_at_checked(element_len(text, &mut may_quote))?;
        rest = after.get(1..);
        Some(element.trim_ascii())
    })
    .filter(|element| !element.is_empty())
}

/// Bytes before the comma that ends the first element. Once a quote was not closed, none behind it can be: what it
/// was looked through for, they would be looked through for again, each of thousands.
fn element_len(text: &[u8], may_quote: &mut bool) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b',' => return at,
            b'"' if *may_quote => {
                let len = text.get(at..).and_then(quoted_len);
                *may_quote = len.is_some();
                at += len.unwrap_or(1);
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// Bytes of the quoted string with which a text begins (RFC 9110 section 5.6.4). `None`: it is never closed.
pub(super) fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A number of seconds, as a token or, since recipients are asked to take both forms, quoted. `None`: it is not
/// one. What is too large is the largest there is.
pub(super) fn delta_s(argument: &[u8]) -> Option<u64> {
    let digits = match argument {
        [b'"', digits @ .., b'"'] => digits,
        token => token,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0_u64, |number, byte| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    Some(number.min(DELTA_S_MAX))
}

/// A number of seconds that a response states, if it states one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stated {
    /// It does not.
    #[default]
    Nothing,
    /// So many.
    Seconds(u64),
    /// It does, but not in a way that can be read: it is stale (RFC 9111 section 4.2.1).
    Invalid,
}

impl Stated {
    /// Of several the first counts (RFC 9111 section 4.2.1).
    fn first(&mut self, directive: &Directive<'_>) {
        if *self == Self::Nothing {
            let seconds = directive.argument.filter(|_| !directive.is_spaced).and_then(delta_s);
            *self = seconds.map_or(Self::Invalid, Self::Seconds);
        }
    }

    /// The number, if it can be read.
    pub(super) const fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Nothing | Self::Invalid => None,
        }
    }
}

/// What `no-cache` and `private` are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum About {
    /// The directive is not there.
    #[default]
    Nothing,
    /// The whole response.
    All,
    /// These fields, in lower case.
    Fields(Vec<Box<[u8]>>),
}

impl About {
    /// Adds one directive: of two the one that forbids more counts.
    pub(super) fn add(&mut self, argument: Option<&[u8]>) {
        let names = argument.map(field_names).unwrap_or_default();
        match self {
            _ if names.is_empty() => *self = Self::All,
            Self::All => {}
            Self::Nothing => *self = Self::Fields(names),
            Self::Fields(fields) if fields.len() + names.len() > FIELD_NAMES_MAX => *self = Self::All,
            Self::Fields(fields) => fields.extend(names),
        }
    }

    /// The fields that it names, if it names fields.
    pub(super) fn fields(&self) -> &[Box<[u8]>] {
        match self {
            Self::Nothing | Self::All => &[],
            Self::Fields(fields) => fields,
        }
    }
}

/// Fields that `no-cache` and `private` may name in one response, each; with more they are about all of it. Each
/// field of the response is compared with each of these.
pub(super) const FIELD_NAMES_MAX: usize = 64;

/// The names in an argument: quoted, or, as some senders write a single one, as a token. None if there is
/// anything in it that is no name, or too many.
fn field_names(argument: &[u8]) -> Vec<Box<[u8]>> {
    let text = match argument.trim_ascii() {
        [b'"', text @ .., b'"'] => text,
        token => token,
    };
    let names = elements(text).take(FIELD_NAMES_MAX + 1).map(|name| name.to_ascii_lowercase().into());
    let names: Vec<Box<[u8]>> = names.collect();
    let are_names = names.len() <= FIELD_NAMES_MAX && names.iter().all(|name| is_token(name));
    if are_names { names } else { Vec::new() }
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// What a response says to caches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// It comes from a field that is aimed at this cache: `Cache-Control` and `Expires` mean nothing to it
    /// (RFC 9213 section 2.2).
    pub is_targeted: bool,
    pub no_store: bool,
    pub no_cache: About,
    pub private: About,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    pub max_age: Stated,
    pub s_maxage: Stated,
    /// RFC 5861.
    pub stale_while_revalidate_s: Option<u64>,
    /// RFC 5861.
    pub stale_if_error_s: Option<u64>,
}

impl Policy {
    /// What `Cache-Control` says, all its lines taken together. `immutable` (RFC 8246) is for those who reload:
    /// a shared cache that does not validate what is fresh obeys it by doing nothing.
    pub(super) fn of_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut policy = Self::default();
        for directive in lines.flat_map(directives) {
            policy.add(&directive);
        }
        policy
    }

    /// What forbids something counts however it is written; what allows something only as it should be.
    fn add(&mut self, directive: &Directive<'_>) {
        let is = |name: &[u8]| directive.name.eq_ignore_ascii_case(name);
        if is(b"max-age") {
            self.max_age.first(directive);
        } else if is(b"s-maxage") {
            self.s_maxage.first(directive);
        } else if is(b"no-store") {
            self.no_store = true;
        } else if is(b"no-cache") {
            self.no_cache.add(directive.argument);
        } else if is(b"private") {
            self.private.add(directive.argument);
        } else if is(b"must-revalidate") {
            self.must_revalidate = true;
        } else if is(b"proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is(b"must-understand") {
            self.must_understand = true;
        } else if is(b"public") {
            self.public |= directive.argument.is_none();
        } else if is(b"stale-while-revalidate") {
            first_seconds(&mut self.stale_while_revalidate_s, directive);
        } else if is(b"stale-if-error") {
            first_seconds(&mut self.stale_if_error_s, directive);
        }
    }

    /// Whether it must not be used stale (RFC 9111 section 4.2.4). `s-maxage` says so too (section 5.2.2.10).
    pub(super) fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.s_maxage != Stated::Nothing
    }

    /// Whether it may be stored though its request had `Authorization` (RFC 9111 section 3.5).
    pub(super) const fn allows_authorization(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.seconds().is_some()
    }

    /// Whether `no-cache` or `private` name fields.
    pub(super) fn names_fields(&self) -> bool {
        !self.no_cache.fields().is_empty() || !self.private.fields().is_empty()
    }

    /// Whether that field is to be left out of what is stored: `no-cache` and `private` may name fields
    /// (RFC 9111 sections 5.2.2.4 and 5.2.2.7).
    pub(super) fn leaves_out(&self, name: &[u8]) -> bool {
        let named = self.no_cache.fields().iter().chain(self.private.fields());
        named.into_iter().any(|field| field.eq_ignore_ascii_case(name))
    }
}

fn first_seconds(seconds: &mut Option<u64>, directive: &Directive<'_>) {
    if seconds.is_none() && !directive.is_spaced {
        *seconds = directive.argument.and_then(delta_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(lines: &[&str]) -> Policy {
        Policy::of_lines(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn seconds_are_digits_and_nothing_else() {
        use Stated::{Invalid, Nothing, Seconds};
        for (lines, max_age) in [
            (&["max-age=3600"][..], Seconds(3600)),
            (&["MaX-aGe=3600"], Seconds(3600)),
            (&["foobar, max-age=3600"], Seconds(3600)),
            (&[",, max-age=3600 ,"], Seconds(3600)),
            (&["max-age=\"3600\""], Seconds(3600)),
            (&["max-age=003600"], Seconds(3600)),
            (&["max-age=0"], Seconds(0)),
            (&["max-age=2147483647"], Seconds(2_147_483_647)),
            (&["max-age=2147483648"], Seconds(2_147_483_648)),
            (&["max-age=2147483649"], Seconds(2_147_483_648)),
            (&["max-age=99999999999999999999999"], Seconds(2_147_483_648)),
            (&["max-age=1, max-age=3600"], Seconds(1)),
            (&["max-age=1", "max-age=3600"], Seconds(1)),
            (&["max-age=a, max-age=3600"], Invalid),
            (&["max-age"], Invalid),
            (&["max-age="], Invalid),
            (&["max-age=\"\""], Invalid),
            (&["max-age='3600'"], Invalid),
            (&["max-age=-3600"], Invalid),
            (&["max-age=+3600"], Invalid),
            (&["max-age=3600.0"], Invalid),
            (&["max-age=3600a"], Invalid),
            (&["max-age=a3600"], Invalid),
            (&["max-age =3600"], Invalid),
            (&["max-age= 3600"], Invalid),
            (&["max-age=\"3600"], Invalid),
            (&["max-age=\"36\\00\""], Invalid),
            (&["s-maxage=3600"], Nothing),
            (&["x-max-age=3600"], Nothing),
            (&["extension=\"max-age=3600\""], Nothing),
            (&["extension=\"a\\\", max-age=3600\""], Nothing),
            (&["extension=\"max-age=3600\", max-age=1"], Seconds(1)),
            (&["extension=\"max-age=3600\", max-age=\"1\""], Seconds(1)),
            (&["max-age=1, extension=\"max-age=3600\""], Seconds(1)),
            (&["extension=\"unclosed, max-age=1"], Seconds(1)),
        ] {
            assert_eq!(policy(lines).max_age, max_age, "{lines:?}");
        }
    }

    #[test]
    fn what_forbids_counts_however_it_is_written() {
        for line in
            ["no-store", "No-StOrE", "max-age=1, no-store", "no-store=x", "no-store =", "a=\"b, no-store"]
        {
            assert!(policy(&[line]).no_store, "{line}");
        }
        for line in ["a=\"no-store\"", "no-stores", "x no-store", "no store"] {
            assert!(!policy(&[line]).no_store, "{line}");
        }
        assert!(policy(&["public"]).public && !policy(&["public=x"]).public);
    }

    #[test]
    fn quotes_that_are_never_closed_are_looked_at_once() {
        // 64 KiB of a head; if each quote were looked for to the end, this would be half a billion steps, a hundred
        // times over.
        let line = b"\"\\".repeat(32 * 1024);
        for _ in 0..100 {
            assert_eq!(elements(&line).count(), 1);
        }
        let found: Vec<&[u8]> = elements(b"\"a,b\", \"c, d\\\", e").collect();
        assert_eq!(found, [b"\"a,b\"".as_slice(), b"\"c", b"d\\\"", b"e"]);
    }

    #[test]
    fn the_bound_of_names_is_exact() {
        let names = |count: usize| (0..count).map(|at| format!("f{at}")).collect::<Vec<_>>().join(",");
        let of = |count: usize| policy(&[&format!("private=\"{}\"", names(count))]).private;
        assert!(matches!(of(FIELD_NAMES_MAX), About::Fields(fields) if fields.len() == FIELD_NAMES_MAX));
        assert_eq!(of(FIELD_NAMES_MAX + 1), About::All);
        let twice = |first: usize, second: usize| {
            policy(&[&format!("private=\"{}\"", names(first)), &format!("private=\"{}\"", names(second))])
                .private
        };
        assert!(matches!(twice(FIELD_NAMES_MAX - 1, 1), About::Fields(_)));
        assert_eq!(twice(FIELD_NAMES_MAX, 1), About::All);
    }

    #[test]
    fn field_names_of_no_cache_and_private() {
        let fields =
            |names: &[&str]| About::Fields(names.iter().map(|name| name.as_bytes().into()).collect());
        for (lines, about) in [
            (&["max-age=1"][..], About::Nothing),
            (&["private"], About::All),
            (&["PRIVATE"], About::All),
            (&["private=\"a\""], fields(&["a"])),
            (&["private=\"Set-Cookie, X-A\""], fields(&["set-cookie", "x-a"])),
            (&["private=a"], fields(&["a"])),
            (&["private=\"a\", private=\"b\""], fields(&["a", "b"])),
            (&["private=\"a\", private"], About::All),
            (&["private", "private=\"a\""], About::All),
            (&["private=\"\""], About::All),
            (&["private="], About::All),
            (&["private=\"a b\""], About::All),
            (&["private=\"a"], About::All),
        ] {
            assert_eq!(policy(lines).private, about, "{lines:?}");
        }
        assert_eq!(policy(&["no-cache=\"a\", private=\"b\""]).no_cache, fields(&["a"]));
        assert!(policy(&["no-cache=\"a\""]).leaves_out(b"A") && !policy(&["no-cache"]).leaves_out(b"a"));
    }
}
