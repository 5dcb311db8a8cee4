//! What rules make of an origin's answer before anybody goes by it: its tags, what it says about caching, and fields that
//! are not to be stored.

use rempart_cache::decide;
use rempart_features::rulesets::plan::{
    CacheControlChange, CacheOverride, Change as DirectiveChange, Directive, Set, TagsOperation,
};
use rempart_flow::Fields;

use super::acting::Change;
use super::headers::{self, HeaderEdit};

const CACHE_TAG: &[u8] = b"Cache-Tag";
const CACHE_CONTROL: &[u8] = b"Cache-Control";
/// What this edge obeys and no visitor sees (RFC 9213).
const FOR_EDGE: &[u8] = b"Cloudflare-CDN-Cache-Control";

/// Takes away what cache rules want gone before an answer is stored; of several, the last one counts that says something
/// of a field.
fn strip(fields: &mut Fields, rules: &[&CacheOverride]) {
    let last = |said: fn(&CacheOverride) -> Option<bool>| rules.iter().rev().find_map(|rule| said(rule));
    for (is_wanted, name) in [
        (last(|rule| rule.strip_etags), b"ETag".as_slice()),
        (last(|rule| rule.strip_last_modified), b"Last-Modified"),
        (last(|rule| rule.strip_set_cookie), b"Set-Cookie"),
    ] {
        if is_wanted == Some(true) {
            headers::edit(fields, name, HeaderEdit::Remove);
        }
    }
}

/// Makes the changes of a phase. Answers whether one has said what the answer says about caching.
pub(super) fn change(fields: &mut Fields, changes: &[Change<'_>]) -> bool {
    let mut rules: Vec<&CacheOverride> = Vec::new();
    let mut directives: Vec<&CacheControlChange> = Vec::new();
    for change in changes {
        match change {
            Change::Cache(rule) => rules.push(rule),
            Change::Tags(operation, tags) => self::tags(fields, *operation, tags),
            Change::CacheControl(change) => directives.push(*change),
            // They are about something else.
            Change::Path(_)
            | Change::Query(_)
            | Change::Header(..)
            | Change::Route(_)
            | Change::Config(_)
            | Change::Compression(_)
            | Change::Log(_) => {}
        }
    }
    cache_control(fields, &directives);
    strip(fields, &rules);
    !directives.is_empty()
}

fn tags(fields: &mut Fields, operation: TagsOperation, tags: &[Box<[u8]>]) {
    let own = |fields: &Fields| -> Vec<Box<[u8]>> {
        let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(CACHE_TAG));
        let all = values.flat_map(|field| field.value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        all.filter(|tag| !tag.is_empty()).map(Box::from).collect()
    };
    let kept: Vec<Box<[u8]>> = match operation {
        TagsOperation::Set => tags.to_vec(),
        TagsOperation::Add => own(fields).into_iter().chain(tags.iter().cloned()).collect(),
        TagsOperation::Remove => {
            let is_gone = |tag: &[u8]| tags.iter().any(|other| other.eq_ignore_ascii_case(tag));
            own(fields).into_iter().filter(|tag| !is_gone(tag)).collect()
        }
    };
    headers::edit(fields, CACHE_TAG, HeaderEdit::Set(&kept.join(b",".as_slice())));
}

/// Sets and removes directives: in what visitors see and this edge obeys, or only in the latter. All rules of a phase
/// change the same two lists, so that none of them takes back what another has said.
fn cache_control(fields: &mut Fields, rules: &[&CacheControlChange]) {
    let values: Vec<&[u8]> = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case(CACHE_CONTROL))
        .map(|field| field.value)
        .collect();
    let shown = values.join(b", ".as_slice());
    let aimed = decide::targeted_value(fields);
    let mut obeyed = strict(aimed.as_deref().unwrap_or(&shown));
    let mut shown: Vec<Vec<u8>> = elements(&shown).map(<[u8]>::to_vec).collect();
    let (mut is_shown, mut is_apart) = (false, aimed.is_some());
    for (directive, change) in rules.iter().flat_map(|rule| &rule.changes) {
        lay(&mut obeyed, *directive, change);
        if change.cloudflare_only {
            is_apart = true;
        } else {
            lay(&mut shown, *directive, change);
            is_shown = true;
        }
    }
    if is_shown {
        headers::edit(fields, CACHE_CONTROL, HeaderEdit::Set(&shown.join(b", ".as_slice())));
    }
    if is_apart && !rules.is_empty() {
        // Nothing left is a word too: this edge is told nothing, whatever visitors are.
        let value = if obeyed.is_empty() { b"public".to_vec() } else { obeyed.join(b", ".as_slice()) };
        headers::edit(fields, FOR_EDGE, HeaderEdit::Set(&value));
    }
}

fn lay(directives: &mut Vec<Vec<u8>>, directive: Directive, change: &DirectiveChange) {
    let name = directive.as_str();
    directives.retain(|own| !name_of(own).eq_ignore_ascii_case(name.as_bytes()));
    match &change.set {
        None => {}
        Some(Set::Plain) => directives.push(name.into()),
        Some(Set::Seconds(seconds)) => directives.push(format!("{name}={seconds}").into()),
        Some(Set::Fields(names)) => directives.push(format!("{name}=\"{}\"", names.join(", ")).into()),
    }
}

/// A list of directives as one that is a dictionary (RFC 8941 section 3.2): a field for this edge that is none would
/// count as not there, and with it all that rules have said. Of a directive that stands there twice the stricter word
/// is left.
fn strict(list: &[u8]) -> Vec<Vec<u8>> {
    let mut made: Vec<Vec<u8>> = Vec::new();
    for element in elements(list) {
        let name = name_of(element).to_ascii_lowercase();
        let is_key = name.first().is_some_and(|first| first.is_ascii_lowercase() || *first == b'*')
            && name
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(byte));
        if !is_key {
            continue;
        }
        let value = element.splitn(2, |byte| *byte == b'=').nth(1).map(<[u8]>::trim_ascii);
        let written = written(&name, value);
        match made.iter_mut().find(|own| name_of(own) == name) {
            None => made.push(written),
            Some(own) => {
                let least = |text: &[u8]| seconds(value_of(text).unwrap_or_default());
                *own = match (value_of(own).is_none(), least(own), least(&written)) {
                    (true, ..) => continue,
                    (false, Some(one), Some(other)) if one <= other => continue,
                    (false, Some(_), Some(_)) => written,
                    // Two lists of names, or what nobody understands: all of it.
                    _ => name,
                };
            }
        }
    }
    made
}

fn written(name: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let Some(value) = value else { return name.to_vec() };
    let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    let mut made = [name, b"="].concat();
    match seconds(inner) {
        Some(seconds) => made.extend_from_slice(seconds.to_string().as_bytes()),
        None => {
            let is_fit = |byte: &&u8| (b' '..=b'~').contains(*byte) && !matches!(byte, b'"' | b'\\');
            made.push(b'"');
            made.extend(inner.iter().filter(is_fit));
            made.push(b'"');
        }
    }
    made
}

/// What is so long that nothing outlives it is cut to that.
fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    Some(parsed.unwrap_or(u64::MAX).min(1 << 31))
}

fn value_of(directive: &[u8]) -> Option<&[u8]> {
    directive.splitn(2, |byte| *byte == b'=').nth(1)
}

fn name_of(directive: &[u8]) -> &[u8] {
    directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

/// The elements of a list; commas in quoted strings part nothing (RFC 9110 section 5.6.4).
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = list.split(move |byte| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' => is_escaped = is_quoted,
            _ => {}
        }
        *byte == b',' && !is_quoted
    });
    parts.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        list.iter().for_each(|(name, value)| fields.append(name.as_bytes(), value.as_bytes()));
        fields
    }

    fn shown(fields: &Fields) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields.iter().map(|field| format!("{}: {}", text(field.name), text(field.value))).collect()
    }

    fn tag(tag: &str) -> Box<[u8]> {
        tag.as_bytes().into()
    }

    #[test]
    fn tags_are_set_added_and_removed() {
        let of = |operation, given: &[Box<[u8]>]| {
            let mut fields = fields(&[("cache-tag", "a, B"), ("x", "1"), ("Cache-Tag", "c")]);
            tags(&mut fields, operation, given);
            shown(&fields)
        };
        assert_eq!(of(TagsOperation::Set, &[tag("z")]), ["x: 1", "Cache-Tag: z"]);
        assert_eq!(of(TagsOperation::Add, &[tag("z")]), ["x: 1", "Cache-Tag: a,B,c,z"]);
        assert_eq!(of(TagsOperation::Remove, &[tag("b")]), ["x: 1", "Cache-Tag: a,c"]);
        assert_eq!(of(TagsOperation::Remove, &[tag("b"), tag("a"), tag("c")]), ["x: 1"]);
    }

    #[test]
    fn directives_are_set_and_removed_where_they_are_meant() {
        let change = |set, cloudflare_only| DirectiveChange { set, cloudflare_only };
        let changed = CacheControlChange {
            changes: [
                (Directive::MaxAge, change(Some(Set::Seconds(60)), false)),
                (Directive::NoCache, change(None, false)),
                (Directive::SMaxage, change(Some(Set::Seconds(9)), true)),
                (Directive::Private, change(Some(Set::Fields(["a".into(), "b".into()].into())), false)),
            ]
            .into(),
        };
        let mut fields = fields(&[("Cache-Control", "max-age=1, no-cache=\"x, y\", public")]);
        cache_control(&mut fields, &[&changed]);
        assert_eq!(
            shown(&fields),
            [
                "Cache-Control: public, max-age=60, private=\"a, b\"",
                "Cloudflare-CDN-Cache-Control: public, max-age=60, s-maxage=9, private=\"a, b\""
            ]
        );
    }

    fn one(directive: Directive, set: Set, cloudflare_only: bool) -> CacheControlChange {
        CacheControlChange {
            changes: [(directive, DirectiveChange { set: Some(set), cloudflare_only })].into(),
        }
    }

    fn after(own: &[(&str, &str)], rules: &[CacheControlChange]) -> Vec<String> {
        let mut fields = fields(own);
        cache_control(&mut fields, &rules.iter().collect::<Vec<_>>());
        shown(&fields)
    }

    #[test]
    fn no_rule_takes_back_what_another_has_said() {
        let public = [("Cache-Control", "public")];
        let private = one(Directive::Private, Set::Plain, false);
        assert_eq!(
            after(&public, &[one(Directive::SMaxage, Set::Seconds(60), true), private]),
            ["Cache-Control: public, private", "Cloudflare-CDN-Cache-Control: public, s-maxage=60, private"]
        );
        let long = one(Directive::SMaxage, Set::Seconds(600), false);
        assert_eq!(
            after(&public, &[one(Directive::NoStore, Set::Plain, true), long]),
            [
                "Cache-Control: public, s-maxage=600",
                "Cloudflare-CDN-Cache-Control: public, no-store, s-maxage=600"
            ]
        );
    }

    #[test]
    fn what_an_origin_says_to_this_edge_is_what_is_changed() {
        let aimed = [("Cache-Control", "max-age=1"), ("CDN-Cache-Control", "no-store")];
        assert_eq!(
            after(&aimed, &[one(Directive::SMaxage, Set::Seconds(60), true)]),
            [
                "Cache-Control: max-age=1",
                "CDN-Cache-Control: no-store",
                "Cloudflare-CDN-Cache-Control: no-store, s-maxage=60"
            ]
        );
        assert_eq!(
            after(&aimed, &[one(Directive::Public, Set::Plain, false)])[0..3],
            [
                "CDN-Cache-Control: no-store",
                "Cache-Control: max-age=1, public",
                "Cloudflare-CDN-Cache-Control: no-store, public"
            ]
        );
        assert_eq!(after(&aimed, &[]), ["Cache-Control: max-age=1", "CDN-Cache-Control: no-store"]);
    }

    #[test]
    fn what_this_edge_obeys_is_always_a_dictionary() {
        for (own, obeyed) in [
            ("No-Store, Max-Age=\"5\"", "no-store, max-age=5, must-revalidate"),
            ("private=\"Set-Cookie\", private, max-age=9, max-age=3", "private, max-age=3, must-revalidate"),
            ("x@y=1, max-age=soon, no-cache=a", "max-age=\"soon\", no-cache=\"a\", must-revalidate"),
            ("s-maxage=99999999999999999999", "s-maxage=2147483648, must-revalidate"),
        ] {
            let rule = one(Directive::MustRevalidate, Set::Plain, true);
            let after = after(&[("Cache-Control", own)], &[rule]);
            assert_eq!(after[1], format!("Cloudflare-CDN-Cache-Control: {obeyed}"));
            let text = obeyed.as_bytes();
            assert_eq!(
                decide::targeted_value(&fields(&[("CDN-Cache-Control", obeyed)])).as_deref(),
                Some(text)
            );
        }
    }
}
