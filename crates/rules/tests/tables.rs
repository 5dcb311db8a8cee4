//! Every operator and every function, row by row: what is right is read as its tree says, what is wrong is refused.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod support;

use rempart_rules::{FieldId, Function, Kinds, Phase, Type};
use support::{Row, read, rows};

fn check(rows: &[Row]) {
    for row in rows {
        let found = read(&row.expression, row.is_text, row.phase);
        match (row.is_right, found) {
            (true, Ok(tree)) => {
                let shown = if tree.len() > 500 { "…" } else { &tree };
                assert_eq!(shown, row.tree, "{}: {}", row.about, row.expression);
                assert_eq!(read(&tree, row.is_text, row.phase).ok(), Some(tree.clone()), "{tree}");
            }
            (false, Err(_)) => {}
            (true, Err(error)) => panic!("{}: {error}", row.about),
            (false, Ok(tree)) => panic!("{}: this should be wrong: {tree}", row.about),
        }
    }
}

#[test]
fn every_operator_is_read_as_its_row_says() {
    check(&rows(include_str!("operators.tsv")));
}

#[test]
fn every_function_is_read_as_its_row_says() {
    let rows = rows(include_str!("functions.tsv"));
    check(&rows);
    for function in Function::NAMES.iter().chain(&["any", "all"]) {
        let of = |is_right| rows.iter().any(|row| row.about == **function && row.is_right == is_right);
        assert!(of(true) && of(false), "{function} has a right and a wrong row");
    }
}

/// An expression that compares a field, or what is in it.
fn compared(field: FieldId) -> String {
    let mut text = field.name().to_owned();
    let mut ty = field.ty();
    while let Some(element) = ty.element() {
        text += if matches!(ty, Type::Map(_)) { "[\"k\"]" } else { "[7]" };
        ty = element;
    }
    match ty {
        Type::Bool => text,
        Type::Int => text + " eq 1",
        Type::Bytes => text + " eq \"a\"",
        Type::Ip => text + " eq 192.0.2.1",
        Type::Array(_) | Type::Map(_) => unreachable!("it has elements"),
    }
}

#[test]
fn every_field_stands_where_its_row_says_and_nowhere_else() {
    for field in FieldId::ALL {
        assert_eq!(FieldId::named(field.name()), Some(*field));
        assert_eq!(FieldId::ALL.get(field.index()), Some(field));
        let filter = compared(*field);
        for phase in Phase::ALL {
            let place = field.place();
            let may = place.phases.has(phase) && place.kinds == Kinds::All;
            match read(&filter, false, phase) {
                Ok(tree) => assert!(may && tree == filter, "{filter} in {phase:?}"),
                Err(error) => {
                    assert!(!may && error.message.contains("may not stand"), "{error}");
                }
            }
        }
    }
}

#[test]
fn every_field_is_refused_with_a_value_of_another_type() {
    for field in FieldId::ALL.iter().filter(|field| field.place().kinds == Kinds::All) {
        let phase = Phase::ALL.into_iter().find(|phase| field.place().phases.has(*phase)).unwrap();
        let right = compared(*field);
        let wrong = match right.rsplit_once(" eq ") {
            Some((left, "1")) => format!("{left} eq \"a\""),
            Some((left, _)) => format!("{left} eq 1"),
            None => format!("{right} eq 1"),
        };
        let error = read(&wrong, false, phase).expect_err(&wrong);
        assert!(error.column > 1, "{error}");
        let element = format!("{}[0]", field.name());
        if field.ty().is_primitive() {
            assert!(read(&element, false, phase).is_err(), "{element}");
        } else {
            assert!(read(&format!("{} eq 1", field.name()), false, phase).is_err(), "{field}");
        }
    }
}

#[test]
fn names_are_sorted_and_given_up_ones_mean_their_successor() {
    assert!(FieldId::NAMES.is_sorted() && Function::NAMES.is_sorted());
    assert_eq!(FieldId::named("ip.geoip.country"), Some(FieldId::IpSrcCountry));
    assert_eq!(read("ip.geoip.asnum eq 1", false, Phase::Custom).unwrap(), "ip.src.asnum eq 1");
}
