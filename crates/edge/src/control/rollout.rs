//! Which release visitors run on, and how it earned that. Nothing here waits: the control thread brings what
//! the taster found, what was counted, and what people ordered; it carries out what comes back.

pub(crate) mod bake;
pub(crate) mod boot;
pub(crate) mod counts;
pub(crate) mod judge;
pub(crate) mod outcome;
mod pasts;
pub(crate) mod probe;
mod trials;
pub(crate) mod watch;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rempart_base::Now;
use rempart_config::{Difference, Settings, Snapshot, ZonePlan, load_release};
use rempart_releases::{Release, ReleaseHash, Staged, Store};

use self::bake::{Bake, Before, History, Terms, Verdict, WatchedZone};
use self::counts::Counting;
use self::judge::{Sums, Worse};
use self::outcome::{Outcome, Refusal};
use self::pasts::Pasts;
use self::trials::Trials;
use crate::running::{Canary, Running};

/// Zones that a release changes and that are watched by themselves while it bakes.
const WATCHED_ZONES_MAX: usize = 1_000;

/// A release that runs, or could at once.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) release: Release,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// The release in force, the one to go back to, and the store with all others.
pub(crate) struct Rollout {
    pub(crate) store: Store,
    newest: Loaded,
    /// The last one that finished its bake, if that is not `newest`.
    good: Option<Loaded>,
    bake: Option<Bake>,
    history: History,
    /// What `good` did in its last window before the releases that are tried after it.
    good_window: Sums,
    pasts: Pasts,
    trials: Trials,
}

/// How a reload was meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meant {
    /// Content that was rolled back before is taken again.
    pub(crate) force: bool,
    /// So many zones may go.
    pub(crate) confirm: Option<usize>,
}

impl Rollout {
    /// What visitors are to run on.
    pub(crate) fn running(&self) -> Running {
        let newest = Arc::clone(&self.newest.snapshot);
        match (&self.bake, &self.good) {
            (Some(_), Some(good)) => {
                let percent = good.snapshot.settings.release.canary_percent;
                let stable = Arc::clone(&good.snapshot);
                Running { stable, canary: Some(Canary { snapshot: newest, percent }) }
            }
            (Some(_), None) | (None, _) => Running { stable: newest, canary: None },
        }
    }

    /// The release in force.
    pub(crate) const fn newest(&self) -> &Loaded {
        &self.newest
    }

    /// The last one that finished its bake.
    pub(crate) fn good(&self) -> Option<&Loaded> {
        if self.bake.is_some() { self.good.as_ref() } else { Some(&self.newest) }
    }

    /// Its bake, while it lasts.
    pub(crate) const fn bake(&self) -> Option<&Bake> {
        self.bake.as_ref()
    }

    /// Takes the candidate that the taster left and found good, if it may be taken: `tasted` is its hash.
    /// `Applied` means that `running` has changed.
    pub(crate) fn consider(
        &mut self,
        tasted: &str,
        meant: Meant,
        counting: &Counting<'_>,
        now: Now,
    ) -> Outcome {
        if let Some(pinned) = self.store.pinned() {
            return Outcome::Refused(Refusal::Pinned(pinned));
        }
        match self.candidate(tasted, meant, now) {
            Ok(Some((release, snapshot, difference))) => {
                self.begin(Loaded { release, snapshot: Arc::clone(&snapshot) }, counting, now.mono);
                Outcome::Applied { snapshot, difference }
            }
            Ok(None) => Outcome::Unchanged(Arc::clone(&self.newest.snapshot)),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn candidate(
        &mut self,
        tasted: &str,
        meant: Meant,
        now: Now,
    ) -> Result<Option<(Release, Arc<Snapshot>, Difference)>, Refusal> {
        let staged = self.store.candidate().map_err(Refusal::store)?.ok_or(Refusal::NoCandidate)?;
        // What lies there is what the report is about, or it is not taken.
        if staged.hash.to_string() != tasted {
            return Err(Refusal::NoCandidate);
        }
        if staged.hash == self.newest.release.hash {
            return Ok(None);
        }
        if let Some(why) = self.store.is_bad(staged.hash).map(str::to_owned) {
            if !meant.force {
                return Err(Refusal::RolledBack { hash: staged.hash, why });
            }
            self.store.forgive(staged.hash).map_err(Refusal::store)?;
        }
        // The taster has survived it, and so should we.
        self.store.begin_trial(staged.hash).map_err(Refusal::store)?;
        let taken = self.taken(&staged, meant, now);
        if taken.is_err() {
            // Else it would be blamed for whatever this edge dies of one day.
            self.store.end_trial().map_err(Refusal::store)?;
        }
        taken.map(Some)
    }

    fn taken(
        &mut self,
        staged: &Staged,
        meant: Meant,
        now: Now,
    ) -> Result<(Release, Arc<Snapshot>, Difference), Refusal> {
        let (snapshot, difference) = self.tried(&staged.body, meant, now)?;
        let release = self.store.publish(staged.hash).map_err(Refusal::store)?;
        self.store.set_current(release.number).map_err(Refusal::store)?;
        Ok((release, snapshot.renumbered(release.number), difference))
    }

    fn tried(&self, body: &[u8], meant: Meant, now: Now) -> Result<(Arc<Snapshot>, Difference), Refusal> {
        let base = &self.newest.snapshot;
        let snapshot = load_release(body, Some(base), now).map_err(Refusal::Diagnostics)?;
        let difference = Difference::between(base, &snapshot);
        may_shrink(&difference.removed, base.zones().len(), &base.settings, meant)?;
        Ok((snapshot, difference))
    }

    /// From now on `next` is in force. The one before is what it is compared with, if it was good.
    fn begin(&mut self, next: Loaded, counting: &Counting<'_>, now: Instant) {
        let before = std::mem::replace(&mut self.newest, next);
        if self.bake.take().is_none() {
            self.good_window = self.history.window(counting.release(before.release.number));
            self.good = Some(before);
        }
        let Some(good) = &self.good else {
            return self.bake = Some(Bake::new(terms(&self.newest), now, Before::nothing(), Vec::new()));
        };
        let at_begin = counting.release(good.release.number);
        let before = if good.snapshot.settings.release.canary_percent < 100 {
            Before::Beside { at_begin }
        } else {
            Before::Window(self.good_window)
        };
        // Against the good one: what a release that was replaced while it baked had changed is on trial still.
        let difference = Difference::between(&good.snapshot, &self.newest.snapshot);
        let changed = difference.changed.get(..WATCHED_ZONES_MAX).unwrap_or(&difference.changed);
        let mut counts = counting.zones(changed.iter());
        let watched = changed.iter().map(|name| {
            let counted = counts.remove(name).unwrap_or_default();
            let plan = self.newest.snapshot.zone_named(name).map_or(0, |zone| zone.hash);
            self.trials.watch(name, plan, counted, || self.pasts.of(name, counted))
        });
        let watched: Vec<WatchedZone> = watched.collect();
        // The terms are those of the release that has proved itself: no change loosens its own trial.
        let bake = Bake::new(terms(good), now, before, watched).after_cpu_us(at_begin.cpu_us);
        let is_watched_whole = !difference.settings && changed.len() == difference.changed.len();
        self.bake = Some(if is_watched_whole { bake.of_zones_alone() } else { bake });
    }

    /// Whether this release is in force and bakes: meanwhile another one may have come.
    pub(crate) fn bakes(&self, number: u64) -> bool {
        self.bake.is_some() && self.newest.release.number == number
    }

    /// What the counts of this moment say.
    pub(crate) fn look(&mut self, counting: &Counting<'_>, now: Instant) -> Verdict {
        let sums = counting.release(self.newest.release.number);
        let Some(bake) = &mut self.bake else {
            self.history.note(now, sums);
            if self.pasts.is_due(now, terms(&self.newest).lasts) {
                self.pasts.note(now, counting.all_zones());
            }
            return Verdict::Bakes;
        };
        let before = self.good.as_ref().map(|good| counting.release(good.release.number)).unwrap_or_default();
        let zones = counting.zones(bake.watched());
        let counts = bake::Counts { baking: sums, before };
        let verdict = bake.verdict(now, counts, |name| zones.get(name).copied().unwrap_or_default());
        let is_alone = self.good.is_none();
        // There is nothing to go back to.
        if is_alone && matches!(verdict, Verdict::Worse(_)) { Verdict::Bakes } else { verdict }
    }

    /// The probes for the release in force have been answered.
    pub(crate) fn probed(&mut self, number: u64, answered: u64, now: Instant) {
        if let Some(bake) = self.bake.as_mut().filter(|_| self.newest.release.number == number) {
            bake.probed(answered, now);
        }
    }

    /// The release in force has earned its place: it enters the ring.
    pub(crate) fn finish(&mut self, synthetic: bool) -> io::Result<()> {
        self.store.set_generations(self.newest.snapshot.settings.release.generations);
        self.store.finish_bake(self.newest.release.number, synthetic)?;
        self.bake = None;
        self.good = None;
        self.trials.end();
        self.history = History::new(terms(&self.newest).lasts);
        Ok(())
    }

    /// Goes back from a release that is worse: its content under a new number, so that numbers only rise.
    /// The hash of the worse one stays refused.
    pub(crate) fn roll_back(&mut self, why: &str) -> Result<Loaded, Refusal> {
        let to = match &self.good {
            Some(good) => good.clone(),
            None => self.load(self.store.rollback_target().ok_or(Refusal::NothingBefore)?)?,
        };
        self.go_to(&to, why)
    }

    /// Goes back because of what was counted. If that is one zone's doing, this version of it is refused from now
    /// on, so that what is edited next does not bring it back. Answers also whether that is so.
    pub(crate) fn roll_back_worse(&mut self, worse: &Worse) -> Result<(Loaded, bool), Refusal> {
        let why = worse.to_string();
        let culprit = self.culprit(worse);
        let to = self.roll_back(&why)?;
        let refused = culprit.map(|plan| self.store.refuse_zone(&plan.name, plan.hash, &why));
        if let Some(Err(error)) = &refused {
            tracing::error!(%error, "the store does not remember which version of the zone is refused");
        }
        Ok((to, matches!(refused, Some(Ok(())))))
    }

    /// The zone whose doing it is: the verdict names it, or the release changes this one and nothing else.
    fn culprit(&self, worse: &Worse) -> Option<Arc<ZonePlan>> {
        let newest = &self.newest.snapshot;
        if let Some(zone) = worse.zone() {
            return newest.zone_named(zone).cloned();
        }
        let difference = Difference::between(&self.good.as_ref()?.snapshot, newest);
        difference.one_changed_zone().and_then(|zone| newest.zone_named(zone)).cloned()
    }

    /// Goes back to this release, by order.
    pub(crate) fn roll_back_to(&mut self, number: u64, why: &str) -> Result<Loaded, Refusal> {
        let to = self.load(self.listed(number)?)?;
        self.go_to(&to, why)
    }

    fn go_to(&mut self, to: &Loaded, why: &str) -> Result<Loaded, Refusal> {
        if to.release.hash == self.newest.release.hash {
            return Err(Refusal::InForce(self.newest.release.number));
        }
        // Visitors first: a disk that is full or broken keeps nobody on a release that does harm.
        let number = self.number_of(to.release);
        let release = self.store.roll_back(Some(number), why).unwrap_or_else(|error| {
            tracing::error!(%error, "the store does not remember this rollback: the next start may undo it");
            to.release
        });
        let snapshot = to.snapshot.renumbered(release.number);
        Ok(self.settle(Loaded { release, snapshot }))
    }

    /// Under which number the store has this content: of a content that was rolled back to, and then followed by
    /// many tries, only the older number may be left.
    fn number_of(&self, release: Release) -> u64 {
        if self.store.read(release.number).is_ok() {
            return release.number;
        }
        let mut all = self.store.list().into_iter().map(|listed| listed.release);
        all.find(|other| other.hash == release.hash).map_or(release.number, |other| other.number)
    }

    /// Runs this release and no other until the pin is taken away.
    pub(crate) fn pin(&mut self, number: u64) -> Result<Loaded, Refusal> {
        let to = self.load(self.listed(number)?)?;
        self.store.pin(number).map_err(Refusal::store)?;
        self.store.set_current(number).map_err(Refusal::store)?;
        Ok(self.settle(to))
    }

    /// Without a bake: it has had one, or a person answers for it.
    fn settle(&mut self, to: Loaded) -> Loaded {
        self.newest = to.clone();
        self.bake = None;
        self.good = None;
        self.trials.end();
        self.pasts.begin_anew();
        self.history = History::new(terms(&self.newest).lasts);
        to
    }

    /// A release by its number.
    pub(crate) fn listed(&self, number: u64) -> Result<Release, Refusal> {
        let mut all = self.store.list().into_iter().map(|listed| listed.release);
        all.find(|release| release.number == number).ok_or(Refusal::Unknown(number))
    }

    /// Reads and compiles a stored release.
    pub(crate) fn load(&self, release: Release) -> Result<Loaded, Refusal> {
        if release.number == self.newest.release.number {
            return Ok(self.newest.clone());
        }
        load(&self.store, release, Some(&self.newest.snapshot))
    }
}

fn load(store: &Store, release: Release, base: Option<&Snapshot>) -> Result<Loaded, Refusal> {
    let body = store.read(release.number).map_err(Refusal::store)?;
    let snapshot = load_release(&body, base, Now::read()).map_err(Refusal::Diagnostics)?;
    let snapshot = snapshot.renumbered(release.number);
    Ok(Loaded { release, snapshot })
}

/// The guard against a list of zones that was emptied by mistake.
fn may_shrink(gone: &[Arc<str>], of: usize, settings: &Settings, meant: Meant) -> Result<(), Refusal> {
    let removed = gone.len();
    let percent_max = usize::from(settings.release.shrink_percent_max);
    let is_within = removed.saturating_mul(100) <= of.saturating_mul(percent_max);
    if is_within || meant.confirm == Some(removed) {
        return Ok(());
    }
    let names = gone.iter().take(10).map(ToString::to_string).collect();
    Err(Refusal::Shrinks { removed, of, percent_max, names, confirmed: meant.confirm })
}

fn terms(loaded: &Loaded) -> Terms {
    let release = &loaded.snapshot.settings.release;
    Terms { lasts: release.bake, requests_min: release.bake_requests_min, probes: release.probe }
}

/// How a hash is shown to people.
pub(crate) fn short(hash: &ReleaseHash) -> String {
    hash.to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests;
