//! Sets, made ready to be asked: of numbers, of addresses, of texts, of host names.

mod hosts;
mod ranges;

pub use hosts::HostSet;
pub use ranges::{IntSet, IpSet, prefix_range};

use foldhash::fast::FixedState;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Texts, by their hash.
#[derive(Clone, Debug, Default)]
pub struct TextSet {
    texts: HashSet<Box<[u8]>, FixedState>,
    /// Bit n: there is a text of n bytes (63: or more).
    lengths: u64,
}

impl TextSet {
    /// The set of these.
    #[must_use]
    pub fn of<T: Into<Box<[u8]>>>(texts: impl IntoIterator<Item = T>) -> TextSet {
        let texts: HashSet<Box<[u8]>, FixedState> = texts.into_iter().map(Into::into).collect();
        let lengths = texts.iter().fold(0, |lengths, text| lengths | length_bit(text.len()));
        TextSet { texts, lengths }
    }

    /// Whether this text is in it, byte for byte.
    #[must_use]
    pub fn has(&self, text: &[u8]) -> bool {
        self.lengths & length_bit(text.len()) != 0 && self.texts.contains(text)
    }

    /// The texts, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(|text| &**text)
    }

    /// Bytes of memory, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.texts.iter().map(|text| text.len() + 32).sum()
    }
}

/// The bit that stands for texts of this length.
pub(crate) fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// The content of a named list, ready to be asked.
#[derive(Clone)]
pub enum List {
    /// Addresses and prefixes.
    Ips(IpSet),
    /// Host names, whose first label may be `*`.
    Hosts(HostSet),
    /// Numbers of autonomous systems.
    Ints(IntSet),
    /// Texts that somebody else compares: URLs of redirects.
    Texts(Arc<dyn Texts>),
}

/// A list of texts with its own idea of equality.
pub trait Texts: Send + Sync {
    /// Whether this text is in it. The time is bounded by the text's length.
    fn has(&self, text: &[u8]) -> bool;
}

/// The contents of lists by name: what a program is built with.
pub trait Contents {
    /// The list of this name (without `$`).
    fn list(&self, name: &str) -> Option<Arc<List>>;
}

impl Contents for crate::expression::NoLists {
    fn list(&self, _: &str) -> Option<Arc<List>> {
        None
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            List::Ips(_) => "Ips",
            List::Hosts(_) => "Hosts",
            List::Ints(_) => "Ints",
            List::Texts(_) => "Texts",
        })
    }
}
