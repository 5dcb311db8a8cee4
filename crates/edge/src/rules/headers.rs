//! Setting, adding and removing fields of a head.

use rempart_flow::Fields;

/// What is done to the fields of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderEdit<'a> {
    /// This value takes the place of all of them.
    Set(&'a [u8]),
    /// One more, with this value.
    Add(&'a [u8]),
    /// None is left.
    Remove,
}

/// Does it. A value of no byte removes, as at Cloudflare; so does one with bytes that may not stand in a field
/// (RFC 9110 section 5.5), so that no expression makes two fields of one, and no visitor has its own field pass for what
/// a rule would have set. Such a value is not added.
pub fn edit(fields: &mut Fields, name: &[u8], edit: HeaderEdit<'_>) {
    match edit {
        HeaderEdit::Set([]) | HeaderEdit::Remove => remove(fields, name),
        HeaderEdit::Set(value) if !is_value(value) => remove(fields, name),
        HeaderEdit::Set(value) => {
            remove(fields, name);
            fields.append(name, trimmed(value));
        }
        HeaderEdit::Add(value) if value.is_empty() || !is_value(value) => {}
        HeaderEdit::Add(value) => fields.append(name, trimmed(value)),
    }
}

fn remove(fields: &mut Fields, name: &[u8]) {
    let is_it: Vec<bool> = fields.iter().map(|field| field.name.eq_ignore_ascii_case(name)).collect();
    let mut is_it = is_it.into_iter();
    fields.list_mut().retain(|_| !is_it.next().unwrap_or_default());
}

fn is_value(value: &[u8]) -> bool {
    rempart_flow::bytes::text_len(value) == value.len()
}

const fn trimmed(value: &[u8]) -> &[u8] {
    rempart_flow::bytes::trim_ows(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(edits: &[(&[u8], HeaderEdit<'_>)]) -> Vec<(String, String)> {
        let mut fields = Fields::default();
        for (name, value) in [("X-A", "1"), ("x-b", "2"), ("x-a", "3")] {
            fields.append(name.as_bytes(), value.as_bytes());
        }
        for (name, one) in edits {
            edit(&mut fields, name, *one);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn set_takes_the_place_of_all_of_the_name_whatever_their_case() {
        let set = after(&[(b"x-A", HeaderEdit::Set(b" new "))]);
        assert_eq!(set, pairs(&[("x-b", "2"), ("x-A", "new")]));
    }

    #[test]
    fn add_leaves_the_others_and_remove_leaves_none() {
        let added = after(&[(b"x-b", HeaderEdit::Add(b"4")), (b"x-a", HeaderEdit::Remove)]);
        assert_eq!(added, pairs(&[("x-b", "2"), ("x-b", "4")]));
    }

    #[test]
    fn an_empty_value_and_one_of_two_lines_remove_and_add_nothing() {
        assert_eq!(after(&[(b"x-a", HeaderEdit::Set(b""))]), pairs(&[("x-b", "2")]));
        assert_eq!(after(&[(b"x-a", HeaderEdit::Set(b"1\r\nx: y"))]), pairs(&[("x-b", "2")]));
        assert_eq!(after(&[(b"x-a", HeaderEdit::Add(b"\0"))]), after(&[]));
    }
}
