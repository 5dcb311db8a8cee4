//! What is found in JSON texts, and that another reader finds the same.

use super::{Key, integer, string};
use Key::{Index, Member};

const fn m(name: &str) -> Key<'_> {
    Member(name.as_bytes())
}

#[track_caller]
fn finds(text: &str, keys: &[Key<'_>], expected: Option<&str>) {
    let found = string(text.as_bytes(), keys);
    assert_eq!(found.as_deref().map(|found| std::str::from_utf8(found).unwrap()), expected, "{text}");
}

#[test]
fn the_examples_of_the_documentation_hold() {
    let text =
        r#"{"company":"cloudflare","product":"rulesets","network":[{"name":"a"},{"name":"b","n":42}],"n":7}"#;
    finds(text, &[m("company")], Some("cloudflare"));
    finds(text, &[m("network"), Index(1), m("name")], Some("b"));
    finds(r#"[["x","y"],["z"]]"#, &[Index(0), Index(1)], Some("y"));
    assert_eq!(integer(text.as_bytes(), &[m("network"), Index(1), m("n")]), Some(42));
    assert_eq!(integer(text.as_bytes(), &[m("n")]), Some(7));
    assert_eq!(integer(br#"{"items":[{"qty":2},{"qty":7}]}"#, &[m("items"), Index(1), m("qty")]), Some(7));
}

#[test]
fn what_is_absent_or_of_another_type_is_missing() {
    let text = r#"{"s":"x","n":1,"t":true,"z":null,"o":{"p":"q"},"a":["b"]}"#;
    finds(text, &[m("x")], None);
    finds(text, &[m("S")], None);
    for other in ["n", "t", "z", "o", "a"] {
        finds(text, &[m(other)], None);
    }
    finds(text, &[m("s"), m("p")], None);
    finds(text, &[m("a"), m("0")], None);
    finds(text, &[m("a"), Index(1)], None);
    finds(text, &[m("o"), Index(0)], None);
    finds(text, &[], None);
    finds("\"alone\"", &[], Some("alone"));
    assert_eq!(integer(text.as_bytes(), &[m("s")]), None);
    assert_eq!(integer(br#"["1"]"#, &[Index(0)]), None);
}

#[test]
fn integers_are_plain_and_have_64_bits() {
    let of = |number: &str| integer(format!("[{number}]").as_bytes(), &[Index(0)]);
    for (number, value) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-17", Some(-17)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("-9223372036854775808", Some(i64::MIN)),
        ("42.0", None),
        ("42e0", None),
        ("1E2", None),
        ("1e999", None),
        ("01", None),
        ("+1", None),
        ("-", None),
        ("0x1", None),
    ] {
        assert_eq!(of(number), value, "{number}");
    }
}

#[test]
fn escapes_are_decoded_in_names_and_values() {
    finds(
        r#"{"a":"\"\\\/\b\f\n\r\tx\u00e9\u20AC"}"#,
        &[m("a")],
        Some("\"\\/\u{8}\u{c}\n\r\tx\u{e9}\u{20ac}"),
    );
    finds(r#"{"a":"\uD83D\uDE00"}"#, &[m("a")], Some("\u{1f600}"));
    finds(r#"{"a":"\u0000"}"#, &[m("a")], Some("\0"));
    finds(r#"{"r\u006Fle":"x"}"#, &[m("role")], Some("x"));
    finds(r#"{"\uD83D\uDE00":"x"}"#, &[m("\u{1f600}")], Some("x"));
    finds(r#"{"ro\u006C":"x"}"#, &[m("role")], None);
    finds(r#"{"r\u006Flex":"x"}"#, &[m("role")], None);
}

#[test]
fn of_members_of_one_name_the_last_counts() {
    finds(r#"{"a":"1","a":"2"}"#, &[m("a")], Some("2"));
    finds(r#"{"a":"1","\u0061":3}"#, &[m("a")], None);
    finds(r#"{"a":{"b":"1"},"a":{}}"#, &[m("a"), m("b")], None);
    finds(r#"{"a":{"b":"1"},"a":{"b":"2"},"c":{"b":"3"}}"#, &[m("a"), m("b")], Some("2"));
    finds(r#"{"a":["1"],"a":["x",["2"]]}"#, &[m("a"), Index(1), Index(0)], Some("2"));
    finds(r#"[["1"],["2"]]"#, &[Index(0), Index(0)], Some("1"));
    finds(r#"[[["1"]],"2","3"]"#, &[Index(2)], Some("3"));
    finds(r#"[["a","b"],["c","d"]]"#, &[Index(1), Index(1)], Some("d"));
}

#[test]
fn what_is_not_valid_as_a_whole_has_nothing_in_it() {
    finds("\u{feff} {\"a\":\"x\"}\r\n\t ", &[m("a")], Some("x"));
    for text in [
        r#"{"a":"x""#,
        r#"{"a":"x"}}"#,
        r#"{"a":"x"} 1"#,
        r#"{"a":"x",}"#,
        r#"{"a":"x" "b":1}"#,
        r#"{"a":"x",b:1}"#,
        r#"{"a":"x","b":'1'}"#,
        r#"{"a":"x","b":[1,]}"#,
        r#"{"a":"x","b":[1}"#,
        r#"{"a":"x","b":NaN}"#,
        r#"{"a":"x","b":tru}"#,
        r#"{"a":"x","b":.5}"#,
        r#"{"a":"x","b":1.}"#,
        r#"{"a":"x","b":1e}"#,
        r#"{"a":"x","b":"\q"}"#,
        r#"{"a":"x","b":"\u12G4"}"#,
        r#"{"a":"x","b":"\uD800"}"#,
        r#"{"a":"x","b":"\uDC00"}"#,
        r#"{"a":"x","b":"\uD800\u0041"}"#,
        "{\"a\":\"x\",\"b\":\"\n\"}",
        "{\"a\":\"x\",\"b\":\"\0\"}",
        "{\"a\":\"x\",\u{a0}\"b\":1}",
        r#"{"a":"x"} // no remarks"#,
        "",
        " ",
    ] {
        finds(text, &[m("a")], None);
    }
    assert_eq!(string(b"{\"a\":\"x\",\"b\":\"\xFF\"}", &[m("a")]), None);
}

#[test]
fn depth_is_bounded() {
    for (depth, expected) in [(super::DEPTH_MAX, Some("x")), (super::DEPTH_MAX + 1, None)] {
        let text = format!("{}\"x\"{}", "[".repeat(depth), "]".repeat(depth));
        finds(&text, &vec![Index(0); depth], expected);
        let text = format!("{}\"x\"{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        finds(&text, &vec![m("a"); depth], expected);
    }
    assert_eq!(string(&[b'['; 1 << 20], &[Index(0)]), None);
}

/// Numbers that look random, the same in each run (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }

    /// A text that is valid, mostly.
    fn text(&mut self, depth: u64, out: &mut String) {
        out.push_str(self.pick(&["", "", " ", "\n"]));
        let leaves = ["1", "-0.5e3", "\"x\"", "\"\\u0061\\n\"", "\"\"", "true", "null", "12"];
        let wrong = ["]", "1 2", "01", "\"\\x\"", "\"", ""];
        match if depth == 0 { 0 } else { self.roll(4) } {
            0 if self.roll(50) == 0 => out.push_str(self.pick(&wrong)),
            0 => out.push_str(self.pick(&leaves)),
            1 => self.several(depth, ['[', ']'], out),
            _ => self.several(depth, ['{', '}'], out),
        }
        out.push_str(self.pick(&["", "", " ", "\t"]));
    }

    fn several(&mut self, depth: u64, [open, close]: [char; 2], out: &mut String) {
        out.push(open);
        for place in 0..self.roll(5) {
            if place > 0 {
                out.push(',');
            }
            if open == '{' {
                out.push_str(self.pick(&["\"a\":", "\"b\" :", "\"\\u0061\":", " \"c\": "]));
            }
            self.text(depth - 1, out);
        }
        out.push(close);
    }
}

fn theirs<'v>(value: &'v serde_json::Value, keys: &[Key<'_>]) -> Option<&'v serde_json::Value> {
    keys.iter().try_fold(value, |value, key| match key {
        Member(name) => value.as_object()?.get(std::str::from_utf8(name).unwrap()),
        Index(index) => value.as_array()?.get(usize::try_from(*index).unwrap()),
    })
}

#[test]
fn another_reader_finds_the_same() {
    let mut dice = Dice(0x2026_1126);
    let (mut found, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let mut text = String::new();
        dice.text(4, &mut text);
        let keys: Vec<Key<'_>> =
            (0..dice.roll(4)).map(|_| dice.pick(&[m("a"), m("b"), Index(0), Index(1), Index(2)])).collect();
        let value = serde_json::from_str::<serde_json::Value>(&text);
        refused += u32::from(value.is_err());
        let target = value.as_ref().ok().and_then(|value| theirs(value, &keys));
        let ours = string(text.as_bytes(), &keys);
        assert_eq!(
            ours.as_deref(),
            target.and_then(|target| target.as_str()).map(str::as_bytes),
            "{text} {keys:?}"
        );
        assert_eq!(
            integer(text.as_bytes(), &keys),
            target.and_then(|target| target.as_i64()),
            "{text} {keys:?}"
        );
        found += u32::from(ours.is_some());
    }
    assert!(found > 500 && refused > 100, "the texts are worth looking at: {found} found, {refused} refused");
}
