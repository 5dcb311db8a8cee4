//! Whatever the text: no panic, no deep stack, marks within the text; and a printed tree is read as itself.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod support;

use rempart_rules::{Error, Filter, Phase, Scope, Type, ValueExpression};
use support::{Known, read, rows};

/// Expressions of every kind that there is.
fn expressions() -> Vec<(String, bool, Phase)> {
    let tables = [include_str!("operators.tsv"), include_str!("functions.tsv")];
    let rows = tables.into_iter().flat_map(rows);
    rows.filter(|row| row.expression.len() < 500)
        .map(|row| (row.expression, row.is_text, row.phase))
        .collect()
}

fn check(error: &Error, text: &str) {
    assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{error:?} in {text:?}");
    assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?} cuts a character of {text:?}");
    let lines: Vec<&str> = error.excerpt.lines().collect();
    assert!(lines.len() == 2 && lines[1].trim_start().starts_with('^'), "{error:?}");
    assert!(!error.message.is_empty() && error.line >= 1 && error.column >= 1);
}

fn try_it(text: &str, is_text: bool, phase: Phase) {
    if let Err(error) = read(text, is_text, phase) {
        check(&error, text);
    }
}

#[test]
fn a_beginning_of_an_expression_is_read_or_refused() {
    for (expression, is_text, phase) in expressions() {
        for (end, _) in expression.char_indices().step_by(5) {
            try_it(&expression[..end], is_text, phase);
        }
    }
}

#[test]
fn an_expression_with_one_character_changed_is_read_or_refused() {
    const OTHERS: &[&str] = &[
        "", "\"", "\\", "(", ")", "[", "]", "{", "}", "*", ".", "..", "-", ":", "/", "$", "r\"", "#", "0",
        "é", "\t",
    ];
    let mut turn = 0;
    for (expression, is_text, phase) in expressions() {
        for (at, character) in expression.char_indices() {
            let behind = &expression[at + character.len_utf8()..];
            let other = OTHERS[turn % OTHERS.len()];
            turn += 1;
            // Without optimisation an error about a name takes milliseconds, so not every change is tried everywhere.
            match turn % 8 {
                0 => try_it(&format!("{}{other}{behind}", &expression[..at]), is_text, phase),
                4 => try_it(&format!("{}{other}{character}{behind}", &expression[..at]), is_text, phase),
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_nested_to_the_bound_fits_into_a_small_stack() {
    const LEVELS: usize = 128;
    // Without optimisation every temporary has its own place.
    const STACK_BYTES: usize = if cfg!(debug_assertions) { 1536 << 10 } else { 256 << 10 };
    let nested = |open: &str, middle: &str, close: &str, levels: usize| {
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    };
    let shapes: &[(&str, &str, &str, &str, usize)] = &[
        ("(", "ssl", ")", "", 1),
        ("not ", "ssl", "", "", 1),
        ("!", "ssl", "", "", 1),
        ("not (", "ssl", ")", "", 2),
        ("(ssl or ", "ssl", ")", "", 1),
        ("lower(", "http.host", ")", " eq \"a\"", 1),
        ("concat(\"a\",", "http.host", ")", " eq \"a\"", 1),
    ];
    let run = move || {
        for (open, middle, close, behind, levels_each) in shapes {
            let right = nested(open, middle, close, LEVELS / levels_each) + behind;
            let scope = Scope { phase: Phase::Custom, lists: &Known };
            let filter = Filter::parse(&right, scope).expect(open);
            assert_eq!(Filter::parse(&filter.logic().to_string(), scope).unwrap().logic(), filter.logic());
            drop(filter);
            let wrong = nested(open, middle, close, LEVELS / levels_each + 1) + behind;
            let error = Filter::parse(&wrong, scope).expect_err(open);
            assert!(error.message.starts_with("maximum nesting depth exceeded"), "{error}");
            check(&error, &wrong);
            // What is far too deep is refused no later.
            assert!(Filter::parse(&nested(open, "", "", 400), scope).is_err());
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
}

#[test]
fn an_expression_has_4096_characters_and_not_one_more() {
    let of = |characters: usize| format!("http.host eq \"{}\"", "é".repeat(characters - 15));
    let scope = Scope { phase: Phase::Custom, lists: &Known };
    assert!(Filter::parse(&of(4096), scope).is_ok());
    assert!(
        Filter::parse(&format!("\n  {}  \n", of(4096)), scope).is_ok(),
        "white space around it does not count"
    );
    let error = Filter::parse(&of(4097), scope).unwrap_err();
    assert_eq!(error.message, "an expression has at most 4096 characters, and this has 4097");
    assert_eq!(error.column, 4097);
    check(&error, &of(4097));
    let value = |text: &str| ValueExpression::parse(text, Type::Bytes, scope);
    assert!(value(&format!("\"{}\"", "a".repeat(4094))).is_ok());
    assert!(value(&format!("\"{}\"", "a".repeat(4095))).is_err());
}

#[test]
fn a_mistake_far_into_a_long_line_is_shown_with_what_is_near() {
    let text = format!("{} and htp.host eq \"a\"", vec!["ssl"; 200].join(" and "));
    let error = read(&text, false, Phase::Custom).unwrap_err();
    let (line, marks) = error.excerpt.split_once('\n').unwrap();
    assert!(line.chars().count() <= 170 && line.starts_with('…'), "{line}");
    let at = marks.chars().position(|c| c == '^').unwrap();
    let marked: String = line.chars().skip(at).take(marks.chars().filter(|c| *c == '^').count()).collect();
    assert_eq!(marked, "htp.host");
    assert_eq!(error.column as usize, text.find("htp").unwrap() + 1);
}

#[test]
fn wide_characters_and_lines_are_counted_as_an_editor_does() {
    let error = read("http.host eq \"é日\" and\r\n  http.host eq 1", false, Phase::Custom).unwrap_err();
    assert_eq!((error.line, error.column), (2, 16));
    let error = read("http.host eq \"é日\" and nothing", false, Phase::Custom).unwrap_err();
    assert_eq!((error.line, error.column), (1, 23));
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }

    fn logic(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.comparison();
        }
        match self.below(6) {
            0 => format!("({})", self.logic(depth - 1)),
            1 => format!("{}({})", self.of(&["not ", "!"]), self.logic(depth - 1)),
            2 => format!("not {}", self.comparison()),
            _ => {
                let operator = self.of(&["and", "or", "xor", "&&", "||", "^^"]);
                format!("{} {operator} {}", self.logic(depth - 1), self.logic(depth - 1))
            }
        }
    }

    fn comparison(&mut self) -> String {
        let text = self.of(&[
            "http.host",
            "lower(http.request.uri.path)",
            "http.request.headers[\"a\\\"b\"][0]",
            "concat(\"\\x00é\", http.host)",
            "coalesce(http.request.uri.args[\"x\"][3], \"\")",
        ]);
        let literal = self.of(&["\"\"", "r#\"a\"b\\\"#", "\"\\\\\\\"\\377\"", "0a:1b", "\"日\""]);
        match self.below(10) {
            0 => format!("{text} {} {literal}", self.of(&["eq", "ne", "<", ">=", "contains"])),
            1 => format!("{text} {} r\"*a\\*b\\\\*\"", self.of(&["wildcard", "strict wildcard"])),
            2 => {
                format!("{text} matches {}", self.of(&["r##\"\"#\"a#\"##", "\"[\"#]+\\\"\\d\"", "\"(?i)é\""]))
            }
            3 => format!("{text} in {{{literal} {literal}}}"),
            4 => format!("ip.src in {{{}}}", self.of(&["192.0.2.0/24 ::1", "::..::ffff", "", "0.0.0.0/0"])),
            5 => format!("cf.edge.server_port in {{{}}}", self.of(&["-0x1f..017 5", "", "1..1"])),
            6 => format!("cf.edge.server_port {} -17", self.of(&["&", "bitwise_and", "=="])),
            7 => format!("{text} eq {text}"),
            8 => {
                let inner = self.of(&["[*] eq \"a\" and", "[*] ne \"b\" or not", "[*] contains \"c\" xor"]);
                let array = self.of(&["http.request.uri.args.names", "http.request.headers[*]"]);
                format!("{}({array}{inner} {array}[*] in {{\"x\"}})", self.of(&["any", "all"]))
            }
            _ => self.of(&["ssl", "true", "starts_with(http.host, \"\")", "ip.src in $partners"]).to_owned(),
        }
    }
}

#[test]
fn a_printed_tree_is_read_as_itself() {
    let scope = Scope { phase: Phase::Custom, lists: &Known };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..500 {
        let depth = random.below(6);
        let text = random.logic(depth);
        let filter = match Filter::parse(&text, scope) {
            Ok(filter) => filter,
            Err(error) => {
                assert!(text.chars().count() > 4096, "{text}\n{error}");
                continue;
            }
        };
        let printed = filter.logic().to_string();
        let again = Filter::parse(&printed, scope).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(filter.logic(), again.logic(), "{text}");
        assert_eq!(again.logic().to_string(), printed);
    }
}
