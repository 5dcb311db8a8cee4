use super::*;
use crate::object::StoredHead;

fn stored(status: u16, lines: &[(&str, &str)]) -> StoredHead {
    stored_head(&response(status, lines), &letter(), NOW)
}

const ETAG: (&str, &str) = ("ETag", "\"abc\"");
const MODIFIED: (&str, &str) = ("Last-Modified", "now-3000");

#[test]
fn conditions_in_their_order() {
    use Condition::{Failed, Met, NotModified};
    let both = &[ETAG, MODIFIED, ("Date", "now")][..];
    for (stored_lines, lines, expected) in [
        (both, &[][..], Met),
        (both, &[("If-None-Match", "\"abc\"")], NotModified),
        (both, &[("If-None-Match", "W/\"abc\"")], NotModified),
        (both, &[("If-None-Match", "*")], NotModified),
        (both, &[("If-None-Match", "\"x\", \"abc\" ,\"y\"")], NotModified),
        (both, &[("If-None-Match", "\"x\""), ("If-None-Match", "\"abc\"")], NotModified),
        (both, &[("If-None-Match", "\"x\"")], Met),
        (both, &[("If-None-Match", "abc")], Met),
        (both, &[("If-None-Match", "\"x, \"abc\"\"")], Met),
        (both, &[("If-None-Match", "")], Met),
        // It takes precedence over the date.
        (both, &[("If-None-Match", "\"abc\""), ("If-Modified-Since", "now-9000")], NotModified),
        (both, &[("If-None-Match", "\"x\""), ("If-Modified-Since", "now")], Met),
        (&[("ETag", "W/\"abc\"")], &[("If-None-Match", "W/\"abc\"")], NotModified),
        (&[("ETag", "W/\"abc\"")], &[("If-None-Match", "\"abc\"")], NotModified),
        (&[("ETag", "\"a,b\"")], &[("If-None-Match", "\"a,b\"")], NotModified),
        (&[("ETag", "abc")], &[("If-None-Match", "abc")], NotModified),
        (&[("ETag", "abc")], &[("If-None-Match", "\"abc\"")], Met),
        (&[MODIFIED], &[("If-None-Match", "\"abc\"")], Met),
        (&[MODIFIED], &[("If-None-Match", "*")], NotModified),
        (&[MODIFIED], &[("If-Modified-Since", "now-3000")], NotModified),
        (&[MODIFIED], &[("If-Modified-Since", "now-2000")], NotModified),
        (&[MODIFIED], &[("If-Modified-Since", "now-3001")], Met),
        (&[MODIFIED], &[("If-Modified-Since", "foo")], Met),
        (&[MODIFIED], &[("If-Modified-Since", "now"), ("If-Modified-Since", "now")], Met),
        // Without `Last-Modified` it is as old as its date.
        (&[("Date", "now-10")], &[("If-Modified-Since", "now-10")], NotModified),
        (&[("Date", "now-10")], &[("If-Modified-Since", "now-11")], Met),
        (&[("Last-Modified", "foo"), ("Date", "now-10")], &[("If-Modified-Since", "now-10")], Met),
        (&[("Last-Modified", "foo"), ("Date", "now-10")], &[("If-Modified-Since", "foo")], NotModified),
        (both, &[("If-Match", "\"abc\"")], Met),
        (both, &[("If-Match", "*")], Met),
        (both, &[("If-Match", "\"x\"")], Failed),
        (both, &[("If-Match", "W/\"abc\"")], Failed),
        (&[("ETag", "W/\"abc\"")], &[("If-Match", "W/\"abc\"")], Failed),
        (both, &[("If-Match", "\"abc\""), ("If-None-Match", "\"abc\"")], NotModified),
        (both, &[("If-Unmodified-Since", "now-3000")], Met),
        (both, &[("If-Unmodified-Since", "now-3001")], Failed),
        (both, &[("If-Unmodified-Since", "foo")], Met),
        (both, &[("If-Match", "\"abc\""), ("If-Unmodified-Since", "now-9000")], Met),
    ] {
        assert_eq!(condition(&request("GET /a", lines), &stored(200, stored_lines)), expected, "{lines:?}");
    }
    for (status, expected) in [(203, NotModified), (204, Met), (301, Met), (404, Met), (500, Met)] {
        let request = request("GET /a", &[("If-None-Match", "\"abc\"")]);
        assert_eq!(condition(&request, &stored(status, both)), expected, "{status}");
    }
}

#[test]
fn conditions_of_other_methods_were_the_origins() {
    for lines in [[("If-Match", "\"x\"")], [("If-None-Match", "\"abc\"")]] {
        let post = request("POST /a", &lines);
        assert_eq!(condition(&post, &stored(200, &[ETAG])), Condition::Met, "{lines:?}");
    }
}

#[test]
fn a_date_of_two_digits_is_understood() {
    let rfc850 = request("GET /a", &[("If-Modified-Since", "Thursday, 26-Nov-26 00:00:00 GMT")]);
    assert_eq!(condition(&rfc850, &stored(200, &[MODIFIED])), Condition::NotModified);
}

#[test]
fn a_range_is_let_through_by_strong_validators_alone() {
    for (stored_lines, value, expected) in [
        (&[ETAG][..], "\"abc\"", true),
        (&[ETAG], "\"x\"", false),
        (&[ETAG], "W/\"abc\"", false),
        (&[("ETag", "W/\"abc\"")], "W/\"abc\"", false),
        (&[("ETag", "abc")], "abc", false),
        (&[MODIFIED, ("Date", "now")], "now-3000", true),
        (&[MODIFIED, ("Date", "now")], "now-2000", false),
        (&[MODIFIED, ("Date", "now-2999")], "now-3000", true),
        (&[MODIFIED, ("Date", "now-3000")], "now-3000", false),
        (&[("Last-Modified", "foo")], "foo", false),
        (&[], "now", false),
    ] {
        let request = request("GET /a", &[("If-Range", value)]);
        assert_eq!(if_range(&request, &stored(200, stored_lines)), expected, "{stored_lines:?} {value}");
    }
    assert!(if_range(&request("GET /a", &[]), &stored(200, &[])));
    let twice = request("GET /a", &[("If-Range", "\"abc\""), ("If-Range", "\"abc\"")]);
    assert!(!if_range(&twice, &stored(200, &[ETAG])));
}

#[test]
fn what_the_origin_is_asked_with() {
    let both = stored(200, &[ETAG, MODIFIED]);
    let found: Vec<_> = validators(&both).collect();
    let modified = value("now-3000");
    assert_eq!(
        found,
        [(b"If-None-Match".as_slice(), b"\"abc\"".as_slice()), (b"If-Modified-Since", &modified)]
    );
    assert_eq!(validators(&stored(200, &[("ETag", "")])).count(), 0);
    assert_eq!(strong_validator(&both), Some(b"\"abc\"".as_slice()));
    assert_eq!(strong_validator(&stored(200, &[MODIFIED, ("Date", "now")])), Some(modified.as_slice()));
    for lines in
        [&[("ETag", "W/\"abc\""), MODIFIED][..], &[("ETag", "abc")], &[MODIFIED, ("Date", "now-3000")], &[]]
    {
        assert_eq!(strong_validator(&stored(200, lines)), None, "{lines:?}");
    }
}

#[test]
fn head_confirms_or_contradicts() {
    use HeadEffect::{Invalidate, None, Update};
    let both = [ETAG, MODIFIED];
    for (status, lines, expected) in [
        (200, &[][..], Update),
        (200, &[ETAG, MODIFIED, ("Content-Length", "5")], Update),
        (200, &[("ETag", "\"x\"")], Invalidate),
        (200, &[("Last-Modified", "now")], Invalidate),
        (200, &[("Content-Length", "6")], Invalidate),
        (304, &[], None),
        (410, &[], None),
    ] {
        let mut answer = response(status, lines);
        answer.fields.list_mut().iter_mut().for_each(|field| field.hop_by_hop = false);
        assert_eq!(head_effect(&stored(200, &both), Some(5), &answer), expected, "{status} {lines:?}");
    }
    assert_eq!(head_effect(&stored(404, &both), Some(5), &response(200, &[])), None);
    let answer = response(200, &[("Content-Length", "6")]);
    assert_eq!(head_effect(&stored(200, &[]), Option::None, &answer), Update, "its length is not known yet");
}
