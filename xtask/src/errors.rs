//! Every code that an operator or a visitor can meet has a heading `## code` in `docs/errors/`.

use crate::{Findings, Tree};
use std::collections::BTreeMap;

/// What stands before a code in the source; the code is the next string literal.
const BEFORE: &[&str] = &["Problem::new(", ".refuse(", "shown!(", "code: ", "const MORE: &str = "];

/// How far behind that the literal may begin.
const BYTES_BETWEEN_MAX: usize = 100;

pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    let codes = codes(tree);
    let pages = headings(tree);
    for (code, file) in &codes {
        if !pages.contains_key(code) {
            findings.problems.push(format!(
                "{file}: the code `{code}` has no page; write `## {code}` in docs/errors/README.md"
            ));
        }
    }
    for (heading, file) in pages.iter().filter(|(heading, _)| !codes.contains_key(*heading)) {
        findings.problems.push(format!("{file}: `## {heading}` is no code of the program any more"));
    }
}

/// Each code and a file that uses it.
fn codes(tree: &Tree) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    let is_source =
        |path: &str| path.starts_with("crates/") && path.ends_with(".rs") && path.contains("/src/");
    for (path, text) in tree.files().filter(|(path, _)| is_source(path) && !path.contains("tests")) {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        for before in BEFORE {
            for rest in program.split(before).skip(1) {
                if let Some(code) = literal(rest).filter(|code| is_code(code)) {
                    codes.insert(code.to_owned(), path.to_owned());
                }
            }
        }
    }
    codes
}

/// The first string literal, if it is an argument of the same call.
fn literal(text: &str) -> Option<&str> {
    let (between, rest) = text.split_once('"')?;
    let near = between.len() <= BYTES_BETWEEN_MAX && !between.contains([';', ')', '{', '}']);
    near.then(|| rest.split('"').next()).flatten()
}

fn is_code(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn headings(tree: &Tree) -> BTreeMap<String, String> {
    let pages = tree.files().filter(|(path, _)| path.starts_with("docs/errors/") && path.ends_with(".md"));
    pages
        .flat_map(|(path, text)| text.lines().map(move |line| (path, line)))
        .filter_map(|(path, line)| Some((line.strip_prefix("## ")?.trim(), path)))
        .filter(|(heading, _)| is_code(heading))
        .map(|(heading, path)| (heading.to_owned(), path.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn a() {\n    Problem::new(\n        \"empty-list\",\n        \"text\");\n    \
        cx.refuse(mark, \"yaml-syntax\", \"text\");\n    shown!(500, \"panic\", \"Title\");\n    \
        Problem::new(code, message);\n}\n#[cfg(test)]\nmod tests { fn t() { Problem::new(\"only-a-test\") } }\n";

    fn problems(page: &str) -> Vec<String> {
        let mut findings = Findings::default();
        check(
            &Tree::of(&[("crates/config/src/a.rs", SOURCE), ("docs/errors/README.md", page)]),
            &mut findings,
        );
        findings.problems
    }

    #[test]
    fn every_code_has_its_heading_and_every_heading_its_code() {
        let whole = "# Errors\n\n## empty-list\n## yaml-syntax\n## panic\n## How to read them\n";
        assert_eq!(problems(whole), Vec::<String>::new());
        assert_eq!(problems(&whole.replace("## panic\n", "")).len(), 1);
        assert_eq!(problems(&whole.replace("panic", "gone")).len(), 2);
        assert_eq!(problems("").len(), 3);
    }
}
