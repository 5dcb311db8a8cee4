//! What several tests read: the lists that expressions may name, tables, and where the facts lie.

#![allow(dead_code, reason = "each test uses some of it")]

use rempart_rules::ast::ListKind;
use rempart_rules::{Error, Filter, Lists, Phase, Scope, Type, ValueExpression};
use std::path::PathBuf;

/// Lists of every kind.
pub(crate) struct Known;

const LISTS: &[(&str, ListKind)] = &[
    ("partners", ListKind::Ip),
    ("blocked", ListKind::Ip),
    ("cf.anonymizer", ListKind::Ip),
    ("hosts", ListKind::Hostname),
    ("networks", ListKind::Asn),
    ("moved", ListKind::Redirect),
];

impl Lists for Known {
    fn kind(&self, name: &str) -> Option<ListKind> {
        LISTS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn names(&self) -> Vec<&str> {
        LISTS.iter().map(|(name, _)| *name).collect()
    }
}

/// A row of `operators.tsv` or `functions.tsv` beside this file's folder.
pub(crate) struct Row {
    /// The row of the facts that it is about: `kind/name` of an operator, or the name of a function.
    pub(crate) about: String,
    /// Whether it makes a text.
    pub(crate) is_text: bool,
    pub(crate) phase: Phase,
    pub(crate) is_right: bool,
    pub(crate) expression: String,
    /// What the tree of a right expression says.
    pub(crate) tree: String,
}

/// Reads a table.
pub(crate) fn rows(table: &str) -> Vec<Row> {
    let lines = table.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let [about, kind, phase, verdict, expression, tree] = line
                .split('\t')
                .collect::<Vec<_>>()
                .try_into()
                .unwrap_or_else(|_| panic!("six columns: {line}"));
            Row {
                about: about.to_owned(),
                is_text: kind == "text",
                phase: Phase::named(phase).unwrap_or_else(|| panic!("phase {phase}")),
                is_right: verdict == "right",
                expression: written_out(expression),
                tree: tree.to_owned(),
            }
        })
        .collect()
}

/// A few expressions that cannot stand in a line of a table, or are too long for it.
fn written_out(expression: &str) -> String {
    if let Some(characters) = expression.strip_prefix("LENGTH ") {
        let frame = "http.host eq \"\"";
        let fill = characters.parse::<usize>().unwrap() - frame.len();
        return format!("http.host eq \"{}\"", "a".repeat(fill));
    }
    if let Some(levels) = expression.strip_prefix("NESTED ") {
        let levels = levels.parse::<usize>().unwrap();
        return format!("{}ssl{}", "(".repeat(levels), ")".repeat(levels));
    }
    match expression.contains("ssl") {
        true => expression.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t"),
        false => expression.to_owned(),
    }
}

/// Reads an expression as a row says, and gives its tree as text.
pub(crate) fn read(expression: &str, is_text: bool, phase: Phase) -> Result<String, Error> {
    let scope = Scope { phase, lists: &Known };
    if is_text {
        ValueExpression::parse(expression, Type::Bytes, scope).map(|value| value.operand().to_string())
    } else {
        Filter::parse(expression, scope).map(|filter| filter.logic().to_string())
    }
}

/// The facts, if they lie beside the repository or where `REMPART_SHARED` says.
pub(crate) fn facts(file: &str) -> Option<String> {
    let shared = std::env::var_os("REMPART_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    std::fs::read_to_string(shared.join(file)).ok()
}
