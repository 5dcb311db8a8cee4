//! Types of values.

use std::fmt;

/// The type of a field, of a function's result or of a literal. The facts' `String` and `Bytes` are one type here
/// (every text is bytes), and so are their `Integer` and `Number`: no documented field has a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// True or false.
    Bool,
    /// A signed integer of 64 bits.
    Int,
    /// Bytes, which need not be UTF-8.
    Bytes,
    /// An IPv4 or IPv6 address.
    Ip,
    /// Values in an order.
    Array(&'static Type),
    /// Values by name.
    Map(&'static Type),
}

impl Type {
    /// What one element is, if this has elements.
    #[must_use]
    pub fn element(self) -> Option<Type> {
        match self {
            Type::Array(of) | Type::Map(of) => Some(*of),
            Type::Bool | Type::Int | Type::Bytes | Type::Ip => None,
        }
    }

    /// An array of this. There is none of maps, nor any deeper than arrays of arrays.
    #[must_use]
    pub fn array(self) -> Option<Type> {
        match self {
            Type::Bool => Some(Type::Array(&Type::Bool)),
            Type::Int => Some(Type::Array(&Type::Int)),
            Type::Bytes => Some(Type::Array(&Type::Bytes)),
            Type::Ip => Some(Type::Array(&Type::Ip)),
            Type::Array(Type::Bool) => Some(Type::Array(&Type::Array(&Type::Bool))),
            Type::Array(Type::Int) => Some(Type::Array(&Type::Array(&Type::Int))),
            Type::Array(Type::Bytes) => Some(Type::Array(&Type::Array(&Type::Bytes))),
            Type::Array(Type::Ip) => Some(Type::Array(&Type::Array(&Type::Ip))),
            Type::Array(_) | Type::Map(_) => None,
        }
    }

    /// Its name, with an article.
    #[must_use]
    pub fn with_article(self) -> String {
        let article = match self {
            Type::Bool | Type::Bytes | Type::Map(_) => "a",
            Type::Int | Type::Ip | Type::Array(_) => "an",
        };
        format!("{article} {self}")
    }

    /// Whether it is neither an array nor a map.
    #[must_use]
    pub fn is_primitive(self) -> bool {
        self.element().is_none()
    }
}

/// The name in the facts.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("Boolean"),
            Type::Int => f.write_str("Integer"),
            Type::Bytes => f.write_str("String"),
            Type::Ip => f.write_str("IP address"),
            Type::Array(of) => write!(f, "Array<{of}>"),
            Type::Map(of) => write!(f, "Map<{of}>"),
        }
    }
}
