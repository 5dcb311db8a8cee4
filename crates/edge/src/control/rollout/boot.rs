//! What an edge begins with: the candidate that was tasted for it, or what the store says; never nothing as
//! long as one stored release can be read.

use std::sync::Arc;

use rempart_base::Now;
use rempart_config::{Outline, Snapshot, load_release};
use rempart_releases::{Release, ReleaseHash, Staged, Standing, Store};

use super::bake::{Bake, Before, History};
use super::judge::Sums;
use super::outcome::Refusal;
use super::pasts::Pasts;
use super::trials::Trials;
use super::{Loaded, Meant, Rollout, load, may_shrink, short, terms};
use crate::launch::Boot;

/// What the operator should learn about a start.
pub(crate) struct Note {
    pub(crate) kind: &'static str,
    pub(crate) release: Option<u64>,
    pub(crate) text: String,
}

/// Why the release that crashed is not begun with again.
const CRASHED: &str = "edges that ran it crashed three times in a row soon after their start";

/// Chooses and loads.
///
/// # Errors
/// No stored release can be loaded.
pub(crate) fn boot(mut store: Store, how: Boot) -> Result<(Rollout, Vec<Note>), String> {
    let mut notes: Vec<Note> =
        store.damage().iter().map(|damage| note("damage", None, damage.clone())).collect();
    let trial = end_trial(&mut store);
    let prepared = match (how, trial) {
        (Boot::Candidate, _) => take_candidate(&mut store, &mut notes),
        (Boot::StepBack | Boot::AfterCrash, Some(culprit)) => condemn(&mut store, culprit, &mut notes),
        (Boot::StepBack, None) => step_back(&mut store, &mut notes),
        (Boot::AfterCrash, None) => doubt(&mut store, &mut notes),
        // It was killed, which is nobody's fault.
        (Boot::Stored, _) => Ok(()),
    };
    if let Err(refusal) = prepared {
        notes.push(note(refusal.kind(), None, refusal.to_string()));
    }
    let newest = first_that_loads(&store, &mut notes)?;
    store
        .set_current(newest.release.number)
        .map_err(|error| tracing::error!(%error, "the store does not remember which release runs"))
        .ok();
    let Trial { good, bake, history } = trial_of(&store, &newest);
    Ok((
        Rollout {
            store,
            newest,
            good,
            bake,
            history,
            good_window: Sums::default(),
            pasts: Pasts::default(),
            trials: Trials::default(),
        },
        notes,
    ))
}

/// What a release still has to go through.
struct Trial {
    good: Option<Loaded>,
    bake: Option<Bake>,
    history: History,
}

fn trial_of(store: &Store, newest: &Loaded) -> Trial {
    let good = before(store, newest);
    let terms = terms(good.as_ref().unwrap_or(newest));
    let is_beside = good.as_ref().is_some_and(|good| good.snapshot.settings.release.canary_percent < 100);
    // What the one before did in its last window is forgotten with the process; what it does beside is seen.
    let before = if is_beside { Before::Beside { at_begin: Sums::default() } } else { Before::nothing() };
    // For what is pinned a person answers.
    let is_settled = is_good(store, newest.release) || store.pinned() == Some(newest.release.number);
    let bake = (!is_settled).then(|| Bake::new(terms, Now::mono(), before, Vec::new()));
    let good = good.filter(|_| bake.is_some());
    Trial { good, bake, history: History::new(terms.lasts) }
}

impl Rollout {
    /// While this edge was started the one before was told what to do still. Answers whether another release
    /// is in force now.
    ///
    /// # Errors
    /// It cannot be loaded: then nothing has changed.
    pub(crate) fn catch_up(&mut self) -> Result<bool, Refusal> {
        let known = self.store.current();
        self.store.refresh();
        let current = self.store.current().filter(|_| self.store.current() != known);
        let Some(number) = current.filter(|number| *number != self.newest.release.number) else {
            return Ok(false);
        };
        self.newest = self.load(self.listed(number)?)?;
        Trial { good: self.good, bake: self.bake, history: self.history } =
            trial_of(&self.store, &self.newest);
        Ok(true)
    }
}

fn note(kind: &'static str, release: Option<u64>, text: String) -> Note {
    Note { kind, release, text }
}

fn take_candidate(store: &mut Store, notes: &mut Vec<Note>) -> Result<(), Refusal> {
    if let Some(pinned) = store.pinned() {
        return Err(Refusal::Pinned(pinned));
    }
    let staged = store.candidate().map_err(Refusal::store)?.ok_or(Refusal::NoCandidate)?;
    if let Some(why) = store.is_bad(staged.hash).map(str::to_owned) {
        return Err(Refusal::RolledBack { hash: staged.hash, why });
    }
    may_follow(store, &staged)?;
    let release = store.publish(staged.hash).map_err(Refusal::store)?;
    store.set_current(release.number).map_err(Refusal::store)?;
    let text = format!("release {} (hash {}) is what the files say", release.number, short(&release.hash));
    notes.push(note("published", Some(release.number), text));
    Ok(())
}

/// A start confirms nothing: zones that are gone because a folder is not there yet, say, are served as before.
fn may_follow(store: &Store, staged: &Staged) -> Result<(), Refusal> {
    let before = store.boots().next().and_then(|(_, body)| Outline::read(&body).ok());
    let Some(before) = before else { return Ok(()) };
    let new = Outline::read(&staged.body).map_err(Refusal::Diagnostics)?;
    may_shrink(&before.removed(&new), before.zones.len(), &before.settings, Meant::default())
}

/// The content that the edge before loaded when it ended.
fn end_trial(store: &mut Store) -> Option<ReleaseHash> {
    let trial = store.trial()?;
    store.end_trial().map_err(|error| tracing::error!(%error, "the store keeps a trial that is over")).ok();
    Some(trial)
}

/// What ran is innocent: the edge died of what it loaded beside it.
fn condemn(store: &mut Store, culprit: ReleaseHash, notes: &mut Vec<Note>) -> Result<(), Refusal> {
    let why = "the edge that loaded it crashed";
    store.mark_bad(culprit, why).map_err(Refusal::store)?;
    notes.push(note("tasted", None, format!("the content {} stays refused: {why}", short(&culprit))));
    Ok(())
}

/// A release that still bakes is the first to be suspected: the content before it did not crash.
fn doubt(store: &mut Store, notes: &mut Vec<Note>) -> Result<(), Refusal> {
    let suspect = store.boots().next().map(|(release, _)| release);
    let suspect = suspect.filter(|release| store.pinned().is_none() && !is_good(store, *release));
    let Some((suspect, target)) = suspect.zip(store.rollback_target()) else { return Ok(()) };
    let why = "the edge that ran it crashed while it baked";
    let release = store.roll_back(Some(target.number), why).map_err(Refusal::store)?;
    let text =
        format!("release {}: {why}; rolled back, release {} is in force", suspect.number, release.number);
    notes.push(note("rolled-back", Some(suspect.number), text));
    Ok(())
}

/// What would run is marked as bad.
fn step_back(store: &mut Store, notes: &mut Vec<Note>) -> Result<(), Refusal> {
    let order = store.boot_order();
    let Some(crashed) = order.first() else { return Ok(()) };
    if order.iter().all(|release| release.hash == crashed.hash) {
        let text = format!("release {}: {CRASHED}; there is no other to go back to", crashed.number);
        notes.push(note("crash-loop", Some(crashed.number), text));
        return Ok(());
    }
    // A pin is a person's word, but not to serve nothing.
    store.unpin().map_err(Refusal::store)?;
    store.mark_bad(crashed.hash, CRASHED).map_err(Refusal::store)?;
    let text = format!("release {}: {CRASHED}; it is marked as bad, one generation back", crashed.number);
    notes.push(note("crash-loop", Some(crashed.number), text));
    Ok(())
}

fn first_that_loads(store: &Store, notes: &mut Vec<Note>) -> Result<Loaded, String> {
    for (release, body) in store.boots() {
        match load_release(&body, None, Now::read()) {
            Ok(snapshot) => {
                let snapshot = snapshot.renumbered(release.number);
                return Ok(Loaded { release, snapshot });
            }
            Err(diagnostics) => {
                let text = format!("release {} cannot be loaded\n{diagnostics}", release.number);
                notes.push(note("unloadable", Some(release.number), text));
            }
        }
    }
    let said: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    let said = said.join("\n");
    Err(format!("there is no release to begin with\n{said}\n  to do: mend the configuration and start again"))
}

fn is_good(store: &Store, release: Release) -> bool {
    let mut all = store.list().into_iter().filter(|listed| listed.release.hash == release.hash);
    all.any(|listed| matches!(listed.standing, Standing::Good { .. }))
}

/// The one to go back to while the newest bakes. It shares what is the same.
fn before(store: &Store, newest: &Loaded) -> Option<Loaded> {
    let base: Option<&Snapshot> = Some(Arc::as_ref(&newest.snapshot));
    load(store, store.rollback_target()?, base).ok()
}
