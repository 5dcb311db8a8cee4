//! Fields that rules add to the line of the log: `Cookies`, `RequestHeaders`, `ResponseHeaders`.

use rempart_features::rulesets::plan::{LogFields, LoggedField};
use rempart_flow::{Fields, Known, RequestHead};

use crate::json::escape;

/// So many bytes of such fields stand in one line; those that would be more are left out.
const LOGGED_BYTES_MAX: usize = 32 * 1024;

/// What the fields are of.
pub(super) struct Of<'e> {
    /// The request as it came.
    pub(super) own: &'e RequestHead,
    /// The request as rules have made it.
    pub(super) head: &'e RequestHead,
    /// The answer as it came.
    pub(super) raw: &'e Fields,
    /// The answer as the visitor gets it.
    pub(super) response: &'e Fields,
}

/// The fields as they stand in the line, comma included.
pub(super) fn write(rules: &[&LogFields], of: &Of<'_>) -> Vec<u8> {
    let mut object = Object { out: Vec::new(), is_empty: true, names: Vec::new() };
    object.begin("Cookies");
    for name in rules.iter().flat_map(|rule| &rule.cookies) {
        object.one(name, cookie(&of.own.fields, name.as_bytes()));
    }
    object.end();
    object.begin("RequestHeaders");
    for name in rules.iter().flat_map(|rule| &rule.transformed_request) {
        object.one(name, last(&of.head.fields, name));
    }
    for name in rules.iter().flat_map(|rule| &rule.request) {
        object.one(name, last(&of.own.fields, name));
    }
    object.end();
    object.begin("ResponseHeaders");
    for field in rules.iter().flat_map(|rule| &rule.response) {
        object.of_response(field, of.response);
    }
    for field in rules.iter().flat_map(|rule| &rule.raw_response) {
        object.of_response(field, of.raw);
    }
    object.end();
    object.out
}

fn values<'f>(fields: &'f Fields, name: &str) -> impl DoubleEndedIterator<Item = &'f [u8]> {
    let is_it = move |field: &rempart_flow::FieldRef<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
    fields.iter().filter(is_it).map(|field| field.value).collect::<Vec<_>>().into_iter()
}

fn last<'f>(fields: &'f Fields, name: &str) -> Option<&'f [u8]> {
    values(fields, name).next_back()
}

fn cookie<'f>(fields: &'f Fields, name: &[u8]) -> Option<&'f [u8]> {
    let cookies = fields.values(Known::Cookie).flat_map(|value| value.split(|byte| *byte == b';'));
    cookies.map(<[u8]>::trim_ascii).find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix(b"="))
}

/// A JSON object under way.
struct Object {
    out: Vec<u8>,
    is_empty: bool,
    /// The members that it has.
    names: Vec<Box<str>>,
}

impl Object {
    fn begin(&mut self, key: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":{");
        self.is_empty = true;
        self.names.clear();
    }

    /// One that has nothing in it is left out.
    fn end(&mut self) {
        if self.is_empty {
            let begun = self.out.iter().rposition(|byte| *byte == b',').unwrap_or_default();
            self.out.truncate(begun);
        } else {
            self.out.push(b'}');
        }
    }

    /// A name with its value, if it has one and is not there already.
    fn one(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.member(name, &[value], false);
        }
    }

    fn of_response(&mut self, field: &LoggedField, fields: &Fields) {
        let all: Vec<&[u8]> = values(fields, &field.name).collect();
        match (all.as_slice(), field.preserve_duplicates) {
            ([], _) => {}
            (all, true) => self.member(&field.name, all, true),
            ([.., last], false) => self.member(&field.name, &[last], false),
        }
    }

    fn member(&mut self, name: &str, values: &[&[u8]], is_array: bool) {
        if self.names.iter().any(|own| **own == *name) {
            return;
        }
        let before = (self.out.len(), self.is_empty);
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        self.text(name.as_bytes());
        self.out.push(b':');
        if is_array {
            self.out.push(b'[');
        }
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            self.text(value);
        }
        if is_array {
            self.out.push(b']');
        }
        // As it is written: escapes count.
        if self.out.len() > LOGGED_BYTES_MAX {
            self.out.truncate(before.0);
            self.is_empty = before.1;
            return;
        }
        self.names.push(name.into());
    }

    fn text(&mut self, text: &[u8]) {
        self.out.push(b'"');
        escape(&mut self.out, text);
        self.out.push(b'"');
    }
}
