//! What rules see of an exchange: each field is made when the first rule of a phase asks for it, and what no rule names
//! costs nothing.

mod body;
mod derived;
mod facts;
mod headers;
mod pairs;
mod tls;

use std::cell::OnceCell;

use rempart_flow::{Known, Scheme};
use rempart_rules::{Arena, Array, Empty, FieldId, Fields, Map, NotYet, Type, Value};

pub use self::body::BodyFields;
pub use self::facts::{Facts, Response, SeenUri};
use self::headers::Headers;
use self::pairs::Pairs;

/// The facts of an exchange during one phase.
pub struct Seen<'s> {
    facts: Facts<'s>,
    body: BodyFields<'s>,
    headers: Headers<'s>,
    raw_headers: Headers<'s>,
    args: OnceCell<Pairs<'s>>,
    raw_args: OnceCell<Pairs<'s>>,
    cookies: OnceCell<Pairs<'s>>,
    response: Option<(Headers<'s>, Headers<'s>)>,
}

impl<'s> Seen<'s> {
    /// The facts as they are now.
    #[must_use]
    pub fn new(facts: Facts<'s>, body: BodyFields<'s>) -> Self {
        let both = |response: Response<'s>| (Headers::new(response.fields), Headers::new(response.raw));
        Self {
            headers: Headers::new(&facts.head.fields),
            raw_headers: Headers::new(&facts.own.fields),
            args: OnceCell::new(),
            raw_args: OnceCell::new(),
            cookies: OnceCell::new(),
            response: facts.response.map(both),
            facts,
            body,
        }
    }

    fn args(&self) -> &Pairs<'s> {
        self.args.get_or_init(|| Pairs::of_query(self.facts.query().unwrap_or_default()))
    }

    fn raw_args(&self) -> &Pairs<'s> {
        let own = self.facts.own;
        self.raw_args.get_or_init(|| Pairs::of_query(own.query.map_or(&[], |query| own.bytes(query))))
    }

    fn cookies(&self) -> &Pairs<'s> {
        self.cookies.get_or_init(|| Pairs::of_cookies(self.facts.head.fields.values(Known::Cookie)))
    }

    /// Every value of a known name, as one.
    fn joined<'a>(&'a self, known: Known, between: &[u8], arena: &'a Arena<'a>) -> Value<'a> {
        let mut values = self.facts.head.fields.values(known);
        let Some(first) = values.next() else { return Value::Bytes(b"") };
        let Some(second) = values.next() else { return Value::Bytes(first) };
        let mut all = [first, between, second].concat();
        for value in values {
            all.extend_from_slice(between);
            all.extend_from_slice(value);
        }
        Value::Bytes(arena.bytes(all))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field is another function's")]
    fn of_head<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Value<'a> {
        use FieldId as F;
        let Facts { own, head, .. } = &self.facts;
        let made = |bytes: Vec<u8>| Value::Bytes(arena.bytes(bytes));
        match field {
            F::HttpCookie => self.joined(Known::Cookie, b"; ", arena),
            // There is one of each. Of several an origin takes which it likes, so all of them are seen (RFC 9110
            // section 5.3).
            F::HttpReferer => self.joined(Known::Referer, b", ", arena),
            F::HttpUserAgent => self.joined(Known::UserAgent, b", ", arena),
            F::HttpXForwardedFor => self.joined(Known::XForwardedFor, b", ", arena),
            F::HttpHost => self.facts.host(arena),
            F::HttpRequestMethod => Value::Bytes(head.bytes(head.method_text)),
            F::HttpRequestVersion => Value::Bytes(own.version.as_str().as_bytes()),
            F::HttpRequestFullUri => {
                made(self.facts.full_uri(&[self.facts.path(), &self.facts.query_text()].concat()))
            }
            F::HttpRequestUri => match self.facts.uri {
                None => Value::Bytes(head.bytes(head.path_and_query)),
                Some(_) => made([self.facts.path(), &self.facts.query_text()].concat()),
            },
            F::HttpRequestUriPath => Value::Bytes(self.facts.path()),
            F::HttpRequestUriPathExtension => made(derived::extension(self.facts.path())),
            F::HttpRequestUriQuery => Value::Bytes(self.facts.query().unwrap_or_default()),
            F::HttpRequestUriArgs => Value::Map(Map::View(self.args())),
            F::HttpRequestUriArgsNames => self.args().names(arena),
            F::HttpRequestUriArgsValues => self.args().values(arena),
            F::HttpRequestHeaders => Value::Map(Map::View(&self.headers)),
            F::HttpRequestHeadersNames => self.headers.names(arena),
            F::HttpRequestHeadersValues => self.headers.values(arena),
            F::HttpRequestHeadersTruncated => Value::Bool(self.headers.is_truncated()),
            F::HttpRequestCookies => Value::Map(Map::View(self.cookies())),
            F::HttpRequestAcceptedLanguages => {
                let value = self.joined(Known::AcceptLanguage, b", ", arena).bytes().unwrap_or_default();
                let tags = derived::languages(value).into_iter().map(Value::Bytes).collect();
                Value::Array(Array::Slice(arena.values(tags)))
            }
            F::RawHttpRequestFullUri => made(self.facts.full_uri(own.bytes(own.path_and_query))),
            F::RawHttpRequestUri => Value::Bytes(own.bytes(own.path_and_query)),
            F::RawHttpRequestUriPath => Value::Bytes(own.bytes(own.path)),
            F::RawHttpRequestUriPathExtension => made(derived::extension(own.bytes(own.path))),
            F::RawHttpRequestUriQuery => Value::Bytes(own.query.map_or(b"", |query| own.bytes(query))),
            F::RawHttpRequestUriArgs => Value::Map(Map::View(self.raw_args())),
            F::RawHttpRequestUriArgsNames => self.raw_args().names(arena),
            F::RawHttpRequestUriArgsValues => self.raw_args().values(arena),
            F::RawHttpRequestHeaders => Value::Map(Map::View(&self.raw_headers)),
            F::RawHttpRequestHeadersNames => self.raw_headers.names(arena),
            F::RawHttpRequestHeadersValues => self.raw_headers.values(arena),
            other => empty(other),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field is another function's")]
    fn of_exchange<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Value<'a> {
        use FieldId as F;
        let Facts { peer, client, started, .. } = &self.facts;
        let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        match field {
            F::CfRayId => Value::Bytes(self.facts.ray.id()),
            F::CfRandomSeed => Value::Bytes(self.facts.seed()),
            F::CfZoneName => Value::Bytes(self.facts.zone.as_bytes()),
            // Everything is built for everybody.
            F::CfZonePlan => Value::Bytes(b"ENT"),
            F::HttpRequestTimestampSec => number(started.unix_s()),
            F::HttpRequestTimestampMsec => number(started.unix_ns / 1_000_000 % 1000),
            F::IpSrc => Value::Ip(client.ip),
            F::Ssl => Value::Bool(self.facts.scheme() == Scheme::Https),
            F::CfEdgeServerIp => Value::Ip(peer.local.ip()),
            F::CfEdgeServerPort => Value::Int(peer.local.port().into()),
            F::CfEdgeClientPort => Value::Int(peer.address.port().into()),
            F::CfEdgeClientTcp => Value::Bool(true),
            F::CfTlsVersion => match &peer.tls {
                Some(tls) => Value::Bytes(tls.version.as_bytes()),
                None => empty(field),
            },
            F::CfTlsCipher => match &peer.tls {
                Some(tls) => Value::Bytes(arena.bytes(tls::cipher(&tls.cipher).into_bytes())),
                None => empty(field),
            },
            other => empty(other),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field is another function's")]
    fn of_response<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Value<'a> {
        use FieldId as F;
        let (Some(response), Some((headers, raw))) = (&self.facts.response, &self.response) else {
            return empty(field);
        };
        let millis = |millis: u64| Value::Int(i64::try_from(millis).unwrap_or(i64::MAX));
        match field {
            F::HttpResponseCode => Value::Int(response.status.into()),
            F::HttpResponseContentTypeMediaType => {
                let value = response.fields.first(Known::ContentType).unwrap_or_default();
                Value::Bytes(arena.bytes(derived::media_type(value)))
            }
            F::HttpResponseHeaders => Value::Map(Map::View(headers)),
            F::HttpResponseHeadersNames => headers.names(arena),
            F::HttpResponseHeadersValues => headers.values(arena),
            F::RawHttpResponseHeaders => Value::Map(Map::View(raw)),
            F::RawHttpResponseHeadersNames => raw.names(arena),
            F::RawHttpResponseHeadersValues => raw.values(arena),
            F::CfResponseErrorType => Value::Bytes(response.error_type.as_bytes()),
            F::CfResponse1xxxCode => Value::Int(response.error_code.into()),
            F::CfTimingsOriginTtfbMsec => millis(response.origin_ms),
            F::CfTimingsEdgeMsec => millis(response.edge_ms),
            other => empty(other),
        }
    }
}

impl Fields for Seen<'_> {
    fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet> {
        use rempart_rules::Source as S;
        Ok(match field.source() {
            S::Head => self.of_head(field, arena),
            S::Exchange | S::Connection | S::Tls => self.of_exchange(field, arena),
            S::Response => self.of_response(field, arena),
            S::Body => return self.body.get(field, arena),
            S::Geo | S::NotBuilt => empty(field),
        })
    }
}

/// Where visitors are, which is not known yet.
pub(super) fn country() -> &'static [u8] {
    match FieldId::IpSrcCountry.empty() {
        Empty::Text(text) => text.as_bytes(),
        Empty::Missing | Empty::False | Empty::Int(_) | Empty::Items => &[],
    }
}

/// What a field is when there is nothing to know.
fn empty<'a>(field: FieldId) -> Value<'a> {
    match field.empty() {
        Empty::Missing => Value::Missing,
        Empty::False => Value::Bool(false),
        Empty::Int(number) => Value::Int(number),
        Empty::Text(text) => Value::Bytes(text.as_bytes()),
        Empty::Items => match field.ty() {
            Type::Map(_) => Value::Map(Map::Pairs(&[])),
            Type::Array(_) | Type::Bool | Type::Int | Type::Bytes | Type::Ip => {
                Value::Array(Array::Slice(&[]))
            }
        },
    }
}
