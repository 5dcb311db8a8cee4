//! One comparison, or a Boolean by itself.

use super::Parser;
use crate::ast::{Case, Comparison, Connective, Logic, Node, Operand, Order, Span, Test};
use crate::error::Error;
use crate::literal::Wildcard;
use crate::types::Type;

/// What stands between the two sides.
#[derive(Clone, Copy)]
enum Operator {
    Order(Order),
    Contains,
    Wildcard(Case),
    Matches,
    In,
    BitAnd,
}

/// Spellings with signs; what begins like another comes first.
const SIGNS: &[(&str, Operator)] = &[
    ("==", Operator::Order(Order::Eq)),
    ("!=", Operator::Order(Order::Ne)),
    ("<=", Operator::Order(Order::Le)),
    (">=", Operator::Order(Order::Ge)),
    ("<", Operator::Order(Order::Lt)),
    (">", Operator::Order(Order::Gt)),
    ("~", Operator::Matches),
    ("&", Operator::BitAnd),
];

/// Spellings with words.
pub(super) const WORDS: &[&str] = &[
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "contains",
    "wildcard",
    "strict wildcard",
    "matches",
    "in",
    "bitwise_and",
];

impl Parser<'_> {
    /// An operand with a comparison, or a Boolean operand without.
    pub(super) fn comparison(&mut self) -> Result<Logic, Error> {
        let left = self.operand(None)?;
        let start = left.span.start;
        self.skip_space();
        let operator_at = self.at;
        let Some(operator) = self.operator()? else {
            return self.truth(left);
        };
        let operator_span = self.since(operator_at);
        self.compares(&left, operator, operator_span)?;
        self.skip_space();
        let test = self.test(&left, operator)?;
        let is_array = left.is_each;
        let node = Node::Compare(Box::new(Comparison { left, test }));
        Ok(Logic { node, span: self.since(start), is_array })
    }

    /// An operand without a comparison.
    fn truth(&self, operand: Operand) -> Result<Logic, Error> {
        let is_array = match operand.ty {
            Type::Bool => operand.is_each,
            Type::Array(Type::Bool) if !operand.is_each => true,
            ty @ (Type::Int | Type::Bytes | Type::Ip | Type::Array(_) | Type::Map(_)) => {
                let message = format!(
                    "{} is {}, which is neither true nor false",
                    self.shown(operand.span),
                    ty.with_article()
                );
                return Err(if self.is_at_logical_end() {
                    self.error(operand.span, message).expected(operators_for(ty))
                } else {
                    self.unknown_operator(&operand)
                });
            }
        };
        if !self.is_at_logical_end() {
            return Err(self.unexpected("`and`, `or`, `xor` or the end of the expression"));
        }
        let span = operand.span;
        Ok(Logic { node: Node::Truth(operand), span, is_array })
    }

    /// Whether what is next ends a comparison.
    fn is_at_logical_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty()
            || [")", "&&", "||", "^^"].iter().any(|sign| rest.starts_with(sign))
            || Connective::named(self.word()).is_some()
    }

    /// Passes a comparison operator, if one is next.
    fn operator(&mut self) -> Result<Option<Operator>, Error> {
        let start = self.at;
        if !self.rest().starts_with("&&") {
            for (sign, operator) in SIGNS {
                if self.take(sign) {
                    return Ok(Some(*operator));
                }
            }
        }
        let word = self.word();
        let operator = match word {
            "eq" => Operator::Order(Order::Eq),
            "ne" => Operator::Order(Order::Ne),
            "lt" => Operator::Order(Order::Lt),
            "le" => Operator::Order(Order::Le),
            "gt" => Operator::Order(Order::Gt),
            "ge" => Operator::Order(Order::Ge),
            "contains" => Operator::Contains,
            "wildcard" => Operator::Wildcard(Case::Insensitive),
            "matches" => Operator::Matches,
            "in" => Operator::In,
            "bitwise_and" => Operator::BitAnd,
            "strict" => {
                self.at += word.len();
                if self.rest().starts_with(" wildcard") {
                    self.at += 1;
                    if self.word() == "wildcard" {
                        self.at += "wildcard".len();
                        return Ok(Some(Operator::Wildcard(Case::Sensitive)));
                    }
                }
                let error = self.error(self.since(start), "`strict` alone is no operator");
                return Err(error.expected("`strict wildcard`, with one space"));
            }
            _ => return Ok(None),
        };
        self.at += word.len();
        Ok(Some(operator))
    }

    /// Refuses an operator that the left side's type does not have.
    fn compares(&self, left: &Operand, operator: Operator, span: Span) -> Result<(), Error> {
        let fits = match operator {
            Operator::Order(_) | Operator::In => matches!(left.ty, Type::Int | Type::Bytes | Type::Ip),
            Operator::Contains | Operator::Wildcard(_) | Operator::Matches => left.ty == Type::Bytes,
            Operator::BitAnd => left.ty == Type::Int,
        };
        if fits {
            return Ok(());
        }
        let what = self.shown(left.span);
        let message =
            format!("{} cannot compare {what}, which is {}", self.shown(span), left.ty.with_article());
        let hint = match left.ty {
            Type::Bool if matches!(operator, Operator::BitAnd) => "Both are true: `and` or `&&`".to_owned(),
            Type::Bool => format!("A Boolean stands by itself: {what}, or `not {}`", what.trim_matches('`')),
            Type::Array(_) => "Take one element with [0], or all with [*] in any(…) or all(…)".to_owned(),
            Type::Map(_) => "Take one element with [\"key\"], or all with [*] in any(…) or all(…)".to_owned(),
            Type::Int | Type::Bytes | Type::Ip => String::new(),
        };
        let expected =
            if left.ty.is_primitive() && left.ty != Type::Bool { operators_for(left.ty) } else { "" };
        Err(self.error(span, message).expected(expected).hint(hint))
    }

    /// The right side.
    fn test(&mut self, left: &Operand, operator: Operator) -> Result<Test, Error> {
        match operator {
            Operator::Order(order) => {
                let right = self.operand_or_literal(&[left.ty])?;
                if right.is_each {
                    return Err(self.error(right.span, "`[*]` may not stand right of a comparison"));
                }
                if right.ty != left.ty {
                    let left_is = format!("{}, as {} is", left.ty.with_article(), self.shown(left.span));
                    return Err(self.mismatch(&right, left_is));
                }
                Ok(Test::Order(order, right))
            }
            Operator::Contains => Ok(Test::Contains(self.bytes("a literal text in quotes")?.bytes.into())),
            Operator::Wildcard(case) => {
                let literal = self.bytes("a literal text in quotes")?;
                let wildcard =
                    Wildcard::parse(&literal.bytes).map_err(|fault| self.wildcard_error(&literal, fault))?;
                Ok(Test::Wildcard(wildcard, case))
            }
            Operator::Matches => Ok(Test::Matches(self.pattern()?)),
            Operator::In if self.rest().starts_with('$') => Ok(Test::InList(self.list(left)?)),
            Operator::In => Ok(Test::In(self.set(left.ty)?)),
            Operator::BitAnd => Ok(Test::BitAnd(self.int()?)),
        }
    }
}

/// The operators that a type has.
fn operators_for(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "`and`, `or`, `xor` or the end of the expression",
        Type::Int => "`eq`, `ne`, `lt`, `le`, `gt`, `ge`, `in` or `bitwise_and`",
        Type::Bytes => {
            "`eq`, `ne`, `lt`, `le`, `gt`, `ge`, `contains`, `wildcard`, `strict wildcard`, `matches` or `in`"
        }
        Type::Ip => "`eq`, `ne`, `lt`, `le`, `gt`, `ge` or `in`",
        Type::Array(_) => "`[n]` or `[*]`",
        Type::Map(_) => "`[\"key\"]` or `[*]`",
    }
}
