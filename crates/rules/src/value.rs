//! What a field or a function gives.

#![expect(clippy::wildcard_enum_match_arm, reason = "a value of any other type has no such part")]

use crate::arena::Arena;
use crate::fields::FieldId;
use std::fmt;
use std::net::IpAddr;

/// A value. It points into the exchange, into the program, or into the [`Arena`] of one run.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// There is none: no such key, an index beyond the end, a function that gives nothing.
    Missing,
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// Bytes, which need not be UTF-8.
    Bytes(&'a [u8]),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// Values in an order.
    Array(Array<'a>),
    /// Values by name.
    Map(Map<'a>),
}

/// The values of an array.
#[derive(Clone, Copy)]
pub enum Array<'a> {
    /// All of them, made.
    Slice(&'a [Value<'a>]),
    /// Made when they are asked for.
    View(&'a dyn Items),
}

/// The values of a map.
#[derive(Clone, Copy)]
pub enum Map<'a> {
    /// All of them, made: each key once.
    Pairs(&'a [(&'a [u8], Value<'a>)]),
    /// Made when they are asked for.
    View(&'a dyn Entries),
}

/// An array whose elements are made when they are asked for.
pub trait Items {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at this index, [`Value::Missing`] beyond the end.
    fn at<'a>(&'a self, index: usize, arena: &'a Arena<'a>) -> Value<'a>;
}

/// A map whose values are made when they are asked for.
pub trait Entries {
    /// How many different keys there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key and the value at this index, in the order of the first occurrence of each key.
    fn at<'a>(&'a self, index: usize, arena: &'a Arena<'a>) -> Option<(&'a [u8], Value<'a>)>;

    /// The value of this key, byte for byte; [`Value::Missing`] if there is none.
    fn find<'a>(&'a self, key: &[u8], arena: &'a Arena<'a>) -> Value<'a>;

    /// The element at `index` of the array that is the value of this key. The way of `headers["name"][0]`: an
    /// implementation that need not make the array for it should not.
    fn find_at<'a>(&'a self, key: &[u8], index: usize, arena: &'a Arena<'a>) -> Value<'a> {
        self.find(key, arena).index(index, arena)
    }
}

/// A body that has not been read yet, though a rule wants to see into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotYet;

/// What is known about one exchange. A run asks for each field at most once, and only for those that it needs.
pub trait Fields {
    /// The value of this field, of the field's type or [`Value::Missing`].
    ///
    /// # Errors
    /// [`NotYet`] if it is a field of a body of which nothing has been read. It is then asked again in a later run.
    fn get<'a>(&'a self, field: FieldId, arena: &'a Arena<'a>) -> Result<Value<'a>, NotYet>;
}

impl<'a> Value<'a> {
    /// The element at this index of an array.
    #[must_use]
    pub fn index(self, index: usize, arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            Value::Array(array) => array.at(index, arena),
            _ => Value::Missing,
        }
    }

    /// The value of this key of a map.
    #[must_use]
    pub fn key(self, key: &[u8], arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            Value::Map(map) => map.find(key, arena),
            _ => Value::Missing,
        }
    }

    /// Its bytes, if it is that.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Its number, if it is that.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }

    /// Whether it is none.
    #[must_use]
    pub fn is_missing(self) -> bool {
        matches!(self, Value::Missing)
    }

    /// Whether both are of one type, present, and equal. Arrays and maps never are.
    #[must_use]
    pub fn same(self, other: Value<'_>) -> bool {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Ip(a), Value::Ip(b)) => a == b,
            _ => false,
        }
    }
}

impl<'a> Array<'a> {
    /// How many elements it has.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Array::Slice(slice) => slice.len(),
            Array::View(view) => view.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at this index, [`Value::Missing`] beyond the end.
    #[must_use]
    pub fn at(self, index: usize, arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            Array::Slice(slice) => slice.get(index).copied().unwrap_or(Value::Missing),
            Array::View(view) => view.at(index, arena),
        }
    }
}

impl<'a> Map<'a> {
    /// How many keys it has.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Map::Pairs(pairs) => pairs.len(),
            Map::View(view) => view.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The key and the value at this index.
    #[must_use]
    pub fn at(self, index: usize, arena: &'a Arena<'a>) -> Option<(&'a [u8], Value<'a>)> {
        match self {
            Map::Pairs(pairs) => pairs.get(index).copied(),
            Map::View(view) => view.at(index, arena),
        }
    }

    /// The value of this key.
    #[must_use]
    pub fn find(self, key: &[u8], arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            Map::Pairs(pairs) => {
                pairs.iter().find(|(name, _)| *name == key).map_or(Value::Missing, |(_, value)| *value)
            }
            Map::View(view) => view.find(key, arena),
        }
    }

    /// The element at `index` of the array that is the value of this key.
    #[must_use]
    pub fn find_at(self, key: &[u8], index: usize, arena: &'a Arena<'a>) -> Value<'a> {
        match self {
            Map::Pairs(_) => self.find(key, arena).index(index, arena),
            Map::View(view) => view.find_at(key, index, arena),
        }
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = Arena::default();
        let array: Array<'_> = *self;
        f.debug_list().entries((0..array.len()).map(|index| array.at(index, &arena))).finish()
    }
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = Arena::default();
        let map: Map<'_> = *self;
        f.debug_map().entries((0..map.len()).filter_map(|index| map.at(index, &arena))).finish()
    }
}
