//! Every file of a store cut at every byte, and with every bit flipped.

use super::*;

/// 1 and 2 are good, 3 is in force and bakes, a fourth content is the candidate, a fifth is bad.
fn furnished() -> Place {
    let place = Place::new();
    let mut store = place.open();
    for content in 1..=3 {
        let release = publish(&mut store, &place.folder, content);
        if content < 3 {
            store.finish_bake(release.number, false).unwrap();
        }
    }
    store.mark_bad(ReleaseHash::of(&body(5)), "it was bad").unwrap();
    Store::stage(&place.folder, &body(4)).unwrap();
    place
}

/// What holds whatever has happened to the files in `damaged`.
fn check(place: &Place, damaged: &[&str], how: &str) {
    let store = place.open();
    let is_damaged = |number: u64| damaged.contains(&file_name(number).as_str());
    for number in 1..=3 {
        match store.read(number) {
            Ok(read) => assert_eq!(read, body(number), "{how}"),
            Err(error) => assert!(is_damaged(number), "release {number}: {error}; {how}"),
        }
    }
    match store.candidate() {
        Ok(Some(staged)) => {
            assert_eq!((staged.hash, staged.body), (ReleaseHash::of(&body(4)), body(4)), "{how}")
        }
        Ok(None) => panic!("the candidate is gone: {how}"),
        Err(error) => assert!(damaged.contains(&CANDIDATE), "{error}; {how}"),
    }
    let order = numbers_of(&store.boot_order());
    let sound: Vec<u64> = [3, 2, 1].into_iter().filter(|number| !is_damaged(*number)).collect();
    assert_eq!(order, sound, "{how}");
    assert_eq!(store.boots().map(|(release, _)| release.number).collect::<Vec<_>>(), sound, "{how}");

    let state_is_lost = damaged.contains(&"state.a") && damaged.contains(&"state.b");
    for listed in store.list() {
        let number = listed.release.number;
        assert_eq!(listed.is_damaged, is_damaged(number), "{how}");
        let is_good = matches!(listed.standing, Standing::Good { .. });
        assert!(is_good || number == 3 || state_is_lost || is_damaged(number), "{number} is lost: {how}");
    }
    assert_eq!(store.is_bad(ReleaseHash::of(&body(5))).is_some(), !state_is_lost, "{how}");
}

/// Of a slot that is mostly padding every byte that says something, and some of the others.
fn places(name: &str, content: &[u8]) -> impl Iterator<Item = usize> {
    let said = if name.starts_with("state") { content.trim_ascii_end().len() } else { content.len() };
    (0..content.len()).filter(move |at| *at < said || at % 4099 == 0)
}

fn damaged_files(place: &Place) -> Vec<(String, Vec<u8>)> {
    let files: Vec<_> = place.files().into_iter().filter(|(name, _)| !name.ends_with("lock")).collect();
    assert_eq!(files.len(), 6, "three releases, a candidate, two slots");
    files
}

#[test]
fn cut_anywhere_it_boots_and_gives_nothing_wrong() {
    let place = furnished();
    check(&place, &[], "nothing is damaged");
    for (name, content) in damaged_files(&place) {
        for at in places(&name, &content) {
            std::fs::write(place.folder.join(&name), &content[..at]).unwrap();
            let said = content.trim_ascii_end().len();
            // A slot may lose its padding, and the line end before it.
            let is_damaged = !name.starts_with("state") || at < said;
            let it = [name.as_str()];
            check(&place, if is_damaged { &it } else { &[] }, &format!("{name} cut at {at}"));
            assert!(
                !is_damaged || name == CANDIDATE || !place.open().damage().is_empty(),
                "{name} cut at {at}"
            );
        }
        std::fs::remove_file(place.folder.join(&name)).unwrap();
        if name.starts_with("state") {
            check(&place, &[&name], &format!("{name} removed"));
        }
        std::fs::write(place.folder.join(&name), &content).unwrap();
    }
}

#[test]
fn with_any_bit_flipped_it_boots_and_gives_nothing_wrong() {
    let place = furnished();
    for (name, content) in damaged_files(&place) {
        for at in places(&name, &content) {
            for bit in 0..8 {
                let mut flipped = content.clone();
                flipped[at] ^= 1 << bit;
                std::fs::write(place.folder.join(&name), &flipped).unwrap();
                let it = [name.as_str()];
                let is_padding = name.starts_with("state") && at > content.trim_ascii_end().len();
                check(&place, if is_padding { &[] } else { &it }, &format!("{name}, byte {at}, bit {bit}"));
            }
        }
        std::fs::write(place.folder.join(&name), &content).unwrap();
    }
}

#[test]
fn with_both_slots_cut_the_releases_are_still_there() {
    let place = furnished();
    let content = std::fs::read(place.folder.join("state.a")).unwrap();
    for at in (0..content.trim_ascii_end().len()).step_by(7) {
        for slot in ["state.a", "state.b"] {
            std::fs::write(place.folder.join(slot), &content[..at]).unwrap();
        }
        check(&place, &["state.a", "state.b"], &format!("both slots cut at {at}"));
    }
    let mut store = place.open();
    assert_eq!(publish(&mut store, &place.folder, 4).number, 4);
    assert!(place.open().damage().is_empty(), "the next change has mended it");
}

#[test]
fn a_slot_that_is_something_else_is_replaced() {
    let place = furnished();
    let outside = tempfile::NamedTempFile::new_in(place.folder.parent().unwrap()).unwrap();
    std::fs::write(outside.path(), "not ours").unwrap();
    let slot = place.folder.join("state.a");
    for plant in [
        |from: &Path, to: &Path| std::fs::hard_link(from, to),
        |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to),
    ] {
        std::fs::remove_file(&slot).unwrap();
        plant(outside.path(), &slot).unwrap();
        check(&place, &["state.a"], "a link to another file");
        place.open().pin(1).unwrap();
        place.open().unpin().unwrap();
        assert_eq!(std::fs::read(outside.path()).unwrap(), b"not ours");
        check(&place, &[], "replaced");
    }
    std::fs::remove_file(place.folder.join(CANDIDATE)).unwrap();
    std::os::unix::fs::symlink(outside.path(), place.folder.join("candidate.tmp")).unwrap();
    Store::stage(&place.folder, &body(4)).unwrap();
    assert_eq!(std::fs::read(outside.path()).unwrap(), b"not ours");
    check(&place, &[], "staged beside a planted link");
}
