//! Every change ended after each of its operations on the disk, as by a crash.

use super::*;

type Act = fn(&mut Store, &Path) -> Result<()>;

const ACTS: [(&str, Act); 11] = [
    ("stage", |store, _| files::stage(&store.disk, &body(9)).map(drop)),
    ("publish", |store, _| store.publish(ReleaseHash::of(&body(8))).map(drop)),
    ("publish_again", |store, _| store.publish_again(1).map(drop)),
    ("roll_back", |store, _| store.roll_back(None, "why").map(drop)),
    ("set_current", |store, _| store.set_current(1)),
    ("finish_bake", |store, _| store.finish_bake(7, false)),
    ("mark_bad", |store, _| store.mark_bad(ReleaseHash::of(&body(7)), "why")),
    ("forgive", |store, _| store.forgive(ReleaseHash::of(&body(5)))),
    ("pin", |store, _| store.pin(1).map(drop)),
    ("unpin", |store, _| store.unpin().map(drop)),
    ("set_switch", |store, _| store.set_switch("a.example", "test", true)),
];

/// 1 and 2 are good; 3 to 7 are not, 5 is bad and 7 is in force; 6 is pinned; an eighth is the candidate. So
/// each change has something to prune or to take away.
fn furnished() -> Place {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=7 {
        let release = publish(&mut store, &place.folder, content);
        if content <= 2 {
            store.finish_bake(release.number, false).unwrap();
        }
    }
    store.mark_bad(ReleaseHash::of(&body(5)), "it was bad").unwrap();
    store.pin(6).unwrap();
    Store::stage(&place.folder, &body(8)).unwrap();
    place
}

fn good(store: &Store) -> usize {
    let list = store.list().into_iter();
    let good = list.filter(|listed| matches!(listed.standing, Standing::Good { .. }) && !listed.is_damaged);
    good.map(|listed| listed.release.hash).collect::<std::collections::BTreeSet<_>>().len()
}

/// All that a store answers, without times.
fn seen(store: &Store) -> String {
    let list = store.list().into_iter().map(|mut listed| {
        listed.release.created_unix_ms = 0;
        if let Standing::Good { finished_at_unix_ms, .. } = &mut listed.standing {
            *finished_at_unix_ms = 0;
        }
        listed
    });
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        list.collect::<Vec<_>>(),
        numbers_of(&store.boot_order()),
        store.bad().collect::<Vec<_>>(),
        store.switches().collect::<Vec<_>>(),
        store.candidate().map(|staged| staged.map(|staged| staged.hash)),
    )
}

/// Where the last write is torn: nothing, the first line of a slot, its text, its padding.
const TEARS: [usize; 4] = [0, 50, 120, 40_000];

#[test]
fn ended_after_any_operation_it_is_as_before_or_as_after() {
    ended_everywhere(&furnished(), &ACTS);
}

#[test]
fn the_same_where_one_slot_is_old_or_damaged_already() {
    let place = furnished();
    let slots = ["state.a", "state.b"].map(|name| place.folder.join(name));
    let old = std::fs::read(&slots[0]).unwrap();
    place.open().forgive(ReleaseHash::of(b"nobody")).unwrap();
    place.open().set_switch("b.example", "test", true).unwrap();
    let new = std::fs::read(&slots[0]).unwrap();
    assert_ne!(old, new);
    let acts = ACTS.into_iter().filter(|(name, _)| ["finish_bake", "roll_back", "set_switch"].contains(name));
    let acts: Vec<_> = acts.collect();
    for spoiled in [old, b"nothing".to_vec()] {
        for slot in &slots {
            std::fs::write(slot, &spoiled).unwrap();
            ended_everywhere(&place, &acts);
            std::fs::write(slot, &new).unwrap();
        }
    }
}

fn ended_everywhere(furnished: &Place, acts: &[(&str, Act)]) {
    for &(name, act) in acts {
        let whole = furnished.copy();
        let mut store = whole.open();
        let before = seen(&store);
        store.disk.fuse.done.set(0);
        act(&mut store, &whole.folder).unwrap();
        let operations = store.disk.fuse.done.get();
        let after = seen(&whole.open());
        assert!(operations >= 4 && after != before, "{name} does something: {operations}");
        for (left, tear_at) in (0..operations).flat_map(|left| TEARS.map(|tear_at| (left, tear_at))) {
            let how = format!("{name} ended after {left} of {operations} operations, torn at {tear_at}");
            let place = furnished.copy();
            let mut store = place.open();
            store.disk.fuse.set(left, tear_at);
            let ended = act(&mut store, &place.folder);
            drop(store);
            look_again(&place, ended.is_ok(), &after, &how);
            // Whoever was told of an error may ask again.
            if ended.is_err() {
                act(&mut place.open(), &place.folder).unwrap_or_else(|error| panic!("{how}; again: {error}"));
                let again = seen(&place.open());
                let is_a_copy = name == "publish_again" || name == "roll_back";
                assert!(again == after || is_a_copy, "{how}; again:\n{again}\n{after}");
            }
            assert!(place.files().keys().all(|name| !name.ends_with(".tmp")), "{how}: litter");
        }
    }
}

fn look_again(place: &Place, is_promised: bool, after: &str, how: &str) {
    let mut store = place.open();
    assert!(good(&store) >= 2, "{how}: a good one is lost");
    assert!(!store.boot_order().is_empty(), "{how}");
    assert!(store.switches().count() >= usize::from(after.contains("b.example")), "{how}: a switch is lost");
    let is_body = |number: &u64| store.read(*number).is_ok_and(|read| read == body(*number));
    let is_kept = [7, 6, 2, 1].iter().all(is_body);
    assert!(is_kept || is_promised || seen(&store) == after, "{how}: a release is lost");
    if is_promised {
        // Pruning and mending may be left to the next change.
        store.change(|_, _| Ok(())).unwrap();
        assert_eq!(seen(&store), after, "{how}: what was promised is not so");
    }
}
