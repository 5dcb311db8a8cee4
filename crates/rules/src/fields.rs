//! The fields of the language: what their types are, where they may stand, where their values come from, and what
//! they are when nothing is known.

use crate::phase::Place;
use crate::types::Type;
use std::fmt;

/// Where the value of a field comes from, and with it from when on it can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The head of the request.
    Head,
    /// The body of the request, of which a bounded beginning has to be read for it.
    Body,
    /// The response and how it came about; there in phases that have one.
    Response,
    /// The exchange itself: its id, its time, its zone.
    Exchange,
    /// The visitor's connection.
    Connection,
    /// The TLS handshake of the visitor's connection.
    Tls,
    /// What is known of the visitor's address.
    Geo,
    /// Something that is not built yet: the field is [`FieldId::empty`], always.
    NotBuilt,
}

/// What a field is when there is nothing to know: the documented value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// A missing value, with which every comparison is false.
    Missing,
    /// False.
    False,
    /// This number.
    Int(i64),
    /// This text.
    Text(&'static str),
    /// An array or a map without elements.
    Items,
}

/// What the table says of a field.
struct Row {
    name: &'static str,
    ty: Type,
    source: Source,
    place: Place,
    empty: Empty,
}

/// Declares [`FieldId`] and its rows from lines of `Variant = "name", type, source, place, empty value;`.
macro_rules! fields {
    ($($variant:ident = $name:literal, $ty:ident, $source:ident, $place:ident, $empty:expr;)*) => {
        /// A field of the language. Its number is dense: an index into a table of [`FieldId::COUNT`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum FieldId {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl FieldId {
            /// Every field, in the order of names.
            pub const ALL: &'static [FieldId] = &[$(FieldId::$variant),*];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];
        }

        use Empty::{False, Int, Items, Missing, Text};

        /// Row by row, in the order of the variants.
        pub(super) const ROWS: [Row; FieldId::COUNT] = [
            $(Row { name: $name, ty: $ty, source: Source::$source, place: $place, empty: $empty },)*
        ];
    };
}

mod places;
mod table;

pub use table::FieldId;

impl FieldId {
    /// How many there are.
    pub const COUNT: usize = FieldId::ALL.len();

    /// The field of this name. Names that Cloudflare has given up are the field that stands in their place.
    #[must_use]
    pub fn named(name: &str) -> Option<FieldId> {
        if let Ok(at) = FieldId::NAMES.binary_search(&name) {
            return FieldId::ALL.get(at).copied();
        }
        let at = table::ALIASES.binary_search_by_key(&name, |(alias, _)| alias).ok()?;
        table::ALIASES.get(at).map(|(_, field)| *field)
    }

    fn row(self) -> &'static Row {
        const { &table::ROWS }.get(self.index()).unwrap_or(const { &table::ROWS[0] })
    }

    /// Its number, below [`FieldId::COUNT`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its type.
    #[must_use]
    pub fn ty(self) -> Type {
        self.row().ty
    }

    /// Where its value comes from.
    #[must_use]
    pub fn source(self) -> Source {
        self.row().source
    }

    /// Where it may stand.
    #[must_use]
    pub fn place(self) -> Place {
        self.row().place
    }

    /// What it is when there is nothing to know.
    #[must_use]
    pub fn empty(self) -> Empty {
        self.row().empty
    }
}

impl fmt::Display for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether this is a field of Cloudflare's network layer, which looks at packets.
#[must_use]
pub(crate) fn is_packet_field(name: &str) -> bool {
    const FIRST_PARTS: &[&str] = &["tcp", "udp", "icmp", "gre", "sip"];
    const NAMES: &[&str] =
        &["ip.dst", "ip.len", "ip.hdr_len", "ip.proto", "ip.ttl", "ip.opt", "ip.frag", "ip.flags", "cf.colo"];
    let first = name.split('.').next().unwrap_or(name);
    let below =
        |known: &&str| name.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    FIRST_PARTS.contains(&first) || NAMES.iter().any(below)
}
