//! Files are short. The allowance below only shrinks: a file that got shorter takes its number with it,
//! and none is added.

use crate::{Findings, Tree};

/// Lines that a source file may have. Tests may be longer: they are read one at a time.
const LINES_MAX: usize = 500;

/// So much below its allowance a file may stay before the allowance has to follow it.
const SLACK: usize = 40;

/// Files that are longer, and how many lines they may have for now.
const ALLOWANCE: &[(&str, usize)] = &[];

pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    check_with(tree, ALLOWANCE, findings);
}

fn check_with(tree: &Tree, allowance: &[(&str, usize)], findings: &mut Findings) {
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".rs") && !is_test(path)) {
        let lines = text.lines().count();
        let allowed = allowance.iter().find(|(name, _)| *name == path).map(|(_, lines)| *lines);
        let most = allowed.unwrap_or(LINES_MAX);
        if lines > most {
            findings.problems.push(format!(
                "{path}: {lines} lines, {most} are allowed; split it by what changes together"
            ));
        } else if allowed.is_some_and(|allowed| lines + SLACK < allowed || lines <= LINES_MAX) {
            let what = if lines > LINES_MAX { format!("now {lines} lines") } else { "short now".to_owned() };
            findings.problems.push(format!(
                "{path}: it is {what}; lower its allowance in xtask/src/length.rs, or take it out"
            ));
        }
    }
    for (path, _) in allowance.iter().filter(|(path, _)| tree.text(path).is_none()) {
        findings.problems.push(format!("{path}: it is gone; take it out of xtask/src/length.rs"));
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(lines: usize, path: &str, allowance: &[(&str, usize)]) -> usize {
        let mut findings = Findings::default();
        let text = "\n".repeat(lines);
        check_with(&Tree::of(&[(path, &text)]), allowance, &mut findings);
        findings.problems.len()
    }

    #[test]
    fn the_bound_is_exact_and_tests_are_free() {
        assert_eq!(count(500, "crates/a/src/b.rs", &[]), 0);
        assert_eq!(count(501, "crates/a/src/b.rs", &[]), 1);
        assert_eq!(count(501, "crates/a/src/tests.rs", &[]), 0);
        assert_eq!(count(501, "docs/a.md", &[]), 0);
    }

    #[test]
    fn the_allowance_only_shrinks() {
        assert_eq!(count(600, "a/b.rs", &[("a/b.rs", 600)]), 0);
        assert_eq!(count(601, "a/b.rs", &[("a/b.rs", 600)]), 1);
        assert_eq!(count(560, "a/b.rs", &[("a/b.rs", 600)]), 0);
        assert_eq!(count(559, "a/b.rs", &[("a/b.rs", 600)]), 1);
        assert_eq!(count(500, "a/b.rs", &[("a/b.rs", 510)]), 1);
        assert_eq!(count(10, "a/b.rs", &[("a/gone.rs", 600)]), 1);
    }
}
