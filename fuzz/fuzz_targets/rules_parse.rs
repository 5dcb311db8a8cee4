//! Expressions of the Rules language. Whatever the text, the parser answers; where it refuses, it points into the
//! text; and the tree of what it takes, printed, is read as the same tree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::ast::ListKind;
use rempart_rules::{EXPRESSION_CHARACTERS_MAX, Filter, Lists, Phase, Scope, Type, ValueExpression};

struct Known;

impl Lists for Known {
    fn kind(&self, name: &str) -> Option<ListKind> {
        match name {
            "a" => Some(ListKind::Ip),
            "b" => Some(ListKind::Hostname),
            "c" => Some(ListKind::Asn),
            "d" => Some(ListKind::Redirect),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["a", "b", "c", "d"]
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let phase = Phase::ALL[usize::from(choice >> 1) % Phase::ALL.len()];
    let scope = Scope { phase, lists: &Known };
    let error = if choice & 1 == 0 {
        match Filter::parse(text, scope) {
            Ok(filter) => {
                let printed = filter.logic().to_string();
                match Filter::parse(&printed, scope) {
                    Ok(again) => assert_eq!(filter.logic(), again.logic(), "{printed}"),
                    Err(error) => assert!(is_longer(&printed), "{error}"),
                }
                return;
            }
            Err(error) => error,
        }
    } else {
        match ValueExpression::parse(text, Type::Bytes, scope) {
            Ok(value) => {
                let printed = value.operand().to_string();
                match ValueExpression::parse(&printed, Type::Bytes, scope) {
                    Ok(again) => assert_eq!(value.operand(), again.operand(), "{printed}"),
                    Err(error) => assert!(is_longer(&printed), "{error}"),
                }
                return;
            }
            Err(error) => error,
        }
    };
    assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?}");
    assert!(!error.message.is_empty() && !error.to_string().is_empty());
});

/// Escapes may make what was right too long.
fn is_longer(printed: &str) -> bool {
    printed.chars().count() > EXPRESSION_CHARACTERS_MAX
}
