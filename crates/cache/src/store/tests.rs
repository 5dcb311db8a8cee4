use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::decide::PassReason;
use crate::object::Stored;

/// An entry that weighs so much and can be told from others by `mark`.
fn entry(key: &[u8], weight: u64, mark: u64) -> Entry {
    let mut entry = Entry::new(
        key_ref(key).to_key(),
        Stored::HitForMiss { until_unix_s: mark, reason: PassReason::Bypass },
    );
    entry.weight = weight;
    entry
}

fn key_ref(bytes: &[u8]) -> KeyRef<'_> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    KeyRef { hash: (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9), bytes }
}

fn key(number: u64) -> [u8; 24] {
    let mut key = [7; 24];
    key[..8].copy_from_slice(&(number % 3).to_be_bytes());
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

fn mark(entry: &Entry) -> u64 {
    let Stored::HitForMiss { until_unix_s, .. } = entry.stored else {
        panic!("no other kind is put in here");
    };
    until_unix_s
}

fn look(store: &Store, number: u64) -> Option<u64> {
    store.get(key_ref(&key(number)), |entry| mark(entry))
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % sides
    }
}

#[test]
fn the_bound_of_all_and_of_one_are_exact() {
    let store = Store::new(4000);
    for number in 0..4 {
        assert!(store.insert(entry(&key(number), 1000, number)));
    }
    assert_eq!(store.counts().bytes, 4000);
    assert_eq!((0..4).filter_map(|number| look(&store, number)).count(), 4);
    assert!(store.insert(entry(&key(4), 1, 4)));
    assert_eq!((store.counts().entries, store.counts().evicted), (4, 1));
    assert!(!store.insert(entry(&key(4), 1001, 5)));
    assert_eq!(look(&store, 4), None, "what stood there is gone with what was refused");
    assert_eq!((store.counts().bytes, store.counts().refused), (3000, 1));
}

#[test]
fn one_that_replaces_another_takes_its_place_and_its_weight() {
    let store = Store::new(4000);
    for turn in 0..100 {
        assert!(store.insert(entry(&key(1), 300 + turn, turn)));
        assert_eq!(look(&store, 1), Some(turn));
        let counts = store.counts();
        assert_eq!((counts.entries, counts.bytes, counts.evicted), (1, 300 + turn, 0));
    }
}

#[test]
fn one_that_may_only_replace_takes_no_other_s_place_and_no_weight() {
    let store = Store::new(10_000);
    assert!(!store.replace(entry(&key(1), 500, 1), |_| true), "there is nothing to replace");
    assert_eq!((look(&store, 1), store.counts().bytes), (None, 0));
    store.insert(entry(&key(1), 500, 1));
    assert!(!store.replace(entry(&key(1), 700, 2), |there| mark(there) == 3));
    assert_eq!((look(&store, 1), store.counts().bytes), (Some(1), 500));
    assert!(store.replace(entry(&key(1), 700, 2), |there| mark(there) == 1));
    assert_eq!((look(&store, 1), store.counts().bytes), (Some(2), 700));
    assert_eq!(store.counts().entries, 1);
}

#[test]
fn one_that_was_taken_out_frees_its_weight_and_its_turn() {
    let store = Store::new(1 << 20);
    for turn in 0..10_000 {
        assert!(store.insert(entry(&key(1), 1000, turn)));
        assert!(!store.remove(key_ref(&key(1)), |entry| mark(entry) != turn));
        assert!(store.remove(key_ref(&key(1)), |entry| mark(entry) == turn));
        assert!(!store.remove(key_ref(&key(1)), |_| true));
    }
    let counts = store.counts();
    assert_eq!((counts.entries, counts.bytes, counts.evicted, counts.inserted), (0, 0, 0, 10_000));
    assert!(store.zones().is_empty());
}

#[test]
fn equal_hashes_are_told_apart_by_all_bytes() {
    let store = Store::new(1 << 20);
    let of = |name: &'static [u8]| KeyRef { hash: 1, bytes: name };
    for (mark, name) in [&b"a"[..], b"b", b"c"].into_iter().enumerate() {
        let stored = Stored::HitForMiss { until_unix_s: mark as u64, reason: PassReason::Bypass };
        assert!(store.insert(Entry::new(of(name).to_key(), stored)));
    }
    assert_eq!(store.get(of(b"b"), |entry| mark(entry)), Some(1));
    assert!(store.remove(of(b"b"), |_| true));
    assert_eq!(store.get(of(b"b"), |entry| mark(entry)), None);
    assert_eq!(store.get(of(b"a"), |entry| mark(entry)), Some(0));
    assert_eq!(store.get(of(b"c"), |entry| mark(entry)), Some(2));
}

#[test]
fn it_answers_what_was_put_in_last_and_never_weighs_more_than_it_may() {
    for (bytes_max, keys, weight_max) in
        [(20_000, 300, 700), (20_000, 50, 5001), (3 << 20, 20_000, 900), (8 << 20, 20, 3 << 20)]
    {
        let store = Store::new(bytes_max);
        let mut model: HashMap<u64, (u64, u64)> = HashMap::new();
        let mut dice = Dice(bytes_max + keys);
        let mut bound = bytes_max;
        for turn in 0..60_000 {
            let number = dice.roll(keys);
            match dice.roll(20) {
                0 => {
                    let was_there = look(&store, number).is_some();
                    assert_eq!(store.remove(key_ref(&key(number)), |_| true), was_there);
                    model.remove(&number);
                }
                1 if dice.roll(200) == 0 => {
                    bound = bytes_max / (1 + dice.roll(3));
                    store.resize(bound);
                }
                2..8 => {
                    let weight = 1 + dice.roll(weight_max);
                    let is_in = store.insert(entry(&key(number), weight, turn));
                    assert_eq!(is_in, weight <= bound / 4);
                    assert_eq!(look(&store, number).is_some(), is_in);
                    model.insert(number, (turn, weight));
                }
                _ => {
                    if let Some(found) = look(&store, number) {
                        assert_eq!(found, model[&number].0);
                    }
                }
            }
            if turn % 64 == 0 {
                assert!(store.counts().bytes <= bound);
            }
        }
        let there: Vec<u64> = (0..keys).filter(|number| look(&store, *number).is_some()).collect();
        let weight: u64 = there.iter().map(|number| model[number].1).sum();
        let counts = store.counts();
        assert_eq!((counts.entries, counts.bytes), (there.len() as u64, weight));
        assert_eq!(store.bytes.0.load(Ordering::Relaxed), weight);
        assert_eq!(store.zones().values().map(|held| held.entries).sum::<u64>(), counts.entries);
        assert_eq!(store.zones().values().map(|held| held.bytes).sum::<u64>(), weight);
    }
}

#[test]
fn a_sweep_shows_all_that_stays_while_the_table_grows() {
    let store = Store::new(1 << 30);
    for number in 0..3000 {
        assert!(store.insert(entry(&key(number), 100, number)));
    }
    let mut seen = vec![false; 3000];
    let (mut next, mut from) = (3000, Some(0));
    while let Some(at) = from {
        from = store.sweep(at, |entry| {
            if let Some(seen) = seen.get_mut(mark(entry) as usize) {
                *seen = true;
            }
            mark(entry).is_multiple_of(2) || mark(entry) >= 3000
        });
        for number in next..next + 100 {
            assert!(store.insert(entry(&key(number), 100, number)));
        }
        next += 100;
    }
    assert!(seen.iter().all(|seen| *seen));
    assert!((0..3000).all(|number| look(&store, number).is_some() == number.is_multiple_of(2)));
    assert!((3000..next).all(|number| look(&store, number).is_some()));
}

#[test]
fn what_is_asked_for_outlives_a_scan() {
    for bytes_max in [100_000, 64 << 20] {
        let store = Store::new(bytes_max);
        let weight = bytes_max / 1000;
        for round in 0..3 {
            for number in 0..500 {
                if look(&store, number).is_none() {
                    assert!(store.insert(entry(&key(number), weight, round)));
                }
            }
        }
        for number in 1000..21_000 {
            assert!(store.insert(entry(&key(number), weight, number)));
        }
        let left = (0..500).filter(|number| look(&store, *number).is_some()).count();
        assert!(left > 490, "{left} of 500 have outlived the scan");
    }
}

#[test]
fn threads_share_it() {
    const KEYS: u64 = 4000;
    for bytes_max in [150_000, 1 << 30] {
        let store = Store::new(bytes_max);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let store = &store;
                    scope.spawn(move || {
                        let mut dice = Dice(worker);
                        for turn in 0..30_000 {
                            let number = dice.roll(KEYS);
                            match dice.roll(10) {
                                0 => drop(store.remove(key_ref(&key(number)), |_| true)),
                                1..4 => drop(store.insert(entry(&key(number), 100 + number % 50, number))),
                                _ => assert!(look(store, number).is_none_or(|mark| mark == number)),
                            }
                            if turn % 16 == 0 {
                                assert!(store.bytes.0.load(Ordering::Relaxed) <= bytes_max);
                            }
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let mut from = Some(0);
                    while let Some(at) = from {
                        from = store.sweep(at, |entry| !mark(entry).is_multiple_of(97));
                        assert!(store.counts().bytes <= bytes_max);
                    }
                }
            });
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            is_over.store(true, Ordering::Relaxed);
        });
        let there = (0..KEYS).filter(|number| look(&store, *number).is_some());
        let (entries, bytes) = there.fold((0, 0), |(n, bytes), number| (n + 1, bytes + 100 + number % 50));
        let counts = store.counts();
        assert_eq!((counts.entries, counts.bytes), (entries, bytes));
        assert_eq!(store.bytes.0.load(Ordering::Relaxed), bytes);
    }
}

#[test]
fn a_reader_finds_what_stays_while_its_bucket_is_split() {
    let store = Store::new(1 << 30);
    for number in 0..200 {
        assert!(store.insert(entry(&key(number), 100, number)));
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert!((0..200).all(|number| look(&store, number) == Some(number)));
            }
        });
        for number in 200..100_000 {
            assert!(store.insert(entry(&key(number), 100, number)));
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_several_asked_for_on_its_way_outlives_what_one_did() {
    let store = Store::new(10_000);
    store.insert(entry(&key(0), 100, 0).asked_for_again(true));
    store.insert(entry(&key(1), 100, 1).asked_for_again(false));
    for number in 2..150 {
        store.insert(entry(&key(number), 100, number));
    }
    let mut found = Vec::new();
    store.sweep(0, |entry| {
        found.extend((mark(entry) < 2).then(|| mark(entry)));
        true
    });
    assert_eq!(found, [0]);
}

#[test]
fn what_has_just_come_stays_whichever_shards_were_asked_to_take_most() {
    const BYTES: u64 = 1 << 20;
    let store = Store::new(256 * BYTES);
    assert_eq!(store.shards.len(), 16);
    for number in 0..10_000 {
        store.insert(entry(&key(number), BYTES, number).asked_for_again(true));
        for lately in number.saturating_sub(64)..number {
            assert!(look(&store, lately).is_some(), "{lately} has gone when {number} came");
        }
    }
}
