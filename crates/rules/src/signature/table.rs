//! Signatures, function by function.

use super::Form::{self, Any, Literal, NotLiteral, Query};
use super::Takes::{self, Only};
use super::{ANYWHERE, Function, Gives, Parameter, Signature, values, within};
use crate::phase::Phase::{
    ApiEarly, ApiLate, Custom, CustomErrors, DynamicRedirect, RateLimit, RateLimitResponse, RequestHeaders,
    ResponseCache, ResponseHeaders, UrlRewrite,
};
use crate::phase::Place;
use crate::types::Type;

/// At most so many arguments of `concat` (documented), and of all others that take any number.
const ARGUMENTS_MAX: usize = 32;

const TEXT: Takes = Only(Type::Bytes);
const INT: Takes = Only(Type::Int);
const IP: Takes = Only(Type::Ip);
const TEXTS: Type = Type::Array(&Type::Bytes);

const fn p(name: &'static str, takes: Takes, form: Form) -> Parameter {
    Parameter { name, takes, form }
}

/// A function of fixed arity that may stand anywhere.
const fn plain(required: &'static [Parameter], result: Type) -> Signature {
    Signature { required, optional: &[], repeated: None, result: Gives::Only(result), place: ANYWHERE }
}

const FIREWALL: Place = within(&[Custom, RateLimit, RateLimitResponse]);
const DECODING: Place = within(&[
    UrlRewrite,
    RequestHeaders,
    ResponseHeaders,
    ResponseCache,
    Custom,
    RateLimit,
    RateLimitResponse,
]);
const JOINING: Place = within(&[UrlRewrite, RequestHeaders, ResponseHeaders, Custom, CustomErrors]);
const HEADERS: Place = within(&[RequestHeaders, ResponseHeaders]);
const JWT: Place = within(&[ApiEarly, ApiLate]);
/// The documentation names the first two; Cloudflare's own tests make cache tags with it, too.
const SPLITTING: Place = within(&[ResponseHeaders, CustomErrors, ResponseCache]);
const REWRITES: Place = values(&[UrlRewrite, RequestHeaders, ResponseHeaders]);
const REWRITES_AND_TAGS: Place = values(&[UrlRewrite, RequestHeaders, ResponseHeaders, ResponseCache]);
const ALL_VALUES: Place =
    values(&[UrlRewrite, RequestHeaders, ResponseHeaders, ResponseCache, DynamicRedirect]);
const PATHS_TARGETS_AND_TAGS: Place = values(&[UrlRewrite, ResponseCache, DynamicRedirect]);

const SOURCE: Parameter = p("source", TEXT, Any);
const KEY: Parameter = p("key", Takes::TextOrInt, Any);
const MORE: Parameter = p("value", Takes::SameAsFirst, Any);
const TOKEN: Parameter = p("token_configuration_id", TEXT, Literal);

pub(super) fn signature(function: Function) -> Signature {
    match function {
        Function::Cidr => Signature {
            place: FIREWALL,
            ..plain(
                const {
                    &[
                        p("address", IP, NotLiteral),
                        p("ipv4_bits", INT, Literal),
                        p("ipv6_bits", INT, Literal),
                    ]
                },
                Type::Ip,
            )
        },
        Function::Cidr6 => Signature {
            place: FIREWALL,
            ..plain(const { &[p("address", IP, NotLiteral), p("ipv6_bits", INT, Literal)] }, Type::Ip)
        },
        Function::Coalesce => same(const { &[p("value", Takes::Anything, Any), MORE] }),
        Function::Concat => same(const { &[p("value", Takes::TextOrAnyArray, Any), MORE] }),
        Function::DecodeBase64 => {
            Signature { place: DECODING, ..plain(const { &[p("source", TEXT, NotLiteral)] }, Type::Bytes) }
        }
        Function::EncodeBase64 => Signature {
            optional: const { &[p("flags", TEXT, Literal)] },
            place: HEADERS,
            ..plain(const { &[p("input", TEXT, Any)] }, Type::Bytes)
        },
        Function::StartsWith | Function::EndsWith => {
            plain(const { &[p("source", TEXT, NotLiteral), p("substring", TEXT, Any)] }, Type::Bool)
        }
        Function::HasKey => {
            plain(const { &[p("map", Takes::AnyMap, NotLiteral), p("key", TEXT, Any)] }, Type::Bool)
        }
        Function::HasValue => plain(
            const { &[p("collection", Takes::Collection, NotLiteral), p("value", Takes::ElementOfFirst, Any)] },
            Type::Bool,
        ),
        Function::HashInRange => Signature {
            repeated: Some((p("field", Takes::Primitive, NotLiteral), ARGUMENTS_MAX)),
            ..plain(
                const {
                    &[
                        p("min", INT, Literal),
                        p("max", INT, Literal),
                        p("field", Takes::Primitive, NotLiteral),
                    ]
                },
                Type::Int,
            )
        },
        Function::IsJwtPresent | Function::IsJwtValid => {
            Signature { place: JWT, ..plain(const { &[TOKEN] }, Type::Bool) }
        }
        Function::IsTimedHmacValidV0 => Signature {
            optional: const { &[p("separatorLength", INT, Literal), p("flags", TEXT, Literal)] },
            ..plain(
                const {
                    &[
                        p("key", TEXT, Literal),
                        p("messageMAC", TEXT, Any),
                        p("ttl", INT, Literal),
                        p("now", INT, Any),
                    ]
                },
                Type::Bool,
            )
        },
        Function::Join => Signature {
            place: JOINING,
            ..plain(const { &[p("items", Only(TEXTS), NotLiteral), p("separator", TEXT, Any)] }, Type::Bytes)
        },
        Function::Len => plain(const { &[p("value", Takes::TextOrAnyArray, Any)] }, Type::Int),
        Function::LookupJsonInteger => lookup(Type::Int),
        Function::LookupJsonString => lookup(Type::Bytes),
        Function::Lower | Function::Upper => plain(const { &[SOURCE] }, Type::Bytes),
        Function::RegexReplace => Signature {
            place: ALL_VALUES,
            ..plain(
                const { &[SOURCE, p("regex", TEXT, Literal), p("replacement", TEXT, Literal)] },
                Type::Bytes,
            )
        },
        Function::RemoveBytes => plain(const { &[SOURCE, p("bytes", TEXT, Any)] }, Type::Bytes),
        Function::RemoveQueryArgs => Signature {
            repeated: Some((p("name", TEXT, Literal), ARGUMENTS_MAX)),
            place: REWRITES_AND_TAGS,
            ..plain(const { &[p("field", TEXT, Query), p("name", TEXT, Literal)] }, Type::Bytes)
        },
        Function::Sha256 => plain(const { &[p("input", TEXT, Any)] }, Type::Bytes),
        Function::Split => Signature {
            place: SPLITTING,
            ..plain(
                const { &[p("input", TEXT, Any), p("separator", TEXT, Literal), p("limit", INT, Literal)] },
                TEXTS,
            )
        },
        Function::Substring => Signature {
            optional: const { &[p("end", INT, Any)] },
            ..plain(const { &[p("field", TEXT, NotLiteral), p("start", INT, Any)] }, Type::Bytes)
        },
        Function::ToString => Signature {
            place: ALL_VALUES,
            ..plain(const { &[p("value", Takes::Printable, Any)] }, Type::Bytes)
        },
        Function::UrlDecode => Signature {
            optional: const { &[p("options", TEXT, Literal)] },
            ..plain(const { &[p("source", TEXT, NotLiteral)] }, Type::Bytes)
        },
        Function::Uuidv4 => Signature { place: REWRITES, ..plain(const { &[SOURCE] }, Type::Bytes) },
        Function::WildcardReplace => Signature {
            optional: const { &[p("flags", TEXT, Literal)] },
            place: PATHS_TARGETS_AND_TAGS,
            ..plain(
                const {
                    &[
                        p("source", TEXT, NotLiteral),
                        p("pattern", TEXT, Literal),
                        p("replacement", TEXT, Literal),
                    ]
                },
                Type::Bytes,
            )
        },
    }
}

/// Two or more arguments of one type, which is what it gives.
fn same(required: &'static [Parameter]) -> Signature {
    Signature {
        required,
        optional: &[],
        repeated: Some((MORE, ARGUMENTS_MAX)),
        result: Gives::SameAsFirst,
        place: ANYWHERE,
    }
}

/// A text of JSON and the keys along which to walk.
fn lookup(result: Type) -> Signature {
    Signature {
        repeated: Some((KEY, ARGUMENTS_MAX)),
        ..plain(const { &[p("field", TEXT, NotLiteral), KEY] }, result)
    }
}
