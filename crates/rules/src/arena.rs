//! Where values live that are made while rules are evaluated.

use crate::value::Value;
use std::cell::{Cell, OnceCell};

/// Keeps what one run makes until the run is over. Making an arena costs nothing; what is put into it allocates.
#[derive(Default)]
pub struct Arena<'a> {
    first: Link<'a>,
}

/// A block of slots and the way to the next block, which is twice as large: dropping them recurses a few times only.
#[derive(Default)]
struct Link<'a> {
    used: Cell<usize>,
    block: OnceCell<Box<Block<'a>>>,
}

struct Block<'a> {
    slots: Box<[OnceCell<Kept<'a>>]>,
    next: Link<'a>,
}

enum Kept<'a> {
    Bytes(Box<[u8]>),
    Values(Box<[Value<'a>]>),
    Pairs(Box<[(&'a [u8], Value<'a>)]>),
}

/// Slots of the first block.
const FIRST: usize = 8;

impl<'a> Arena<'a> {
    /// Keeps these bytes.
    pub fn bytes(&'a self, bytes: Vec<u8>) -> &'a [u8] {
        match self.keep(Kept::Bytes(bytes.into_boxed_slice())) {
            Some(Kept::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// Keeps these values.
    pub fn values(&'a self, values: Vec<Value<'a>>) -> &'a [Value<'a>] {
        match self.keep(Kept::Values(values.into_boxed_slice())) {
            Some(Kept::Values(values)) => values,
            _ => &[],
        }
    }

    /// Keeps these keys and values.
    pub fn pairs(&'a self, pairs: Vec<(&'a [u8], Value<'a>)>) -> &'a [(&'a [u8], Value<'a>)] {
        match self.keep(Kept::Pairs(pairs.into_boxed_slice())) {
            Some(Kept::Pairs(pairs)) => pairs,
            _ => &[],
        }
    }

    fn keep(&'a self, kept: Kept<'a>) -> Option<&'a Kept<'a>> {
        let mut link = &self.first;
        let mut size = FIRST;
        loop {
            let block = link.block.get_or_init(|| {
                let slots = (0..size).map(|_| OnceCell::new()).collect();
                Box::new(Block { slots, next: Link::default() })
            });
            let used = link.used.get();
            if let Some(slot) = block.slots.get(used) {
                link.used.set(used + 1);
                return Some(slot.get_or_init(|| kept));
            }
            link = &block.next;
            size = size.saturating_mul(2);
        }
    }
}
