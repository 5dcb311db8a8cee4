//! What the left side of a comparison must be, made ready.

use super::node::ValueNo;
use super::regex::Searcher;
use super::wildcard::Matcher;
use crate::ast::{Literal, Order, Set};
use crate::lists::{IntSet, IpSet, List, TextSet};
use crate::meter::{Meter, OverBudget};
use crate::value::Value;
use memchr::memmem::Finder;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

/// The right side of a comparison, ready to be asked.
#[derive(Debug)]
pub(crate) enum Check {
    Bytes(Order, Box<[u8]>),
    Int(Order, i64),
    Ip(Order, IpAddr),
    /// Another value, of which the run knows.
    Value(Order, ValueNo),
    Contains(Box<Finder<'static>>),
    Wildcard(Box<Matcher>),
    /// The number of a regular expression.
    Matches(u32),
    InTexts(Box<TextSet>),
    InInts(IntSet),
    InIps(Box<IpSet>),
    InList(Arc<List>),
    BitAnd(i64),
}

impl Check {
    /// `eq` and its like with a literal.
    pub(crate) fn order(order: Order, literal: &Literal) -> Check {
        match literal {
            Literal::Int(int) => Check::Int(order, *int),
            Literal::Bytes(bytes) => Check::Bytes(order, bytes.clone()),
            Literal::Ip(ip) => Check::Ip(order, *ip),
        }
    }

    /// `in { … }`.
    pub(crate) fn set(set: &Set) -> Check {
        match set {
            Set::Ints(ranges) => Check::InInts(IntSet::of(ranges.iter().copied())),
            Set::Bytes(texts) => Check::InTexts(Box::new(TextSet::of(texts.iter().cloned()))),
            Set::Ips(ranges) => Check::InIps(Box::new(IpSet::of(ranges.iter().copied()))),
        }
    }

    /// Whether this value is so. What is missing never is, and [`Check::Value`] is not asked here.
    ///
    /// # Errors
    /// Looking would cost more than is left.
    #[inline]
    pub(crate) fn holds(
        &self,
        value: Value<'_>,
        meter: &Meter,
        searcher: Searcher<'_>,
    ) -> Result<bool, OverBudget> {
        match value {
            Value::Bytes(bytes) => self.holds_bytes(bytes, meter, searcher),
            Value::Int(int) => Ok(match self {
                Check::Int(order, right) => is_in_order(*order, int.cmp(right)),
                Check::InInts(set) => set.has(int),
                Check::BitAnd(bits) => int & bits != 0,
                Check::InList(list) => matches!(&**list, List::Ints(set) if set.has(int)),
                _ => false,
            }),
            Value::Ip(ip) => Ok(match self {
                Check::Ip(order, right) => are_ips_in_order(*order, ip, *right),
                Check::InIps(set) => set.has(ip),
                Check::InList(list) => matches!(&**list, List::Ips(set) if set.has(ip)),
                _ => false,
            }),
            Value::Missing | Value::Bool(_) | Value::Array(_) | Value::Map(_) => Ok(false),
        }
    }

    fn holds_bytes(&self, bytes: &[u8], meter: &Meter, searcher: Searcher<'_>) -> Result<bool, OverBudget> {
        match self {
            Check::Matches(number) => return searcher.is_match(*number, bytes, meter),
            Check::Wildcard(matcher) => return matcher.is_match(bytes, meter),
            Check::Bytes(_, right) => meter.look(bytes.len().min(right.len()))?,
            _ => meter.look(bytes.len())?,
        }
        Ok(match self {
            Check::Bytes(Order::Eq, right) => bytes == &**right,
            Check::Bytes(order, right) => is_in_order(*order, bytes.cmp(right)),
            Check::Contains(finder) => finder.find(bytes).is_some(),
            Check::InTexts(set) => set.has(bytes),
            Check::InList(list) => match &**list {
                List::Hosts(set) => set.has(bytes),
                List::Texts(texts) => texts.has(bytes),
                List::Ips(_) | List::Ints(_) => false,
            },
            _ => false,
        })
    }

    /// Whether two values stand in this order. What is missing stands in none.
    ///
    /// # Errors
    /// Looking would cost more than is left.
    pub(crate) fn compare(
        order: Order,
        left: Value<'_>,
        right: Value<'_>,
        meter: &Meter,
    ) -> Result<bool, OverBudget> {
        Ok(match (left, right) {
            (Value::Int(left), Value::Int(right)) => is_in_order(order, left.cmp(&right)),
            (Value::Ip(left), Value::Ip(right)) => are_ips_in_order(order, left, right),
            (Value::Bytes(left), Value::Bytes(right)) => {
                meter.look(left.len().min(right.len()))?;
                is_in_order(order, left.cmp(right))
            }
            _ => false,
        })
    }

    /// What asking takes, beside getting the value.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Check::Int(..) | Check::BitAnd(_) => 1,
            Check::Bytes(..) | Check::Ip(..) | Check::Value(..) => 2,
            Check::InTexts(_) | Check::InInts(_) | Check::InIps(_) => 4,
            Check::InList(_) => 8,
            Check::Contains(_) | Check::Wildcard(_) => 12,
            Check::Matches(_) => 100,
        }
    }

    /// Bytes of memory, roughly. Lists belong to others.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Check::Bytes(_, bytes) => bytes.len(),
            Check::Contains(finder) => finder.needle().len() + 64,
            Check::Wildcard(matcher) => matcher.weight(),
            Check::InTexts(set) => set.weight(),
            Check::InInts(set) => set.weight(),
            Check::InIps(set) => set.weight(),
            Check::Int(..)
            | Check::Ip(..)
            | Check::Value(..)
            | Check::Matches(_)
            | Check::InList(_)
            | Check::BitAnd(_) => 0,
        }
    }
}

fn is_in_order(order: Order, found: Ordering) -> bool {
    match order {
        Order::Eq => found.is_eq(),
        Order::Ne => found.is_ne(),
        Order::Lt => found.is_lt(),
        Order::Le => found.is_le(),
        Order::Gt => found.is_gt(),
        Order::Ge => found.is_ge(),
    }
}

/// Addresses of different families are not equal, and have no order.
fn are_ips_in_order(order: Order, left: IpAddr, right: IpAddr) -> bool {
    match left.is_ipv4() == right.is_ipv4() {
        true => is_in_order(order, left.cmp(&right)),
        false => order == Order::Ne,
    }
}
