use std::fs;

use super::*;
use crate::plan::{CachePlan, ZoneId};
use crate::purge::{Purged, Stamp, Sweep, What};

fn tide() -> &'static AtomicU64 {
    Box::leak(Box::default())
}

fn plan() -> CachePlan {
    CachePlan { zone_id: ZoneId([7; 16]), ..CachePlan::of("a.example") }
}

fn tag(name: &str) -> Vec<Purge> {
    vec![Purge { zone: ZoneId([7; 16]), what: What::Tag(name.as_bytes().into()), soft: false }]
}

fn object(purges: &Purges, name: &str) -> Stamp {
    let tags = [name.as_bytes().into()];
    purges.stamp(&purges.begin(), &plan(), b"a.example", b"/", &tags)
}

fn commit(purges: &Purges, name: &str) -> u64 {
    purges.commit(&[tag(name)]).pop().unwrap().unwrap()
}

fn every_kind() -> Vec<Purge> {
    let text = |text: &str| -> Box<[u8]> { text.as_bytes().into() };
    let kinds = [
        What::Everything,
        What::Url(text("a.example"), text("/x?y")),
        What::Host(text("a.example")),
        What::Prefix(text("a.example"), text("")),
        What::Prefix(text("a.example"), text("/css")),
        What::Tag(text("")),
        What::Tag(vec![b'x'; 1024].into()),
    ];
    let both = kinds.into_iter().flat_map(|what| [(what.clone(), false), (what, true)]);
    both.map(|(what, soft)| Purge { zone: ZoneId(*b"0123456789abcdef"), what, soft }).collect()
}

#[test]
fn what_is_written_is_read_and_what_is_torn_or_changed_ends_it() {
    let purges = every_kind();
    let mut bytes = Vec::new();
    let mut ends = vec![0];
    for (number, purge) in purges.iter().enumerate() {
        write(&mut bytes, number as u64, purge);
        assert_eq!(record::bytes(purge), (bytes.len() - ends[number]) as u64);
        ends.push(bytes.len());
    }
    let read = |bytes: &[u8]| -> (Vec<Purge>, usize) {
        let mut records = Records::of(bytes, NUMBER_MAX);
        (records.by_ref().map(|record| record.purge).collect(), records.read())
    };
    assert_eq!(read(&bytes), (purges.clone(), bytes.len()));
    for at in 0..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= at).count() - 1;
        let expected = (purges[..whole].to_vec(), ends[whole]);
        assert_eq!(read(&bytes[..at]), expected, "torn at {at}");
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert_eq!(read(&changed), expected, "changed at {at}");
    }
    assert_eq!(Records::of(&bytes, 3).map(|record| record.number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let mut backwards = Vec::new();
    [5, 4].iter().for_each(|number| write(&mut backwards, *number, &purges[0]));
    assert_eq!(Records::of(&backwards, NUMBER_MAX).count(), 1);
}

#[test]
fn the_sequence_goes_on_after_a_restart_whatever_is_torn() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().join("purges.log");
    let begin = || Purges::open(data_dir.path(), tide()).unwrap();
    let purges = begin();
    assert_eq!((commit(&purges, "a"), commit(&purges, "b")), (1, 2));
    drop(purges);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"\x20\0\0\0torn"].concat()).unwrap();
    let purges = begin();
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(commit(&purges, "c"), 3);
    let read = fs::read(&path).unwrap();
    let numbers: Vec<u64> =
        Records::of(&read[HEAD_BYTES..], NUMBER_MAX).map(|record| record.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    // The last record torn: it was acknowledged to nobody, or the disk has lied.
    fs::write(&path, &read[..read.len() - 1]).unwrap();
    assert_eq!(commit(&begin(), "d"), 3);
    for junk in [&b""[..], b"junk", &[0; 4096]] {
        fs::write(&path, junk).unwrap();
        assert_eq!(commit(&begin(), "e"), 1, "no start fails for want of old purges");
    }
}

#[test]
fn a_purge_of_one_process_is_seen_by_the_next_lookup_of_the_other() {
    let (data_dir, tide) = (tempfile::tempdir().unwrap(), tide());
    let old = Purges::open(data_dir.path(), tide).unwrap();
    let unrelated = object(&old, "unrelated");
    commit(&old, "before");
    let new = Purges::open(data_dir.path(), tide).unwrap();
    for round in 0..50 {
        let name = format!("t{round}");
        let (in_old, in_new) = (object(&old, &name), object(&new, &name));
        // Its own numbers run ahead of what the other knows.
        (0..round % 3).for_each(|_| old.invalidate(&plan(), b"a.example", b"/other"));
        if round % 2 == 0 {
            commit(&old, &name)
        } else {
            commit(&new, &name)
        };
        assert_eq!((old.check(&in_old), new.check(&in_new)), (Purged::Hard, Purged::Hard), "{round}");
        let (in_old, in_new) = (object(&old, &name), object(&new, &name));
        assert_eq!((old.check(&in_old), new.check(&in_new)), (Purged::No, Purged::No), "{round}");
    }
    assert_eq!(old.check(&unrelated), Purged::No);
}

#[test]
fn a_log_that_was_written_anew_loses_nothing_for_those_who_lag_behind() {
    let (data_dir, tide) = (tempfile::tempdir().unwrap(), tide());
    let (old, new) =
        (Purges::open(data_dir.path(), tide).unwrap(), Purges::open(data_dir.path(), tide).unwrap());
    let objects = [object(&old, "first"), object(&old, "innocent")];
    commit(&new, "first");
    let long =
        || vec![vec![Purge { what: What::Tag(vec![b'x'; 1024].into()), ..tag("x").remove(0) }; 1000]; 2];
    new.commit(&long());
    let before = fs::metadata(data_dir.path().join("purges.log")).unwrap().len();
    new.tidy().unwrap();
    assert_eq!(
        fs::metadata(data_dir.path().join("purges.log")).unwrap().len(),
        before,
        "nothing is forgotten yet"
    );
    let mut sweep = Sweep::default();
    assert!(new.sweep_over(&mut sweep, |_, _| None));
    new.tidy().unwrap();
    assert_eq!(fs::metadata(data_dir.path().join("purges.log")).unwrap().len(), HEAD_BYTES as u64);
    // What it has missed cannot be read any more: it takes all of it for purged.
    assert_eq!(objects.each_ref().map(|object| old.check(object)), [Purged::Hard; 2]);
    let object = object(&old, "second");
    assert_eq!(old.check(&object), Purged::No);
    let number = commit(&new, "second");
    assert_eq!(old.check(&object), Purged::Hard);
    assert!(commit(&old, "third") > number, "and numbers go on");
    assert!(commit(&Purges::open(data_dir.path(), self::tide()).unwrap(), "x") > number);
}

#[test]
fn what_cannot_be_written_holds_all_the_same_and_is_not_acknowledged() {
    let data_dir = tempfile::tempdir().unwrap();
    let purges = Purges::open(data_dir.path(), tide()).unwrap();
    let object = object(&purges, "x");
    fs::remove_file(data_dir.path().join("purges.log")).unwrap();
    let answers = purges.commit(&[tag("x"), tag("y")]);
    assert!(matches!(answers[..], [Err(Refused::NotDurable(_)), Err(Refused::NotDurable(_))]), "{answers:?}");
    assert_eq!(purges.check(&object), Purged::Hard);
}

#[test]
fn each_asker_has_its_own_answer() {
    let data_dir = tempfile::tempdir().unwrap();
    let purges = Purges::open(data_dir.path(), tide()).unwrap();
    let many =
        |from: u64, to: u64| -> Vec<Purge> { (from..to).flat_map(|index| tag(&index.to_string())).collect() };
    let answers = purges.commit(&[many(0, 200_000), many(200_000, 262_145), tag("fits"), Vec::new()]);
    assert!(matches!(answers[..], [Ok(1), Err(Refused::Full), Ok(2), Ok(3)]), "{answers:?}");
    let again = Purges::open(data_dir.path(), tide()).unwrap();
    assert_eq!(commit(&again, "x"), 3, "what names nothing leaves no record");
}

/// As many cores as there are look while two processes purge in turn.
#[test]
fn purges_of_two_processes_under_load_are_all_seen() {
    let (data_dir, tide) = (tempfile::tempdir().unwrap(), tide());
    let both = [(); 2].map(|()| Purges::open(data_dir.path(), tide).unwrap());
    let [old, new] = &both;
    std::thread::scope(|scope| {
        for (index, (here, there)) in [(old, new), (new, old)].into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..200 {
                    let name = format!("{index}/{round}");
                    let objects = (object(here, &name), object(there, &name));
                    commit(here, &name);
                    assert_eq!(
                        (here.check(&objects.0), there.check(&objects.1)),
                        (Purged::Hard, Purged::Hard)
                    );
                    if round % 50 == 0 {
                        here.tidy().unwrap();
                    }
                }
            });
        }
    });
}
