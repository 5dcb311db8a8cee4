//! What rules add to a request beside its own fields: what only the edge may say, and an origin may believe.

use rempart_flow::Fields;

use super::headers::{self, HeaderEdit};

/// What rules change of that which the edge says to an origin.
#[derive(Clone, Debug, Default)]
pub struct Added {
    /// Fields that no visitor could have sent.
    pub fields: Fields,
    /// `CF-Connecting-IP` is not sent.
    pub hides_connecting_ip: bool,
    /// Nothing goes on that says the visitor's address, whoever has written it.
    pub hides_visitor: bool,
    /// What is sent of `X-Forwarded-For`.
    pub forwarded_for: ForwardedFor,
}

/// What is sent of `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedFor {
    /// All.
    #[default]
    Whole,
    /// The last proxy, if there is one.
    WithoutVisitor,
    /// Nothing.
    Gone,
}

impl Added {
    /// Changes the fields of a name that only the edge may say.
    pub(super) fn edit(&mut self, name: &[u8], edit: HeaderEdit<'_>) {
        if name.eq_ignore_ascii_case(b"cf-connecting-ip") {
            self.hides_connecting_ip |= edit == HeaderEdit::Remove;
        } else if name.eq_ignore_ascii_case(b"x-forwarded-for") {
            if edit == HeaderEdit::Remove {
                self.forwarded_for = ForwardedFor::Gone;
            }
        } else {
            headers::edit(&mut self.fields, name, edit);
        }
    }
}
