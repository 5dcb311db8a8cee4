//! Literals one of which every match of a regular expression has.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// Literals, one of which is in every text that the expression matches.
pub(super) struct Found {
    pub(super) literals: Vec<Vec<u8>>,
    /// Whether they are in lower case and stand for every case.
    pub(super) is_any_case: bool,
}

/// More literals are not worth it.
const LITERALS_MAX: usize = 64;

/// The best that can be found, if any.
pub(super) fn of(pattern: &str) -> Option<Found> {
    let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()?;
    let mut best = None;
    consider(&hir, &mut best);
    best.map(|(_, found)| found)
}

/// Looks at the beginning and the end of a part that every match has, and at the parts of that.
fn consider(hir: &Hir, best: &mut Option<(usize, Found)>) {
    for kind in [ExtractKind::Prefix, ExtractKind::Suffix] {
        let found = literals(Extractor::new().kind(kind.clone()).extract(hir));
        let Some(found) = found else { continue };
        let least = found.literals.iter().map(Vec::len).min().unwrap_or(0);
        if least > best.as_ref().map_or(0, |(least, _)| *least) {
            *best = Some((least, found));
        }
    }
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| consider(part, best)),
        HirKind::Capture(group) => consider(&group.sub, best),
        HirKind::Repetition(repetition) if repetition.min > 0 => consider(&repetition.sub, best),
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Alternation(_) => {}
    }
}

fn literals(found: Seq) -> Option<Found> {
    let literals: Vec<Vec<u8>> =
        found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    let mut lower: Vec<Vec<u8>> = literals.iter().map(|literal| literal.to_ascii_lowercase()).collect();
    lower.sort_unstable();
    lower.dedup();
    let is_any_case = lower.len() < literals.len();
    let mut literals = if is_any_case { lower } else { literals };
    // Where one is within another, it is enough. (Of equal ones the first stays.)
    let all = literals.clone();
    let mut number = 0;
    literals.retain(|literal| {
        let others = all.iter().enumerate().filter(|(other, _)| *other != number);
        let is_wider = |(other, part): (usize, &Vec<u8>)| {
            (part.len() < literal.len() || part == literal && other < number)
                && literal.windows(part.len().max(1)).any(|window| window == &**part)
        };
        let stays = !others.into_iter().any(is_wider);
        number += 1;
        stays
    });
    (!literals.is_empty() && literals.len() <= LITERALS_MAX).then_some(Found { literals, is_any_case })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str) -> Vec<String> {
        of(pattern).map_or(Vec::new(), |found| {
            found.literals.into_iter().map(|literal| String::from_utf8(literal).unwrap()).collect()
        })
    }

    #[test]
    fn the_longest_literals_that_every_match_has_are_found() {
        assert_eq!(found(r"^/wp-(admin|login)"), ["/wp-admin", "/wp-login"]);
        assert_eq!(found(r"\.(php|asp)x?$"), [".php", ".asp"]);
        assert_eq!(found(r"(?i)union.*select"), ["select"]);
        assert_eq!(found(r"[0-9]+abc[0-9]+"), ["abc"]);
        assert_eq!(found(r"a|"), [""; 0]);
        assert_eq!(found(r".*"), [""; 0]);
    }
}
