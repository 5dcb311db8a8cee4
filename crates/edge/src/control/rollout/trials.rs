//! Zones on trial. A newer release replaces one that still bakes; what a zone did under the good one is then not
//! what it has done lately, and must not be forgotten: else a zone that was broken by the first of several
//! changes would be compared with itself broken.

use std::collections::HashMap;
use std::sync::Arc;

use super::bake::WatchedZone;
use super::judge::Sums;

/// Zones that are remembered over several bakes. Of more, each bake begins anew.
const TRIALS_MAX: usize = 10_000;

/// Every zone that a release since the last good one has changed.
#[derive(Debug, Default)]
pub(crate) struct Trials(HashMap<Arc<str>, Trial>);

#[derive(Debug)]
struct Trial {
    /// The hash of the plan that it runs on.
    plan: u64,
    at_begin: Sums,
    pasts: Vec<Sums>,
}

impl Trials {
    /// Watches a zone that differs from the good release's, and runs on this plan from now on. `counted` is what
    /// it has counted until now, `pasts` what it did lately.
    pub(crate) fn watch(
        &mut self,
        name: &Arc<str>,
        plan: u64,
        counted: Sums,
        pasts: impl FnOnce() -> Vec<Sums>,
    ) -> WatchedZone {
        let before = self.0.remove(name);
        // A zone that says the same as in the release before goes on counting; one that was mended begins anew.
        let at_begin =
            before.as_ref().filter(|trial| trial.plan == plan).map_or(counted, |trial| trial.at_begin);
        let pasts = before.map_or_else(pasts, |trial| trial.pasts);
        if self.0.len() < TRIALS_MAX {
            self.0.insert(Arc::clone(name), Trial { plan, at_begin, pasts: pasts.clone() });
        }
        WatchedZone { name: Arc::clone(name), at_begin, pasts }
    }

    /// A bake has finished, or all have been taken back.
    pub(crate) fn end(&mut self) {
        self.0 = HashMap::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(requests: u64, errors: u64) -> Sums {
        Sums { requests, errors, ..Sums::default() }
    }

    #[test]
    fn a_zone_that_stays_broken_is_compared_with_what_it_was_under_the_good_release() {
        let (mut trials, name) = (Trials::default(), Arc::from("a.example"));
        let first = trials.watch(&name, 1, sums(100, 0), || vec![sums(50, 0)]);
        assert_eq!((first.at_begin, first.pasts), (sums(100, 0), vec![sums(50, 0)]));
        // Another zone is edited meanwhile: this one goes on counting, and its past is not its broken present.
        let second = trials.watch(&name, 1, sums(107, 7), || vec![sums(57, 7)]);
        assert_eq!((second.at_begin, second.pasts), (sums(100, 0), vec![sums(50, 0)]));
    }

    #[test]
    fn a_zone_that_is_mended_begins_anew_with_the_same_past() {
        let (mut trials, name) = (Trials::default(), Arc::from("a.example"));
        trials.watch(&name, 1, sums(100, 0), || vec![sums(50, 0)]);
        let mended = trials.watch(&name, 2, sums(107, 7), || vec![sums(57, 7)]);
        assert_eq!((mended.at_begin, mended.pasts), (sums(107, 7), vec![sums(50, 0)]));
        trials.end();
        let next = trials.watch(&name, 3, sums(200, 7), || vec![sums(93, 0)]);
        assert_eq!((next.at_begin, next.pasts), (sums(200, 7), vec![sums(93, 0)]));
    }
}
