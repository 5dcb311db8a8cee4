use std::sync::LazyLock;

use super::*;
use crate::plan::{KeyPlan, QueryKeep, QueryPlan};

const ZONE: ZoneId = ZoneId([7; 16]);
const OTHER: ZoneId = ZoneId([8; 16]);

static PLAN: LazyLock<CachePlan> =
    LazyLock::new(|| CachePlan { zone_id: ZONE, ..CachePlan::of("a.example") });

fn boxed(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn tags(names: &[&str]) -> Vec<Box<[u8]>> {
    names.iter().map(|name| boxed(name)).collect()
}

fn hard(what: What) -> [Purge; 1] {
    [Purge { zone: ZONE, what, soft: false }]
}

fn soft(what: What) -> [Purge; 1] {
    [Purge { zone: ZONE, what, soft: true }]
}

fn tag(name: &str) -> What {
    What::Tag(boxed(name))
}

fn object(purges: &Purges, host: &str, path: &str, names: &[&str]) -> Stamp {
    purges.stamp(&purges.begin(), &PLAN, host.as_bytes(), path.as_bytes(), &tags(names))
}

#[test]
fn each_kind_of_purge_touches_what_it_names_and_nothing_else() {
    let url = |host: &str, path: &str| What::Url(boxed(host), boxed(path));
    let prefix = |host: &str, path: &str| What::Prefix(boxed(host), boxed(path));
    let host = |host: &str| What::Host(boxed(host));
    let deep = "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31";
    let deeper = format!("{deep}/32/33");
    // The object: host, path and query, tags. The purge, and whether it touches the object.
    let cases = [
        ("a.example", "/css/x.css?v=1", What::Everything, true),
        ("a.example", "/css/x.css?v=1", url("a.example", "/css/x.css?v=1"), true),
        ("a.example", "/css/x.css?v=1", url("A.Example:8080", "/css/x.css?v=1"), true),
        ("a.example:443", "/css/x.css?v=1", url("a.example", "/css/x.css?v=1"), true),
        ("a.example", "/css/x.css?v=1", url("a.example", "/css/x.css"), false),
        ("a.example", "/css/x.css?v=1", url("a.example", "/css/X.css?v=1"), false),
        ("a.example", "/css/x.css?v=1", url("b.example", "/css/x.css?v=1"), false),
        ("a.example", "/css/x.css?v=1", host("A.example"), true),
        ("a.example", "/css/x.css?v=1", host("www.a.example"), false),
        ("a.example", "/css/x.css?v=1", host("example"), false),
        ("[::1]:80", "/", host("[::1]"), true),
        ("a.example.:80", "/", host("a.example"), true),
        ("a.example", "/css/x.css?v=1", prefix("a.example", ""), true),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/"), true),
        ("b.example", "/css/x.css?v=1", prefix("a.example", "/"), false),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/css"), true),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/css/"), true),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/css/x.css"), true),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/css/x.css/"), false),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/css/x"), false),
        ("a.example", "/css/x.css?v=1", prefix("a.example", "/cs"), false),
        ("a.example", "/cssx", prefix("a.example", "/css"), false),
        ("a.example", "/css", prefix("a.example", "/css"), true),
        ("a.example", "/css", prefix("a.example", "/css/"), false),
        ("a.example", "/css/", prefix("a.example", "/css"), true),
        ("a.example", "/css/", prefix("a.example", "/css/"), true),
        ("a.example", "/css?a/b/", prefix("a.example", "/css"), true),
        ("a.example", "/css?a/b/", prefix("a.example", "/css?a"), false),
        ("a.example", "//css/", prefix("a.example", "/css"), false),
        ("a.example", "//css/", prefix("a.example", "//css"), true),
        ("a.example", deep, prefix("a.example", deep), true),
        ("a.example", &deeper, prefix("a.example", deep), true),
        ("a.example", "/", tag("blue"), true),
        ("a.example", "/", tag("BLUE"), true),
        ("a.example", "/", tag("blue "), false),
        ("a.example", "/", tag("blu"), false),
        ("a.example", "/", tag("a.example"), false),
    ];
    for (host, path, what, touches) in cases {
        let purges = Purges::default();
        let object = object(&purges, host, path, &["blue", "Green"]);
        let elsewhere = Purge { zone: OTHER, what: what.clone(), soft: false };
        purges.purge(&[elsewhere]).unwrap();
        assert_eq!(purges.check(&object), Purged::No, "another zone's {what:?}");
        purges.purge(&hard(what.clone())).unwrap();
        let expected = if touches { Purged::Hard } else { Purged::No };
        assert_eq!(purges.check(&object), expected, "{what:?} of {host}{path}");
        assert_eq!(purges.check(&object), expected, "again");
    }
}

#[test]
fn a_purge_counts_against_what_was_asked_for_before_it_and_not_after() {
    let purges = Purges::default();
    let before = purges.begin();
    let number = purges.purge(&hard(tag("x"))).unwrap();
    let after = purges.begin();
    let stamp = |begun| purges.stamp(begun, &PLAN, b"a.example", b"/", &tags(&["x"]));
    assert_eq!(purges.check(&stamp(&before)), Purged::Hard);
    assert_eq!(purges.check(&stamp(&after)), Purged::No);
    assert_eq!((number, purges.counts().sequence), (1, 1));
}

#[test]
fn a_soft_purge_makes_stale_until_it_is_confirmed_and_a_hard_one_ends_it() {
    let purges = Purges::default();
    let first = object(&purges, "a.example", "/", &["x", "y"]);
    purges.purge(&soft(tag("x"))).unwrap();
    assert_eq!(purges.check(&first), Purged::Soft);
    purges.purge(&soft(tag("unrelated"))).unwrap();
    assert_eq!(purges.check(&first), Purged::Soft, "and it stays so");
    let begun = purges.begin();
    let confirmed = purges.renew(&begun, &first).unwrap();
    assert_eq!(purges.check(&confirmed), Purged::No, "the validation went out after the purge");
    purges.purge(&soft(tag("y"))).unwrap();
    let confirmed = purges.renew(&begun, &first).unwrap();
    assert_eq!(purges.check(&confirmed), Purged::Soft, "this purge came while it was under way");
    purges.purge(&hard(tag("x"))).unwrap();
    assert!(purges.renew(&begun, &first).is_none());
    assert_eq!([purges.check(&confirmed), purges.check(&first)], [Purged::Hard; 2]);
    purges.purge(&soft(tag("x"))).unwrap();
    assert_eq!(purges.check(&first), Purged::Hard, "a soft one does not bring it back");
}

#[test]
fn one_that_was_not_yet_looked_at_is_not_brought_back_by_a_softer_purge() {
    let purges = Purges::default();
    let object = object(&purges, "a.example", "/", &["x"]);
    purges.purge(&hard(tag("x"))).unwrap();
    purges.purge(&soft(tag("x"))).unwrap();
    assert_eq!(purges.check(&object), Purged::Hard);
}

#[test]
fn names_that_share_a_place_in_the_table_are_told_apart() {
    let purges = Purges::default();
    let innocent = object(&purges, "a.example", "/innocent", &["innocent"]);
    // Each of its places is taken by somebody else's purge.
    purges.purge(&hard(tag("guilty"))).unwrap();
    for name in innocent.names() {
        purges.table.note(name ^ (1 << 40), false, 1, table::By::Purge);
    }
    let all = innocent.names().iter().all(|name| purges.table.may_be_younger(*name, 0));
    assert!(all, "or a place in the table is a matter of other bits");
    assert_eq!(purges.check(&innocent), Purged::No);
    assert_eq!(
        innocent.read(),
        (purges.counts().sequence, Purged::No),
        "noted: the next look costs one load"
    );
}

#[test]
fn the_bound_of_names_is_exact_and_refuses_all_or_nothing() {
    let purges = Purges::default();
    let numbers = |from: u64, to: u64| -> Vec<Purge> {
        (from..to).flat_map(|index| hard(tag(&index.to_string()))).collect()
    };
    purges.purge(&numbers(0, NAMES_MAX - 1)).unwrap();
    let object = object(&purges, "a.example", "/", &["last", "one more"]);
    let both = [hard(tag("last")), hard(tag("one more"))].concat();
    assert_eq!(purges.purge(&both), Err(Full));
    assert_eq!((purges.check(&object), purges.counts().names), (Purged::No, NAMES_MAX - 1));
    purges.purge(&both[..1]).unwrap();
    assert_eq!((purges.check(&object), purges.counts().names), (Purged::Hard, NAMES_MAX));
    assert_eq!(purges.purge(&both[1..]), Err(Full));
}

#[test]
fn what_visitors_invalidate_is_never_refused_and_never_grows_beyond_its_bound() {
    let purges = Purges::default();
    let zones: Vec<CachePlan> =
        (0..9).map(|zone| CachePlan { zone_id: ZoneId([zone; 16]), ..PLAN.clone() }).collect();
    let stamp = |plan: &CachePlan, path: &str| {
        purges.stamp(&purges.begin(), plan, b"a.example", path.as_bytes(), &tags(&["x"]))
    };
    let objects = |plan| (0..1000).map(|index| stamp(plan, &format!("/o/{index}"))).collect::<Vec<_>>();
    let others: Vec<Vec<Stamp>> = zones[1..].iter().map(objects).collect();
    // One zone's visitors change ten times what the zone may leave: of that zone some more is gone.
    let own = objects(&zones[0]);
    let target = stamp(&zones[0], "/target");
    (0..ZONE_INVALIDATED_MAX)
        .for_each(|index| purges.invalidate(&zones[0], b"a.example", format!("/{index}").as_bytes()));
    assert_eq!(purges.counts().names, ZONE_INVALIDATED_MAX);
    assert!(own.iter().all(|stamp| purges.check(stamp) == Purged::No), "so many are told apart");
    purges.invalidate(&zones[0], b"a.example", b"/target");
    assert_eq!((purges.check(&target), purges.counts().names), (Purged::Hard, ZONE_INVALIDATED_MAX + 1));
    let gone = own.iter().filter(|stamp| purges.check(stamp) != Purged::No).count();
    assert!(gone < 10, "{gone} of 1000");
    (0..ZONE_INVALIDATED_MAX * 9)
        .for_each(|index| purges.invalidate(&zones[0], b"a.example", format!("/more/{index}").as_bytes()));
    assert!(purges.counts().names <= ZONE_INVALIDATED_MAX + 4096);
    // Whatever they do, nothing of another zone is gone, and its own invalidations are told apart.
    purges.invalidate(&zones[1], b"a.example", b"/o/7");
    let no = |stamp: &&Stamp| purges.check(stamp) == Purged::No;
    let counts: Vec<usize> = others.iter().map(|stamps| stamps.iter().filter(no).count()).collect();
    assert_eq!(counts, [999, 1000, 1000, 1000, 1000, 1000, 1000, 1000]);
    // Nor do all of them together take the room of those who purge.
    for zone in &zones[1..] {
        (0..ZONE_INVALIDATED_MAX * 2)
            .for_each(|index| purges.invalidate(zone, b"a.example", format!("/{index}").as_bytes()));
    }
    assert!(purges.counts().names <= INVALIDATED_MAX + 9 * 4096);
    purges
        .purge(&(0..NAMES_MAX).flat_map(|index| hard(tag(&index.to_string()))).collect::<Vec<_>>())
        .unwrap();
    purges.forget(purges.counts().sequence);
    assert_eq!(purges.counts().names, 0);
}

#[test]
fn no_slow_download_keeps_what_visitors_invalidate_from_being_forgotten() {
    let purges = Purges::default();
    let (begun, mut sweep, mut shelf) = (purges.begin(), Sweep::default(), Shelf::default());
    let zones: Vec<CachePlan> =
        (0..9).map(|zone| CachePlan { zone_id: ZoneId([zone; 16]), ..PLAN.clone() }).collect();
    let invalidate = |count: u64| {
        for zone in &zones[..usize::try_from(count.div_ceil(ZONE_INVALIDATED_MAX)).unwrap()] {
            (0..ZONE_INVALIDATED_MAX)
                .for_each(|index| purges.invalidate(zone, b"a", format!("/{index}").as_bytes()));
        }
    };
    invalidate(INVALIDATED_MAX / 2);
    assert!(shelf.sweep(&purges, &mut sweep));
    assert_eq!(purges.counts().names, INVALIDATED_MAX / 2, "they are kept for the fetch under way");
    purges.invalidate(&zones[8], b"a", b"/one/more");
    assert!(shelf.sweep(&purges, &mut sweep));
    assert_eq!(purges.counts().names, 0);
    assert_eq!(
        purges.check(&purges.stamp(&begun, &PLAN, b"a", b"/", &[])),
        Purged::Hard,
        "it is too old to know"
    );
}

#[test]
fn what_is_forgotten_counts_as_purged_for_whoever_is_older() {
    let purges = Purges::default();
    let (old, begun) = (object(&purges, "a.example", "/", &[]), purges.begin());
    purges.purge(&hard(tag("unrelated"))).unwrap();
    let young = object(&purges, "a.example", "/", &[]);
    purges.forget(1);
    assert_eq!((purges.check(&old), purges.check(&young)), (Purged::Hard, Purged::No));
    let late = purges.stamp(&begun, &PLAN, b"a.example", b"/late", &[]);
    assert_eq!(purges.check(&late), Purged::Hard);
    assert_eq!(purges.counts().names, 0);
}

#[test]
fn whole_zones_are_flushed_even_where_nothing_more_is_remembered() {
    let purges = Purges::default();
    let numbers: Vec<Purge> = (0..NAMES_MAX).flat_map(|index| hard(tag(&index.to_string()))).collect();
    purges.purge(&numbers).unwrap();
    let (here, begun) = (object(&purges, "a.example", "/", &[]), purges.begin());
    let there = CachePlan { zone_id: OTHER, ..PLAN.clone() };
    let there = purges.stamp(&begun, &there, b"b.example", b"/", &[]);
    purges.flush(&[ZONE, ZoneId([9; 16])]);
    assert_eq!((purges.check(&here), purges.check(&there)), (Purged::Hard, Purged::No));
    assert_eq!(purges.check(&object(&purges, "a.example", "/", &[])), Purged::No);
}

#[test]
fn the_sequence_goes_on_from_where_it_is_told() {
    let purges = Purges::after(41);
    let object = object(&purges, "a.example", "/", &["x"]);
    assert_eq!(purges.purge(&hard(tag("x"))), Ok(42));
    assert_eq!(purges.purge_from(&hard(tag("x")), 100), Ok(100));
    assert_eq!(purges.purge_from(&hard(tag("x")), 50), Ok(101), "numbers only rise");
    assert_eq!(purges.check(&object), Purged::Hard);
}

#[test]
fn the_oldest_fetch_under_way_is_known() {
    let purges = Purges::default();
    assert_eq!(purges.underway.oldest(), None);
    let (first, again) = (purges.begin(), purges.begin());
    purges.purge(&hard(tag("x"))).unwrap();
    let second = std::thread::scope(|scope| scope.spawn(|| purges.begin()).join().unwrap());
    assert_eq!(purges.underway.oldest(), Some(0));
    drop(first);
    assert_eq!(purges.underway.oldest(), Some(0));
    drop(again);
    assert_eq!(purges.underway.oldest(), Some(1));
    drop(second);
    assert_eq!(purges.underway.oldest(), None);
}

/// A lookup that begins after a purge has returned sees it, whatever other cores do meanwhile.
#[test]
fn a_purge_is_seen_by_every_lookup_that_begins_after_it() {
    let purges = Purges::default();
    let done = AtomicU64::new(0);
    let rounds = 2_000_u64;
    let object_of = |round: u64| {
        purges.stamp(
            &purges.begin(),
            &PLAN,
            b"a.example",
            b"/",
            &tags(&[&format!("t{round}"), "x", "y", "z"]),
        )
    };
    let objects: Vec<Stamp> = (0..rounds).map(object_of).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..rounds {
                purges.purge(&hard(tag(&format!("t{round}")))).unwrap();
                done.store(round + 1, Ordering::Release);
            }
        });
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while last < rounds {
                    let until = done.load(Ordering::Acquire);
                    for object in objects.iter().take(until as usize).skip(last as usize) {
                        assert_eq!(purges.check(object), Purged::Hard);
                    }
                    last = until;
                    // The youngest that is not purged yet, so that notes are made beside purges.
                    objects.last().map(|object| purges.check(object));
                }
            });
        }
    });
}

#[test]
fn what_a_request_stores_outlives_what_it_invalidates_and_nothing_else() {
    let purges = Purges::default();
    let (get, begun) = (object(&purges, "a.example", "/form", &[]), purges.begin());
    let answer = || purges.stamp(&begun, &PLAN, b"a.example", b"/form", &tags(&["x"]));
    let posted = answer();
    purges.invalidate_sparing(&PLAN, b"a.example", b"/form", &posted);
    assert_eq!((purges.check(&get), purges.check(&posted)), (Purged::Hard, Purged::No));
    purges.purge(&hard(tag("x"))).unwrap();
    let posted = answer();
    purges.invalidate_sparing(&PLAN, b"a.example", b"/form", &posted);
    assert_eq!(purges.check(&posted), Purged::Hard, "a purge came while it was under way");
}

/// What a store would have, as a list with holes: a sweep goes over three places a call.
#[derive(Default)]
struct Shelf(Vec<Option<Held>>);

struct Held {
    stamp: Stamp,
    tags: [u64; 2],
    /// When its fetch began, in purges.
    began: usize,
}

impl Shelf {
    fn sweep(&mut self, purges: &Purges, sweep: &mut Sweep) -> bool {
        purges.sweep_over(sweep, |from, keeps| {
            for place in self.0.iter_mut().skip(from as usize).take(3) {
                place.take_if(|held| !keeps(&held.stamp));
            }
            (from as usize + 3 < self.0.len()).then_some(from + 3)
        })
    }
}

/// Against the plainest model: a list of all purges there ever were.
#[test]
fn whatever_happens_in_whatever_order_only_the_purged_are_gone() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut found = [0; 3];
    for _ in 0..200 {
        let (purges, mut shelf, mut sweep) = (Purges::default(), Shelf::default(), Sweep::default());
        let mut history: Vec<(u64, bool)> = Vec::new();
        let mut underway: Vec<(Begun, usize)> = Vec::new();
        for _ in 0..300 {
            match random(8) {
                0 | 1 => {
                    let (name, is_soft) = (random(12), random(3) == 0);
                    let what = tag(&name.to_string());
                    purges.purge(&[Purge { zone: ZONE, what, soft: is_soft }]).unwrap();
                    history.push((name, is_soft));
                }
                2 => underway.push((purges.begin(), history.len())),
                3 if !underway.is_empty() => {
                    let (begun, began) = underway.swap_remove(random(underway.len() as u64) as usize);
                    let numbers = [random(12), random(12)];
                    let names = numbers.map(|number| boxed(&number.to_string()));
                    let stamp = purges.stamp(&begun, &PLAN, b"a.example", b"/", &names);
                    let held = Some(Held { stamp, tags: numbers, began });
                    // Into a hole if there is one, so that some are put in behind a sweep.
                    match shelf.0.iter_mut().find(|place| place.is_none()) {
                        Some(hole) => *hole = held,
                        None => shelf.0.push(held),
                    }
                }
                4 => drop(shelf.sweep(&purges, &mut sweep)),
                _ if shelf.0.is_empty() => {}
                _ => {
                    let place = random(shelf.0.len() as u64) as usize;
                    let Some(held) = &shelf.0[place] else { continue };
                    let since = &history[held.began..];
                    let is = |softly: bool| {
                        since.iter().any(|(name, soft)| *soft == softly && held.tags.contains(name))
                    };
                    let expected = match (is(false), is(true)) {
                        (true, _) => Purged::Hard,
                        (false, true) => Purged::Soft,
                        (false, false) => Purged::No,
                    };
                    assert_eq!(purges.check(&held.stamp), expected);
                    found[expected as usize] += 1;
                    if expected == Purged::Hard {
                        shelf.0[place] = None;
                    }
                }
            }
        }
        underway.clear();
        while !shelf.sweep(&purges, &mut sweep) {}
        while !shelf.sweep(&purges, &mut sweep) {}
        assert_eq!(purges.counts().names, 0, "nothing is remembered for ever");
    }
    assert!(found.iter().all(|found| *found > 1000), "{found:?}");
}

#[test]
fn a_fetch_under_way_is_waited_for_until_too_much_is_remembered_for_it() {
    let purges = Purges::default();
    let (begun, mut sweep, mut shelf) = (purges.begin(), Sweep::default(), Shelf::default());
    let bring = |name: &str| purges.stamp(&begun, &PLAN, b"a.example", b"/", &tags(&[name]));
    let numbers = |from: u64, to: u64| -> Vec<Purge> {
        (from..to).flat_map(|index| hard(tag(&index.to_string()))).collect()
    };
    purges.purge(&numbers(0, NAMES_MAX / 2)).unwrap();
    assert!(shelf.sweep(&purges, &mut sweep));
    assert_eq!(purges.counts().names, NAMES_MAX / 2);
    assert_eq!((purges.check(&bring("7")), purges.check(&bring("x"))), (Purged::Hard, Purged::No));
    purges.purge(&hard(tag("one more"))).unwrap();
    assert!(shelf.sweep(&purges, &mut sweep));
    assert_eq!((purges.counts().names, purges.counts().sweeps), (0, 2));
    assert_eq!((purges.check(&bring("7")), purges.check(&bring("x"))), (Purged::Hard, Purged::Hard));
}

#[test]
fn a_purge_by_url_reaches_what_the_key_has_for_it() {
    let query = |keep, is_sorted| KeyPlan {
        query: QueryPlan { keep, is_sorted },
        host: Some("shared.example".into()),
        ..PLAN.key.clone()
    };
    let only = || QueryKeep::Only(["a".into(), "b".into()].into());
    // What the key keeps of the query; the request's URL, the purge's, and whether they are one object.
    let cases = [
        (QueryKeep::All, false, "/?a=1&b=2", "/?b=2&a=1", false),
        (QueryKeep::All, true, "/?a=1&b=2", "/?b=2&a=1", true),
        (QueryKeep::All, true, "/?a=1&a=2", "/?a=2&a=1", false),
        (QueryKeep::None, false, "/x?a=1", "/x?b", true),
        (QueryKeep::None, false, "/x?a=1", "/x", true),
        (QueryKeep::None, false, "/x?a=1", "/y", false),
        (only(), false, "/?a=1&utm=2", "/?a=1", true),
        (only(), false, "/?utm=2", "/", true),
        (only(), false, "/?a=1", "/?a=2", false),
        (only(), true, "/?b=1&a=1&utm=2", "/?a=1&b=1", true),
    ];
    for (keep, is_sorted, request, purge, is_one) in cases {
        let plan = CachePlan { key: query(keep, is_sorted), ..PLAN.clone() };
        let purges = Purges::default();
        let object = purges.stamp(&purges.begin(), &plan, b"any.example", request.as_bytes(), &[]);
        let what = What::Url(boxed("other.example"), boxed(purge));
        purges.purge(&[Purge::of(&plan, what, false)]).unwrap();
        let expected = if is_one { Purged::Hard } else { Purged::No };
        assert_eq!(purges.check(&object), expected, "{request} {purge}");
        let object = purges.stamp(&purges.begin(), &plan, b"any.example", request.as_bytes(), &[]);
        purges.invalidate(&plan, b"other.example", purge.as_bytes());
        assert_eq!(purges.check(&object), expected, "invalidated: {request} {purge}");
    }
}
