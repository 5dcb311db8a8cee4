//! What must be so for a filter to be true: literals, one of which must be found in one of a few values.

mod literals;

use super::check::Check;
use super::node::{Const, Nodes, Source, Test, TestNo, ValueNo};
use super::regex::Regexes;
use super::wildcard::Matcher;
use crate::ast::{Case, Order};
use crate::fields::FieldId;
use crate::signature::Function;
use std::net::IpAddr;

/// A necessary condition: a filter is true only if one of its atoms is.
pub(super) struct Guard {
    pub(super) atoms: Vec<Atom>,
    /// How seldom it is likely to be so, and how cheap it is to know.
    pub(super) worth: i32,
}

/// Something that an index can look up: that a value, or one of its elements, is so.
#[derive(Clone)]
pub(super) struct Atom {
    pub(super) value: ValueNo,
    pub(super) wants: Wants,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wants {
    /// Text with these bytes at that place.
    Text(Place, Box<[u8]>),
    /// A number from the first to the last.
    Int(i64, i64),
    /// An address from the first to the last.
    Ip(IpAddr, IpAddr),
}

/// Where in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Whole,
    Start,
    End,
    Anywhere,
    /// Anywhere, without regard to case.
    AnyCase,
}

/// Guards with more atoms are not worth their memory.
const ATOMS_MAX: usize = 2048;

/// Guards that are true more often than not cost more than they save.
const WORTH_MIN: i32 = 8;

/// Values that cost more are not got for the sake of a guard.
const COST_MAX: u32 = 40;

/// Fields of which a few values are common.
const COMMON: &[FieldId] = &[
    FieldId::HttpRequestMethod,
    FieldId::HttpRequestVersion,
    FieldId::IpSrcCountry,
    FieldId::IpSrcContinent,
    FieldId::HttpRequestUriPathExtension,
];

/// Finds guards in a program.
pub(super) struct Guards<'n> {
    pub(super) nodes: &'n Nodes,
    pub(super) regexes: &'n Regexes,
}

impl Guards<'_> {
    /// The best guard of a test, if it has one.
    pub(super) fn of(&self, test: TestNo) -> Option<Guard> {
        self.find(test).filter(|guard| guard.worth >= WORTH_MIN && guard.atoms.len() <= ATOMS_MAX)
    }

    fn find(&self, test: TestNo) -> Option<Guard> {
        match &self.nodes.test(test)?.test {
            Test::Const(false) => Some(Guard { atoms: Vec::new(), worth: i32::MAX }),
            Test::Const(true) | Test::Not(_) | Test::All(_) => None,
            Test::Truth(value) => self.call(*value),
            Test::Compare(value, check) => self.comparison(*value, check),
            Test::And(parts) => {
                parts.iter().filter_map(|part| self.find(*part)).max_by_key(|guard| guard.worth)
            }
            // An odd number is at least one.
            Test::Or(parts) | Test::Xor(parts) => {
                let mut all = Guard { atoms: Vec::new(), worth: i32::MAX };
                for part in parts {
                    let guard = self.find(*part)?;
                    all.atoms.extend(guard.atoms);
                    all.worth = all.worth.min(guard.worth);
                    if all.atoms.len() > ATOMS_MAX {
                        return None;
                    }
                }
                Some(all)
            }
            Test::Any(inner) => self.find(*inner),
        }
    }

    /// `starts_with`, `ends_with` and `has_value` with a literal.
    fn call(&self, value: ValueNo) -> Option<Guard> {
        let (function, arguments) = match &self.nodes.value(value)?.source {
            Source::Call(function, arguments, _) | Source::EachCall(function, arguments, _) => {
                (function, arguments)
            }
            Source::Each(inner) => return self.call(*inner),
            _ => return None,
        };
        let [of, literal] = &**arguments else { return None };
        let wants = match (function, self.nodes.constant(*literal)?) {
            (Function::StartsWith, Const::Bytes(bytes)) => Wants::Text(Place::Start, bytes.clone()),
            (Function::EndsWith, Const::Bytes(bytes)) => Wants::Text(Place::End, bytes.clone()),
            (Function::HasValue, Const::Bytes(bytes)) => Wants::Text(Place::Whole, bytes.clone()),
            (Function::HasValue, Const::Int(int)) => Wants::Int(*int, *int),
            (Function::HasValue, Const::Ip(ip)) => Wants::Ip(*ip, *ip),
            _ => return None,
        };
        self.guard(*of, vec![wants])
    }

    fn comparison(&self, value: ValueNo, check: &Check) -> Option<Guard> {
        let wants = match check {
            Check::Bytes(Order::Eq, bytes) => vec![Wants::Text(Place::Whole, bytes.clone())],
            Check::InTexts(set) => set.iter().map(|text| Wants::Text(Place::Whole, text.into())).collect(),
            Check::Contains(finder) => vec![Wants::Text(Place::Anywhere, finder.needle().into())],
            Check::Wildcard(matcher) => vec![wildcard(matcher)?],
            Check::Matches(number) => {
                let found = literals::of(self.regexes.pattern(*number)?.source())?;
                let place = if found.is_any_case { Place::AnyCase } else { Place::Anywhere };
                found.literals.into_iter().map(|literal| Wants::Text(place, literal.into())).collect()
            }
            Check::Int(order, int) => {
                let (first, last) = match order {
                    Order::Eq => (*int, *int),
                    Order::Lt => (i64::MIN, int.checked_sub(1)?),
                    Order::Le => (i64::MIN, *int),
                    Order::Gt => (int.checked_add(1)?, i64::MAX),
                    Order::Ge => (*int, i64::MAX),
                    Order::Ne => return None,
                };
                vec![Wants::Int(first, last)]
            }
            Check::InInts(set) => set.iter().map(|(first, last)| Wants::Int(first, last)).collect(),
            Check::Ip(Order::Eq, ip) => vec![Wants::Ip(*ip, *ip)],
            Check::InIps(set) => set.iter().map(|(first, last)| Wants::Ip(first, last)).collect(),
            Check::Bytes(..) | Check::Ip(..) | Check::Value(..) | Check::InList(_) | Check::BitAnd(_) => {
                return None;
            }
        };
        self.guard(value, wants)
    }

    fn guard(&self, value: ValueNo, mut wants: Vec<Wants>) -> Option<Guard> {
        let node = self.nodes.value(value)?;
        // What is brought to one case need not be for this: its literals are looked for in any case.
        if let Source::Call(Function::Lower | Function::Upper, of, _) = &node.source {
            for wants in &mut wants {
                if let Wants::Text(place, bytes) = wants {
                    *place = Place::AnyCase;
                    bytes.make_ascii_lowercase();
                }
            }
            return self.guard(*of.first()?, wants);
        }
        if node.about.needs_body || node.about.cost > COST_MAX || matches!(node.source, Source::Const(_)) {
            return None;
        }
        let is_common = matches!(&node.source, Source::Field(field) if COMMON.contains(field));
        let worth = wants.iter().map(|wants| worth(wants, is_common)).min().unwrap_or(100);
        let cost = i32::try_from(node.about.cost.min(25)).unwrap_or(25);
        let atoms = wants.into_iter().map(|wants| Atom { value, wants }).collect();
        Some(Guard { atoms, worth: worth - cost })
    }
}

/// The longest piece of a wildcard pattern.
fn wildcard(matcher: &Matcher) -> Option<Wants> {
    let count = matcher.pieces().count();
    let (at, piece) = matcher.pieces().enumerate().max_by_key(|(_, piece)| piece.len())?;
    let place = match matcher.case() {
        Case::Insensitive => Place::AnyCase,
        Case::Sensitive if !matcher.has_star() => Place::Whole,
        Case::Sensitive if at == 0 => Place::Start,
        Case::Sensitive if at + 1 == count => Place::End,
        Case::Sensitive => Place::Anywhere,
    };
    (!piece.is_empty() || place == Place::Whole).then(|| Wants::Text(place, piece.into()))
}

fn worth(wants: &Wants, is_common: bool) -> i32 {
    let length = |bytes: &[u8]| i32::try_from(bytes.len().min(10)).unwrap_or(10);
    match wants {
        Wants::Text(Place::Whole, _) if is_common => 30,
        Wants::Text(Place::Whole, bytes) => 80 + length(bytes),
        Wants::Text(Place::Start | Place::End, bytes) => 8 * length(bytes),
        // Nothing is everywhere.
        Wants::Text(Place::Anywhere | Place::AnyCase, bytes) if bytes.is_empty() => 0,
        Wants::Text(Place::Anywhere | Place::AnyCase, bytes) => 7 * length(bytes),
        Wants::Int(first, last) => match last.checked_sub(*first) {
            Some(0) => 40,
            Some(..=100) => 30,
            _ => 10,
        },
        Wants::Ip(first, last) => match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) if last.to_bits() - first.to_bits() > 1 << 24 => 20,
            _ => 85,
        },
    }
}
