//! By what a response varies (RFC 9110 section 12.5.5, RFC 9111 section 4.1).

use rempart_flow::{Fields, Known, ResponseHead};

use super::directives::{elements, is_token};
use crate::object::FieldNames;
use crate::plan::{CachePlan, VaryAction};

/// The fields by which a response varies, in lower case, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// It does not.
    No,
    /// By these.
    By(FieldNames),
    /// By anything (`*`), or by more than is kept apart: not to be stored.
    Any,
}

/// By what a response varies. One in a coding varies by `Accept-Encoding` even if it does not say so.
#[must_use]
pub fn vary(response: &ResponseHead, plan: &CachePlan) -> Vary {
    vary_of(&response.fields, plan)
}

pub(super) fn vary_of(fields: &Fields, plan: &CachePlan) -> Vary {
    let mut names: Vec<Box<[u8]>> = Vec::new();
    for name in fields.values(Known::Vary).flat_map(elements) {
        // A name that is none cannot be looked up, so nothing is known to select this response.
        if !is_token(name) || name == b"*" {
            return Vary::Any;
        }
        names.push(name.to_ascii_lowercase().into());
    }
    if fields.values(Known::ContentEncoding).any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        names.push(Known::AcceptEncoding.name().into());
    }
    if names.iter().any(|name| plan.vary.action(name) == VaryAction::Bypass) {
        return Vary::Any;
    }
    names.retain(|name| plan.vary.action(name) != VaryAction::Ignore);
    names.sort_unstable();
    names.dedup();
    match names.len() {
        0 => Vary::No,
        len if len > plan.vary.fields_max => Vary::Any,
        _ => Vary::By(names.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)], plan: &CachePlan) -> Vary {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.append(name.as_bytes(), value.as_bytes());
        }
        vary_of(&fields, plan)
    }

    fn by(names: &[&str]) -> Vary {
        Vary::By(names.iter().map(|name| name.as_bytes().into()).collect())
    }

    #[test]
    fn names_are_a_set_and_a_star_is_everything() {
        let plan = CachePlan::of("example.com");
        for (lines, expected) in [
            (&[][..], Vary::No),
            (&[("Vary", "")], Vary::No),
            (&[("Vary", " , ,")], Vary::No),
            (&[("Vary", "Foo")], by(&["foo"])),
            (&[("Vary", "Foo, bar"), ("Vary", "BAR,baz")], by(&["bar", "baz", "foo"])),
            (&[("Vary", "*")], Vary::Any),
            (&[("Vary", "*, *")], Vary::Any),
            (&[("Vary", ", *")], Vary::Any),
            (&[("Vary", ""), ("Vary", "*")], Vary::Any),
            (&[("Vary", "*, Foo")], Vary::Any),
            (&[("Vary", "Foo, *")], Vary::Any),
            (&[("Vary", "Foo Bar")], Vary::Any),
            (&[("Vary", "\"Foo\"")], Vary::Any),
            (&[("Content-Encoding", "gzip")], by(&["accept-encoding"])),
            (&[("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")], by(&["accept-encoding"])),
            (&[("Content-Encoding", "identity")], Vary::No),
        ] {
            assert_eq!(of(lines, &plan), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_plan_may_keep_less_apart() {
        let mut plan = CachePlan::of("example.com");
        plan.vary.fields_max = 2;
        assert_eq!(of(&[("Vary", "a, b")], &plan), by(&["a", "b"]));
        assert_eq!(of(&[("Vary", "a, b, c")], &plan), Vary::Any);
        assert_eq!(of(&[("Vary", "a, b, A")], &plan), by(&["a", "b"]));
        plan.vary.fields =
            [(b"a".as_slice().into(), VaryAction::Ignore), (b"b".as_slice().into(), VaryAction::Bypass)]
                .into();
        assert_eq!(of(&[("Vary", "a, c")], &plan), by(&["c"]));
        assert_eq!(of(&[("Vary", "a")], &plan), Vary::No);
        assert_eq!(of(&[("Vary", "a, B")], &plan), Vary::Any);
    }
}
