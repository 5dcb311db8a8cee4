#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests stop at what is wrong"
)]

use std::collections::HashMap;

use rempart_flow::{RequestHead, Scheme, Span};

use super::*;
use crate::plan::{CachePlan, Level, Name, QueryKeep, VaryAction};

fn head(target: &str, host: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::default();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let all = head.fields.store(target.as_bytes());
    head.path_and_query = all;
    head.path = Span { start: all.start, len: path.len() as u32 };
    head.query =
        query.map(|query| Span { start: all.start + path.len() as u32 + 1, len: query.len() as u32 });
    head.authority = head.fields.store(host.as_bytes());
    let len = host.rfind(':').unwrap_or(host.len()) as u32;
    head.host = Span { start: head.authority.start, len };
    for (name, value) in fields {
        head.fields.append(name.as_bytes(), value.as_bytes());
    }
    head
}

fn key(head: &RequestHead, plan: &CachePlan) -> Key {
    KeyBuilder::default().primary(head, Scheme::Http, plan).to_key()
}

fn plain() -> CachePlan {
    CachePlan::of("shop.example")
}

fn names(names: &[&str]) -> Box<[Name]> {
    names.iter().map(|name| Name::from(*name)).collect()
}

fn varying(names: &[&str]) -> Box<[Box<[u8]>]> {
    names.iter().map(|name| name.as_bytes().into()).collect()
}

#[test]
fn of_a_text_it_counts_whether_a_field_contains_it() {
    let mut plan = plain();
    plan.key.header_texts = [("accept-encoding".into(), names(&["br", "gzip"]))].into();
    let plan = plan.sealed();
    let with = |fields: &[(&str, &str)]| key(&head("/a", "a", fields), &plan);
    let brotli = with(&[("Accept-Encoding", "gzip, BR;q=1")]);
    assert_eq!(with(&[("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")]), brotli);
    let others = [
        with(&[("Accept-Encoding", "gzip")]),
        with(&[("Accept-Encoding", "br")]),
        with(&[("Accept-Encoding", "deflate")]),
    ];
    for (at, one) in others.iter().enumerate() {
        assert!(*one != brotli && others[at + 1..].iter().all(|other| other != one));
    }
    assert!(
        others.iter().all(|other| with(&[]) != *other),
        "what is not there is told from what contains nothing"
    );
}

#[test]
fn a_key_begins_with_its_zone() {
    let head = head("/", "a", &[]);
    let (one, other) = (CachePlan::of("one.example"), CachePlan::of("other.example"));
    assert!(key(&head, &one).bytes.starts_with(&one.zone_id.0));
    assert_ne!(key(&head, &one), key(&head, &other));
    let slice = key(&head, &one).as_ref().slice(7, 9);
    assert!(slice.as_ref().bytes.starts_with(&one.zone_id.0));
    let others = [key(&head, &other).as_ref().slice(7, 9), key(&head, &one).as_ref().slice(7, 8)];
    assert!(others.iter().all(|other| other.as_ref().bytes != slice.as_ref().bytes));
    assert_eq!(key(&super::tests::head("/b", "b", &[]), &one).as_ref().slice(7, 9), slice);
}

/// Each line: requests that share what is stored.
#[test]
fn what_is_the_same_url_shares_a_key_and_nothing_else_does() {
    let groups: &[&[(&str, &str, Scheme)]] = &[
        &[
            ("/", "a.example", Scheme::Http),
            ("/", "A.Example", Scheme::Http),
            ("/", "a.example:80", Scheme::Http),
        ],
        &[("/", "a.example", Scheme::Https), ("/", "a.example:443", Scheme::Https)],
        &[("/", "a.example:443", Scheme::Http)],
        &[("/", "a.example:8080", Scheme::Http)],
        &[("/", "b.example", Scheme::Http)],
        &[("/", "", Scheme::Http)],
        &[("/?", "a.example", Scheme::Http)],
        &[("/?a", "a.example", Scheme::Http)],
        &[("/?A", "a.example", Scheme::Http)],
        &[("/a", "a.example", Scheme::Http)],
        &[("/A", "a.example", Scheme::Http)],
        &[("/%61", "a.example", Scheme::Http)],
        &[("//", "a.example", Scheme::Http)],
        &[("/./", "a.example", Scheme::Http)],
        &[("/b/../", "a.example", Scheme::Http)],
        &[("/;a", "a.example", Scheme::Http)],
        &[("/a.example", "", Scheme::Http)],
    ];
    let mut seen = HashMap::new();
    for (group, requests) in groups.iter().enumerate() {
        for (target, host, scheme) in *requests {
            let mut builder = KeyBuilder::default();
            let key = builder.primary(&head(target, host, &[]), *scheme, &plain()).to_key();
            let first = *seen.entry(key.bytes).or_insert(group);
            assert_eq!(first, group, "{host}{target} {scheme:?}");
        }
    }
    assert_eq!(seen.len(), groups.len());
}

/// Unkeyed inputs are how caches are poisoned.
#[test]
fn fields_that_tell_an_origin_another_url_are_part_of_the_key() {
    let plain_key = key(&head("/", "a", &[]), &plain());
    let mut seen = HashMap::from([(plain_key.bytes.clone(), "none")]);
    for name in [
        "Origin",
        "X-Host",
        "X-Forwarded-Host",
        "X-Forwarded-Scheme",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "Forwarded",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Server",
        "X-Original-Host",
        "X-Scheme",
        "X-URL-Scheme",
        "Front-End-Https",
    ] {
        let with = key(&head("/", "a", &[(name, "evil")]), &plain());
        assert_eq!(seen.insert(with.bytes.clone(), name), None, "{name} makes no difference");
        let other = key(&head("/", "a", &[(name, "evil2")]), &plain());
        assert_ne!(with, other, "{name}");
        let underscored = key(&head("/", "a", &[(&name.to_lowercase().replace('-', "_"), "evil")]), &plain());
        assert!(name == "Origin" || name == "Forwarded" || underscored == with, "{name} with underscores");
    }
    for (name, value) in [
        ("X-Forwarded-Scheme", "HTTP"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "https"),
        ("User-Agent", "x"),
        ("Cookie", "a=b"),
        ("X-Foo", "x"),
        ("Xx-Forwarded-Host", "x"),
        ("Range", "bytes=0-"),
    ] {
        assert_eq!(key(&head("/", "a", &[(name, value)]), &plain()), plain_key, "{name}");
    }
    let mut plan = plain();
    plan.key.exclude_origin = true;
    assert_eq!(key(&head("/", "a", &[("Origin", "x")]), &plan), plain_key);
}

#[test]
fn a_scheme_that_is_not_the_one_the_origin_is_told_counts() {
    for name in ["X-Forwarded-Scheme", "X-Scheme", "X-Url-Scheme"] {
        let of = |value: &str| {
            let head = head("/", "a", &[(name, value)]);
            KeyBuilder::default().primary(&head, Scheme::Https, &plain()).to_key()
        };
        let none = KeyBuilder::default().primary(&head("/", "a", &[]), Scheme::Https, &plain()).to_key();
        assert_eq!(of("https"), none, "{name}");
        assert_ne!(of("http"), none, "{name}");
    }
}

#[test]
fn what_the_origin_is_not_sent_does_not_count_and_another_spelling_does() {
    let mut plan = plain();
    plan.key.fingerprint = 1;
    plan.key.headers = names(&["x-plan"]);
    let none = key(&head("/", "a", &[]), &plan);
    let mut withheld = head("/", "a", &[("X-Plan", "premium")]);
    withheld.fields.list_mut()[0].hop_by_hop = true;
    assert_eq!(key(&withheld, &plan), none);
    let plain_name = key(&head("/", "a", &[("X-Plan", "premium")]), &plan);
    assert_ne!(plain_name, none);
    assert_eq!(key(&head("/", "a", &[("X_Plan", "premium")]), &plan), plain_name);
    let of = |name: &str| variant(&[(name, "de")], &["accept-language"], &plain());
    assert_eq!(of("Accept_Language"), of("Accept-Language"));
}

#[test]
fn a_field_of_the_connection_is_not_part_of_the_key() {
    let mut head = head("/", "a", &[("X-Host", "x")]);
    head.fields.list_mut()[0].hop_by_hop = true;
    assert_eq!(key(&head, &plain()), key(&super::tests::head("/", "a", &[]), &plain()));
}

#[test]
fn the_query_is_what_the_settings_leave_of_it() {
    let sorted = |keep| (keep, true);
    let as_it_came = |keep| (keep, false);
    let only = || QueryKeep::Only(names(&["a", "page"]));
    let without = || QueryKeep::Without(names(&["utm_source"]));
    for ((keep, is_sorted), one, other, is_same) in [
        (as_it_came(QueryKeep::All), "/?a=1&b=2", "/?b=2&a=1", false),
        (sorted(QueryKeep::All), "/?a=1&b=2", "/?b=2&a=1", true),
        (sorted(QueryKeep::All), "/?a=1&a=2", "/?a=2&a=1", false),
        (sorted(QueryKeep::All), "/?a=1&&b=2&", "/?a=1&b=2", true),
        (sorted(QueryKeep::All), "/?ab=1", "/?a=b1", false),
        (as_it_came(QueryKeep::None), "/?a=1", "/", true),
        (as_it_came(QueryKeep::None), "/?a=1", "/a", false),
        (as_it_came(only()), "/?a=1&x=2", "/?a=1&x=3", true),
        (as_it_came(only()), "/?x=2", "/", true),
        (as_it_came(only()), "/?a=1", "/?a=2", false),
        (as_it_came(only()), "/?a=1&page=2", "/?page=2&a=1", false),
        (sorted(only()), "/?a=1&x=2&page=2", "/?page=2&a=1", true),
        (as_it_came(without()), "/?a=1&utm_source=x", "/?a=1", true),
        (as_it_came(without()), "/?a=1&utm_source=x", "/?a=2&utm_source=x", false),
        // What an origin may read as something that is kept.
        (as_it_came(only()), "/?a=1&%70age=2", "/?a=1", false),
        (as_it_came(only()), "/?a=1&Page=2", "/?a=1", false),
        (as_it_came(only()), "/?a=1&page[]=2", "/?a=1", false),
        (as_it_came(only()), "/?a=1&x=2;page=2", "/?a=1", false),
        (as_it_came(without()), "/?a=1&utm_source=x;a=2", "/?a=1", false),
        (as_it_came(without()), "/?a=1&UTM_source=x", "/?a=1", false),
    ] {
        let mut plan = plain();
        plan.key.query.keep = keep;
        plan.key.query.is_sorted = is_sorted;
        let is_found = key(&head(one, "h", &[]), &plan) == key(&head(other, "h", &[]), &plan);
        assert_eq!(is_found, is_same, "{one} {other} {:?}", plan.key.query);
        let is_one_url = query::url(one.as_bytes(), &plan) == query::url(other.as_bytes(), &plan);
        assert_eq!(is_one_url, is_same, "in purges: {one} {other} {:?}", plan.key.query);
    }
}

#[test]
fn a_query_of_too_many_parameters_is_kept_as_it_came() {
    let mut plan = plain();
    plan.key.query.is_sorted = true;
    let query = |count: usize, last: &str| format!("/?{}{last}", "b=1&".repeat(count - 1));
    for (count, is_sorted) in [(1024, true), (1025, false)] {
        let early = format!("/?a&{}", "b=1&".repeat(count - 1));
        let is_same = key(&head(&early, "h", &[]), &plan) == key(&head(&query(count, "a"), "h", &[]), &plan);
        assert_eq!(is_same, is_sorted, "{count}");
    }
}

#[test]
fn the_query_of_static_files_does_not_count_at_level_simplified() {
    let mut plan = plain();
    plan.level = Level::Simplified;
    assert_eq!(key(&head("/a.css?1", "h", &[]), &plan), key(&head("/a.css", "h", &[]), &plan));
    assert_ne!(key(&head("/a?1", "h", &[]), &plan), key(&head("/a", "h", &[]), &plan));
}

#[test]
fn fields_and_cookies_count_as_the_settings_say() {
    let mut plan = plain();
    plan.key.fingerprint = 1;
    plan.key.headers = names(&["x-plan", "x-team"]);
    plan.key.header_presence = names(&["x-beta"]);
    plan.key.cookies = names(&["lang"]);
    plan.key.cookie_presence = names(&["session"]);
    for (one, other, is_same) in [
        (&[("X-Plan", "a")][..], &[("x-plan", "a")][..], true),
        (&[("X-Plan", "a")], &[("X-Plan", "b")], false),
        (&[("X-Plan", "a")], &[], false),
        (&[("X-Plan", "")], &[], false),
        (&[("X-Plan", "a")], &[("X-Team", "a")], false),
        (&[("X-Plan", "a"), ("X-Plan", "b")], &[("X-Plan", "ab")], false),
        (&[("X-Plan", "a"), ("X-Team", "b")], &[("X-Team", "b"), ("X-Plan", "a")], true),
        (&[("X-Beta", "1")], &[("X-Beta", "2")], true),
        (&[("X-Beta", "1")], &[], false),
        (&[("Cookie", "lang=de; x=1")], &[("Cookie", "y=2;lang=de")], true),
        (&[("Cookie", "lang=de")], &[("Cookie", "lang=en")], false),
        (&[("Cookie", "lang=de; lang=en")], &[("Cookie", "lang=de")], false),
        (&[("Cookie", "Lang=de")], &[], true),
        (&[("Cookie", "language=de")], &[], true),
        (&[("Cookie", "session=1")], &[("Cookie", "session=2")], true),
        (&[("Cookie", "session=1")], &[], false),
        (&[("X-Beta", "1")], &[("Cookie", "session=2")], false),
    ] {
        let is_found = key(&head("/", "h", one), &plan) == key(&head("/", "h", other), &plan);
        assert_eq!(is_found, is_same, "{one:?} {other:?}");
    }
}

#[test]
fn devices_and_languages_count_if_the_settings_say_so() {
    let mut plan = plain();
    let phone = head("/", "h", &[("User-Agent", "iPhone"), ("Accept-Language", "de-DE,en;q=0.5")]);
    let other = head("/", "h", &[("User-Agent", "curl"), ("Accept-Language", "en")]);
    assert_eq!(key(&phone, &plan), key(&other, &plan));
    plan.key.fingerprint = 2;
    plan.key.device_type = true;
    assert_ne!(key(&phone, &plan), key(&other, &plan));
    plan.key.device_type = false;
    plan.key.language = true;
    assert_ne!(key(&phone, &plan), key(&other, &plan));
    let same = head("/", "h", &[("Accept-Language", "DE-de;q=0.9")]);
    assert_eq!(key(&phone, &plan), key(&same, &plan));
}

#[test]
fn other_settings_find_nothing_of_before() {
    let request = head("/", "h", &[]);
    let (mut one, mut other) = (plain(), plain());
    (one.key.fingerprint, other.key.fingerprint) = (1, 2);
    assert_ne!(key(&request, &one), key(&request, &other));
    assert_ne!(key(&request, &one), key(&request, &plain()));
}

#[test]
fn a_shared_host_takes_the_place_of_the_visitors() {
    let mut plan = plain();
    plan.key.host = Some("app.internal".into());
    assert_eq!(key(&head("/", "a:8080", &[]), &plan), key(&head("/", "b", &[]), &plan));
}

fn variant(fields: &[(&str, &str)], vary: &[&str], plan: &CachePlan) -> Option<Key> {
    let mut builder = KeyBuilder::default();
    let head = head("/", "h", fields);
    builder.primary(&head, Scheme::Http, plan);
    builder.variant(&head, &varying(vary), plan).map(KeyRef::to_key)
}

#[test]
fn values_that_mean_the_same_are_one_variant() {
    for (name, one, other, is_same) in [
        ("accept-encoding", "gzip, br", "br,gzip", true),
        ("accept-encoding", "gzip;q=1.0, br;q=0.5", "GZIP, BR", true),
        ("accept-encoding", "gzip, identity", "gzip", true),
        ("accept-encoding", "identity", "", true),
        ("accept-encoding", "gzip", "br", false),
        ("accept-encoding", "gzip", "gzip, deflate", false),
        ("accept-encoding", "gzip", "gzip;q=0", false),
        ("accept-encoding", "gzip, identity;q=0", "gzip", false),
        ("accept-encoding", "gzip, *", "gzip", false),
        ("accept-encoding", "gzip;q=2", "gzip", false),
        ("accept-language", "en, de", "en,de", true),
        ("accept-language", "en, de", "EN, DE", true),
        ("accept-language", "en, de", "de, en", true),
        ("accept-language", "en;q=0.9, de;q=0.8", "de;q=0.1, en", true),
        ("accept-language", "en, de;q=0.8", "en, de", false),
        ("accept-language", "en, de;q=0.8", "de, en;q=0.8", false),
        ("accept-language", "en, de;q=0", "en", false),
        ("accept-language", "en-US", "en-GB", false),
        ("accept", "text/html,application/json;q=0.9", "application/json;q=0.9, text/html", true),
        ("accept", "text/html;level=1", "text/html", false),
        ("accept", "text/html;level=1, a/b", "text/html;level=1,a/b", true),
        // What is put in order is never taken for what was left as it came.
        ("accept", "a/b;c/d", "a/b, c/d;q=0.5", false),
        ("accept", "!a/b", "a/b;q=0", false),
        ("x-foo", "1,2", " 1 ,\t2 ", true),
        ("x-foo", "1,2", "2,1", false),
        ("x-foo", "a", "A", false),
        ("x-foo", "\"a, b\"", "\"a,b\"", false),
        ("x-foo", "\"a\\\", b\"", "\"a\\\",b\"", false),
        ("x-foo", "a b", "a  b", false),
        ("cookie", "a=1; b=2", "a=1; b=2", true),
    ] {
        let of = |value: &str| variant(&[(name, value)], &[name], &plain());
        assert_eq!(of(one) == of(other), is_same, "{name}: {one:?} {other:?}");
        assert_ne!(of(one), variant(&[], &[name], &plain()), "{name}: absent is not {one:?}");
    }
    let two_lines = variant(&[("X-Foo", "1"), ("X-Foo", "2")], &["x-foo"], &plain());
    assert_eq!(two_lines, variant(&[("x-foo", "1, 2")], &["x-foo"], &plain()));
}

#[test]
fn what_becomes_of_a_varying_field_is_the_operators_choice() {
    let mut plan = plain();
    let of = |plan: &CachePlan, value: &str| variant(&[("X-Foo", value)], &["x-foo"], plan);
    plan.vary.fields = Box::new([("x-foo".into(), VaryAction::Passthrough)]);
    assert_ne!(of(&plan, "1,2"), of(&plan, "1, 2"));
    plan.vary.fields = Box::new([("x-foo".into(), VaryAction::Ignore)]);
    assert_eq!(of(&plan, "1"), of(&plan, "2"));
    plan.vary.fields = Box::new([("x-foo".into(), VaryAction::Bypass)]);
    assert_eq!(of(&plan, "1"), None);
    assert_eq!(variant(&[], &["cf-connecting-ip"], &plain()), None);
    assert_eq!(variant(&[], &["x-forwarded-for"], &plain()), None);
}

#[test]
fn a_response_that_varies_by_too_much_has_no_variant() {
    let of = |count: usize| {
        let fields: Vec<String> = (0..count).map(|at| format!("x-{at}")).collect();
        variant(&[], &fields.iter().map(String::as_str).collect::<Vec<_>>(), &plain())
    };
    assert!(of(plain().vary.fields_max).is_some());
    assert!(of(plain().vary.fields_max + 1).is_none());
}

#[test]
fn a_variant_leaves_the_primary_key_as_it_was() {
    let mut builder = KeyBuilder::default();
    let request = head("/", "h", &[("X-Foo", "1")]);
    let primary = builder.primary(&request, Scheme::Http, &plain()).to_key();
    let first = builder.variant(&request, &varying(&["x-foo"]), &plain()).unwrap().to_key();
    assert_ne!(first, primary);
    assert_eq!(builder.last_primary().to_key(), primary);
    assert_eq!(builder.variant(&request, &varying(&["x-foo"]), &plain()).unwrap().to_key(), first);
    assert_eq!(builder.last_primary().to_key(), primary);
}

#[test]
fn a_huge_key_is_whole_and_its_memory_is_given_back() {
    let (long, longer) = ("/".repeat(1 << 16), "/".repeat((1 << 16) + 1));
    let mut builder = KeyBuilder::default();
    let one = builder.primary(&head(&long, "h", &[]), Scheme::Http, &plain()).to_key();
    let other = builder.primary(&head(&longer, "h", &[]), Scheme::Http, &plain()).to_key();
    assert!(one != other && one.bytes.len() > 1 << 16);
    builder.primary(&head("/", "h", &[]), Scheme::Http, &plain());
    assert!(builder.bytes.0.capacity() <= 16 << 10, "{}", builder.bytes.0.capacity());
}

/// Different requests have different keys: every tuple of short texts over few letters, which contains the bytes
/// with which elements begin.
#[test]
fn no_two_different_requests_share_a_key_by_accident() {
    let texts = ["", "/", "a", "\u{1}\0\0\0\0", "\u{4}\u{1}\0\0\0/", "\u{7}\u{1}\0\0\0", ":", "?", "a\u{3}"];
    let mut plan = plain();
    plan.key.fingerprint = 7;
    plan.key.headers = names(&["x-a", "x-b"]);
    plan.key.cookies = names(&["c"]);
    let mut seen: HashMap<Box<[u8]>, [String; 6]> = HashMap::new();
    let mut builder = KeyBuilder::default();
    let mut random = 88_172_645_463_325_252_u64;
    let mut pick = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        texts[(random % texts.len() as u64) as usize]
    };
    for _ in 0..20_000 {
        let [path, query, a, b, x_host, vary] = [pick(), pick(), pick(), pick(), pick(), pick()];
        let target = format!("/{}?{query}", path.replace('?', "!"));
        let fields = [("X-A", a), ("X-B", b), ("X-Host", x_host), ("X-Vary", vary)];
        let request = head(&target, "h", &fields);
        builder.primary(&request, Scheme::Http, &plan);
        let key = builder.variant(&request, &varying(&["x-vary"]), &plan).unwrap().to_key();
        let parts =
            [path.replace('?', "!"), query.into(), a.into(), b.into(), x_host.into(), vary.trim().into()];
        let before = seen.insert(key.bytes, parts.clone());
        assert!(before.is_none_or(|before| before == parts), "{parts:?}");
    }
    assert!(seen.len() > 10_000, "{}", seen.len());
}

#[test]
fn equal_keys_have_equal_hashes_and_others_hardly_ever() {
    let mut hashes = HashMap::new();
    for at in 0..50_000 {
        let key = key(&head(&format!("/{at}"), "h", &[]), &plain());
        assert_eq!(key.hash, KeyRef::of(&key.bytes).hash);
        assert_eq!(hashes.insert(key.hash, at), None);
    }
}

#[test]
fn parts_of_two_urls_are_two_fetches() {
    let one = key(&head("/a", "h", &[]), &plain());
    let other = key(&head("/b", "h", &[]), &plain());
    let all = [one.as_ref().part(0), one.as_ref().part(1), other.as_ref().part(0), one.clone(), other];
    for (at, key) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|later| later != key));
        assert_eq!(key.hash, KeyRef::of(&key.bytes).hash);
    }
    assert_eq!(one.as_ref().part(7), one.as_ref().part(7));
}

/// Whatever stands in a request, its key can be read back as elements, so nothing in it was taken for framing.
#[test]
fn every_key_is_a_list_of_elements() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut text = |letters: &[u8], len_max: u64| -> String {
        let len = next() % len_max;
        (0..len).map(|_| char::from(letters[(next() % letters.len() as u64) as usize])).collect()
    };
    let names = ["accept", "accept-encoding", "accept-language", "cookie", "x-other"];
    for at in 0..20_000 {
        let mut plan = plain();
        plan.key.query.is_sorted = at % 2 == 0;
        plan.key.query.keep = match at % 4 {
            0 | 1 => QueryKeep::All,
            2 => QueryKeep::Only(self::names(&["a", "b"])),
            _ => QueryKeep::Without(self::names(&["a", "b"])),
        };
        plan.key.fingerprint = 1;
        plan.key.cookies = self::names(&["a"]);
        (plan.key.device_type, plan.key.language) = (true, true);
        let target = format!("/{}?{}", text(b"a/%.", 6), text(b"ab=&;%[A", 16));
        let values: Vec<String> = names.iter().map(|_| text(b"ab ,;=q01.\"\\!*-\t", 24)).collect();
        let fields: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().map(|v| v.trim())).collect();
        let request = head(&target, &text(b"aA.:8", 8), &fields);
        let mut builder = KeyBuilder::default();
        builder.primary(&request, Scheme::Https, &plan);
        let key = builder.variant(&request, &varying(&names), &plan).unwrap();
        let mut rest = key.bytes.strip_prefix(&plan.zone_id.0).unwrap().strip_prefix(&[1]).unwrap();
        while !rest.is_empty() {
            let len = u32::from_le_bytes(rest[1..5].try_into().unwrap()) as usize;
            rest = &rest[5 + len..];
        }
    }
}

#[test]
fn where_rules_send_a_request_is_part_of_the_key() {
    let key = |route: Option<&str>| {
        let mut plan = plain();
        plan.key.route = route.map(Into::into);
        KeyBuilder::default().primary(&head("/a", "h", &[]), Scheme::Http, &plan).to_key()
    };
    assert_eq!(key(Some("one")), key(Some("one")));
    assert_ne!(key(Some("one")), key(Some("two")));
    assert_ne!(key(Some("")), key(None));
}
