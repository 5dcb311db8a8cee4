//! Whether a stored response may be used for a request (RFC 9111 sections 4 and 4.2.4, RFC 5861).

use super::{Freshness, Lookup, Reuse};

/// Its age in seconds (RFC 9111 section 4.2.3).
#[must_use]
pub const fn age_s(freshness: &Freshness, now_unix_s: u64) -> u64 {
    now_unix_s.saturating_sub(freshness.born_unix_s)
}

/// Seconds for which it is still fresh; negative if it is stale.
#[must_use]
pub fn ttl_s(freshness: &Freshness, now_unix_s: u64) -> i64 {
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    signed(freshness.lifetime_s).saturating_sub(signed(age_s(freshness, now_unix_s)))
}

/// How a stored response may be used for a request. `soft`: it was purged softly, so it counts as stale.
#[must_use]
pub fn reuse(lookup: &Lookup, freshness: &Freshness, soft: bool, now_unix_s: u64) -> Reuse {
    let wishes = &lookup.directives;
    let age_s = age_s(freshness, now_unix_s);
    let left_s = freshness.lifetime_s.saturating_sub(age_s);
    let stale_s = age_s.saturating_sub(freshness.lifetime_s);
    let is_fresh = left_s > 0 && !soft && !freshness.no_cache;
    // Section 5.2.1: what is fresh for everybody may be too old for this one.
    let is_wanted = !wishes.no_cache
        && wishes.max_age_s.is_none_or(|max_age_s| age_s <= max_age_s)
        && wishes.min_fresh_s.is_none_or(|min_fresh_s| left_s >= min_fresh_s);
    if is_fresh && is_wanted {
        return Reuse::Fresh;
    }
    let may_be_stale = !freshness.no_cache && !freshness.must_revalidate;
    // Who asks for a new one does not get a stale one.
    if may_be_stale
        && is_wanted
        && !soft
        && wishes.max_stale_s.is_some_and(|max_stale_s| stale_s <= max_stale_s)
    {
        return Reuse::Fresh;
    }
    // What has just expired is stale for 0 seconds, and these windows are open then.
    if may_be_stale && is_wanted && within(stale_s, freshness.stale_while_revalidate_s) {
        return Reuse::WhileRevalidating;
    }
    let if_error_s = freshness.stale_if_error_s.max(wishes.stale_if_error_s.unwrap_or(0));
    // What is fresh but not wanted as it is may be used if the origin fails, too.
    let if_error = may_be_stale && (is_fresh || within(stale_s, if_error_s));
    let while_updating = freshness.while_updating && may_be_stale && is_wanted;
    if !freshness.has_validator && !if_error && !while_updating {
        return Reuse::No;
    }
    Reuse::AfterValidation { if_error, while_updating }
}

/// A window of no seconds is none.
const fn within(stale_s: u64, window_s: u64) -> bool {
    window_s > 0 && stale_s <= window_s
}

#[cfg(test)]
mod tests {
    use super::super::RequestDirectives;
    use super::*;

    const BORN: u64 = 1_000_000;

    const PLAIN: Freshness = Freshness {
        born_unix_s: BORN,
        lifetime_s: 60,
        no_cache: false,
        must_revalidate: false,
        stale_while_revalidate_s: 0,
        stale_if_error_s: 0,
        while_updating: false,
        validates_each: false,
        has_validator: true,
    };

    fn lookup(directives: RequestDirectives) -> Lookup {
        Lookup {
            is_head: false,
            is_static: true,
            has_authorization: false,
            only_if_cached: false,
            directives,
        }
    }

    const fn validated(if_error: bool) -> Reuse {
        Reuse::AfterValidation { if_error, while_updating: false }
    }

    #[test]
    fn each_window_ends_to_the_second() {
        let swr = Freshness { stale_while_revalidate_s: 10, ..PLAIN };
        let sie = Freshness { stale_if_error_s: 10, ..PLAIN };
        let both = Freshness { stale_while_revalidate_s: 10, stale_if_error_s: 20, ..PLAIN };
        let bare = Freshness { has_validator: false, ..PLAIN };
        let updating = Freshness { while_updating: true, has_validator: false, ..PLAIN };
        for (freshness, age_s, expected) in [
            (&PLAIN, 0, Reuse::Fresh),
            (&PLAIN, 59, Reuse::Fresh),
            (&PLAIN, 60, validated(false)),
            (&bare, 59, Reuse::Fresh),
            (&bare, 60, Reuse::No),
            (&updating, 60, Reuse::AfterValidation { if_error: false, while_updating: true }),
            (&swr, 59, Reuse::Fresh),
            (&swr, 60, Reuse::WhileRevalidating),
            (&swr, 70, Reuse::WhileRevalidating),
            (&swr, 71, validated(false)),
            (&sie, 60, validated(true)),
            (&sie, 70, validated(true)),
            (&sie, 71, validated(false)),
            (&both, 70, Reuse::WhileRevalidating),
            (&both, 71, validated(true)),
            (&both, 81, validated(false)),
        ] {
            let found = reuse(&lookup(RequestDirectives::default()), freshness, false, BORN + age_s);
            assert_eq!(found, expected, "{freshness:?} at {age_s}");
        }
    }

    #[test]
    fn what_the_origin_forbids_is_forbidden() {
        let generous =
            Freshness { stale_while_revalidate_s: 100, stale_if_error_s: 100, while_updating: true, ..PLAIN };
        let no_cache = Freshness { no_cache: true, ..generous.clone() };
        let must_revalidate = Freshness { must_revalidate: true, ..generous };
        let stale = lookup(RequestDirectives {
            max_stale_s: Some(u64::MAX),
            stale_if_error_s: Some(100),
            ..Default::default()
        });
        assert_eq!(reuse(&stale, &no_cache, false, BORN), validated(false));
        assert_eq!(reuse(&stale, &must_revalidate, false, BORN + 59), Reuse::Fresh);
        assert_eq!(reuse(&stale, &must_revalidate, false, BORN + 60), validated(false));
    }

    #[test]
    fn a_soft_purge_makes_stale() {
        let swr = Freshness { stale_while_revalidate_s: 10, ..PLAIN };
        let now = lookup(RequestDirectives::default());
        assert_eq!(reuse(&now, &PLAIN, true, BORN), validated(false));
        assert_eq!(reuse(&now, &swr, true, BORN), Reuse::WhileRevalidating);
        assert_eq!(reuse(&now, &Freshness { stale_if_error_s: 5, ..PLAIN }, true, BORN), validated(true));
        assert_eq!(reuse(&now, &Freshness { has_validator: false, ..PLAIN }, true, BORN), Reuse::No);
    }

    #[test]
    fn a_request_may_want_more_or_less() {
        let none = RequestDirectives::default();
        for (directives, age_s, expected) in [
            (RequestDirectives { no_cache: true, ..none }, 0, validated(true)),
            (RequestDirectives { max_age_s: Some(0), ..none }, 0, Reuse::Fresh),
            (RequestDirectives { max_age_s: Some(0), ..none }, 1, validated(true)),
            (RequestDirectives { max_age_s: Some(30), ..none }, 30, Reuse::Fresh),
            (RequestDirectives { max_age_s: Some(30), ..none }, 31, validated(true)),
            (RequestDirectives { min_fresh_s: Some(10), ..none }, 50, Reuse::Fresh),
            (RequestDirectives { min_fresh_s: Some(10), ..none }, 51, validated(true)),
            (RequestDirectives { max_stale_s: Some(5), ..none }, 65, Reuse::Fresh),
            (RequestDirectives { max_stale_s: Some(5), ..none }, 66, validated(false)),
            (RequestDirectives { max_stale_s: Some(u64::MAX), ..none }, 6_600, Reuse::Fresh),
            (RequestDirectives { stale_if_error_s: Some(5), ..none }, 65, validated(true)),
            (RequestDirectives { stale_if_error_s: Some(5), ..none }, 66, validated(false)),
            (RequestDirectives { no_store: true, ..none }, 1, Reuse::Fresh),
        ] {
            let found = reuse(&lookup(directives), &PLAIN, false, BORN + age_s);
            assert_eq!(found, expected, "{directives:?} at {age_s}");
        }
    }
}
