//! Trees as text, and whether two of them say the same.

use crate::ast::{
    Call, Case, Comparison, Connective, Index, ListName, Literal, Logic, Node, Operand, Order, Quantifier,
    Root, Set, Test,
};
use crate::literal::Pattern;
use std::fmt::{self, Display, Formatter, Write};

impl Connective {
    /// The connective of this spelling.
    #[must_use]
    pub fn named(word: &str) -> Option<Connective> {
        [Connective::And, Connective::Xor, Connective::Or].into_iter().find(|it| it.name() == word)
    }

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Connective::And => "and",
            Connective::Xor => "xor",
            Connective::Or => "or",
        }
    }

    /// How tightly it binds: `and` the most.
    fn tightness(self) -> u8 {
        match self {
            Connective::And => 2,
            Connective::Xor => 1,
            Connective::Or => 0,
        }
    }
}

impl Quantifier {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Quantifier::Any => "any",
            Quantifier::All => "all",
        }
    }
}

impl Order {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Order::Eq => "eq",
            Order::Ne => "ne",
            Order::Lt => "lt",
            Order::Le => "le",
            Order::Gt => "gt",
            Order::Ge => "ge",
        }
    }
}

impl Display for Logic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::True => f.write_str("true"),
            Node::Truth(operand) => operand.fmt(f),
            Node::Compare(comparison) => comparison.fmt(f),
            Node::Not(inner) => match &inner.node {
                Node::Chain(..) => write!(f, "not ({inner})"),
                Node::True | Node::Truth(_) | Node::Compare(_) | Node::Not(_) | Node::Quantified(..) => {
                    write!(f, "not {inner}")
                }
            },
            Node::Chain(connective, items) => {
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        write!(f, " {} ", connective.name())?;
                    }
                    if matches!(&item.node, Node::Chain(inner, _) if inner.tightness() <= connective.tightness())
                    {
                        write!(f, "({item})")?;
                    } else {
                        item.fmt(f)?;
                    }
                }
                Ok(())
            }
            Node::Quantified(quantifier, inner) => write!(f, "{}({inner})", quantifier.name()),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.test)
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Test::Order(order, right) => write!(f, "{} {right}", order.name()),
            Test::Contains(needle) => {
                f.write_str("contains ")?;
                quoted(f, needle)
            }
            Test::Wildcard(wildcard, case) => {
                f.write_str(if *case == Case::Sensitive { "strict wildcard " } else { "wildcard " })?;
                quoted(f, &wildcard.source())
            }
            Test::Matches(pattern) => write!(f, "matches {pattern}"),
            Test::In(set) => write!(f, "in {set}"),
            Test::InList(list) => write!(f, "in {list}"),
            Test::BitAnd(bits) => write!(f, "bitwise_and {bits}"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Field(field) => field.fmt(f)?,
            Root::Call(call) => call.fmt(f)?,
            Root::Literal(literal) => literal.fmt(f)?,
        }
        self.indexes.iter().try_for_each(|index| index.fmt(f))
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function)?;
        for (number, argument) in self.arguments.iter().enumerate() {
            f.write_str(if number > 0 { ", " } else { "" })?;
            argument.fmt(f)?;
        }
        f.write_char(')')
    }
}

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Index::Item(number) => write!(f, "[{number}]"),
            Index::Key(key) => {
                f.write_char('[')?;
                quoted(f, key)?;
                f.write_char(']')
            }
            Index::Each => f.write_str("[*]"),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Int(number) => number.fmt(f),
            Literal::Bytes(text) => quoted(f, text),
            Literal::Ip(address) => address.fmt(f),
        }
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        match self {
            Set::Ints(ranges) => ranges.iter().try_for_each(|range| ends(f, range))?,
            Set::Ips(ranges) => ranges.iter().try_for_each(|range| ends(f, range))?,
            Set::Bytes(texts) => texts.iter().try_for_each(|text| {
                f.write_char(' ')?;
                quoted(f, text)
            })?,
        }
        f.write_str(" }")
    }
}

impl Display for ListName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.name)
    }
}

/// As a raw string, with as many marks as it takes.
impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let runs =
            self.source().split('"').skip(1).map(|rest| rest.len() - rest.trim_start_matches('#').len());
        let marks = "#".repeat(runs.max().map_or(0, |longest| longest + 1));
        write!(f, "r{marks}\"{}\"{marks}", self.source())
    }
}

/// One element of a set: alone if it is a range of one.
fn ends<T: Display + PartialEq>(f: &mut Formatter<'_>, (first, last): &(T, T)) -> fmt::Result {
    if first == last { write!(f, " {first}") } else { write!(f, " {first}..{last}") }
}

/// Bytes in quotes; those that are no visible ASCII as escapes.
fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for byte in bytes {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
            b' '..=b'~' => f.write_char(char::from(*byte))?,
            other => write!(f, "\\x{other:02x}")?,
        }
    }
    f.write_char('"')
}

impl PartialEq for Logic {
    fn eq(&self, other: &Logic) -> bool {
        self.node == other.node && self.is_array == other.is_array
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Operand) -> bool {
        self.root == other.root && self.indexes == other.indexes
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        self.function == other.function && self.arguments == other.arguments
    }
}
