//! Wrong expressions, with the exact words and marks with which they are refused: `wrong.txt`. Each begins with a
//! line `#### kind phase`, has the expression, a line `--`, and what is said.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod support;

use rempart_rules::Phase;

#[test]
fn what_is_wrong_is_said_where_it_is_wrong() {
    let table = include_str!("wrong.txt");
    let mut count = 0;
    for block in table.split("#### ").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let (expression, expected) = rest.split_once("\n--\n").unwrap();
        let (kind, phase) = head.split_once(' ').unwrap();
        let phase = Phase::named(phase).expect(phase);
        let error = support::read(expression, kind == "text", phase).expect_err(expression);
        assert_eq!(error.to_string(), expected.trim_end_matches('\n'), "\n{head}: {expression}");
        let marked = error.excerpt.lines().last().unwrap();
        assert_eq!(marked.find('^').map(|at| at + 1), Some(error.column as usize), "{expression}");
        count += 1;
    }
    assert!(count > 250, "{count}");
}
