//! The house rules that a machine can check. `cargo run -p xtask -- lint` prints what is wrong, and
//! `cargo test -p xtask` fails for it.

mod architecture;
mod errors;
mod features;
mod length;
mod rooms;
mod tree;
mod words;

pub use tree::Tree;

/// What the checks found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Broken rules, each with its file and what to do.
    pub problems: Vec<String>,
    /// What was not checked, and why.
    pub skipped: Vec<String>,
}

/// One rule.
pub struct Rule {
    /// For the summary.
    pub name: &'static str,
    /// Looks at the tree and adds what it finds.
    pub check: fn(&Tree, &mut Findings),
}

/// All of them.
pub const RULES: &[Rule] = &[
    Rule { name: "layers point down", check: rooms::layers },
    Rule { name: "packages keep to the naming and are not published", check: rooms::packages },
    Rule { name: "files are short", check: length::check },
    Rule { name: "what ARCHITECTURE.md names exists", check: architecture::check },
    Rule { name: "features have their files and their row", check: features::check },
    Rule { name: "every error code has its page", check: errors::check },
    Rule { name: "nothing of one machine is in the project", check: words::check },
];

/// Checks every rule.
#[must_use]
pub fn lint(tree: &Tree) -> Findings {
    let mut findings = Findings::default();
    for rule in RULES {
        (rule.check)(tree, &mut findings);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_house_is_in_order() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let findings = lint(&Tree::read(&root).unwrap());
        for skipped in &findings.skipped {
            println!("skipped: {skipped}");
        }
        assert!(findings.problems.is_empty(), "{}", findings.problems.join("\n"));
    }
}
