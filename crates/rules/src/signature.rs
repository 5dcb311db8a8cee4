//! The functions of the language: what they take and give, and where they may stand. What they do is elsewhere.

use crate::phase::{Kinds, Phase, Phases, Place};
use crate::types::Type;
use std::fmt;

mod table;

/// Declares [`Function`] from lines of `Variant = "name";`, sorted by name.
macro_rules! functions {
    ($($variant:ident = $name:literal;)*) => {
        /// A function of the language. `any` and `all` are [`crate::ast::Quantifier`]s.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Function {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Function {
            /// Every function, in the order of names.
            pub const ALL: &'static [Function] = &[$(Function::$variant),*];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Function::$variant => $name,)*
                }
            }
        }
    };
}

functions! {
    Cidr = "cidr";
    Cidr6 = "cidr6";
    Coalesce = "coalesce";
    Concat = "concat";
    DecodeBase64 = "decode_base64";
    EncodeBase64 = "encode_base64";
    EndsWith = "ends_with";
    HasKey = "has_key";
    HasValue = "has_value";
    HashInRange = "hash_in_range";
    IsJwtPresent = "is_jwt_present";
    IsJwtValid = "is_jwt_valid";
    IsTimedHmacValidV0 = "is_timed_hmac_valid_v0";
    Join = "join";
    Len = "len";
    LookupJsonInteger = "lookup_json_integer";
    LookupJsonString = "lookup_json_string";
    Lower = "lower";
    RegexReplace = "regex_replace";
    RemoveBytes = "remove_bytes";
    RemoveQueryArgs = "remove_query_args";
    Sha256 = "sha256";
    Split = "split";
    StartsWith = "starts_with";
    Substring = "substring";
    ToString = "to_string";
    Upper = "upper";
    UrlDecode = "url_decode";
    Uuidv4 = "uuidv4";
    WildcardReplace = "wildcard_replace";
}

/// What a function takes and gives.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Arguments that must be there.
    pub required: &'static [Parameter],
    /// Arguments that may follow, each only after the one before.
    pub optional: &'static [Parameter],
    /// What may follow those any number of times, and how many arguments there may be in all.
    pub repeated: Option<(Parameter, usize)>,
    /// What it gives.
    pub result: Gives,
    /// Where it may stand.
    pub place: Place,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in messages.
    pub name: &'static str,
    /// Of which types it may be.
    pub takes: Takes,
    /// As what it may be written.
    pub form: Form,
}

/// Types of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Just this.
    Only(Type),
    /// Text or an array of texts.
    TextOrArray,
    /// Text or an array of anything.
    TextOrAnyArray,
    /// Text or a number.
    TextOrInt,
    /// A number, a Boolean or an address.
    Printable,
    /// Any primitive.
    Primitive,
    /// A map of anything.
    AnyMap,
    /// A map or an array of primitives.
    Collection,
    /// Anything.
    Anything,
    /// What the first argument is.
    SameAsFirst,
    /// What one element of the first argument is.
    ElementOfFirst,
}

/// As what an argument may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Field, call or literal.
    Any,
    /// A field or a call.
    NotLiteral,
    /// A literal.
    Literal,
    /// One of the two fields that hold a query.
    Query,
}

/// What a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// This.
    Only(Type),
    /// What the first argument is.
    SameAsFirst,
}

impl Function {
    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Function> {
        let at = Function::NAMES.binary_search(&name).ok()?;
        Function::ALL.get(at).copied()
    }

    /// What it takes and gives.
    #[must_use]
    pub fn signature(self) -> Signature {
        table::signature(self)
    }
}

impl Signature {
    /// The parameter in whose place the argument of this number stands, from 0.
    #[must_use]
    pub fn parameter(&self, number: usize) -> Option<Parameter> {
        let fixed = || self.required.iter().chain(self.optional);
        match fixed().nth(number) {
            Some(parameter) => Some(*parameter),
            None => self.repeated.filter(|(_, max)| number < *max).map(|(parameter, _)| parameter),
        }
    }

    /// The least and the greatest number of arguments.
    #[must_use]
    pub fn arity(&self) -> (usize, usize) {
        let least = self.required.len();
        (least, self.repeated.map_or(least + self.optional.len(), |(_, max)| max))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The place of a function that may stand everywhere.
pub(crate) const ANYWHERE: Place = Place { phases: Phases::ALL, kinds: Kinds::All };

/// The place of a function that stands in filters and values of these phases.
pub(crate) const fn within(phases: &[Phase]) -> Place {
    Place { phases: Phases::of(phases), kinds: Kinds::All }
}

/// The place of a function that stands only in values of these phases.
pub(crate) const fn values(phases: &[Phase]) -> Place {
    Place { phases: Phases::of(phases), kinds: Kinds::Values }
}
