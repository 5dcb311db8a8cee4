//! ARCHITECTURE.md names things of the code in backticks; they exist.

use crate::{Findings, Tree};

const FILE: &str = "ARCHITECTURE.md";

/// ARCHITECTURE.md may have so many lines: it is read whole.
const LINES_MAX: usize = 330;

pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(text) = tree.text(FILE) else {
        findings.skipped.push(format!("{FILE} does not exist yet: nothing that it names was looked for"));
        return;
    };
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.problems.push(format!("{FILE}: {lines} lines, {LINES_MAX} are allowed"));
    }
    for (number, line) in prose(text) {
        for word in line.split('`').skip(1).step_by(2) {
            let is_there = if word.contains("::") { symbol(tree, word) } else { file(tree, word) };
            if !is_there {
                findings.problems.push(format!("{FILE}:{number}: `{word}` does not exist"));
            }
        }
    }
}

/// The lines outside of code blocks, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// A path with a folder in it exists. Other words in backticks are not ours to judge.
fn file(tree: &Tree, word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let is_path = plain && word.contains('/') && !word.starts_with('/');
    !is_path || tree.exists(word)
}

/// `crate::module::Name`, `crate::Name` or `crate::Type::item`: the last part is declared somewhere in that
/// crate, and each module on the way is a file, a folder or declared as well.
fn symbol(tree: &Tree, word: &str) -> bool {
    let path = word.split(['(', '<', ' ', '{', '!']).next().unwrap_or(word);
    let mut parts = path.split("::").filter(|part| !part.is_empty());
    let Some(room) = parts.next() else { return true };
    let folder = room.strip_prefix("rempart_").unwrap_or(room);
    if !tree.exists(&format!("crates/{folder}")) {
        return false;
    }
    let root = format!("crates/{folder}/src/");
    let sources: Vec<(&str, &str)> = tree.files().filter(|(path, _)| path.starts_with(&root)).collect();
    parts.all(|part| {
        sources.iter().any(|(path, text)| {
            path.ends_with(&format!("/{part}.rs"))
                || path.contains(&format!("/{part}/"))
                || declares(text, part)
        })
    })
}

/// Whether the name is declared: after a keyword, as a variant or field at the start of a line, or as a
/// macro's argument.
fn declares(text: &str, name: &str) -> bool {
    const KEYWORDS: &[&str] =
        &["fn", "struct", "enum", "trait", "type", "const", "static", "mod", "macro_rules!"];
    text.lines().any(|line| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && !"_!".contains(c)).collect();
        let after_keyword =
            words.windows(2).any(|pair| matches!(pair, [k, n] if KEYWORDS.contains(k) && *n == name));
        let leads = line.trim_start().strip_prefix("pub ").unwrap_or(line.trim_start());
        let rest = leads.strip_prefix(name);
        after_keyword
            || rest.is_some_and(|rest| matches!(rest.chars().next(), None | Some(',' | '(' | ':' | ' ')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        let source = "pub struct Name {\n    field: u8,\n}\nimpl Name { pub const fn act() {} }\nenum Two {\n    One,\n}\n";
        let tree = Tree::of(&[(FILE, text), ("crates/edge/src/room.rs", source), ("docs/a.md", "")]);
        check(&tree, &mut findings);
        findings.problems
    }

    #[test]
    fn what_exists_is_right() {
        let text = "`edge::room::Name`, `edge::Name::act()`, `edge::Two::One`, `docs/a.md`, `crates/edge`, \
                    `docs/`, `make run`, `word`, `/metrics`\n```\n`edge::no`\n```\n";
        assert_eq!(problems(text), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_exist_is_named_with_its_line() {
        for wrong in ["`edge::room::Gone`", "`edge::gone::Name`", "`gone::Name`", "`docs/gone.md`"] {
            let found = problems(&format!("\n{wrong}\n"));
            assert!(
                matches!(found.as_slice(), [one] if one.contains("ARCHITECTURE.md:2:")),
                "{wrong}: {found:?}"
            );
        }
    }

    #[test]
    fn without_the_file_the_rule_says_that_it_did_nothing() {
        let mut findings = Findings::default();
        check(&Tree::of(&[]), &mut findings);
        assert_eq!((findings.problems.len(), findings.skipped.len()), (0, 1));
    }
}
