//! A real store, real releases, and counts as cores would bring them.

use std::path::PathBuf;
use std::time::Duration;

use rempart_base::Now;
use rempart_config::{Compiler, Source};
use rempart_releases::{Standing, Store};

mod counted;

use super::boot::boot;
use super::*;
use crate::launch::Boot;
use crate::worker::Handle;

/// A folder with a store in it.
struct Place(tempfile::TempDir);

fn place() -> Place {
    Place(tempfile::tempdir().unwrap())
}

impl Place {
    fn store(&self) -> Store {
        Store::open(&self.folder(), 3).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("releases")
    }

    /// What a taster leaves that has read a configuration with these zones.
    fn taste(&self, zones: &[String]) {
        Store::stage(&self.folder(), &body(zones)).unwrap();
    }

    fn boot(&self, how: Boot) -> Rollout {
        boot(self.store(), how).unwrap_or_else(|why| panic!("{why}")).0
    }

    /// An edge whose release has finished its bake.
    fn good(&self, zones: &[String]) -> Rollout {
        self.taste(zones);
        let mut rollout = self.boot(Boot::Candidate);
        rollout.finish(false).unwrap();
        rollout
    }
}

fn body(zones: &[String]) -> Vec<u8> {
    let zones: Vec<String> =
        zones.iter().map(|name| format!("{{name: {name}, origins: ['http://127.0.0.1:1']}}")).collect();
    let text = format!("listen: {{http: ['127.0.0.1:0']}}\nzones: [{}]\n", zones.join(", "));
    let source = Source::Text { name: "test".into(), text, folder: PathBuf::new() };
    Compiler::new(source).compile(Now::read()).unwrap().encode()
}

#[test]
fn what_the_edge_before_was_told_while_this_one_started_is_not_lost() {
    let place = place();
    drop(place.good(&zones(1)));
    place.taste(&zones(2));
    let mut old = place.boot(Boot::Candidate);
    old.finish(false).unwrap();
    let mut new = place.boot(Boot::Stored);
    assert!(!new.catch_up().unwrap(), "nothing has happened");
    old.store.set_switch("z0.example", "origin", true).unwrap();
    let back = old.roll_back("by order").unwrap().release;
    old.pin(back.number).unwrap();
    assert!(new.catch_up().unwrap());
    assert_eq!((new.newest().release, new.store.pinned()), (back, Some(back.number)));
    assert_eq!(new.newest().snapshot.zones().len(), 1);
    assert!(new.bake().is_none(), "its content has had its bake");
    assert_eq!(new.store.switches().count(), 1);
    assert!(!new.catch_up().unwrap());
    // What has not proved itself bakes here.
    old.store.unpin().unwrap();
    place.taste(&zones(3));
    let published = old.store.publish(old.store.candidate().unwrap().unwrap().hash).unwrap();
    old.store.set_current(published.number).unwrap();
    assert!(new.catch_up().unwrap());
    assert_eq!((new.newest().release, new.bake().is_some()), (published, true));
    assert_eq!(new.good().unwrap().snapshot.zones().len(), 1);
}

fn zones(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("z{i}.example")).collect()
}

fn consider(rollout: &mut Rollout, meant: Meant) -> Outcome {
    let nobody: Arc<[Handle]> = Arc::new([]);
    let tasted = rollout.store.candidate().unwrap().map(|staged| staged.hash.to_string());
    rollout.consider(&tasted.unwrap_or_default(), meant, &Counting::of(&nobody), Now::read())
}

fn applied(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Applied { snapshot, .. } => snapshot.number,
        Outcome::Unchanged(_) | Outcome::Refused(_) => panic!("not applied: {outcome:?}"),
    }
}

fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        Outcome::Applied { .. } | Outcome::Unchanged(_) => panic!("not refused: {outcome:?}"),
    }
}

const FORCE: Meant = Meant { force: true, confirm: None };

const fn confirm(removed: usize) -> Meant {
    Meant { force: false, confirm: Some(removed) }
}

#[test]
fn the_first_release_serves_everybody_and_enters_the_ring_when_its_bake_is_finished() {
    let place = place();
    place.taste(&zones(2));
    let mut rollout = place.boot(Boot::Candidate);
    assert!(rollout.running().canary.is_none() && rollout.good().is_none() && rollout.bake().is_some());
    assert!(place.store().rollback_target().is_none() && matches!(standing(&place, 1), Standing::Baking));
    rollout.finish(true).unwrap();
    assert!(matches!(standing(&place, 1), Standing::Good { is_synthetic: true, .. }));
    assert_eq!(rollout.good().map(|good| good.release.number), Some(1));
}

fn standing(place: &Place, number: u64) -> Standing {
    let mut all = place.store().list().into_iter();
    all.find(|listed| listed.release.number == number).unwrap().standing
}

#[test]
fn a_newer_release_replaces_one_that_bakes_and_the_good_one_stays_the_one_to_go_back_to() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    for count in 3..6 {
        place.taste(&zones(count));
        let number = applied(consider(&mut rollout, Meant::default()));
        let running = rollout.running();
        assert_eq!((running.stable.number, running.newest().number), (1, number));
        assert_eq!(rollout.store.current(), Some(number));
    }
    let back = rollout.roll_back("worse").unwrap();
    assert_eq!((back.release.number, back.snapshot.number, back.snapshot.zones().len()), (5, 5, 2));
    let running = rollout.running();
    assert!(running.canary.is_none() && running.stable.number == 5);
}

#[test]
fn the_same_content_is_no_new_release() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(2));
    assert!(matches!(consider(&mut rollout, Meant::default()), Outcome::Unchanged(_)));
}

#[test]
fn a_candidate_that_is_not_what_was_tasted_is_not_taken() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(3));
    let nobody: Arc<[Handle]> = Arc::new([]);
    let other = rollout.newest().release.hash.to_string();
    let outcome = rollout.consider(&other, FORCE, &Counting::of(&nobody), Now::read());
    assert!(matches!(refused(outcome), Refusal::NoCandidate));
}

#[test]
fn zones_that_an_unbaked_release_changed_are_watched_in_the_next_one_too() {
    let place = place();
    let mut rollout = place.good(&zones(3));
    let with = |port: u16, of: usize| -> Vec<String> {
        let all = zones(3).into_iter().enumerate();
        all.map(|(i, name)| if i == of { format!("{name}, hosts: ['p{port}.example']") } else { name })
            .collect()
    };
    place.taste(&with(1, 0));
    applied(consider(&mut rollout, Meant::default()));
    let mut both = with(1, 0);
    both[1] = with(2, 1)[1].clone();
    place.taste(&both);
    applied(consider(&mut rollout, Meant::default()));
    let watched: Vec<&str> = rollout.bake().unwrap().watched().map(|name| &**name).collect();
    assert_eq!(watched, ["z0.example", "z1.example"]);
}

#[test]
fn a_quarter_of_the_zones_may_go_and_one_more_takes_its_number() {
    let place = place();
    let mut rollout = place.good(&zones(8));
    place.taste(&zones(6));
    applied(consider(&mut rollout, Meant::default()));
    // One of six is less than a quarter, two are more.
    place.taste(&zones(4));
    let refusal = refused(consider(&mut rollout, Meant::default()));
    assert!(matches!(refusal, Refusal::Shrinks { removed: 2, of: 6, .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("--confirm 2"), "{refusal}");
    let refusal = refused(consider(&mut rollout, confirm(3)));
    assert!(matches!(refusal, Refusal::Shrinks { removed: 2, .. }), "another number confirms nothing");
    assert!(refusal.to_string().starts_with("3 was confirmed, which is not the number"), "{refusal}");
    assert_eq!(rollout.newest().snapshot.zones().len(), 6);
    applied(consider(&mut rollout, confirm(2)));
    assert_eq!(rollout.newest().snapshot.zones().len(), 4);
}

#[test]
fn what_was_rolled_back_stays_refused_until_the_files_change_or_somebody_insists() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(3));
    applied(consider(&mut rollout, Meant::default()));
    rollout.roll_back("everything broke").unwrap();
    place.taste(&zones(3));
    let refusal = refused(consider(&mut rollout, Meant::default()));
    assert!(refusal.to_string().contains("everything broke"), "{refusal}");
    // Not even a restart with it as the candidate takes it.
    drop(rollout);
    let mut rollout = place.boot(Boot::Candidate);
    assert_eq!(rollout.newest().snapshot.zones().len(), 2);
    place.taste(&zones(3));
    applied(consider(&mut rollout, FORCE));
    rollout.roll_back("again").unwrap();
    place.taste(&zones(4));
    applied(consider(&mut rollout, Meant::default()));
}

#[test]
fn a_pinned_release_runs_until_it_is_unpinned() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(3));
    applied(consider(&mut rollout, Meant::default()));
    rollout.pin(1).unwrap();
    assert_eq!(rollout.running().newest().number, 1);
    place.taste(&zones(4));
    assert!(matches!(refused(consider(&mut rollout, FORCE)), Refusal::Pinned(1)));
    drop(rollout);
    let mut rollout = place.boot(Boot::Candidate);
    assert_eq!(rollout.newest().release.number, 1);
    rollout.store.unpin().unwrap();
    applied(consider(&mut rollout, Meant::default()));
    assert!(matches!(rollout.pin(99).unwrap_err(), Refusal::Unknown(99)));
}

#[test]
fn an_edge_begins_again_with_a_release_that_bakes_and_after_a_crash_with_the_one_before() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(3));
    let number = applied(consider(&mut rollout, Meant::default()));
    drop(rollout);
    let rollout = place.boot(Boot::Stored);
    assert_eq!((rollout.newest().release.number, rollout.running().stable.number), (number, 1));
    assert!(rollout.bake().is_some(), "it bakes anew");
    drop(rollout);
    let rollout = place.boot(Boot::AfterCrash);
    assert_eq!(rollout.newest().snapshot.zones().len(), 2);
    assert!(rollout.bake().is_none(), "that content has had its bake");
    assert!(matches!(standing(&place, number), Standing::RolledBack { .. }));
    drop(rollout);
    let rollout = place.boot(Boot::AfterCrash);
    assert_eq!(rollout.newest().snapshot.zones().len(), 2, "a good one is not doubted for one crash");
}

#[test]
fn a_content_that_kills_the_edge_which_loads_it_is_not_loaded_again() {
    let place = place();
    let rollout = place.good(&zones(2));
    drop(rollout);
    place.taste(&zones(3));
    let deadly = place.store().candidate().unwrap().unwrap().hash;
    for how in [Boot::AfterCrash, Boot::StepBack] {
        place.store().begin_trial(deadly).unwrap();
        let mut rollout = place.boot(how);
        assert_eq!(rollout.newest().snapshot.zones().len(), 2, "what ran is innocent");
        assert!(matches!(refused(consider(&mut rollout, Meant::default())), Refusal::RolledBack { .. }));
        rollout.store.forgive(deadly).unwrap();
    }
    place.store().begin_trial(deadly).unwrap();
    let mut rollout = place.boot(Boot::Stored);
    assert_eq!(rollout.store.trial(), None, "a kill is nobody's fault");
    applied(consider(&mut rollout, Meant::default()));
    assert_eq!(rollout.store.trial(), None, "it was survived");
}

#[test]
fn a_crash_loop_steps_back_one_generation_after_the_other_and_never_to_nothing() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    for count in 3..5 {
        place.taste(&zones(count));
        applied(consider(&mut rollout, Meant::default()));
        rollout.finish(false).unwrap();
    }
    drop(rollout);
    let begun: Vec<usize> =
        (0..5).map(|_| place.boot(Boot::StepBack).newest().snapshot.zones().len()).collect();
    assert_eq!(begun.get(..2), Some(&[3, 2][..]));
    assert_eq!(begun.len(), 5, "each began with something: {begun:?}");
}

#[test]
fn there_is_a_clear_word_when_there_is_nothing_to_begin_with() {
    let why = boot(place().store(), Boot::Stored).err().unwrap();
    assert!(why.contains("no release to begin with"), "{why}");
}

#[test]
fn with_a_share_both_serve_and_the_terms_are_those_of_the_good_one() {
    let place = place();
    let share = |percent: u8, zones: usize| {
        let text = format!(
            "listen: {{http: ['127.0.0.1:0']}}\nrelease: {{canary_percent: {percent}, bake_ms: 5000}}\nzones: [{}]\n",
            (0..zones)
                .map(|i| format!("{{name: z{i}.example, origins: ['http://127.0.0.1:1']}}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let source = Source::Text { name: "test".into(), text, folder: PathBuf::new() };
        let body = Compiler::new(source).compile(Now::read()).unwrap().encode();
        Store::stage(&place.folder(), &body).unwrap();
    };
    share(10, 2);
    let mut rollout = place.boot(Boot::Candidate);
    rollout.finish(false).unwrap();
    share(90, 3);
    applied(consider(&mut rollout, Meant::default()));
    assert_eq!(rollout.running().canary.map(|canary| canary.percent), Some(10));
    assert_eq!(rollout.bake().map(|bake| bake.terms().lasts), Some(Duration::from_secs(5)));
}

#[test]
fn what_is_pinned_is_not_on_trial_after_a_start_either() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    place.taste(&zones(3));
    let number = applied(consider(&mut rollout, Meant::default()));
    rollout.pin(number).unwrap();
    assert!(rollout.bake().is_none());
    drop(rollout);
    let rollout = place.boot(Boot::Stored);
    assert_eq!(rollout.newest().release.number, number);
    assert!(rollout.bake().is_none() && rollout.running().canary.is_none());
}

#[test]
fn a_start_confirms_no_shrinking() {
    let place = place();
    drop(place.good(&zones(8)));
    place.taste(&zones(5));
    let (mut rollout, notes) = boot(place.store(), Boot::Candidate).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(rollout.newest().snapshot.zones().len(), 8);
    assert!(notes.iter().any(|note| note.kind == "pending" && note.text.contains("--confirm 3")));
    applied(consider(&mut rollout, confirm(3)));
    drop(rollout);
    place.taste(&zones(4));
    assert_eq!(place.boot(Boot::Candidate).newest().snapshot.zones().len(), 4, "one of five");
}

#[test]
fn many_tries_after_a_rollback_do_not_make_the_store_forget_what_was_good() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    for count in 3..12 {
        place.taste(&zones(count));
        applied(consider(&mut rollout, Meant::default()));
        if count == 3 {
            rollout.roll_back("worse").unwrap();
        }
    }
    rollout.roll_back("worse").unwrap();
    drop(rollout);
    assert_eq!(place.boot(Boot::Stored).newest().snapshot.zones().len(), 2);
    place.taste(&zones(11));
    let mut rollout = place.boot(Boot::Stored);
    assert!(matches!(refused(consider(&mut rollout, Meant::default())), Refusal::RolledBack { .. }));
}

#[test]
fn what_is_one_zones_doing_refuses_this_version_of_the_zone_and_nothing_else_does() {
    let place = place();
    let mut rollout = place.good(&zones(2));
    let with = |port: u16| vec![format!("z0.example, hosts: ['p{port}.example']"), "z1.example".to_owned()];
    let errors = Sums { requests: 9, errors: 9, ..Sums::default() };
    let try_it = |rollout: &mut Rollout, port: u16| {
        place.taste(&with(port));
        applied(consider(rollout, Meant::default()));
        rollout.newest().snapshot.zone_named("z0.example").unwrap().hash
    };
    let worse = Worse::ZoneErrors { zone: "z0.example".into(), before: Sums::default(), now: errors };
    let hash = try_it(&mut rollout, 1);
    assert!(rollout.roll_back_worse(&worse).unwrap().1);
    let refused = |store: &Store| -> Vec<(String, u64, String)> {
        store.refused_zones().map(|zone| (zone.zone.clone(), zone.plan_hash, zone.why.clone())).collect()
    };
    assert_eq!(refused(&place.store()), [("z0.example".to_owned(), hash, worse.to_string())]);
    // Nothing else was changed: so whatever is worse is this zone's doing.
    let worse = || Worse::Errors { before: Sums::default(), now: errors };
    try_it(&mut rollout, 2);
    assert!(rollout.roll_back_worse(&worse()).unwrap().1);
    try_it(&mut rollout, 3);
    rollout.roll_back("a person has decided").unwrap();
    assert_eq!(refused(&place.store()).len(), 2);
    // Another zone comes with it, and either may be the cause.
    place.taste(&[with(4), vec!["z2.example".to_owned()]].concat());
    applied(consider(&mut rollout, Meant::default()));
    assert!(!rollout.roll_back_worse(&worse()).unwrap().1);
    assert_eq!(refused(&place.store()).len(), 2);
}
