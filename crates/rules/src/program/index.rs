//! Which filters may match: one look at each of a few values, however many filters there are.

mod intervals;
mod pairs;
mod texts;

use super::guard::{Atom, Guards, Wants};
use super::node::{Nodes, TestNo, ValueNo};
use super::regex::Regexes;
use super::run::Run;
use crate::value::Value;
use intervals::Intervals;
use std::collections::BTreeMap;
use std::net::IpAddr;
use texts::Texts;

/// The guards of all filters, by the value at which they look.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A bit for each filter that has no guard.
    always: Vec<u64>,
    slots: Vec<Slot>,
}

/// What is looked up in one value.
#[derive(Debug)]
struct Slot {
    value: ValueNo,
    /// All filters that it guards, if the value cannot be had.
    filters: Vec<u32>,
    texts: Texts,
    ints: Intervals<i64>,
    v4: Intervals<u32>,
    v6: Intervals<u128>,
}

/// Sets the bits of filters.
pub(super) struct Marks<'m>(&'m mut [u64]);

impl Marks<'_> {
    fn all(&mut self, filters: &[u32]) {
        for filter in filters {
            if let Some(word) = self.0.get_mut(*filter as usize / 64) {
                *word |= 1 << (filter % 64);
            }
        }
    }
}

impl Index {
    /// The index of these filters.
    pub(super) fn of(nodes: &mut Nodes, regexes: &Regexes, filters: &[TestNo]) -> Index {
        let mut always = vec![0; filters.len().div_ceil(64)];
        let mut by_value: BTreeMap<ValueNo, Vec<(u32, Wants)>> = BTreeMap::new();
        let guards = Guards { nodes, regexes };
        for (filter, test) in (0..).zip(filters) {
            match guards.of(*test) {
                None => Marks(&mut always).all(&[filter]),
                Some(guard) => {
                    for Atom { value, wants } in guard.atoms {
                        by_value.entry(value).or_default().push((filter, wants));
                    }
                }
            }
        }
        let slots: Vec<Slot> = by_value.into_iter().map(|(value, atoms)| Slot::of(value, atoms)).collect();
        for slot in &slots {
            if let Some(node) = nodes.values.get_mut(slot.value.0 as usize) {
                node.about.uses += 1;
            }
        }
        Index { always, slots }
    }

    /// Sets the bits of all filters that may match.
    pub(super) fn candidates(&self, run: &Run<'_, '_>, bits: &mut Vec<u64>) {
        bits.clear();
        bits.extend_from_slice(&self.always);
        let mut marks = Marks(bits);
        for slot in &self.slots {
            match run.get(slot.value) {
                Ok(value) => slot.look(value, run, &mut marks),
                Err(_) => marks.all(&slot.filters),
            }
        }
    }

    /// Bytes of memory, roughly.
    pub(super) fn weight(&self) -> usize {
        self.slots.iter().map(|slot| slot.texts.weight() + slot.filters.len() * 32).sum()
    }
}

impl Slot {
    fn of(value: ValueNo, atoms: Vec<(u32, Wants)>) -> Slot {
        let mut filters: Vec<u32> = atoms.iter().map(|(filter, _)| *filter).collect();
        filters.dedup();
        let (mut texts, mut ints, mut v4, mut v6) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (filter, wants) in atoms {
            match wants {
                Wants::Text(place, bytes) => texts.push((place, bytes, filter)),
                Wants::Int(first, last) => ints.push((first, last, filter)),
                Wants::Ip(IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push((first.to_bits(), last.to_bits(), filter));
                }
                Wants::Ip(IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push((first.to_bits(), last.to_bits(), filter));
                }
                Wants::Ip(..) => {}
            }
        }
        Slot {
            value,
            filters,
            texts: Texts::of(texts),
            ints: Intervals::of(ints),
            v4: Intervals::of(v4),
            v6: Intervals::of(v6),
        }
    }

    fn look<'a>(&self, value: Value<'a>, run: &Run<'a, '_>, marks: &mut Marks<'_>) {
        match value {
            Value::Bytes(bytes) => match run.meter().look(bytes.len()) {
                Ok(()) => self.texts.look(bytes, marks),
                Err(_) => marks.all(&self.filters),
            },
            Value::Int(int) => marks.all(self.ints.at(int)),
            Value::Ip(IpAddr::V4(ip)) => marks.all(self.v4.at(ip.to_bits())),
            Value::Ip(IpAddr::V6(ip)) => marks.all(self.v6.at(ip.to_bits())),
            Value::Array(array) => {
                for index in 0..array.len() {
                    self.look(array.at(index, run.arena()), run, marks);
                }
            }
            Value::Map(map) => {
                for index in 0..map.len() {
                    let value = map.at(index, run.arena()).map_or(Value::Missing, |(_, value)| value);
                    self.look(value, run, marks);
                }
            }
            Value::Missing | Value::Bool(_) => {}
        }
    }
}
