//! Names with values, in the order in which they came: arguments of a query, cookies.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use rempart_rules::{Arena, Array, Entries, Value};

/// A name and its value.
type Pair<'s> = (Cow<'s, [u8]>, &'s [u8]);

/// Names with values. As a map, each name leads to all of its values.
pub(super) struct Pairs<'s> {
    list: Vec<Pair<'s>>,
    /// Indexes of the list by name, names in the order of their first appearance.
    groups: OnceCell<Vec<Vec<usize>>>,
}

impl<'s> Pairs<'s> {
    /// These.
    pub(super) fn new(list: Vec<Pair<'s>>) -> Self {
        Self { list, groups: OnceCell::new() }
    }

    /// The arguments of a query. Nothing is decoded.
    pub(super) fn of_query(query: &'s [u8]) -> Self {
        let parts = query.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = split_once(part, b'=');
            (Cow::Borrowed(name), value)
        });
        Self::new(pairs.collect())
    }

    /// Cookies: the names decoded, the values as they came.
    pub(super) fn of_cookies(values: impl Iterator<Item = &'s [u8]>) -> Self {
        let parts = values.flat_map(|value| value.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
        let pairs = parts.filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = split_once(part, b'=');
            (decoded(name.trim_ascii()), value.trim_ascii())
        });
        Self::new(pairs.collect())
    }

    /// Every name, as often as it came.
    pub(super) fn names<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        let names = self.list.iter().map(|(name, _)| Value::Bytes(name)).collect();
        Value::Array(Array::Slice(arena.values(names)))
    }

    /// Every value.
    pub(super) fn values<'a>(&'a self, arena: &'a Arena<'a>) -> Value<'a> {
        let values = self.list.iter().map(|(_, value)| Value::Bytes(value)).collect();
        Value::Array(Array::Slice(arena.values(values)))
    }

    fn groups(&self) -> &[Vec<usize>] {
        self.groups.get_or_init(|| {
            let mut places: HashMap<&[u8], usize> = HashMap::new();
            let mut groups: Vec<Vec<usize>> = Vec::new();
            for (at, (name, _)) in self.list.iter().enumerate() {
                let place = *places.entry(name).or_insert(groups.len());
                match groups.get_mut(place) {
                    Some(group) => group.push(at),
                    None => groups.push(vec![at]),
                }
            }
            groups
        })
    }

    fn of<'a>(&'a self, key: &[u8]) -> impl Iterator<Item = Value<'a>> {
        let own = self.list.iter().filter(move |(name, _)| **name == *key);
        own.map(|(_, value)| Value::Bytes(value))
    }
}

impl Entries for Pairs<'_> {
    fn len(&self) -> usize {
        self.groups().len()
    }

    fn at<'a>(&'a self, index: usize, arena: &'a Arena<'a>) -> Option<(&'a [u8], Value<'a>)> {
        let group = self.groups().get(index)?;
        let pairs = || group.iter().filter_map(|at| self.list.get(*at));
        let (name, _) = pairs().next()?;
        let values = pairs().map(|(_, value)| Value::Bytes(value)).collect();
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

fn split_once(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let middle = text.iter().position(|byte| *byte == at);
    middle.and_then(|middle| Some((text.get(..middle)?, text.get(middle + 1..)?))).unwrap_or((text, b""))
}

/// With `%XX` as the byte that it means; what is none stays.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        if let (b'%', [high, low, behind @ ..]) = (byte, after)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            made.push(high << 4 | low);
            rest = behind;
        } else {
            made.push(*byte);
        }
    }
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<'a>(pairs: &'a Pairs<'a>, arena: &'a Arena<'a>) -> Vec<(String, Vec<String>)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let of = |at| {
            let (name, Value::Array(found)) = pairs.at(at, arena).unwrap() else { panic!("no array") };
            let values = (0..found.len()).map(|at| text(found.at(at, arena).bytes().unwrap()));
            (text(name), values.collect())
        };
        (0..pairs.len()).map(of).collect()
    }

    fn shown(list: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        list.iter()
            .map(|(name, values)| {
                ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
            })
            .collect()
    }

    #[test]
    fn arguments_stay_as_they_came_and_repeats_stand_together() {
        let args = Pairs::of_query(b"a=1&B=x+y&a=%20&&flag&=v&a==");
        let expected: &[(&str, &[&str])] =
            &[("a", &["1", "%20", "="]), ("B", &["x+y"]), ("flag", &[""]), ("", &["v"])];
        let arena = Arena::default();
        assert_eq!(all(&args, &arena), shown(expected));
        assert_eq!(args.find_at(b"a", 1, &arena).bytes(), Some(b"%20".as_slice()));
        assert!(args.find_at(b"a", 3, &arena).is_missing());
        assert!(args.find(b"b", &arena).is_missing());
    }

    #[test]
    fn names_of_cookies_are_decoded_and_their_values_are_not() {
        let cookies = Pairs::of_cookies([b"a%62=%31; ab=2;c = 3 ; %zz=4".as_slice()].into_iter());
        let expected: &[(&str, &[&str])] = &[("ab", &["%31", "2"]), ("c", &["3"]), ("%zz", &["4"])];
        let arena = Arena::default();
        assert_eq!(all(&cookies, &arena), shown(expected));
    }
}
