//! A request as a table of fields.

use rempart_rules::lists::{Contents, HostSet, IntSet, IpSet, List};
use rempart_rules::{Arena, Array, Empty, FieldId, Fields, Map, NotYet, Source, Type, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A value of the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub enum V {
    Missing,
    Bool(bool),
    Int(i64),
    Bytes(Vec<u8>),
    Ip(IpAddr),
    Array(Vec<V>),
    Map(Vec<(Vec<u8>, V)>),
}

/// Fields of one exchange. Those that are not set are what the table says.
#[derive(Clone, Debug, Default)]
pub struct Request {
    fields: HashMap<FieldId, V>,
    /// Answer [`NotYet`] for fields of the body.
    pub has_no_body_yet: bool,
    /// Which fields were asked for, in order.
    pub asked: RefCell<Vec<FieldId>>,
}

impl V {
    pub fn text(text: &str) -> V {
        V::Bytes(text.as_bytes().to_vec())
    }

    pub fn texts(texts: &[&str]) -> V {
        V::Array(texts.iter().map(|text| V::text(text)).collect())
    }

    /// A map from names to the texts of each, from pairs in any order.
    pub fn map(pairs: &[(&str, &str)]) -> V {
        let mut map: Vec<(Vec<u8>, V)> = Vec::new();
        for (name, value) in pairs {
            match map.iter_mut().find(|(other, _)| other == name.as_bytes()) {
                Some((_, V::Array(values))) => values.push(V::text(value)),
                _ => map.push((name.as_bytes().to_vec(), V::texts(&[value]))),
            }
        }
        V::Map(map)
    }

    /// As a value of the program.
    pub fn shown<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            V::Missing => Value::Missing,
            V::Bool(bool) => Value::Bool(*bool),
            V::Int(int) => Value::Int(*int),
            V::Bytes(bytes) => Value::Bytes(bytes),
            V::Ip(ip) => Value::Ip(*ip),
            V::Array(items) => {
                let items = items.iter().map(|item| item.shown(arena)).collect();
                Value::Array(Array::Slice(arena.values(items)))
            }
            V::Map(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| (&**name, value.shown(arena))).collect();
                Value::Map(Map::Pairs(arena.pairs(pairs)))
            }
        }
    }

    /// A value of the program as one of the interpreter.
    pub fn of(value: Value<'_>) -> V {
        match value {
            Value::Missing => V::Missing,
            Value::Bool(bool) => V::Bool(bool),
            Value::Int(int) => V::Int(int),
            Value::Bytes(bytes) => V::Bytes(bytes.to_vec()),
            Value::Ip(ip) => V::Ip(ip),
            Value::Array(array) => {
                let arena = Arena::default();
                let array: Array<'_> = array;
                V::Array((0..array.len()).map(|index| V::of(array.at(index, &arena))).collect())
            }
            Value::Map(map) => {
                let arena = Arena::default();
                let map: Map<'_> = map;
                let pairs = (0..map.len()).filter_map(|index| map.at(index, &arena));
                V::Map(pairs.map(|(name, value)| (name.to_vec(), V::of(value))).collect())
            }
        }
    }
}

impl Request {
    pub fn with(mut self, name: &str, value: V) -> Request {
        self.fields.insert(FieldId::named(name).expect(name), value);
        self
    }

    /// A field; `NotBuilt` ones are empty, whatever was set.
    pub fn field(&self, field: FieldId) -> V {
        if let (Some(value), false) = (self.fields.get(&field), field.source() == Source::NotBuilt) {
            return value.clone();
        }
        match field.empty() {
            Empty::Missing => V::Missing,
            Empty::False => V::Bool(false),
            Empty::Int(int) => V::Int(int),
            Empty::Text(text) => V::text(text),
            Empty::Items if matches!(field.ty(), Type::Map(_)) => V::Map(Vec::new()),
            Empty::Items => V::Array(Vec::new()),
        }
    }

    /// Whether a value is in the list of this name; see [`TestLists`].
    pub fn is_in_list(&self, name: &str, value: &V) -> bool {
        match (name, value) {
            ("office", V::Ip(IpAddr::V4(ip))) => ip.octets()[..3] == [192, 0, 2],
            ("office", V::Ip(IpAddr::V6(ip))) => ip.segments()[..2] == [0x2001, 0xdb8],
            ("hosts", V::Bytes(text)) => {
                let text = text.to_ascii_lowercase();
                text == b"a.test" || (text.len() > 7 && text.ends_with(b".b.test"))
            }
            ("nets", V::Int(int)) => (64_496..=64_511).contains(int),
            _ => false,
        }
    }
}

impl Fields for Request {
    fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet> {
        self.asked.borrow_mut().push(field);
        if field.source() == Source::Body && self.has_no_body_yet {
            return Err(NotYet);
        }
        if let Some(value) = self.fields.get(&field) {
            return Ok(value.shown(arena));
        }
        Ok(match self.field(field) {
            V::Bytes(bytes) => Value::Bytes(arena.bytes(bytes)),
            V::Bool(bool) => Value::Bool(bool),
            V::Int(int) => Value::Int(int),
            V::Array(_) => Value::Array(Array::Slice(&[])),
            V::Map(_) => Value::Map(Map::Pairs(&[])),
            _ => Value::Missing,
        })
    }
}

/// The lists of the tests: `office` (addresses), `hosts`, `nets`.
pub struct TestLists;

impl Contents for TestLists {
    fn list(&self, name: &str) -> Option<Arc<List>> {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        Some(Arc::new(match name {
            "office" => List::Ips(IpSet::of_prefixes([(ip("192.0.2.0"), 24), (ip("2001:db8::"), 32)])),
            "hosts" => List::Hosts(HostSet::of(["a.test", "*.b.test"])),
            "nets" => List::Ints(IntSet::of([(64_496, 64_511)])),
            _ => return None,
        }))
    }
}

impl rempart_rules::Lists for TestLists {
    fn kind(&self, name: &str) -> Option<rempart_rules::ast::ListKind> {
        match name {
            "office" => Some(rempart_rules::ast::ListKind::Ip),
            "hosts" => Some(rempart_rules::ast::ListKind::Hostname),
            "nets" => Some(rempart_rules::ast::ListKind::Asn),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["office", "hosts", "nets"]
    }
}
