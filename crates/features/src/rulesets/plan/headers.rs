//! Changes of header fields.

use super::Text;

/// A change of one header field.
#[derive(Debug)]
pub struct HeaderChange {
    /// Its name as it is written.
    pub name: Box<str>,
    /// The same in lower case.
    pub lower: Box<str>,
    /// What becomes of it.
    pub act: HeaderAct,
}

/// What becomes of a header field. A value that is empty, or that an HTTP field cannot carry, removes it when it is
/// set and adds nothing when it is added.
#[derive(Debug)]
pub enum HeaderAct {
    /// It has this value and no other.
    Set(Text),
    /// It has this value too.
    Add(Text),
    /// It goes.
    Remove,
}
