//! How configuration is read: a tree whose every node knows its place ([`Node`]), decoding that collects
//! every mistake instead of stopping at the first ([`Decode`], [`Context`]), and one description of what
//! may be written ([`Shape`]), from which schema and reference are printed.
//!
//! A room declares what the operator writes with [`config!`](crate::config!), once: key, type, default,
//! range and the text of the reference.

mod context;
mod decode;
mod define;
mod keys;
mod node;
mod reference;
mod shape;
mod suggest;
mod text;

pub use context::{Context, Problem};
pub use decode::{Bounded, Decode, Deferred, OneOrMany, Spanned};
pub use keys::Keys;
#[doc(hidden)]
pub use keys::key_name;
pub use node::{Key, Mark, Node, Scalar, Value};
pub use reference::{Reference, SecretSource};
pub use shape::{KeyShape, Shape, Shown};
pub use suggest::closest;
pub use text::FromText;
#[doc(hidden)]
pub use text::report_word;
