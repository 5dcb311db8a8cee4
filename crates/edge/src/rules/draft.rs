//! The head of an answer before rules have had their word.

use rempart_flow::{BodyLength, Field, FieldRef, Fields, Known};

use super::headers::{self, HeaderEdit};

/// The head of an answer that is not written yet.
#[derive(Debug, Default)]
pub struct Draft {
    /// The status.
    pub status: u16,
    /// The fields, but for those of the framing.
    pub fields: Fields,
    /// How much follows.
    pub body: BodyLength,
}

impl Draft {
    /// Begins anew.
    pub fn begin(&mut self, status: u16) {
        self.status = status;
        self.fields.clear(usize::MAX);
        self.body = BodyLength::None;
    }

    /// Copies a field in with its marks.
    pub fn add(&mut self, name: &[u8], value: &[u8], marks: &Field) {
        let Field { known, hop_by_hop, never_indexed, .. } = *marks;
        self.fields.append_line(FieldRef { name, value, known, hop_by_hop, never_indexed });
    }

    /// Changes the fields of a name.
    pub fn edit(&mut self, name: &[u8], edit: HeaderEdit<'_>) {
        if !is_framing(name) {
            headers::edit(&mut self.fields, name, edit);
        }
    }
}

/// Whether fields of this name say where the message ends, or speak of the connection.
fn is_framing(name: &[u8]) -> bool {
    let known = Known::from_name(name);
    known == Known::ContentLength || known.is_hop_by_hop()
}
