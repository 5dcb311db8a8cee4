//! What an expression says, with every type checked. Each node knows where it stands in the text.
//!
//! The text of a tree (`Display`) parses to the same tree again, its places excepted.

mod walk;

use crate::fields::FieldId;
use crate::literal::{Pattern, Wildcard};
use crate::signature::Function;
use crate::types::Type;
use std::net::IpAddr;

/// A stretch of an expression's text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
}

/// Something that is true or false, or an array of such ([`Logic::is_array`]).
#[derive(Clone, Debug)]
pub struct Logic {
    /// What.
    pub node: Node,
    /// Where, without parentheses around it.
    pub span: Span,
    /// Whether it is an array of Booleans, one for each element of what `[*]` stands behind.
    pub is_array: bool,
}

/// The kinds of [`Logic`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// The word `true`.
    True,
    /// A Boolean (or an array of such) by itself. Missing counts as false.
    Truth(Operand),
    /// A comparison. If `left` has `[*]`, it is made for each element.
    Compare(Box<Comparison>),
    /// The opposite, element by element for an array. Of a comparison with a missing value it is true.
    Not(Box<Logic>),
    /// At least two, all of them arrays or none. Arrays are joined element by element, as far as the shortest reaches.
    Chain(Connective, Vec<Logic>),
    /// `any` or `all` of an array.
    Quantified(Quantifier, Box<Logic>),
}

/// What joins a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connective {
    /// All are true.
    And,
    /// An odd number is true.
    Xor,
    /// At least one is true.
    Or,
}

/// How an array of Booleans becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one element is true; of none: false.
    Any,
    /// No element is false; of none: true. Of a missing plain array: false.
    All,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is looked at. It is no literal.
    pub left: Operand,
    /// What it must be.
    pub test: Test,
}

/// What the left side of a comparison must be. It is false if the left side is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `eq`, `ne`, `lt`, `le`, `gt`, `ge`. Both sides are of one type: Int, Bytes or Ip. Addresses of two families
    /// are never equal and have no order (`ne` of them is true).
    Order(Order, Operand),
    /// `contains`.
    Contains(Box<[u8]>),
    /// `wildcard` (without regard to case) and `strict wildcard`.
    Wildcard(Wildcard, Case),
    /// `matches`.
    Matches(Pattern),
    /// `in { … }`.
    In(Set),
    /// `in $name`.
    InList(ListName),
    /// `&`: not all bits that both have are zero.
    BitAnd(i64),
}

/// The six comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// Whether `A` is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    /// It is not.
    Sensitive,
    /// It is, for the letters of ASCII.
    Insensitive,
}

/// The elements of `{ … }`, as they were written, duplicates too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// Numbers: first and last of each range.
    Ints(Vec<(i64, i64)>),
    /// Texts.
    Bytes(Vec<Box<[u8]>>),
    /// Addresses: first and last of each range, both of one family. A prefix is a range.
    Ips(Vec<(IpAddr, IpAddr)>),
}

/// A list's name, without `$`, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListName {
    /// The name.
    pub name: Box<str>,
    /// What was known of it when the expression was read.
    pub kind: ListKind,
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Addresses and prefixes.
    Ip,
    /// Host names.
    Hostname,
    /// Numbers of autonomous systems.
    Asn,
    /// Redirects by source URL.
    Redirect,
}

/// Something that has a value.
#[derive(Clone, Debug)]
pub struct Operand {
    /// What it is taken from.
    pub root: Root,
    /// What is taken of that, from left to right.
    pub indexes: Vec<Index>,
    /// The type of one value. With `is_each` there is an array of them.
    pub ty: Type,
    /// Whether `[*]` is among the indexes. What stands around is then done for each of the values that come of it,
    /// which are one flat row, however many `[*]` there are.
    pub is_each: bool,
    /// Where it stands.
    pub span: Span,
}

/// What an operand begins with.
#[derive(Clone, Debug, PartialEq)]
pub enum Root {
    /// A field.
    Field(FieldId),
    /// A call.
    Call(Box<Call>),
    /// A literal. It has no indexes.
    Literal(Literal),
}

/// A literal of a primitive type; there is none of Booleans.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// A number.
    Int(i64),
    /// Text.
    Bytes(Box<[u8]>),
    /// An address.
    Ip(IpAddr),
}

/// What is taken of an array or a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// `[n]` of an array, from 0. Out of range it is missing.
    Item(u32),
    /// `["key"]` of a map. Without such a key it is missing.
    Key(Box<[u8]>),
    /// `[*]`: every element, or every value of a map. Of what is missing: none.
    Each,
}

/// A call. If the first argument `is_each`, the function is applied to each of its elements and the call's value is an
/// array of the results; a comparison with them needs its own `[*]`, as in `any(lower(a[*])[*] == "b")`.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which function.
    pub function: Function,
    /// As many arguments as it takes, of right types. Only the first may be `is_each`.
    pub arguments: Vec<Operand>,
    /// What the call gives: an array if the first argument `is_each`.
    pub ty: Type,
    /// Where it stands.
    pub span: Span,
}
