//! A row for each field of a body, and what is at the bounds.

mod forms;
mod looks;
mod parts;

use super::*;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_kind_of_a_body_is_what_its_content_type_says() {
    let form = Kind::Form;
    let parts = |boundary: &'static str| Kind::Multipart(boundary.as_bytes().into());
    let unclear = |boundary| Kind::Unclear(Box::new(parts(boundary)));
    for (values, kind) in [
        (&["application/x-www-form-urlencoded"][..], form.clone()),
        (&["Application/X-WWW-Form-Urlencoded; charset=utf-8"], form.clone()),
        (&["application/x-www-form-urlencoded "], form.clone()),
        (&["application/x-www-form-urlencodedx"], Kind::Other),
        (&["text/plain", "application/x-www-form-urlencoded"], form.clone()),
        (
            &["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"],
            Kind::Unclear(Box::new(form.clone())),
        ),
        (&["application/x-www-form-urlencoded"; 2], form),
        (&["multipart/form-data; boundary=----b1"], parts("----b1")),
        (&["MULTIPART/mixed;charset=x ; Boundary=\"a b:c\""], parts("a b:c")),
        (&["MULTIPART/mixed;charset=x ; Boundary=\"a b\\\"c\""], unclear("a b\"c")),
        (&["multipart/form-data; boundary=a; boundary=b"], unclear("a")),
        (&["multipart/form-data; boundary=a; BOUNDARY=a"], unclear("a")),
        (&["multipart/form-data; boundary=a", "multipart/form-data; boundary=b"], unclear("a")),
        (&["multipart/form-data; boundary=\"open"], parts("open")),
        (&["multipart/form-data; boundary=\"\""], Kind::Unclear(Box::new(Kind::Other))),
        (&["multipart/form-data; boundary"], Kind::Unclear(Box::new(Kind::Other))),
        (&["multipart/form-data"], Kind::Unclear(Box::new(Kind::Other))),
        (&["multipart"], Kind::Other),
        (&["application/json"], Kind::Other),
        (&[], Kind::Other),
    ] {
        assert_eq!(Kind::of(values.iter().map(|value| value.as_bytes())), kind, "{values:?}");
    }
}

#[test]
fn what_origins_may_read_otherwise_is_shown_as_truncated() {
    let raw = b"--a\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--a--\r\n";
    let of = |content_type: &'static str| Body::new(raw, true, 0, Kind::of([content_type.as_bytes()]));
    let (clear, twice) =
        (of("multipart/form-data; boundary=a"), of("multipart/form-data; boundary=a; boundary=b"));
    assert!(!clear.is_truncated() && twice.is_truncated());
    assert_eq!((clear.multipart().parts().len(), twice.multipart().parts().len()), (1, 1));
    assert!(of("multipart/form-data").is_truncated());
    let (long, longer) = ("-".repeat(70), "-".repeat(71));
    for (boundary, is_truncated) in [(&long, false), (&longer, true)] {
        let content_type = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(Body::new(raw, true, 0, Kind::of([content_type.as_bytes()])).is_truncated(), is_truncated);
    }
}

#[test]
fn the_fields_of_a_body_show_what_was_held_of_it() {
    let whole = Body::new(b"a=1&b=2", true, 7, Kind::Form);
    assert_eq!((whole.raw(), whole.size(), whole.is_truncated()), (&b"a=1&b=2"[..], 7, false));
    assert_eq!(whole.mime(), Some("text/plain"));
    assert_eq!(whole.form().fields().len(), 2);
    assert!(whole.multipart().parts().is_empty());
    let cut = Body::new(b"a=1&b", false, 7, Kind::Form);
    assert_eq!((cut.size(), cut.is_truncated()), (7, true));
    assert_eq!(cut.form().fields(), [(&b"a"[..], &b"1"[..]), (b"b", b"")]);
    let other = Body::new(b"a=1", true, 3, Kind::Other);
    assert!(other.form().fields().is_empty() && other.multipart().parts().is_empty());
    let empty = Body::new(b"", true, 0, Kind::Form);
    assert_eq!((empty.size(), empty.is_truncated(), empty.mime()), (0, false, None));
}

#[test]
fn more_fields_or_parts_than_are_looked_at_make_a_body_truncated() {
    for (count, is_truncated) in [(form::FIELDS_MAX, false), (form::FIELDS_MAX + 1, true)] {
        let raw = "a&".repeat(count);
        let body = Body::new(raw.as_bytes(), true, 0, Kind::Form);
        assert_eq!(body.form().fields().len(), form::FIELDS_MAX);
        assert_eq!(body.is_truncated(), is_truncated);
    }
    for (count, is_truncated) in [(multipart::PARTS_MAX, false), (multipart::PARTS_MAX + 1, true)] {
        let raw = format!("{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(count));
        let body = Body::new(raw.as_bytes(), true, 0, Kind::Multipart(b"b"[..].into()));
        assert_eq!(body.multipart().parts().len(), multipart::PARTS_MAX);
        assert_eq!(body.is_truncated(), is_truncated);
    }
}

#[test]
fn values_are_gathered_by_name_in_the_order_of_first_appearance() {
    let gathered = by_name([("b", 1), ("a", 2), ("b", 3), ("c", 4), ("a", 5)]);
    assert_eq!(gathered, [("b", vec![1, 3]), ("a", vec![2, 5]), ("c", vec![4])]);
    assert_eq!(by_name([("", 0); 0]), []);
}
