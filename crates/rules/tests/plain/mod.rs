//! A plain interpreter of the Rules language: it walks the tree, keeps nothing, and shares no evaluation with the
//! program. Also what tests need beside it: requests, and random expressions.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test uses its part")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail"
)]

mod digest;
mod functions;
mod random;
mod request;

pub use random::{Bytes, expression, request as random_request};
pub use request::{Request, TestLists, V};

use rempart_rules::Wildcard;
use rempart_rules::ast::{
    Case, Comparison, Connective, Index, Literal, Logic, Node, Operand, Order, Quantifier, Root, Set, Test,
};
use std::cmp::Ordering;
use std::net::IpAddr;

/// What a filter or a part of it gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    One(bool),
    Many(Vec<bool>),
    /// A missing array of Booleans.
    None,
}

/// The pattern as the crate `regex` has it, with nothing of the program's.
fn regex(source: &str) -> regex::bytes::Regex {
    regex::bytes::RegexBuilder::new(source).unicode(false).build().unwrap()
}

/// Whether a filter is true of a request.
pub fn is_true(logic: &Logic, request: &Request) -> bool {
    match truth(logic, request) {
        Truth::One(truth) => truth,
        other => panic!("a filter gave {other:?}"),
    }
}

fn truth(logic: &Logic, request: &Request) -> Truth {
    match &logic.node {
        Node::True => Truth::One(true),
        Node::Truth(operand) => match (value(operand, request), logic.is_array) {
            (V::Array(items), true) => Truth::Many(items.iter().map(|item| *item == V::Bool(true)).collect()),
            (_, true) => Truth::None,
            (value, false) => Truth::One(value == V::Bool(true)),
        },
        Node::Compare(comparison) => {
            let left = value(&comparison.left, request);
            match (left, logic.is_array) {
                (V::Array(items), true) => {
                    Truth::Many(items.iter().map(|item| holds(comparison, item, request)).collect())
                }
                (_, true) => Truth::None,
                (left, false) => Truth::One(holds(comparison, &left, request)),
            }
        }
        Node::Not(inner) => match truth(inner, request) {
            Truth::One(truth) => Truth::One(!truth),
            Truth::Many(truths) => Truth::Many(truths.into_iter().map(|truth| !truth).collect()),
            Truth::None => Truth::None,
        },
        Node::Chain(connective, parts) => {
            parts.iter().map(|part| truth(part, request)).reduce(|a, b| joined(*connective, a, b)).unwrap()
        }
        Node::Quantified(quantifier, inner) => Truth::One(match (truth(inner, request), quantifier) {
            (Truth::Many(truths), Quantifier::Any) => truths.contains(&true),
            (Truth::Many(truths), Quantifier::All) => !truths.contains(&false),
            (Truth::None, _) => false,
            (Truth::One(_), _) => panic!("a quantifier of one"),
        }),
    }
}

fn joined(connective: Connective, a: Truth, b: Truth) -> Truth {
    let one = |a: bool, b: bool| match connective {
        Connective::And => a & b,
        Connective::Xor => a ^ b,
        Connective::Or => a | b,
    };
    match (a, b) {
        (Truth::One(a), Truth::One(b)) => Truth::One(one(a, b)),
        (Truth::Many(a), Truth::Many(b)) => {
            Truth::Many(a.into_iter().zip(b).map(|(a, b)| one(a, b)).collect())
        }
        _ => Truth::None,
    }
}

fn holds(comparison: &Comparison, left: &V, request: &Request) -> bool {
    if *left == V::Missing {
        return false;
    }
    match (&comparison.test, left) {
        (Test::Order(order, right), left) => ordered(*order, left, &value(right, request)),
        (Test::Contains(part), V::Bytes(text)) => {
            part.is_empty() || text.windows(part.len()).any(|window| window == &**part)
        }
        (Test::Wildcard(pattern, case), V::Bytes(text)) => stars(pattern, *case, text).is_some(),
        (Test::Matches(pattern), V::Bytes(text)) => regex(pattern.source()).is_match(text),
        (Test::In(Set::Ints(ranges)), V::Int(int)) => ranges.iter().any(|(a, b)| a <= int && int <= b),
        (Test::In(Set::Bytes(texts)), V::Bytes(text)) => texts.iter().any(|other| **other == **text),
        (Test::In(Set::Ips(ranges)), V::Ip(ip)) => ranges.iter().any(|(a, b)| is_between(*a, *ip, *b)),
        (Test::InList(list), left) => request.is_in_list(&list.name, left),
        (Test::BitAnd(bits), V::Int(int)) => int & bits != 0,
        other => panic!("types do not fit: {other:?}"),
    }
}

fn ordered(order: Order, left: &V, right: &V) -> bool {
    let found = match (left, right) {
        (V::Int(a), V::Int(b)) => a.cmp(b),
        (V::Bytes(a), V::Bytes(b)) => a.cmp(b),
        (V::Ip(IpAddr::V4(a)), V::Ip(IpAddr::V4(b))) => a.octets().cmp(&b.octets()),
        (V::Ip(IpAddr::V6(a)), V::Ip(IpAddr::V6(b))) => a.octets().cmp(&b.octets()),
        (V::Ip(_), V::Ip(_)) => return order == Order::Ne,
        _ => return false,
    };
    match found {
        Ordering::Less => matches!(order, Order::Lt | Order::Le | Order::Ne),
        Ordering::Equal => matches!(order, Order::Le | Order::Ge | Order::Eq),
        Ordering::Greater => matches!(order, Order::Gt | Order::Ge | Order::Ne),
    }
}

fn is_between(first: IpAddr, ip: IpAddr, last: IpAddr) -> bool {
    match (first, ip, last) {
        (IpAddr::V4(first), IpAddr::V4(ip), IpAddr::V4(last)) => first <= ip && ip <= last,
        (IpAddr::V6(first), IpAddr::V6(ip), IpAddr::V6(last)) => first <= ip && ip <= last,
        _ => false,
    }
}

/// What each star of a pattern stands for: tries the shortest first, star by star.
pub fn stars(pattern: &Wildcard, case: Case, text: &[u8]) -> Option<Vec<Vec<u8>>> {
    fn rest(pieces: &[Box<[u8]>], same: &dyn Fn(&[u8], &[u8]) -> bool, text: &[u8]) -> Option<Vec<Vec<u8>>> {
        let [piece, others @ ..] = pieces else { return text.is_empty().then(Vec::new) };
        for taken in 0..=text.len() {
            let (star, behind) = text.split_at(taken);
            if behind.len() >= piece.len()
                && same(&behind[..piece.len()], piece)
                && let Some(more) = rest(others, same, &behind[piece.len()..])
            {
                return Some([vec![star.to_vec()], more].concat());
            }
        }
        None
    }
    let same = |a: &[u8], b: &[u8]| match case {
        Case::Sensitive => a == b,
        Case::Insensitive => a.eq_ignore_ascii_case(b),
    };
    let [first, others @ ..] = pattern.pieces() else { panic!("a pattern of nothing") };
    if text.len() < first.len() || !same(&text[..first.len()], first) {
        return None;
    }
    rest(others, &same, &text[first.len()..])
}

/// What an operand gives; if it has `[*]`, an array.
pub fn value(operand: &Operand, request: &Request) -> V {
    let (mut value, mut is_each) = match &operand.root {
        Root::Literal(Literal::Int(int)) => (V::Int(*int), false),
        Root::Literal(Literal::Bytes(bytes)) => (V::Bytes(bytes.to_vec()), false),
        Root::Literal(Literal::Ip(ip)) => (V::Ip(*ip), false),
        Root::Field(field) => (request.field(*field), false),
        Root::Call(call) => {
            let arguments: Vec<V> =
                call.arguments.iter().map(|argument| self::value(argument, request)).collect();
            if call.arguments.first().is_some_and(|first| first.is_each) {
                let made = items(&arguments[0]).into_iter().map(|item| {
                    let arguments = [&[item], &arguments[1..]].concat();
                    functions::call(call.function, &arguments)
                });
                (V::Array(made.collect()), false)
            } else {
                (functions::call(call.function, &arguments), false)
            }
        }
    };
    for index in &operand.indexes {
        value = match (index, is_each) {
            (Index::Each, false) => {
                is_each = true;
                V::Array(items(&value))
            }
            (Index::Each, true) => V::Array(items(&value).iter().flat_map(items).collect()),
            (_, false) => taken(&value, index),
            (_, true) => V::Array(items(&value).iter().map(|item| taken(item, index)).collect()),
        };
    }
    value
}

fn items(value: &V) -> Vec<V> {
    match value {
        V::Array(items) => items.clone(),
        V::Map(pairs) => pairs.iter().map(|(_, value)| value.clone()).collect(),
        _ => Vec::new(),
    }
}

fn taken(value: &V, index: &Index) -> V {
    match (value, index) {
        (V::Array(items), Index::Item(at)) => items.get(*at as usize).cloned().unwrap_or(V::Missing),
        (V::Map(pairs), Index::Key(key)) => {
            pairs.iter().find(|(name, _)| **name == **key).map_or(V::Missing, |(_, value)| value.clone())
        }
        _ => V::Missing,
    }
}
