//! Random expressions and requests, out of few words, so that they often meet.

use super::request::{Request, V};
use std::net::IpAddr;

/// Where choices come from: bytes of a fuzzer, or a seed. At their end every choice is the first.
pub struct Bytes<'b> {
    bytes: &'b [u8],
    seed: Option<u64>,
}

impl<'b> Bytes<'b> {
    pub fn of(bytes: &'b [u8]) -> Bytes<'b> {
        Bytes { bytes, seed: None }
    }

    pub fn seeded(seed: u64) -> Bytes<'static> {
        Bytes { bytes: &[], seed: Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1) }
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        if let Some(seed) = &mut self.seed {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            return (*seed >> 33) as usize % end;
        }
        let [byte, rest @ ..] = self.bytes else { return 0 };
        self.bytes = rest;
        usize::from(*byte) % end
    }

    fn one<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }

    fn is(&mut self, in_how_many: usize) -> bool {
        self.below(in_how_many) == 0
    }
}

const TEXTS: &[&str] = &[
    "a",
    "b",
    "ab",
    "A",
    "aB",
    "abab",
    "",
    "/",
    "/a",
    "/ab/b",
    "/AB",
    "a.test",
    "x.b.test",
    "X.B.TEST",
    "%61+b",
    "%2541%u0041",
    "a=b&a=c&b=d",
    "YWI=",
    "YWI",
    "*",
    "a*",
    "aé",
    r#"{"a":{"b":[1,"x"]},"n":7}"#,
    "a-1700000000-x",
    "GET",
    "php",
    "/a.php",
];
const BYTES_FIELDS: &[&str] = &[
    "http.host",
    "http.request.method",
    "http.request.uri.path",
    "http.request.uri.query",
    "http.user_agent",
    "http.cookie",
    "http.request.uri.path.extension",
    "ip.src.country",
    "http.request.body.raw",
    "cf.bot_management.ja4",
    "http.request.full_uri",
];
const INT_FIELDS: &[&str] = &[
    "ip.src.asnum",
    "cf.edge.server_port",
    "http.request.timestamp.sec",
    "cf.bot_management.score",
    "http.request.body.size",
];
const IP_FIELDS: &[&str] = &["ip.src", "cf.edge.server_ip"];
const BOOL_FIELDS: &[&str] = &["ssl", "cf.client.bot", "cf.edge.client_tcp", "http.request.body.truncated"];
const MAPS: &[&str] =
    &["http.request.headers", "http.request.uri.args", "http.request.cookies", "http.request.body.form"];
const ARRAYS: &[&str] = &[
    "http.request.uri.args.names",
    "http.request.uri.args.values",
    "http.request.headers.names",
    "http.request.body.form.values",
    "cf.bot_management.tags",
];
const KEYS: &[&str] = &["a", "b", "x-c", "no"];
const IPS: &[&str] = &[
    "192.0.2.1",
    "192.0.2.200",
    "198.51.100.7",
    "2001:db8::1",
    "2001:db9::1",
    "::ffff:192.0.2.1",
    "0.0.0.0",
];
const INTS: &[i64] = &[0, 1, 2, 3, -1, 80, 443, 64_500, 1_700_000_000, i64::MAX, i64::MIN];
const REGEXES: &[&str] = &[
    "a",
    "^a",
    "b$",
    "(?i)ab",
    "[0-9]+",
    "a.*b",
    "^/(a|ab)/",
    r"\.php$",
    "",
    "(a)(b)?",
    "[^a]",
    "(?-u:\\xc3)",
    "a|b|",
];
const WILDCARDS: &[&str] = &["*", "a*", "*b", "*a*b*", "/a*", "*.b.test", "ab", "", r"\\*", "a*b", "/*/*"];

/// A value of these fields; about one in eight is not set.
pub fn request(bytes: &mut Bytes<'_>) -> Request {
    let mut request = Request::default();
    for field in BYTES_FIELDS.iter().filter(|field| !field.starts_with("cf.")) {
        if !bytes.is(8) {
            request = request.with(field, V::text(bytes.one(TEXTS)));
        }
    }
    for field in INT_FIELDS {
        request = request.with(field, V::Int(INTS[bytes.below(INTS.len())]));
    }
    for field in IP_FIELDS {
        if !bytes.is(8) {
            request = request.with(field, V::Ip(bytes.one(IPS).parse::<IpAddr>().unwrap()));
        }
    }
    for field in BOOL_FIELDS {
        request = request.with(field, V::Bool(bytes.is(2)));
    }
    for map in MAPS {
        let pairs: Vec<(&str, &str)> =
            (0..bytes.below(4)).map(|_| (bytes.one(KEYS), bytes.one(TEXTS))).collect();
        request = request.with(map, V::map(&pairs));
    }
    for array in ARRAYS {
        let texts: Vec<&str> = (0..bytes.below(4)).map(|_| bytes.one(TEXTS)).collect();
        request = request.with(array, V::texts(&texts));
    }
    let arrays = (0..bytes.below(3)).map(|_| {
        let texts: Vec<&str> = (0..bytes.below(3)).map(|_| bytes.one(TEXTS)).collect();
        V::texts(&texts)
    });
    let arrays = arrays.collect();
    request.with("http.request.body.multipart.names", V::Array(arrays))
}

/// A filter. It need not be right: types and places are mostly respected.
pub fn expression(bytes: &mut Bytes<'_>, depth: usize) -> String {
    if depth == 0 {
        return comparison(bytes, None, 1);
    }
    let depth = depth - 1;
    match bytes.below(12) {
        0..=2 => comparison(bytes, None, 2),
        3 => format!("not {}", atom(bytes, depth)),
        4..=6 => chain(bytes, |bytes| atom(bytes, depth)),
        7 | 8 => {
            let quantifier = bytes.one(&["any", "all"]);
            format!("{quantifier}({})", array(bytes, depth.min(2)))
        }
        9 => truth(bytes, None),
        10 => "true".to_owned(),
        _ => format!("({})", expression(bytes, depth)),
    }
}

fn atom(bytes: &mut Bytes<'_>, depth: usize) -> String {
    format!("({})", expression(bytes, depth))
}

fn chain(bytes: &mut Bytes<'_>, mut part: impl FnMut(&mut Bytes<'_>) -> String) -> String {
    let connective = bytes.one(&["and", "or", "xor", "&&", "||", "^^"]);
    let count = 2 + bytes.below(2);
    let parts: Vec<String> = (0..count).map(|_| part(bytes)).collect();
    parts.join(&format!(" {connective} "))
}

/// An array of Booleans: all its `[*]` stand behind one array.
fn array(bytes: &mut Bytes<'_>, depth: usize) -> String {
    let base = match bytes.below(6) {
        0 => format!("{}[{}][*]", bytes.one(MAPS), quoted(bytes.one(KEYS))),
        1 => format!("{}[*][0]", bytes.one(MAPS)),
        2 => format!("{}[*][*]", bytes.one(MAPS)),
        3 => "http.request.body.multipart.names[*][0]".to_owned(),
        _ => format!("{}[*]", bytes.one(ARRAYS)),
    };
    array_of(bytes, &base, depth)
}

fn array_of(bytes: &mut Bytes<'_>, base: &str, depth: usize) -> String {
    match bytes.below(if depth == 0 { 3 } else { 6 }) {
        0 | 1 => comparison(bytes, Some(base), 1),
        2 => truth(bytes, Some(base)),
        3 => format!("not ({})", array_of(bytes, base, depth - 1)),
        _ => chain(bytes, |bytes| format!("({})", array_of(bytes, base, depth - 1))),
    }
}

/// A comparison, of elements if there is a base.
fn comparison(bytes: &mut Bytes<'_>, base: Option<&str>, depth: usize) -> String {
    match (bytes.below(6), base) {
        (0, None) => ints(bytes),
        (1, None) => ips(bytes),
        (0, Some(base)) => format!("len({base})[*] {}", int_test(bytes)),
        _ => {
            let left = text(bytes, base, depth);
            format!("{left} {}", text_test(bytes))
        }
    }
}

fn order(bytes: &mut Bytes<'_>) -> &'static str {
    bytes.one(&["eq", "ne", "lt", "le", "gt", "ge", "==", "!=", "<", "<=", ">", ">="])
}

fn int_test(bytes: &mut Bytes<'_>) -> String {
    let int = INTS[bytes.below(INTS.len())];
    match bytes.below(4) {
        0 => format!("in {{{}..{} {int}}}", int.min(2), int.max(2)),
        1 => format!("& {int}"),
        _ => format!("{} {int}", order(bytes)),
    }
}

fn ints(bytes: &mut Bytes<'_>) -> String {
    let left = match bytes.below(5) {
        0 => format!("len({})", text(bytes, None, 1)),
        1 => format!("lookup_json_integer({}, \"a\", \"b\", 0)", bytes.one(BYTES_FIELDS)),
        2 => format!("hash_in_range(0, 3, {})", bytes.one(BYTES_FIELDS)),
        _ => bytes.one(INT_FIELDS).to_owned(),
    };
    match bytes.below(6) {
        0 => format!("{left} {} {}", order(bytes), bytes.one(INT_FIELDS)),
        1 => "ip.src.asnum in $nets".to_owned(),
        _ => format!("{left} {}", int_test(bytes)),
    }
}

fn ips(bytes: &mut Bytes<'_>) -> String {
    let left = match bytes.below(4) {
        0 => format!("cidr({}, {}, {})", bytes.one(IP_FIELDS), 1 + bytes.below(32), 1 + bytes.below(128)),
        1 => format!("cidr6({}, {})", bytes.one(IP_FIELDS), 1 + bytes.below(128)),
        _ => bytes.one(IP_FIELDS).to_owned(),
    };
    match bytes.below(5) {
        0 => format!("{left} in {{192.0.2.0/24 2001:db8::/32 {}}}", bytes.one(IPS)),
        1 => "ip.src in $office".to_owned(),
        2 => format!("{left} {} {}", order(bytes), bytes.one(IP_FIELDS)),
        _ => format!("{left} {} {}", order(bytes), bytes.one(IPS)),
    }
}

/// Something that is text, or many texts.
fn text(bytes: &mut Bytes<'_>, base: Option<&str>, depth: usize) -> String {
    let plain = match (base, bytes.below(5)) {
        (Some(base), _) => base.to_owned(),
        (None, 0) => format!("{}[{}][{}]", bytes.one(MAPS), quoted(bytes.one(KEYS)), bytes.below(2)),
        (None, 1) => format!("{}[{}]", bytes.one(ARRAYS), bytes.below(3)),
        (None, _) => bytes.one(BYTES_FIELDS).to_owned(),
    };
    let each = if base.is_some() { "[*]" } else { "" };
    if bytes.is(2) || depth == 0 {
        return plain;
    }
    let inner = if bytes.is(3) { text(bytes, base, depth - 1) } else { plain.clone() };
    let word = quoted(bytes.one(TEXTS));
    let call = match bytes.below(12) {
        0 => format!("lower({inner})"),
        1 => format!("upper({inner})"),
        2 => format!("url_decode({plain}, {})", quoted(bytes.one(&["", "r", "u", "ru"]))),
        3 => format!("concat({inner}, {word})"),
        4 => format!("substring({inner}, {}, {})", bytes.below(5) as i64 - 2, bytes.below(5) as i64 - 2),
        5 => format!("remove_bytes({inner}, {word})"),
        6 => format!("decode_base64({plain})"),
        7 => format!("coalesce({inner}, {word})"),
        8 => format!("lookup_json_string({inner}, \"a\", \"b\", 1)"),
        9 if base.is_none() => format!("join({}, {word})", bytes.one(ARRAYS)),
        10 => format!("sha256({inner})"),
        _ => format!("substring({inner}, {})", bytes.below(5) as i64 - 2),
    };
    format!("{call}{each}")
}

fn text_test(bytes: &mut Bytes<'_>) -> String {
    let word = quoted(bytes.one(TEXTS));
    match bytes.below(9) {
        0 => format!("contains {word}"),
        1 => format!("wildcard {}", raw(bytes.one(WILDCARDS))),
        2 => format!("strict wildcard {}", raw(bytes.one(WILDCARDS))),
        3 => format!("matches {}", raw(bytes.one(REGEXES))),
        4 => format!("in {{{word} {}}}", quoted(bytes.one(TEXTS))),
        5 => format!("{} {}", order(bytes), bytes.one(BYTES_FIELDS)),
        6 => "in $hosts".to_owned(),
        _ => format!("{} {word}", order(bytes)),
    }
}

/// A Boolean by itself.
fn truth(bytes: &mut Bytes<'_>, base: Option<&str>) -> String {
    let word = quoted(bytes.one(TEXTS));
    let source = text(bytes, base, 1);
    match (bytes.below(7), base) {
        (0, None) => bytes.one(BOOL_FIELDS).to_owned(),
        (1, None) => format!("has_key({}, {})", bytes.one(MAPS), quoted(bytes.one(KEYS))),
        (2, None) => format!("has_value({}, {word})", bytes.one(ARRAYS)),
        (3, None) => format!("is_timed_hmac_valid_v0({word}, {source}, 100, http.request.timestamp.sec)"),
        (4 | 5, _) => format!("ends_with({source}, {word})"),
        _ => format!("starts_with({source}, {word})"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn raw(text: &str) -> String {
    format!("r\"{text}\"")
}
