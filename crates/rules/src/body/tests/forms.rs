//! Forms, as Cloudflare shows them; and read by another reader.

use crate::body::Form;

use super::text;

fn fields(raw: &str) -> Vec<(&str, &str)> {
    Form::parse(raw.as_bytes()).fields().iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn a_form_is_cut_and_nothing_in_it_is_decoded() {
    assert_eq!(fields("username=admin&role=editor"), [("username", "admin"), ("role", "editor")]);
    assert_eq!(fields("a=1&A=2&a=3"), [("a", "1"), ("A", "2"), ("a", "3")], "in order, the case kept");
    assert_eq!(fields("n%61me=x+y%20z"), [("n%61me", "x+y%20z")]);
    assert_eq!(fields("a=b=c&=d&e&f="), [("a", "b=c"), ("", "d"), ("e", ""), ("f", "")]);
    assert_eq!(fields("&&a=1&&"), [("a", "1")]);
    assert_eq!(fields("a=1;b=2"), [("a", "1;b=2")], "only & parts fields");
    assert_eq!(fields(""), []);
}

#[test]
fn decoded_it_is_what_another_reader_reads() {
    let alphabet = ['&', '=', 'a', 'b', '%', '4', '1', '+', ';', '\u{e9}', '\0', '\r', '\n', ' '];
    for number in 0..alphabet.len().pow(4) {
        let pick = |place: u32| alphabet[number / alphabet.len().pow(place) % alphabet.len()];
        let raw: String = (0..4).map(pick).collect();
        let ours = Form::parse(raw.as_bytes());
        let decoded = ours.fields().iter().map(|(name, value)| {
            let again = [name, &b"="[..], value].concat();
            form_urlencoded::parse(&again).into_owned().next().unwrap()
        });
        let theirs: Vec<_> = form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        assert_eq!(decoded.collect::<Vec<_>>(), theirs, "{raw:?}");
    }
}
