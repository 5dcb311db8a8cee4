//! The static table (RFC 7541 appendix A).

use rempart_flow::Known;

use super::Token;

/// One of its entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct StaticEntry {
    pub(super) token: Token,
    pub(super) name: &'static [u8],
    pub(super) value: &'static [u8],
}

/// The entry of an index from 1 on.
#[inline]
pub(super) fn entry(index: usize) -> Option<&'static StaticEntry> {
    ENTRIES.get(index.wrapping_sub(1))
}

/// How many there are: the first index of the dynamic table is one more.
pub(super) const LEN: usize = ENTRIES.len();

/// The first index with a name in lower case; 0 if there is none.
pub(super) fn index_of_name(name: &[u8]) -> usize {
    let known = Known::from_name(name);
    if known == Known::Other {
        return index_of_other(name);
    }
    usize::from(BY_KNOWN.get(known as usize).copied().unwrap_or_default())
}

/// Index of a name that the program does not know otherwise.
const fn index_of_other(name: &[u8]) -> usize {
    match name {
        b":authority" => 1,
        b":method" => 2,
        b":path" => 4,
        b":scheme" => 6,
        b":status" => 8,
        b"access-control-allow-origin" => 20,
        b"allow" => 22,
        b"content-disposition" => 25,
        b"from" => 37,
        b"link" => 45,
        b"max-forwards" => 47,
        b"refresh" => 52,
        b"strict-transport-security" => 56,
        b"www-authenticate" => 61,
        _ => 0,
    }
}

/// The index with a name that has index `name_index`, and a value; 0 if there is none.
pub(super) const fn index_of_field(name_index: usize, value: &[u8]) -> usize {
    match (name_index, value) {
        (2, b"GET") => 2,
        (2, b"POST") => 3,
        (4, b"/") => 4,
        (4, b"/index.html") => 5,
        (6, b"http") => 6,
        (6, b"https") => 7,
        (8, b"200") => 8,
        (8, b"204") => 9,
        (8, b"206") => 10,
        (8, b"304") => 11,
        (8, b"400") => 12,
        (8, b"404") => 13,
        (8, b"500") => 14,
        (16, b"gzip, deflate") => 16,
        _ => 0,
    }
}

/// The index of the name of each known field; 0 where there is none.
static BY_KNOWN: [u8; 256] = {
    let mut by_known = [0; 256];
    let mut index = 1_u8;
    let mut rest: &[StaticEntry] = &ENTRIES;
    while let [entry, after @ ..] = rest {
        match entry.token {
            Token::Field(Known::Other) => {}
            #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
            Token::Field(known) => by_known[known as usize] = index,
            Token::Authority
            | Token::Method
            | Token::Path
            | Token::Scheme
            | Token::Status
            | Token::Protocol
            | Token::UnknownPseudo
            | Token::Invalid => {}
        }
        index += 1;
        rest = after;
    }
    by_known
};

macro_rules! entries {
    ($($token:expr, $name:literal, $value:literal;)+) => {
        [$(StaticEntry { token: $token, name: $name, value: $value }),+]
    };
}

const OTHER: Token = Token::Field(Known::Other);

const fn known(known: Known) -> Token {
    Token::Field(known)
}

const ENTRIES: [StaticEntry; 61] = entries! {
    Token::Authority, b":authority", b"";
    Token::Method, b":method", b"GET";
    Token::Method, b":method", b"POST";
    Token::Path, b":path", b"/";
    Token::Path, b":path", b"/index.html";
    Token::Scheme, b":scheme", b"http";
    Token::Scheme, b":scheme", b"https";
    Token::Status, b":status", b"200";
    Token::Status, b":status", b"204";
    Token::Status, b":status", b"206";
    Token::Status, b":status", b"304";
    Token::Status, b":status", b"400";
    Token::Status, b":status", b"404";
    Token::Status, b":status", b"500";
    known(Known::AcceptCharset), b"accept-charset", b"";
    known(Known::AcceptEncoding), b"accept-encoding", b"gzip, deflate";
    known(Known::AcceptLanguage), b"accept-language", b"";
    known(Known::AcceptRanges), b"accept-ranges", b"";
    known(Known::Accept), b"accept", b"";
    OTHER, b"access-control-allow-origin", b"";
    known(Known::Age), b"age", b"";
    OTHER, b"allow", b"";
    known(Known::Authorization), b"authorization", b"";
    known(Known::CacheControl), b"cache-control", b"";
    OTHER, b"content-disposition", b"";
    known(Known::ContentEncoding), b"content-encoding", b"";
    known(Known::ContentLanguage), b"content-language", b"";
    known(Known::ContentLength), b"content-length", b"";
    known(Known::ContentLocation), b"content-location", b"";
    known(Known::ContentRange), b"content-range", b"";
    known(Known::ContentType), b"content-type", b"";
    known(Known::Cookie), b"cookie", b"";
    known(Known::Date), b"date", b"";
    known(Known::ETag), b"etag", b"";
    known(Known::Expect), b"expect", b"";
    known(Known::Expires), b"expires", b"";
    OTHER, b"from", b"";
    known(Known::Host), b"host", b"";
    known(Known::IfMatch), b"if-match", b"";
    known(Known::IfModifiedSince), b"if-modified-since", b"";
    known(Known::IfNoneMatch), b"if-none-match", b"";
    known(Known::IfRange), b"if-range", b"";
    known(Known::IfUnmodifiedSince), b"if-unmodified-since", b"";
    known(Known::LastModified), b"last-modified", b"";
    OTHER, b"link", b"";
    known(Known::Location), b"location", b"";
    OTHER, b"max-forwards", b"";
    known(Known::ProxyAuthenticate), b"proxy-authenticate", b"";
    known(Known::ProxyAuthorization), b"proxy-authorization", b"";
    known(Known::Range), b"range", b"";
    known(Known::Referer), b"referer", b"";
    OTHER, b"refresh", b"";
    known(Known::RetryAfter), b"retry-after", b"";
    known(Known::Server), b"server", b"";
    known(Known::SetCookie), b"set-cookie", b"";
    OTHER, b"strict-transport-security", b"";
    known(Known::TransferEncoding), b"transfer-encoding", b"";
    known(Known::UserAgent), b"user-agent", b"";
    known(Known::Vary), b"vary", b"";
    known(Known::Via), b"via", b"";
    OTHER, b"www-authenticate", b"";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_every_field_is_found() {
        for (index, entry) in (1..).zip(&ENTRIES) {
            assert_eq!(Token::from_name(entry.name), entry.token, "{index}");
            let first = 1 + ENTRIES.iter().position(|other| other.name == entry.name).unwrap();
            assert_eq!(index_of_name(entry.name), first, "{index}");
            let expected = if entry.value.is_empty() { 0 } else { index };
            assert_eq!(index_of_field(first, entry.value), expected, "{index}");
        }
        assert_eq!(index_of_name(b"x-any"), 0);
        assert_eq!(index_of_name(b"x-forwarded-for"), 0);
        assert_eq!(index_of_field(2, b"PUT"), 0);
    }
}
