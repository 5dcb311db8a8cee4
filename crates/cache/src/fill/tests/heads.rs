//! Who leads, who waits, and what they are told.

use super::*;
use crate::object::{Bodies, Body};
use rempart_flow::Fault;

#[test]
fn one_leads_and_all_others_get_what_it_publishes() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let leader = lead(&fills, "a");
    assert!(!leader.is_awaited());
    let mut follower = follow(&fills, "a");
    assert!(leader.is_awaited());
    let other = lead(&fills, "b");
    assert!(head(&mut follower, &waker).is_none());
    assert!(fills.find(key("a")).is_none(), "no head yet");

    let published = published("a", coming(3, false).bodies(fills.bounds()));
    let object = Arc::clone(&published.object);
    let (writer, reader) = leader.object(published, coming(3, false)).unwrap();
    assert!(bell.rang());
    let mut late = follow(&fills, "a");
    for reader in [&mut follower, &mut late, &mut fills.find(key("a")).unwrap().1] {
        let Some(Outcome::Object(found)) = head(reader, &waker) else { panic!() };
        assert!(Arc::ptr_eq(&found.object, &object));
    }
    assert_eq!((fills.counts().begun, fills.counts().collapsed), (2, 2));
    drop((writer, reader, other));
    assert!(fills.find(key("a")).is_none());
    assert_idle(&fills);
}

/// On one core it is taken from among those that are found, on another somebody looks for it.
#[test]
fn what_is_about_to_be_found_no_longer_is_joined_by_nobody() {
    let fills = Fills::new(SMALL);
    let (writer, reader) = begin(&fills, coming(3, false));
    reader.fill().lock().is_listed = false;
    assert!(fills.find(key("a")).is_none());
    let next = lead(&fills, "a");
    // It takes its own from there, and nothing else.
    reader.fill().lock().is_listed = true;
    reader.disown();
    drop(follow(&fills, "a"));
    drop((writer, reader, next));
    assert_idle(&fills);
}

#[test]
fn when_the_leader_vanishes_exactly_one_is_woken_to_lead() {
    let fills = Fills::new(SMALL);
    let leader = lead(&fills, "a");
    let mut followers: Vec<_> = (0..3).map(|_| (follow(&fills, "a"), Bell::new())).collect();
    for (reader, (_, waker)) in &mut followers {
        assert!(head(reader, waker).is_none());
    }
    drop(leader);
    let mut leaders = Vec::new();
    for round in 0..3 {
        let woken: Vec<_> =
            followers.iter().enumerate().filter(|(_, (_, (bell, _)))| bell.rang()).map(|(i, _)| i).collect();
        assert_eq!(woken.len(), 1, "round {round}");
        let (mut reader, (_, waker)) = followers.remove(woken[0]);
        if round == 1 {
            // It leaves in the moment in which it was woken: the next is.
            drop(reader);
            continue;
        }
        let Some(Outcome::Lead(leader)) = head(&mut reader, &waker) else { panic!() };
        assert!(matches!(head(&mut reader, &waker), Some(Outcome::Alone)), "it is no follower any longer");
        assert!(followers.iter_mut().all(|(reader, (_, waker))| head(reader, waker).is_none()));
        if round == 0 {
            drop(leader);
        } else {
            leaders.push(leader);
        }
    }
    assert_eq!(fills.counts().begun, 1);
    leaders.pop().unwrap().alone();
    assert_idle(&fills);
}

#[test]
fn who_comes_while_nobody_leads_takes_over() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let leader = lead(&fills, "a");
    let mut follower = follow(&fills, "a");
    assert!(head(&mut follower, &waker).is_none());
    drop(leader);
    let leader = lead(&fills, "a");
    assert!(bell.rang());
    assert!(head(&mut follower, &waker).is_none(), "somebody leads again");
    leader.alone();
    assert!(bell.rang());
    assert!(matches!(head(&mut follower, &waker), Some(Outcome::Alone)));
    drop(follower);
    assert_idle(&fills);
}

#[test]
fn a_leader_that_nobody_awaits_leaves_nothing_behind() {
    let fills = Fills::new(SMALL);
    drop(lead(&fills, "a"));
    assert_idle(&fills);
    let leader = lead(&fills, "a");
    drop(follow(&fills, "a"));
    drop(leader);
    assert_idle(&fills);
    let (leader, follower) = (lead(&fills, "a"), follow(&fills, "a"));
    drop(leader);
    drop(follower);
    assert_idle(&fills);
}

#[test]
fn alone_and_failed_are_said_to_all_at_once_and_to_nobody_who_comes_later() {
    let fills = Fills::new(SMALL);
    for fault in [None, Some(Fault::HeadTimeout)] {
        let leader = lead(&fills, "a");
        let mut followers: Vec<_> = (0..3).map(|_| (follow(&fills, "a"), Bell::new())).collect();
        for (reader, (_, waker)) in &mut followers {
            assert!(head(reader, waker).is_none());
        }
        match fault {
            None => leader.alone(),
            Some(fault) => leader.failed(fault),
        }
        for (reader, (bell, waker)) in &mut followers {
            assert!(bell.rang());
            match (head(reader, waker), fault) {
                (Some(Outcome::Alone), None) => {}
                (Some(Outcome::Failed(told)), Some(fault)) => assert_eq!(told, fault),
                other => panic!("{other:?}"),
            }
            assert_eq!(read(reader, waker, 0), None, "there is no body");
        }
        let next = lead(&fills, "a");
        drop(followers);
        assert!(!next.is_awaited());
    }
    assert_idle(&fills);
}

#[test]
fn a_variant_is_found_under_its_own_key_too() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let leader = lead(&fills, "a");
    let mut follower = follow(&fills, "a");
    let bodies = coming(3, false).bodies(fills.bounds());
    let (writer, own) = leader.object(published("a:gzip", bodies), coming(3, false)).unwrap();
    let Some(Outcome::Object(found)) = head(&mut follower, &waker) else { panic!() };
    assert_eq!(found.key(), key("a:gzip"), "who wants another variant can tell");
    let also = follow(&fills, "a:gzip");
    let other = lead(&fills, "a:br");
    drop((writer, own, also, other));
    assert!(fills.find(key("a")).is_none());
    assert!(fills.find(key("a:gzip")).is_none());
    drop(follower);
    assert_idle(&fills);
}

#[test]
fn a_fetch_that_is_under_way_keeps_its_key() {
    let fills = Fills::new(SMALL);
    let (first, second) = (lead(&fills, "a"), lead(&fills, "b"));
    assert!(!second.also(key("a")));
    assert!(second.also(key("c")) && second.also(key("b")));
    let reader = follow(&fills, "c");
    assert!(second.is_awaited() && !first.is_awaited());
    first.alone();
    assert!(second.also(key("a")));
    let again = follow(&fills, "a");
    drop((reader, again));
    second.alone();
    assert_idle(&fills);
}

#[test]
fn an_object_that_has_its_body_is_for_all_who_wait_and_for_nobody_later() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    for body in [Body::whole(Bytes::from_static(b"abc")), Body::Sliced { bytes: 3 }] {
        let is_whole = matches!(body, Body::Whole(..));
        let leader = lead(&fills, "a");
        let mut follower = follow(&fills, "a");
        assert!(head(&mut follower, &waker).is_none());
        leader.complete(published("a", Bodies::of(body)));
        assert!(bell.rang());
        let next = lead(&fills, "a");
        assert!(matches!(head(&mut follower, &waker), Some(Outcome::Object(_))));
        let expected = if is_whole { Ok(Bytes::from_static(b"bc")) } else { Err(Gone::Behind) };
        assert_eq!(read(&mut follower, &waker, 1), Some(expected));
        assert_eq!(read(&mut follower, &waker, 3), Some(Err(Gone::End)));
        drop(next);
    }
    assert_idle(&fills);
}

#[test]
fn nobody_joins_one_who_fetches_for_himself() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let leader = lead(&fills, "a");
    let mut follower = follow(&fills, "a");
    assert!(head(&mut follower, &waker).is_none());
    let solos = [leader.solo(), fills.solo()];
    assert!(bell.rang());
    assert!(matches!(head(&mut follower, &waker), Some(Outcome::Alone)));
    for solo in solos {
        let (writer, mut reader) = solo.object(published("a", Bodies::default()), coming(3, false)).unwrap();
        let next = lead(&fills, "a");
        drop(writer);
        assert_eq!(read(&mut reader, &waker, 0), Some(Err(Gone::Failed)));
        drop(next);
    }
    assert_idle(&fills);
}

#[test]
fn a_fill_that_is_disowned_goes_on_for_those_who_are_there() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, mut reader) = begin(&fills, coming(3, false));
    reader.disown();
    let next = lead(&fills, "a");
    reader.disown();
    assert!(matches!(fills.join(key("a")), Joined::Follower(_)), "the next one is not touched by it");
    room(&mut writer, &waker);
    writer.write(&body(0, 3));
    assert_eq!(read(&mut reader, &waker, 0), ok(body(0, 3)));
    drop(writer.finish().unwrap());
    assert!(matches!(fills.join(key("a")), Joined::Follower(_)));
    drop((next, reader));
    assert_idle(&fills);
}

#[test]
fn so_many_fills_may_be_under_way_and_not_one_more() {
    let fills = Fills::new(Bounds { fills_max: 2, ..SMALL });
    let two = (lead(&fills, "a"), lead(&fills, "b"));
    assert!(matches!(fills.join(key("c")), Joined::Full));
    drop(follow(&fills, "a"));
    drop(two);
    drop(lead(&fills, "c"));
    assert_eq!(fills.counts().full, 1);
    assert_idle(&fills);
}
