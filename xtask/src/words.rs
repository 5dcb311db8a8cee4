//! Nothing in the project is of one machine: no path of it, no name of a host that only it reaches.

use crate::{Findings, Tree};

/// What may not stand in any file. Split, so that this file does not hold them itself.
const FORBIDDEN: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("artif", "actory")];

pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.files() {
        for (index, line) in text.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                findings.problems.push(format!(
                    "{path}:{}: `{word}` belongs to one machine; write a path of the project",
                    index + 1
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found_with_its_line() {
        for (text, count) in [("fine\nwork/main", 0), (concat!("fine\n/wo", "rk/main"), 1)] {
            let mut findings = Findings::default();
            check(&Tree::of(&[("docs/a.md", text)]), &mut findings);
            assert_eq!(findings.problems.len(), count);
            assert!(findings.problems.iter().all(|problem| problem.starts_with("docs/a.md:2:")));
        }
    }
}
