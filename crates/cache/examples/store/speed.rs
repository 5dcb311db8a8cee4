//! Nanoseconds for a hit and for an insert with eviction, and the memory for an entry.

use std::hint::black_box;
use std::sync::{Arc, Barrier};

use rempart_cache::{Entry, KeyRef, Store};
use rustix::time::{ClockId, clock_gettime};

use crate::loads::{Dice, Zipf};
use crate::peers::{entry, hash, key};

/// Entries that fit.
const ENTRIES: u64 = 100_000;
const WEIGHT: u64 = 4096;
const ROUNDS: usize = 21;

/// What is measured: entries behind an `Arc`, whatever keeps them.
trait Shared: Sync {
    fn hit(&self, object: u64) -> bool;
    fn put(&self, object: u64);
}

impl Shared for Store {
    fn hit(&self, object: u64) -> bool {
        self.get(KeyRef { hash: hash(object), bytes: &key(object) }, Arc::clone).is_some()
    }

    fn put(&self, object: u64) {
        self.insert(entry(object, WEIGHT));
    }
}

/// The store, and a visitor who only looks.
struct Looks(Store);

impl Shared for Looks {
    fn hit(&self, object: u64) -> bool {
        self.0.get(KeyRef { hash: hash(object), bytes: &key(object) }, |entry| entry.weight).is_some()
    }

    fn put(&self, object: u64) {
        self.0.insert(entry(object, WEIGHT));
    }
}

#[derive(Clone)]
struct ByWeight;

impl<K> quick_cache::Weighter<K, Arc<Entry>> for ByWeight {
    fn weight(&self, _: &K, entry: &Arc<Entry>) -> u64 {
        entry.weight
    }
}

type Quick = quick_cache::sync::Cache<Box<[u8]>, Arc<Entry>, ByWeight>;

impl Shared for Quick {
    fn hit(&self, object: u64) -> bool {
        self.get(&key(object)[..]).is_some()
    }

    fn put(&self, object: u64) {
        self.insert(key(object).into(), Arc::new(entry(object, WEIGHT)));
    }
}

/// Prints the table.
pub(crate) fn print() {
    let bytes_max = ENTRIES * WEIGHT;
    let stores: [(&str, Box<dyn Shared>); 3] = [
        ("ours, the entry cloned", Box::new(Store::new(bytes_max))),
        ("ours, the entry looked at", Box::new(Looks(Store::new(bytes_max)))),
        ("quick_cache", Box::new(Quick::with_weighter(ENTRIES as usize, bytes_max, ByWeight))),
    ];
    let zipf = Zipf::new(ENTRIES / 2);
    let mut took = stores.each_ref().map(|_| [const { Vec::new() }; 4]);
    let mut first = 0;
    for round in 0..=ROUNDS {
        for ((_, store), took) in stores.iter().zip(&mut took) {
            // New objects take the place of old ones, and some of them are then asked for.
            let inserts = [1, 2].map(|threads| {
                time(
                    &**store,
                    threads,
                    |thread| {
                        let from = first + threads * ENTRIES * 4 + thread * ENTRIES;
                        (from..from + ENTRIES).collect()
                    },
                    |store, object| store.put(object),
                )
            });
            let there: Vec<u64> = (first..first + ENTRIES * 10)
                .filter(|object| store.hit(*object))
                .take(ENTRIES as usize / 2)
                .collect();
            let hits = [1, 2].map(|threads| {
                time(
                    &**store,
                    threads,
                    |thread| {
                        let mut dice = Dice(thread + round as u64);
                        (0..ENTRIES)
                            .filter_map(|_| there.get(zipf.rank(&mut dice) as usize).copied())
                            .collect()
                    },
                    |store, object| _ = black_box(store.hit(object)),
                )
            });
            if round > 0 {
                took.iter_mut().zip(hits.into_iter().chain(inserts)).for_each(|(all, ns)| all.push(ns));
            }
        }
        first += ENTRIES * 10;
    }
    println!("\nCPU nanoseconds, medians of {ROUNDS} interleaved rounds, 1 / 2 threads:\n");
    println!("| store | a hit | an insert with eviction |\n| --- | --- | --- |");
    for ((name, _), took) in stores.iter().zip(took) {
        let [hit, hit_2, insert, insert_2] = took.map(|mut all| {
            all.sort_by(f64::total_cmp);
            all.get(ROUNDS / 2).copied().unwrap_or_default()
        });
        println!("| {name} | {hit:.0} / {hit_2:.0} | {insert:.0} / {insert_2:.0} |");
    }
}

/// Nanoseconds of CPU for each of these objects, when so many threads work at once.
fn time(
    store: &dyn Shared,
    threads: u64,
    objects: impl Fn(u64) -> Vec<u64>,
    act: impl Fn(&dyn Shared, u64) + Sync,
) -> f64 {
    let works: Vec<Vec<u64>> = (0..threads).map(objects).collect();
    let begin = Barrier::new(works.len());
    let work = |objects: &[u64]| {
        begin.wait();
        let start = clock_gettime(ClockId::ThreadCPUTime);
        objects.iter().for_each(|object| act(store, *object));
        let end = clock_gettime(ClockId::ThreadCPUTime);
        let ns = (end.tv_sec - start.tv_sec) * 1_000_000_000 + end.tv_nsec - start.tv_nsec;
        ns as f64 / objects.len() as f64
    };
    let sum: f64 = std::thread::scope(|scope| {
        let all: Vec<_> = works.iter().map(|objects| scope.spawn(|| work(objects))).collect();
        all.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    sum / threads as f64
}

/// Prints what stores need for an entry beside the entry, by the memory of this process.
pub(crate) fn print_memory() {
    const KEPT: u64 = 1_000_000;
    let entries = |range: std::ops::Range<u64>| range.map(|object| entry(object, WEIGHT));
    let before = resident();
    let mut bare = Vec::with_capacity(KEPT as usize);
    bare.extend(entries(0..KEPT).map(Arc::new));
    let own = (resident() - before) / KEPT as f64 - 8.0;
    println!(
        "\nAn entry with a key of 24 bytes: {own:.0} bytes. Beside it, a million kept and as many evicted:\n"
    );
    println!("| store | bytes an entry |\n| --- | --- |");
    let before = resident();
    let store = Store::new(KEPT * WEIGHT);
    entries(0..2 * KEPT).for_each(|entry| _ = store.insert(entry));
    let ours = (resident() - before) / store.counts().entries as f64 - own;
    println!("| ours | {ours:.0} |");
    let before = resident();
    let quick = quick_cache::sync::Cache::with_weighter(KEPT as usize, KEPT * WEIGHT, ByWeight);
    entries(0..2 * KEPT).for_each(|entry| quick.insert(entry.key.as_ref().hash, Arc::new(entry)));
    println!(
        "| quick_cache, with 8 bytes for a key | {:.0} |",
        (resident() - before) / quick.len() as f64 - own
    );
    drop((bare, store, quick));
}

/// Bytes of memory that this process has.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0
}
