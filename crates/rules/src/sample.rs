//! A request for tests of what is said about rules.

use crate::arena::Arena;
use crate::fields::FieldId;
use crate::value::{Array, Fields, Map, NotYet, Value};

/// `/Login` of `a.test` over TLS, with `Accept` twice; its body has not been read.
pub(crate) struct Request;

#[expect(clippy::wildcard_enum_match_arm, reason = "of the others nothing is known")]
impl Fields for Request {
    fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet> {
        Ok(match field {
            FieldId::HttpHost => Value::Bytes(b"a.test"),
            FieldId::HttpRequestUriPath => Value::Bytes(b"/Login"),
            FieldId::Ssl => Value::Bool(true),
            FieldId::HttpRequestHeaders => {
                let values = arena.values(vec![Value::Bytes(b"x"), Value::Bytes(b"y")]);
                Value::Map(Map::Pairs(arena.pairs(vec![(b"accept", Value::Array(Array::Slice(values)))])))
            }
            FieldId::HttpRequestBodyRaw => return Err(NotYet),
            _ => Value::Missing,
        })
    }
}
