//! What rules see of a request's body: a bounded beginning of it, read when a rule first asks.

use std::borrow::Cow;

use rempart_rules::body::{self, Body};
use rempart_rules::{Arena, Array, FieldId, Map, NotYet, Value};

use super::empty;

/// How much is known of a body.
#[derive(Debug)]
pub enum BodyFields<'s> {
    /// Nothing has been read of it, and it may be.
    Unread,
    /// It has not been read and will not be: so many bytes of it are announced, and nothing of them is seen.
    Hidden(u64),
    /// This.
    Held(Body<'s>),
}

impl BodyFields<'_> {
    /// The value of a field.
    pub(super) fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet> {
        match self {
            Self::Unread => Err(NotYet),
            Self::Hidden(size) => Ok(hidden(*size, field)),
            Self::Held(body) => Ok(of(body, field, arena)),
        }
    }
}

/// Of a body of which nothing is seen. A rule that refuses what it cannot look into refuses it.
#[expect(clippy::wildcard_enum_match_arm, reason = "of every other field there is nothing")]
fn hidden<'a>(size: u64, field: FieldId) -> Value<'a> {
    match field {
        FieldId::HttpRequestBodySize => Value::Int(i64::try_from(size).unwrap_or(i64::MAX)),
        FieldId::HttpRequestBodyTruncated => Value::Bool(true),
        other => empty(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other field is another function's")]
fn of<'a>(body: &'a Body<'_>, field: FieldId, arena: &'a Arena<'a>) -> Value<'a> {
    use FieldId as F;
    let parts = || body.multipart().parts().iter();
    match field {
        F::HttpRequestBodyRaw => Value::Bytes(body.raw()),
        F::HttpRequestBodySize => Value::Int(i64::try_from(body.size()).unwrap_or(i64::MAX)),
        F::HttpRequestBodyTruncated => Value::Bool(body.is_truncated()),
        F::HttpRequestBodyMime => Value::Bytes(body.mime().unwrap_or_default().as_bytes()),
        F::HttpRequestBodyForm => by_name(body.form().fields().iter().copied(), arena),
        F::HttpRequestBodyFormNames => texts(body.form().fields().iter().map(|(name, _)| *name), arena),
        F::HttpRequestBodyFormValues => texts(body.form().fields().iter().map(|(_, value)| *value), arena),
        F::HttpRequestBodyMultipart => {
            let named = parts().flat_map(|part| part.names.iter().map(|name| (&**name, part.value)));
            by_name(named, arena)
        }
        F::HttpRequestBodyMultipartNames => lists(parts().map(|part| owned(&part.names)), arena),
        F::HttpRequestBodyMultipartFilenames => lists(parts().map(|part| owned(&part.filenames)), arena),
        F::HttpRequestBodyMultipartValues => texts(parts().map(|part| part.value), arena),
        F::HttpRequestBodyMultipartContentTypes => {
            lists(parts().map(|part| part.content_types.clone()), arena)
        }
        F::HttpRequestBodyMultipartContentDispositions => {
            lists(parts().map(|part| part.content_dispositions.clone()), arena)
        }
        F::HttpRequestBodyMultipartContentTransferEncodings => {
            lists(parts().map(|part| part.content_transfer_encodings.clone()), arena)
        }
        other => empty(other),
    }
}

fn owned<'a>(texts: &'a [Cow<'_, [u8]>]) -> Vec<&'a [u8]> {
    texts.iter().map(|text| &**text).collect()
}

fn texts<'a>(texts: impl Iterator<Item = &'a [u8]>, arena: &'a Arena<'a>) -> Value<'a> {
    Value::Array(Array::Slice(arena.values(texts.map(Value::Bytes).collect())))
}

fn lists<'a>(lists: impl Iterator<Item = Vec<&'a [u8]>>, arena: &'a Arena<'a>) -> Value<'a> {
    let lists = lists.map(|list| texts(list.into_iter(), arena)).collect();
    Value::Array(Array::Slice(arena.values(lists)))
}

fn by_name<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, arena: &'a Arena<'a>) -> Value<'a> {
    let gathered = body::by_name(pairs).into_iter();
    let pairs = gathered.map(|(name, values)| (name, texts(values.into_iter(), arena))).collect();
    Value::Map(Map::Pairs(arena.pairs(pairs)))
}
