//! What is asked to be purged, in the form of Cloudflare's API: `purge_everything`, or lists of `files`, `hosts`,
//! `prefixes` and `tags`; and `soft`, which is ours.

use std::fmt;

use rempart_base::config::FromText;
use rempart_cache::purge::{SEGMENTS_MAX, TAG_BYTES_MAX, URL_BYTES_MAX, What};
use rempart_config::HostPattern;
use serde_json::{Map, Value};

/// URLs in one call: Cloudflare's highest bound.
pub const URLS_MAX: usize = 500;
/// Hosts, prefixes and tags in one call, each: Cloudflare's bound.
pub const ITEMS_MAX: usize = 100;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What to purge; never empty.
    pub what: Vec<What>,
    /// Only made stale.
    pub soft: bool,
}

/// Why it cannot be done, with Cloudflare's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The code.
    pub code: u32,
    /// The reason.
    pub message: String,
}

impl Wrong {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Nothing was asked.
const NOTHING: &str =
    "Request must contain one of \"purge_everything\", \"files\", \"tags\", \"hosts\" or \"prefixes\"";

impl Ask {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is no such body, or asks for nothing, for too much, or for what cannot be purged.
    pub fn read(body: &[u8]) -> Result<Self, Wrong> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Wrong::new(6007, format!("Malformed JSON in request body: {error}")))?;
        match &body {
            Value::Object(members) => Self::of(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Wrong::new(1012, NOTHING))
            }
        }
    }

    /// The same of what was read already.
    ///
    /// # Errors
    /// As [`Ask::read`].
    pub fn of(members: &Map<String, Value>) -> Result<Self, Wrong> {
        let is = |name: &str| match members.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(false),
            Some(Value::Bool(true)) => Ok(true),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Wrong::new(1012, format!("{name:?} must be true or false")))
            }
        };
        let soft = is("soft")?;
        let mut what = Vec::new();
        if is("purge_everything")? {
            what.push(What::Everything);
        }
        for (name, max, read) in LISTS {
            let Some(items) = list(members, name, max)? else { continue };
            for item in items {
                let Some(text) = text_of(item, name) else {
                    return Err(Wrong::new(1014, format!("{name:?} must be an array of strings")));
                };
                let unfit = |why| Wrong::new(1015, format!("Unable to purge {}: {why}", shown(text)));
                what.push(read(text).map_err(unfit)?);
            }
        }
        if what.is_empty() {
            return Err(Wrong::new(1012, NOTHING));
        }
        Ok(Self { what, soft })
    }
}

/// What the text of one item names.
type Read = fn(&str) -> Result<What, String>;

const LISTS: [(&str, usize, Read); 4] = [
    ("files", URLS_MAX, url),
    ("hosts", ITEMS_MAX, host),
    ("prefixes", ITEMS_MAX, prefix),
    ("tags", ITEMS_MAX, tag),
];

fn list<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    max: usize,
) -> Result<Option<&'a Vec<Value>>, Wrong> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) if items.is_empty() => {
            Err(Wrong::new(1014, format!("{name:?} must not be empty")))
        }
        Some(Value::Array(items)) if items.len() > max => Err(Wrong::new(
            1014,
            format!("{name:?} has {} items; at most {max} may be purged at once", items.len()),
        )),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            Err(Wrong::new(1014, format!("{name:?} must be an array")))
        }
    }
}

/// A file may come with headers, by which Cloudflare tells variants apart; here a URL is purged with all of them.
fn text_of<'a>(item: &'a Value, list: &str) -> Option<&'a str> {
    match item {
        Value::String(text) => Some(text),
        Value::Object(file) if list == "files" => file.get("url").and_then(Value::as_str),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// So much of an item is said again.
fn shown(text: &str) -> &str {
    text.char_indices().nth(200).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// `https://host/path?query`.
///
/// # Errors
/// It is none, or longer than may be.
pub fn url(text: &str) -> Result<What, String> {
    let (_, rest) = scheme(text)?.ok_or("a URL begins with http:// or https://")?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(What::Url(host_name(authority)?, encoded(&format!("{slash}{path}"))?))
}

/// A host.
///
/// # Errors
/// It is none.
pub fn host(text: &str) -> Result<What, String> {
    host_name(text).map(What::Host)
}

/// `host/path`; the path ends at a `/` or a whole segment.
///
/// # Errors
/// It is none, has a query or a fragment, or is deeper than prefixes are told apart.
pub fn prefix(text: &str) -> Result<What, String> {
    let text = scheme(text)?.map_or(text, |(_, rest)| rest);
    if text.contains(['?', '#']) {
        return Err("a prefix has no query and no fragment".to_owned());
    }
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let separators = path.bytes().filter(|byte| *byte == b'/').count();
    if separators > SEGMENTS_MAX {
        return Err(format!(
            "a prefix has at most {SEGMENTS_MAX} path separators, and this one {separators}"
        ));
    }
    Ok(What::Prefix(host_name(authority)?, encoded(path)?))
}

/// A tag, as it stands in `Cache-Tag`.
///
/// # Errors
/// No tag is like that.
pub fn tag(text: &str) -> Result<What, String> {
    let text = text.trim_matches([' ', '\t']);
    match text.len() {
        0 => Err("a tag is not empty".to_owned()),
        1..=TAG_BYTES_MAX if !text.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b',') => {
            Err("a tag has no spaces, commas or control characters".to_owned())
        }
        1..=TAG_BYTES_MAX => Ok(What::Tag(text.as_bytes().into())),
        more => Err(format!("a tag has at most {TAG_BYTES_MAX} bytes, and this one {more}")),
    }
}

/// The scheme of a URL, and what is behind.
fn scheme(text: &str) -> Result<Option<(&str, &str)>, String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("it is longer than {URL_BYTES_MAX} bytes"));
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    match ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        true => Ok(Some((scheme, rest))),
        false => Ok(None),
    }
}

/// As keys have it: without the port.
fn host_name(authority: &str) -> Result<Box<[u8]>, String> {
    let digits = authority.bytes().rev().take_while(u8::is_ascii_digit).count();
    let name = authority.get(..authority.len() - digits).and_then(|name| name.strip_suffix(':'));
    match HostPattern::from_text(name.unwrap_or(authority)) {
        Ok(HostPattern::Exact(name)) => Ok(name.as_bytes().into()),
        Ok(HostPattern::Under(_) | HostPattern::Any) => Err("a host has no `*`".to_owned()),
        Err(why) => Err(format!("the host {why}")),
    }
}

/// As browsers send it: what no request line can hold is percent-encoded.
fn encoded(path: &str) -> Result<Box<[u8]>, String> {
    let mut bytes = Vec::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            0x21..=0x7e => bytes.push(byte),
            b' ' | 0x80.. => bytes.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            0x7f | ..0x20 => return Err("a URL has no control characters".to_owned()),
        }
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Ask, Wrong> {
        Ask::read(body.as_bytes())
    }

    fn boxed(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn cloudflare_s_bodies_are_read() {
        let url = |host: &str, path: &str| What::Url(boxed(host), boxed(path));
        let cases = [
            (r#"{"purge_everything":true}"#, vec![What::Everything], false),
            (r#"{"purge_everything":true,"soft":true,"other":1}"#, vec![What::Everything], true),
            (
                r#"{"files":["http://www.example.com/css/styles.css"]}"#,
                vec![url("www.example.com", "/css/styles.css")],
                false,
            ),
            (
                r#"{"files":[{"url":"https://WWW.Example.com:8443/a?b=c#d","headers":{"CF-Device-Type":"mobile"}}, "HTTPS://www.example.com?q"]}"#,
                vec![url("www.example.com", "/a?b=c"), url("www.example.com", "/?q")],
                false,
            ),
            (
                r#"{"hosts":["www.example.com","[::1]:80"],"files":null}"#,
                vec![What::Host(boxed("www.example.com")), What::Host(boxed("[::1]"))],
                false,
            ),
            (
                r#"{"prefixes":["www.example.com/foo","https://images.example.com/bar/baz/","a.example"]}"#,
                vec![
                    What::Prefix(boxed("www.example.com"), boxed("/foo")),
                    What::Prefix(boxed("images.example.com"), boxed("/bar/baz/")),
                    What::Prefix(boxed("a.example"), boxed("")),
                ],
                false,
            ),
            (
                r#"{"tags":["a-cache-tag"," Another "],"purge_everything":false}"#,
                vec![What::Tag(boxed("a-cache-tag")), What::Tag(boxed("Another"))],
                false,
            ),
            (
                r#"{"files":["https://bücher.example/ä b"]}"#,
                vec![url("xn--bcher-kva.example", "/%C3%A4%20b")],
                false,
            ),
        ];
        for (body, what, soft) in cases {
            assert_eq!(read(body), Ok(Ask { what, soft }), "{body}");
        }
    }

    #[test]
    fn what_cannot_be_purged_is_refused_with_a_code() {
        let cases = [
            ("", 6007),
            ("{", 6007),
            ("[]", 1012),
            ("null", 1012),
            ("{}", 1012),
            (r#"{"purge_everything":false}"#, 1012),
            (r#"{"purge_everything":"yes"}"#, 1012),
            (r#"{"tags":["a"],"soft":1}"#, 1012),
            (r#"{"files":[]}"#, 1014),
            (r#"{"purge_everything":true,"tags":[]}"#, 1014),
            (r#"{"files":"https://a.example/"}"#, 1014),
            (r#"{"files":[1]}"#, 1014),
            (r#"{"files":[{"uri":"https://a.example/"}]}"#, 1014),
            (r#"{"hosts":[{"url":"https://a.example/"}]}"#, 1014),
            (r#"{"files":["a.example/x"]}"#, 1015),
            (r#"{"files":["ftp://a.example/x"]}"#, 1015),
            (r#"{"files":["https:///x"]}"#, 1015),
            (r#"{"files":["https://user@a.example/x"]}"#, 1015),
            (r#"{"files":["https://a.example/\u0000"]}"#, 1015),
            (r#"{"files":["https://*.example/"]}"#, 1015),
            (r#"{"hosts":["a.example/x"]}"#, 1015),
            (r#"{"hosts":["https://a.example"]}"#, 1015),
            (r#"{"hosts":["*"]}"#, 1015),
            (r#"{"prefixes":["a.example/x?y"]}"#, 1015),
            (r#"{"prefixes":["a.example/x#y"]}"#, 1015),
            (r#"{"prefixes":["/x"]}"#, 1015),
            (r#"{"tags":[""]}"#, 1015),
            (r#"{"tags":["a b"]}"#, 1015),
            (r#"{"tags":["a,b"]}"#, 1015),
        ];
        for (body, code) in cases {
            assert_eq!(read(body).map_err(|wrong| wrong.code), Err(code), "{body}");
        }
    }

    #[test]
    fn the_bounds_are_exact() {
        let list = |name: &str, item: &str, count: usize| {
            read(&serde_json::json!({name: vec![item; count]}).to_string()).map(|ask| ask.what.len())
        };
        let items = [
            ("files", "https://a.example/", URLS_MAX),
            ("hosts", "a.example", 100),
            ("prefixes", "a.example/x", 100),
            ("tags", "x", 100),
        ];
        for (name, item, max) in items {
            assert_eq!(list(name, item, max), Ok(max));
            assert_eq!(list(name, item, max + 1).map_err(|wrong| wrong.code), Err(1014), "{name}");
        }
        let one = |name, item: String| list(name, &item, 1).is_ok();
        for more in [0, 1] {
            let url = |start: &str| start.to_owned() + &"x".repeat(URL_BYTES_MAX - start.len() + more);
            assert_eq!(one("files", url("https://a.example/")), more == 0);
            assert_eq!(one("prefixes", url("a.example/")), more == 0);
            assert_eq!(one("tags", "x".repeat(TAG_BYTES_MAX + more)), more == 0);
            assert_eq!(
                one("prefixes", "a.example".to_owned() + &"/x".repeat(SEGMENTS_MAX + more)),
                more == 0
            );
        }
    }
}
