//! A feature is one folder below `crates/features`, with the same files in each, and one row in the list.

use crate::{Findings, Tree};

const FILES: &[&str] = &["README.md", "config.rs", "compile.rs", "runtime.rs", "tests.rs"];
const LIST: &str = "crates/edge/src/pipeline.rs";

pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    let features = tree.folders("crates/features");
    if features.is_empty() {
        findings.skipped.push("crates/features does not exist yet: no feature was checked".to_owned());
    }
    let list = tree.text(LIST).unwrap_or_default();
    for feature in features.into_iter().filter(|feature| *feature != "src") {
        let root = format!("crates/features/{feature}");
        for file in FILES {
            if tree.text(&format!("{root}/{file}")).is_none()
                && tree.text(&format!("{root}/src/{file}")).is_none()
            {
                findings
                    .problems
                    .push(format!("{root}: {file} is missing; a feature has {}", FILES.join(", ")));
            }
        }
        if !list.contains(&format!("\"{feature}\"")) {
            findings.problems.push(format!("{LIST}: no row is called \"{feature}\"; every feature has one"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(leave_out: &str, list: &str) -> usize {
        let mut files: Vec<(String, &str)> = FILES
            .iter()
            .filter(|file| **file != leave_out)
            .map(|file| (format!("crates/features/waf/{file}"), ""))
            .collect();
        files.push((LIST.to_owned(), list));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let mut findings = Findings::default();
        check(&Tree::of(&files), &mut findings);
        findings.problems.len()
    }

    #[test]
    fn a_whole_feature_is_right_and_what_it_lacks_is_told() {
        assert_eq!(problems("", "Stage { name: \"waf\" }"), 0);
        assert_eq!(problems("README.md", "Stage { name: \"waf\" }"), 1);
        assert_eq!(problems("compile.rs", ""), 2);
    }
}
