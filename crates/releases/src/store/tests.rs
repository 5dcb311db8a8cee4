//! What the store promises, on a sound disk. What it does on others is in `tests/`.

mod damage;
mod ended;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;

/// A folder with a store in it.
struct Place {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        // In memory where there is such a place: thousands of syncs would keep a disk busy.
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let temporary = tempfile::tempdir_in(above).unwrap();
        let folder = temporary.path().join("releases");
        Self { _temporary: temporary, folder }
    }

    /// The same files in a place of their own.
    fn copy(&self) -> Self {
        let copy = Self::new();
        std::fs::create_dir(&copy.folder).unwrap();
        for (name, content) in self.files() {
            std::fs::write(copy.folder.join(name), content).unwrap();
        }
        copy
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(Result::unwrap);
        entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
    }

    fn open(&self) -> Store {
        Store::open(&self.folder, 2).unwrap()
    }
}

fn body(number: u64) -> Vec<u8> {
    format!("body {number}").into_bytes()
}

/// Stages and publishes a body that is named after `content`, and puts it in force.
fn publish(store: &mut Store, folder: &Path, content: u64) -> Release {
    let hash = Store::stage(folder, &body(content)).unwrap();
    let release = store.publish(hash).unwrap();
    store.set_current(release.number).unwrap();
    release
}

fn numbers_of(releases: &[Release]) -> Vec<u64> {
    releases.iter().map(|release| release.number).collect()
}

#[test]
fn a_candidate_gets_a_number_once_and_its_body_comes_back() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!((store.candidate().unwrap(), store.boot_order()), (None, vec![]));
    assert_eq!(store.publish(ReleaseHash::of(b"x")).unwrap_err().kind(), ErrorKind::NotFound);

    let hash = Store::stage(&place.folder, &body(1)).unwrap();
    assert_eq!(store.candidate().unwrap(), Some(Staged { hash, body: body(1) }));
    let text = store.publish(ReleaseHash::of(b"x")).unwrap_err().to_string();
    assert!(text.contains(&hash.short()), "{text}");
    let first = store.publish(hash).unwrap();
    assert_eq!((first.number, first.hash), (1, hash));
    assert!(first.created_unix_ms > 1_700_000_000_000);
    assert_eq!((store.candidate().unwrap(), store.read(1).unwrap()), (None, body(1)));

    // The same again is nothing new.
    Store::stage(&place.folder, &body(1)).unwrap();
    assert_eq!(store.publish(hash).unwrap(), first);
    assert_eq!(store.publish(hash).unwrap(), first, "an order that is repeated");
    assert_eq!(store.candidate().unwrap(), None);

    let again = store.publish_again(1).unwrap();
    assert_eq!((again.number, again.hash), (2, hash));
    let folder = std::fs::metadata(&place.folder).unwrap();
    let file = std::fs::metadata(place.folder.join("00000002.release")).unwrap();
    assert_eq!((folder.permissions().mode() & 0o777, file.permissions().mode() & 0o777), (0o700, 0o600));
    assert_eq!(store.read(3).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(store.damage().is_empty());
}

#[test]
fn a_number_is_never_used_again() {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=3 {
        publish(&mut store, &place.folder, content);
    }
    std::fs::remove_file(place.folder.join("00000003.release")).unwrap();
    assert_eq!(publish(&mut place.open(), &place.folder, 4).number, 4, "the state knows");
    for slot in ["state.a", "state.b"] {
        std::fs::remove_file(place.folder.join(slot)).unwrap();
    }
    std::fs::write(place.folder.join("00000004.release"), "nothing").unwrap();
    assert_eq!(publish(&mut place.open(), &place.folder, 5).number, 5, "a damaged file's name counts");
}

#[test]
fn the_ring_holds_different_contents_and_the_rest_goes() {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=3 {
        let release = publish(&mut store, &place.folder, content);
        store.finish_bake(release.number, content == 2).unwrap();
    }
    // The content of 3 again takes its place in the ring and pushes nothing out.
    let again = store.publish_again(3).unwrap();
    store.set_current(again.number).unwrap();
    store.finish_bake(again.number, false).unwrap();
    let good = |store: &Store| -> Vec<(u64, bool)> {
        let is_synthetic = |standing: &Standing| match standing {
            Standing::Good { is_synthetic, .. } => Some(*is_synthetic),
            Standing::Baking | Standing::RolledBack { .. } | Standing::Superseded => None,
        };
        let list = store.list().into_iter();
        list.filter_map(|listed| Some((listed.release.number, is_synthetic(&listed.standing)?))).collect()
    };
    assert_eq!(good(&store), [(4, false), (3, false), (2, true)], "3 and 4 are one content");

    // Any number of failures later the ring is still there, and nothing else that is old.
    for content in 10..30 {
        publish(&mut store, &place.folder, content);
    }
    assert_eq!(good(&store), [(4, false), (2, true)]);
    let left: Vec<u64> = store.list().iter().map(|listed| listed.release.number).collect();
    assert_eq!(left, [24, 23, 22, 21, 20, 4, 2], "{KEPT_NEWEST} newest, and the ring");
    assert_eq!(store.list()[0].standing, Standing::Baking);
    assert_eq!(store.list()[1].standing, Standing::Superseded);
    assert!(store.list()[0].is_current && !store.list()[1].is_current);
}

#[test]
fn one_that_is_bad_or_damaged_takes_nobodys_place_in_the_ring() {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=3 {
        let release = publish(&mut store, &place.folder, content);
        if content < 3 {
            store.finish_bake(release.number, false).unwrap();
        }
    }
    store.mark_bad(ReleaseHash::of(&body(2)), "three crashes").unwrap();
    store.finish_bake(3, false).unwrap();
    let ring = |store: &Store| store.state.ring.iter().map(|f| f.number).collect::<Vec<_>>();
    assert_eq!(ring(&store), [1, 3], "2 is bad");

    std::fs::write(place.folder.join("00000003.release"), "nothing").unwrap();
    publish(&mut store, &place.folder, 4);
    store.finish_bake(4, false).unwrap();
    assert_eq!(ring(&store), [1, 4], "3 is damaged");
    assert!(store.finish_bake(3, false).is_err());
}

#[test]
fn the_order_of_booting() {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=5 {
        let release = publish(&mut store, &place.folder, content);
        if content <= 2 {
            store.finish_bake(release.number, false).unwrap();
        }
    }
    assert_eq!(numbers_of(&store.boot_order()), [5, 2, 1, 4, 3]);
    store.mark_bad(ReleaseHash::of(&body(5)), "too many errors").unwrap();
    assert_eq!(numbers_of(&store.boot_order()), [2, 1, 4, 3, 5], "the bad one is the last");
    assert_eq!(store.is_bad(ReleaseHash::of(&body(5))), Some("too many errors"));
    store.pin(3).unwrap();
    assert_eq!(numbers_of(&store.boot_order()), [3, 2, 1, 4, 5]);
    for content in 1..=4 {
        store.mark_bad(ReleaseHash::of(&body(content)), "too many errors").unwrap();
    }
    assert_eq!(numbers_of(&place.open().boot_order()), [5, 4, 3, 2, 1], "never empty");
    store.pin(3).unwrap();
    assert_eq!(numbers_of(&store.boot_order()), [3, 5, 4, 2, 1], "a pin forgives");
    assert_eq!(store.unpin().unwrap(), Some(3));
    store.forgive(ReleaseHash::of(&body(5))).unwrap();
    assert_eq!(numbers_of(&store.boot_order()), [5, 3, 4, 2, 1]);
    let first = store.boots().next().unwrap();
    assert_eq!((first.0.number, first.1), (5, body(5)));
}

#[test]
fn a_rollback_is_a_new_number_with_old_content() {
    let place = Place::new();
    let mut store = place.open();
    publish(&mut store, &place.folder, 1);
    assert!(store.roll_back(None, "why").is_err(), "there is nothing to go back to");
    assert_eq!(store.is_bad(ReleaseHash::of(&body(1))), None, "and nothing has changed");
    store.finish_bake(1, false).unwrap();
    publish(&mut store, &place.folder, 2);
    assert_eq!(store.rollback_target().map(|target| target.number), Some(1));

    let back = store.roll_back(None, "errors").unwrap();
    assert_eq!((back.number, back.hash), (3, ReleaseHash::of(&body(1))));
    assert_eq!((store.current(), store.is_bad(ReleaseHash::of(&body(2)))), (Some(3), Some("errors")));
    assert_eq!(numbers_of(&store.boot_order()), [3, 1, 2]);
    // One file's damage does not reach the other.
    std::fs::write(place.folder.join("00000001.release"), "nothing").unwrap();
    assert_eq!(store.read(3).unwrap(), body(1));

    let forth = store.roll_back(Some(2), "it was not the release").unwrap();
    assert_eq!((forth.number, store.is_bad(forth.hash)), (4, None), "who asks by number has decided");
    assert_eq!(store.is_bad(back.hash), Some("it was not the release"));

    // The pinned one is what runs, so that is what is left.
    store.pin(3).unwrap();
    let away = store.roll_back(Some(2), "the pin was wrong").unwrap();
    assert_eq!((store.pinned(), store.boot_order()[0]), (Some(away.number), away));
    assert_eq!(store.is_bad(back.hash), Some("the pin was wrong"));
}

#[test]
fn marks_and_switches_are_kept_up_to_their_bounds() {
    let place = Place::new();
    let mut store = place.open();
    let mark = |number: u64| ReleaseHash::of(&number.to_le_bytes());
    for number in 0..=crate::state::BAD_MAX as u64 {
        store.mark_bad(mark(number), &"ä".repeat(crate::state::WHY_BYTES_MAX)).unwrap();
    }
    assert_eq!((store.is_bad(mark(0)), store.bad().count()), (None, crate::state::BAD_MAX));
    assert_eq!(store.is_bad(mark(1)).map(str::len), Some(crate::state::WHY_BYTES_MAX));

    // Straight into the state: 4,096 changes would be 8,192 writes.
    store
        .change(|_, state| {
            state.switched_off = (1..SWITCHES_MAX)
                .map(|number| Switch { zone: format!("{number}.example"), stage: "test".to_owned() })
                .collect();
            Ok(())
        })
        .unwrap();
    store.set_switch("a.example", "test", true).unwrap();
    assert!(store.set_switch("b.example", "test", true).unwrap_err().to_string().contains("4096"));
    store.set_switch("a.example", "test", true).unwrap();
    assert!(store.set_switch(&"z".repeat(256), "test", true).is_err());
    let reopened = place.open();
    assert_eq!(reopened.switches().count(), SWITCHES_MAX);
    store.set_switch("a.example", "test", false).unwrap();
    assert_eq!((store.switches().count(), reopened.switches().count()), (SWITCHES_MAX - 1, SWITCHES_MAX));
}

#[test]
fn two_that_have_it_open_see_each_others_changes() {
    let place = Place::new();
    let (mut one, mut other) = (place.open(), place.open());
    publish(&mut one, &place.folder, 1);
    other.pin(1).unwrap();
    one.set_switch("a.example", "test", true).unwrap();
    assert_eq!((one.pinned(), one.current()), (Some(1), Some(1)), "a change begins with what is on disk");
    assert_eq!(other.switches().count(), 0);
    other.refresh();
    assert_eq!(other.switches().count(), 1);
}

#[test]
fn after_a_lost_state_the_good_ones_are_not_pruned() {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=2 {
        publish(&mut store, &place.folder, content);
        store.finish_bake(content, false).unwrap();
    }
    for content in 3..9 {
        publish(&mut store, &place.folder, content);
    }
    for slot in ["state.a", "state.b"] {
        std::fs::write(place.folder.join(slot), "nothing").unwrap();
    }
    let mut store = place.open();
    assert_eq!(store.damage().len(), 3, "{:?}", store.damage());
    for content in 10..30 {
        publish(&mut store, &place.folder, content);
    }
    assert!(store.read(1).is_ok() && store.read(2).is_ok(), "which of them were good, nobody knows");
    for content in 30..32 {
        let release = publish(&mut store, &place.folder, content);
        store.finish_bake(release.number, false).unwrap();
    }
    assert!(store.read(1).is_err(), "the ring is full again");
    assert!(place.open().damage().is_empty());
}
