//! What a program consists of: values and tests, each once however many filters have it, named by numbers.

use super::check::Check;
use crate::fields::FieldId;
use crate::functions::Ready;
use crate::signature::Function;
use crate::value::{Array, Map, Value};
use std::net::IpAddr;

/// The number of a value in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ValueNo(pub(crate) u32);

/// The number of a test in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TestNo(pub(crate) u32);

/// How a value is got. Those that begin with `Each` are of the elements of an array, and give one flat array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Const(Const),
    Field(FieldId),
    Key(ValueNo, Box<[u8]>),
    /// The element of the array that is the value of a key.
    KeyItem(ValueNo, Box<[u8]>, u32),
    Item(ValueNo, u32),
    /// The number is that of what was made ready.
    Call(Function, Box<[ValueNo]>, u32),
    /// The elements of an array, the values of a map; of what is missing: none.
    Each(ValueNo),
    EachKey(ValueNo, Box<[u8]>),
    EachItem(ValueNo, u32),
    EachEach(ValueNo),
    EachCall(Function, Box<[ValueNo]>, u32),
}

/// A value that is always the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Const {
    Missing,
    Bool(bool),
    Int(i64),
    Bytes(Box<[u8]>),
    Ip(IpAddr),
    NoItems,
    NoEntries,
}

/// A value of the program and what is known of it.
#[derive(Debug)]
pub(crate) struct ValueNode {
    pub(crate) source: Source,
    pub(crate) about: About,
}

/// A test of the program and what is known of it.
#[derive(Debug)]
pub(crate) struct TestNode {
    pub(crate) test: Test,
    pub(crate) about: About,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    /// What it takes, in about the same unit for all: to put what is cheap first.
    pub(crate) cost: u32,
    /// Whether a body has to be read for it.
    pub(crate) needs_body: bool,
    /// How many other nodes and filters have it.
    pub(crate) uses: u32,
    /// Where its result is kept during a run, if more than one may ask.
    pub(crate) memo: Option<u32>,
}

/// Something that is true or false, or, if its values are arrays, so for each index.
#[derive(Debug)]
pub(crate) enum Test {
    Const(bool),
    Truth(ValueNo),
    Compare(ValueNo, Check),
    Not(TestNo),
    And(Box<[TestNo]>),
    Or(Box<[TestNo]>),
    Xor(Box<[TestNo]>),
    /// Of a test that is so for each index.
    Any(TestNo),
    All(TestNo),
}

/// All values, tests, and what was made ready.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    pub(crate) values: Vec<ValueNode>,
    pub(crate) tests: Vec<TestNode>,
    pub(crate) ready: Vec<Ready>,
}

impl Nodes {
    pub(crate) fn value(&self, number: ValueNo) -> Option<&ValueNode> {
        self.values.get(number.0 as usize)
    }

    pub(crate) fn test(&self, number: TestNo) -> Option<&TestNode> {
        self.tests.get(number.0 as usize)
    }

    pub(crate) fn ready(&self, number: u32) -> &Ready {
        self.ready.get(number as usize).unwrap_or(&Ready::Plain)
    }

    /// The value, if it is always the same.
    pub(crate) fn constant(&self, number: ValueNo) -> Option<&Const> {
        match &self.value(number)?.source {
            Source::Const(constant) => Some(constant),
            _ => None,
        }
    }
}

impl Const {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Const::Missing => Value::Missing,
            Const::Bool(bool) => Value::Bool(*bool),
            Const::Int(int) => Value::Int(*int),
            Const::Bytes(bytes) => Value::Bytes(bytes),
            Const::Ip(ip) => Value::Ip(*ip),
            Const::NoItems => Value::Array(Array::Slice(&[])),
            Const::NoEntries => Value::Map(Map::Pairs(&[])),
        }
    }

    /// The value as a constant, if it is missing or primitive.
    pub(crate) fn of(value: Value<'_>) -> Option<Const> {
        Some(match value {
            Value::Missing => Const::Missing,
            Value::Bool(bool) => Const::Bool(bool),
            Value::Int(int) => Const::Int(int),
            Value::Bytes(bytes) => Const::Bytes(bytes.into()),
            Value::Ip(ip) => Const::Ip(ip),
            Value::Array(_) | Value::Map(_) => return None,
        })
    }
}
