//! The query in the primary key.

use std::borrow::Cow;

use super::build::{Element, Elements, Item};
use crate::plan::{CachePlan, Level, QueryKeep, is_static_file};

/// A query with more parameters is kept as it came: sorting it would cost too much, and no website means it.
const PARAMETERS_MAX: usize = 1024;

/// Adds what the plan leaves of the query.
pub(super) fn push(
    bytes: &mut Elements,
    scratch: &mut Vec<Item>,
    path: &[u8],
    query: &[u8],
    plan: &CachePlan,
) {
    match left(path, query, plan, scratch) {
        Left::Nothing => {}
        Left::All => bytes.push(Element::Query, query),
        Left::Parts => {
            let begins = bytes.begin(Element::QueryPart);
            parts(&mut bytes.0, query, scratch);
            bytes.end(begins);
        }
    }
}

/// A URL's path and query as far as the key tells such URLs apart: what a purge of that URL names.
pub(crate) fn url<'a>(path_and_query: &'a [u8], plan: &CachePlan) -> Cow<'a, [u8]> {
    let mut halves = path_and_query.splitn(2, |byte| *byte == b'?');
    let (Some(path), Some(query)) = (halves.next(), halves.next()) else { return path_and_query.into() };
    let mut scratch = Vec::new();
    match left(path, query, plan, &mut scratch) {
        Left::Nothing => path.into(),
        Left::All => path_and_query.into(),
        Left::Parts => {
            let mut url = [path, b"?"].concat();
            parts(&mut url, query, &scratch);
            url.into()
        }
    }
}

/// What the plan leaves of a query.
enum Left {
    Nothing,
    /// As it came.
    All,
    /// Those parts that stand in the scratch, in that order.
    Parts,
}

fn left(path: &[u8], query: &[u8], plan: &CachePlan, scratch: &mut Vec<Item>) -> Left {
    if plan.level == Level::Simplified && is_static_file(path) {
        return Left::Nothing;
    }
    let is_sorted = plan.key.query.is_sorted;
    let keep = match &plan.key.query.keep {
        QueryKeep::None => return Left::Nothing,
        QueryKeep::All if !is_sorted => return Left::All,
        keep @ (QueryKeep::All | QueryKeep::Only(_) | QueryKeep::Without(_)) => keep,
    };
    scratch.clear();
    parameters(query, keep, scratch);
    match scratch.len() {
        0 => return Left::Nothing,
        1..=PARAMETERS_MAX => {}
        _ => return Left::All,
    }
    if is_sorted {
        // By name alone: parameters of one name keep their order, which may mean something.
        let name = |item: &Item| name(query.get(item.start..item.end).unwrap_or_default());
        scratch.sort_unstable_by(|a, b| name(a).cmp(name(b)).then(a.start.cmp(&b.start)));
    }
    Left::Parts
}

fn parts(out: &mut Vec<u8>, query: &[u8], items: &[Item]) {
    for item in items {
        out.extend_from_slice(query.get(item.start..item.end).unwrap_or_default());
        out.push(b'&');
    }
}

/// The parameters that are kept, one more than are ever sorted. Empty ones mean nothing.
///
/// What is left out of the key may not change the answer, so nothing is left out that an origin could read as
/// something that is kept: frameworks take `;` for `&`, decode names, know `a[]` and `a.b` by other names, or do not
/// care about case.
fn parameters(query: &[u8], keep: &QueryKeep, into: &mut Vec<Item>) {
    let mut start = 0;
    for parameter in query.split(|byte| *byte == b'&') {
        let item = Item { start, end: start + parameter.len(), rank: 0 };
        start = item.end + 1;
        let is_two = parameter.contains(&b';');
        let is_kept = match keep {
            QueryKeep::All => true,
            QueryKeep::None => false,
            QueryKeep::Only(names) => {
                let lower = name(parameter).iter().map(u8::to_ascii_lowercase);
                let is_among = names.binary_search_by(|own| own.iter().copied().cmp(lower.clone())).is_ok();
                is_two || is_among || !name(parameter).iter().all(|byte| is_plain(*byte))
            }
            QueryKeep::Without(names) => {
                is_two || names.binary_search_by(|own| (**own).cmp(name(parameter))).is_err()
            }
        };
        if is_kept && !parameter.is_empty() {
            into.push(item);
        }
        if into.len() > PARAMETERS_MAX {
            return;
        }
    }
}

/// What stands for itself in every framework.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Up to the first `=`, as it came.
fn name(parameter: &[u8]) -> &[u8] {
    parameter.split(|byte| *byte == b'=').next().unwrap_or_default()
}
