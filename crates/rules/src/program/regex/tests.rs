use super::*;
use crate::meter::{RULE_STEPS_MAX, RUN_STEPS_MAX};

/// Each position of the last `c` is another state: no memory for sets of states is large enough for all of a text.
const MANY_SETS: &str = "(?:a|b)*a(?:a|b){60}c";

fn letters(count: usize) -> Vec<u8> {
    let mut seed = 7_u64;
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if seed >> 40 & 1 == 0 { b'a' } else { b'b' }
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn of(pattern: &str) -> (Regexes, OwnRegexes) {
    let mut regexes = Regexes::default();
    regexes.add(&Pattern::parse(pattern).unwrap());
    (regexes, OwnRegexes::default())
}

fn kept(own: &OwnRegexes) -> (usize, usize) {
    let own = own.0.borrow();
    assert_eq!(own.bytes, own.machines.values().map(Machine::bytes).sum::<usize>());
    (own.machines.len(), own.bytes)
}

#[test]
fn a_search_that_gives_up_remembering_is_made_without_at_its_price() {
    let (regexes, own) = of(MANY_SETS);
    let searcher = Searcher { regexes: &regexes, own: &own };
    let mut text = letters(20_000);
    let meter = Meter::default();
    assert_eq!(searcher.is_match(0, &text, &meter), Ok(false));
    assert!(meter.spent() > (3 << 20) + 20_000 * 60 * 3, "{}", meter.spent());

    // The same memory is as good as new for the next text, and what it has to find out anew is paid for once.
    let steps = |count: usize| {
        let meter = Meter::default();
        assert_eq!(searcher.is_match(0, &letters(count), &meter), Ok(false));
        meter.spent()
    };
    assert!((300_000..1_000_000).contains(&steps(1_000)));
    assert!(steps(1_000) < 10_000);

    *text.last_mut().unwrap() = b'c';
    *text.get_mut(20_000 - 62).unwrap() = b'a';
    assert_eq!(searcher.is_match(0, &text, &Meter::default()), Ok(true));
}

#[test]
fn a_search_that_would_cost_too_much_without_remembering_is_over_budget() {
    let (regexes, own) = of(MANY_SETS);
    let searcher = Searcher { regexes: &regexes, own: &own };
    let meter = Meter::default();
    assert_eq!(searcher.is_match(0, &letters(128 << 10), &meter), Err(OverBudget));
    assert!(meter.spent() > 3 << 20 && meter.spent() < RULE_STEPS_MAX, "{}", meter.spent());
    // What has been done is counted even if it was more than was left.
    let meter = Meter::of(2 << 20, RUN_STEPS_MAX);
    assert_eq!(searcher.is_match(0, &letters(128 << 10), &meter), Err(OverBudget));
    assert_eq!(meter.spent(), 2 << 20);
    // Text on which the sets are few costs little for all its length.
    let meter = Meter::default();
    assert_eq!(searcher.is_match(0, &[b'b'; 128 << 10], &meter), Ok(false));
    assert!(meter.spent() < 2 << 20, "{}", meter.spent());
}

#[test]
fn what_one_text_has_filled_is_not_paid_for_by_the_next() {
    let (regexes, own) = of(MANY_SETS);
    let searcher = Searcher { regexes: &regexes, own: &own };
    let steps = |text: &[u8]| {
        let meter = Meter::default();
        assert_eq!(searcher.is_match(0, text, &meter), Ok(false));
        meter.spent()
    };
    // As much as it takes without giving up; then a text that meets more sets than there is room for behind those, and
    // few enough for its length.
    assert!(steps(&letters(9_000)) < 4 << 20);
    let mut harmless = vec![b'b'; 64 << 10];
    for gap in 1..60 {
        harmless[gap * 1_000] = b'a';
        harmless[gap * 1_001] = b'a';
    }
    assert!(steps(&harmless) < 3 << 20);
    assert!(steps(&harmless) < 300_000);
}

#[test]
fn groups_are_found_at_the_price_of_following_each_state() {
    let (regexes, own) = of("^/p/([0-9]+)(?:/([a-z]+))?$");
    let searcher = Searcher { regexes: &regexes, own: &own };
    let meter = Meter::default();
    let groups = searcher.captures(0, b"/p/42", &meter).unwrap().unwrap();
    assert_eq!(groups.get_group(1).map(|span| span.range()), Some(3..5));
    assert_eq!(groups.get_group(2), None);
    assert!(searcher.captures(0, b"/q/42", &meter).unwrap().is_none());
    let meter = Meter::of(100, 100);
    assert!(matches!(searcher.captures(0, b"/p/42", &meter), Err(OverBudget)));
}

#[test]
fn word_boundaries_of_unicode_are_searched_for_too() {
    let (regexes, own) = of(r"(?u:\bété\b)");
    let searcher = Searcher { regexes: &regexes, own: &own };
    let meter = Meter::default();
    assert_eq!(searcher.is_match(0, "un été chaud".as_bytes(), &meter), Ok(true));
    assert_eq!(searcher.is_match(0, "répétés".as_bytes(), &meter), Ok(false));
    assert!(meter.spent() < 50_000, "{}", meter.spent());
}

#[test]
fn what_a_core_keeps_of_programs_that_are_gone_goes() {
    let own = OwnRegexes::default();
    let (kept_one, _) = of("a+b");
    let search = |regexes: &Regexes| Searcher { regexes, own: &own }.is_match(0, b"aab", &Meter::default());
    assert_eq!(search(&kept_one), Ok(true));
    for _ in 0..SWEEP_MIN - 1 {
        assert_eq!(search(&of("a+b").0), Ok(true));
    }
    assert_eq!(kept(&own).0, SWEEP_MIN);
    assert_eq!(search(&of("a+b").0), Ok(true));
    // The last one was still there when it was looked for.
    assert_eq!(kept(&own).0, 2);
}

#[test]
fn a_core_begins_anew_when_it_keeps_too_much() {
    // A state of these takes some hundreds of bytes, so that texts of one letter fill the memory without giving up.
    let own = OwnRegexes::default();
    let programs: Vec<Regexes> = (0..100).map(|_| of("a{30000}c").0).collect();
    let mut most = 0;
    for regexes in &programs {
        let searcher = Searcher { regexes, own: &own };
        let meter = Meter::of(u64::MAX, u64::MAX);
        assert_eq!(searcher.is_match(0, &[b'a'; 900], &meter), Ok(false));
        let (machines, bytes) = kept(&own);
        assert!(bytes <= OWN_BYTES_MAX, "{machines} machines keep {bytes} bytes");
        most = most.max(bytes);
    }
    assert!(most > OWN_BYTES_MAX / 2, "{most}");
    assert!(kept(&own).0 < programs.len());
}
