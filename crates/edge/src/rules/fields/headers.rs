//! Header fields as rules see them: by name in lower case, or one by one.

use std::cell::OnceCell;

use rempart_flow::Fields;
use rempart_rules::body::by_name;
use rempart_rules::{Arena, Array, Entries, Value};

/// So many fields of a head are shown to rules; of more, `http.request.headers.truncated` tells. No request has more:
/// `limits.fields_max` can be no higher.
pub(super) const HEADERS_SEEN_MAX: usize = 4096;

/// A name in lower case, and its values.
type Named<'s> = (Box<[u8]>, Vec<&'s [u8]>);

/// The fields of a head.
pub(super) struct Headers<'s> {
    fields: &'s Fields,
    /// Names in lower case, each once, in the order of their first appearance.
    names: OnceCell<Vec<Named<'s>>>,
}

impl<'s> Headers<'s> {
    /// Of this head.
    pub(super) const fn new(fields: &'s Fields) -> Self {
        Self { fields, names: OnceCell::new() }
    }

    /// Whether there are more than rules see.
    pub(super) const fn is_truncated(&self) -> bool {
        self.fields.len() > HEADERS_SEEN_MAX
    }

    /// Every name as it came.
    pub(super) fn names<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        let names = self.fields.iter().take(HEADERS_SEEN_MAX).map(|field| Value::Bytes(field.name)).collect();
        Value::Array(Array::Slice(arena.values(names)))
    }

    /// Every value as it came.
    pub(super) fn values<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        let values =
            self.fields.iter().take(HEADERS_SEEN_MAX).map(|field| Value::Bytes(field.value)).collect();
        Value::Array(Array::Slice(arena.values(values)))
    }

    /// The values of a name in lower case.
    fn of<'a>(&'a self, key: &[u8]) -> impl Iterator<Item = Value<'a>> {
        // No name in lower case has these.
        let can_be = !key.iter().any(u8::is_ascii_uppercase);
        let seen = self.fields.iter().take(if can_be { HEADERS_SEEN_MAX } else { 0 });
        seen.filter(move |field| field.name.eq_ignore_ascii_case(key)).map(|field| Value::Bytes(field.value))
    }

    fn different(&self) -> &[Named<'s>] {
        self.names.get_or_init(|| {
            let seen = self.fields.iter().take(HEADERS_SEEN_MAX);
            by_name(seen.map(|field| (Box::from(field.name.to_ascii_lowercase()), field.value)))
        })
    }
}

impl Entries for Headers<'_> {
    fn len(&self) -> usize {
        self.different().len()
    }

    fn at<'a>(&'a self, index: usize, arena: &'a Arena<'a>) -> Option<(&'a [u8], Value<'a>)> {
        let (name, values) = self.different().get(index)?;
        let values = values.iter().map(|value| Value::Bytes(value)).collect();
        Some((name, Value::Array(Array::Slice(arena.values(values)))))
    }

    fn find<'a>(&'a self, key: &[u8], arena: &'a Arena<'a>) -> Value<'a> {
        let values: Vec<Value<'a>> = self.of(key).collect();
        if values.is_empty() { Value::Missing } else { Value::Array(Array::Slice(arena.values(values))) }
    }

    fn find_at<'a>(&'a self, key: &[u8], index: usize, _: &'a Arena<'a>) -> Value<'a> {
        self.of(key).nth(index).unwrap_or(Value::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_lower_case_and_listed_as_they_came() {
        let mut fields = Fields::default();
        for (name, value) in [("X-A", "1"), ("host", "h"), ("x-a", "2")] {
            fields.append(name.as_bytes(), value.as_bytes());
        }
        let (headers, arena) = (Headers::new(&fields), Arena::default());
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.find_at(b"x-a", 1, &arena).bytes(), Some(b"2".as_slice()));
        assert!(headers.find(b"X-A", &arena).is_missing());
        let Some((name, Value::Array(values))) = headers.at(0, &arena) else { panic!("no first field") };
        assert_eq!((name, values.len()), (b"x-a".as_slice(), 2));
        let Value::Array(names) = headers.names(&arena) else { panic!("no names") };
        assert_eq!(names.at(0, &arena).bytes(), Some(b"X-A".as_slice()));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn the_bound_is_exact() {
        let mut fields = Fields::default();
        for number in 0..HEADERS_SEEN_MAX {
            fields.append(format!("x-{number}").as_bytes(), b"v");
        }
        assert!(!Headers::new(&fields).is_truncated());
        fields.append(b"x-last", b"v");
        let (headers, arena) = (Headers::new(&fields), Arena::default());
        assert!(headers.is_truncated() && headers.find(b"x-last", &arena).is_missing());
        assert_eq!(headers.len(), HEADERS_SEEN_MAX);
    }
}
