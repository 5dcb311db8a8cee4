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
    store.list().iter().filter(|listed| matches!(listed.standing, Standing::Good { .. })).count()
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

#[test]
fn ended_after_any_operation_it_is_as_before_or_as_after() {
    let furnished = furnished();
    let before = seen(&furnished.open());
    for (name, act) in ACTS {
        let whole = furnished.copy();
        let mut store = whole.open();
        store.disk.fuse.done.set(0);
        act(&mut store, &whole.folder).unwrap();
        let operations = store.disk.fuse.done.get();
        let after = seen(&whole.open());
        assert!(operations >= 4 && after != before, "{name} does something: {operations}");

        for left in 0..operations {
            let how = format!("{name} ended after {left} of {operations} operations");
            let place = furnished.copy();
            let mut store = place.open();
            store.disk.fuse.set(left);
            let ended = act(&mut store, &place.folder);
            drop(store);

            let mut store = place.open();
            let now = seen(&store);
            if ended.is_ok() {
                // Pruning and mending may be left to the next change.
                store.change(|_, _| Ok(())).unwrap();
                assert_eq!(seen(&store), after, "{how}: what was promised is not so");
            }
            assert!(good(&store) >= 2, "{how}: a good one is lost");
            let kept =
                [7, 6, 2, 1].iter().all(|number| store.read(*number).is_ok_and(|read| read == body(*number)));
            assert!(kept || ended.is_ok() || now == after, "{how}: a release is lost");
            assert!(!store.boot_order().is_empty());

            // Whoever was told of an error may ask again.
            if ended.is_err() {
                act(&mut store, &place.folder).unwrap_or_else(|error| panic!("{how}; again: {error}"));
                let again = seen(&place.open());
                let is_a_copy = name == "publish_again" || name == "roll_back";
                assert!(again == after || is_a_copy, "{how}; again:\n{again}\n{after}");
            }
            assert!(place.files().keys().all(|name| !name.ends_with(".tmp")), "{how}: litter");
        }
    }
}
