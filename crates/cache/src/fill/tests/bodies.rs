//! What is written, read, handed to the store, and given up.

use super::*;
use crate::object::{Body, Slice};

fn slice_bytes(slice: &Slice) -> Vec<u8> {
    slice.stretches.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

#[test]
fn the_second_visitor_has_a_byte_before_the_origin_sends_the_next() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let (mut writer, mut first) = begin(&fills, coming(3, false));
    let mut second = follow(&fills, "a");
    for at in 0..3 {
        assert_eq!(read(&mut second, &waker, at), None);
        assert_eq!(room(&mut writer, &waker), Some(Room::Bytes(3 - at)));
        assert_eq!(writer.write(&body(at, at + 1)), 1);
        assert!(bell.rang());
        assert_eq!(read(&mut second, &waker, at), ok(body(at, at + 1)));
    }
    assert_eq!(read(&mut first, &waker, 1), ok(body(1, 3)), "in as few pieces as can be");
    assert_eq!(read(&mut second, &waker, 3), Some(Err(Gone::End)), "all that was promised is here");
    assert_eq!(room(&mut writer, &waker), Some(Room::Bytes(0)));
    assert_eq!(writer.write(b"more"), 0);
    let finished = writer.finish().unwrap();
    assert!(finished.is_whole());
    drop((finished, first, second));
    assert_idle(&fills);
}

#[test]
fn a_fill_is_found_until_what_it_brought_is_stored() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, mut reader) = begin(&fills, coming(3, true));
    room(&mut writer, &waker);
    writer.write(&body(0, 3));
    let finished = writer.finish().unwrap();
    let mut late = follow(&fills, "a");
    let Some(Body::Whole(pieces, 3)) = finished.published().object.bodies.origin() else { panic!() };
    assert_eq!(pieces.concat(), body(0, 3));
    drop(finished);
    drop(lead(&fills, "a"));
    for reader in [&mut late, &mut reader] {
        assert_eq!(read(reader, &waker, 0), ok(body(0, 3)), "who has joined is served to the end");
        assert_eq!(read(reader, &waker, 3), Some(Err(Gone::End)));
    }
    assert_idle(&fills);
}

#[test]
fn a_body_in_crumbs_is_stored_in_one_piece() {
    let fills = Fills::new(Bounds { slice_bytes: 1000, whole_bytes_max: 1000, ..SMALL });
    let (_, waker) = Bell::new();
    for length in [Some(900), None] {
        let (mut writer, mut reader) = begin(&fills, coming(length, false));
        for at in 0..900 {
            assert!(matches!(room(&mut writer, &waker), Some(Room::Bytes(1..))));
            assert_eq!(writer.write(&body(at, at + 1)), 1);
        }
        assert_eq!(read(&mut reader, &waker, 17), ok(body(17, if length.is_some() { 900 } else { 18 })));
        let finished = writer.finish().unwrap();
        let Some(Body::Whole(pieces, 900)) = finished.published().object.bodies.origin() else { panic!() };
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0], body(0, 900));
        assert_eq!(read(&mut reader, &waker, 17), ok(body(17, 900)), "and so it is read");
    }
    assert_idle(&fills);
}

#[test]
fn an_empty_body_is_whole_at_once() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    for length in [Some(0), None] {
        let (writer, mut reader) = begin(&fills, coming(length, false));
        let before = read(&mut reader, &waker, 0);
        assert_eq!(before, length.map(|_| Err(Gone::End)));
        let finished = writer.finish().unwrap();
        assert_eq!(bell.rang(), length.is_none());
        assert_eq!(read(&mut reader, &waker, 0), Some(Err(Gone::End)));
        assert!(finished.published().object.bodies.origin().unwrap().is_empty());
    }
    assert_idle(&fills);
}

#[test]
fn a_body_that_ends_short_fails_and_is_never_stored() {
    let fills = Fills::new(SMALL);
    for how in ["finish", "drop"] {
        let (bell, waker) = Bell::new();
        let (mut writer, mut reader) = begin(&fills, coming(5, true));
        room(&mut writer, &waker);
        writer.write(&body(0, 4));
        assert_eq!(read(&mut reader, &waker, 4), None);
        let object = Arc::clone(&writer.published().object);
        if how == "finish" {
            assert_eq!(writer.finish().unwrap_err(), Gone::Failed);
        } else {
            drop(writer);
        }
        assert!(bell.rang());
        assert_eq!(read(&mut reader, &waker, 4), Some(Err(Gone::Failed)));
        assert!(object.bodies.origin().is_none());
        drop(lead(&fills, "a"));
        assert_idle(&fills);
    }
}

#[test]
fn a_large_object_goes_slice_by_slice_and_at_most_a_window_ahead_of_the_fastest() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let (writer_bell, writer_waker) = Bell::new();
    let (mut writer, mut fast) = begin(&fills, coming(55, true));
    let mut slow = follow(&fills, "a");
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(20)));
    assert_eq!(writer.write(&body(0, 55)), 20, "the window, and not one byte more");
    let taken: Vec<_> = std::iter::from_fn(|| writer.take_slice()).collect();
    assert_eq!(taken.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(slice_bytes(&taken[1].1), body(10, 20));
    assert_eq!(room(&mut writer, &writer_waker), None);
    for (at, wakes) in [(4, false), (5, true), (9, false)] {
        assert!(read(&mut fast, &waker, at).unwrap().is_ok());
        assert_eq!(writer_bell.rang(), wakes, "{at}");
    }
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(9)));
    assert_eq!(writer.write(&body(20, 55)), 9);
    assert_eq!(read(&mut slow, &waker, 0), ok(body(0, 10)), "still held");
    read(&mut fast, &waker, 29);
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(20)));
    assert_eq!(writer.write(&body(29, 55)), 20);
    assert_eq!(read(&mut slow, &waker, 10), ok(body(10, 20)), "given up only when asked for room again");
    for (index, slice) in std::iter::from_fn(|| writer.take_slice()) {
        assert_eq!(slice_bytes(&slice), body(u64::from(index) * 10, u64::from(index) * 10 + 10));
    }
    room(&mut writer, &writer_waker);
    assert_eq!(fast.progress(), (20, 49, Some(55)));
    assert_eq!(read(&mut slow, &waker, 19), Some(Err(Gone::Behind)));
    read(&mut fast, &waker, 49);
    bell.rang();
    room(&mut writer, &writer_waker);
    assert_eq!(writer.write(&body(49, 55)), 6);
    assert!(bell.rang());
    let mut finished = writer.finish().unwrap();
    assert!(!finished.is_whole());
    for (index, bytes) in [(4, body(40, 50)), (5, body(50, 55))] {
        assert_eq!(
            finished.take_slice().map(|(index, slice)| (index, slice_bytes(&slice))),
            Some((index, bytes))
        );
    }
    assert_eq!(read(&mut fast, &waker, 49), ok(body(49, 50)));
    drop(finished);
    assert_eq!(read(&mut fast, &waker, 50), Some(Err(Gone::Behind)), "the store has it");
    assert_eq!(read(&mut fast, &waker, 55), Some(Err(Gone::End)));
    assert_idle(&fills);
}

#[test]
fn when_the_fastest_leaves_the_next_sets_the_pace() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, mut fast) = begin(&fills, coming(55, true));
    let mut slow = follow(&fills, "a");
    room(&mut writer, &waker);
    writer.write(&body(0, 20));
    read(&mut slow, &waker, 3);
    read(&mut fast, &waker, 20);
    drop(fast);
    assert_eq!(room(&mut writer, &waker), Some(Room::Bytes(3)));
}

#[test]
fn slices_that_were_not_taken_are_held() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, mut reader) = begin(&fills, coming(100, true));
    for at in [0, 20, 40] {
        read(&mut reader, &waker, at);
        room(&mut writer, &waker);
        assert_eq!(writer.write(&body(at, 100)), 20);
    }
    assert!(writer.take_slice().is_some());
    room(&mut writer, &waker);
    assert_eq!(reader.progress().0, 10);
}

#[test]
fn what_several_read_is_told_from_what_one_does() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, own) = begin(&fills, coming(20, true));
    assert!(!writer.is_shared());
    let other = follow(&fills, "a");
    assert!(writer.is_shared());
    drop(other);
    assert!(!writer.is_shared(), "of a slice that comes now");
    room(&mut writer, &waker);
    writer.write(&body(0, 20));
    assert!(writer.finish().unwrap().is_shared(), "of the whole");
    drop(own);
}

#[test]
fn it_is_found_by_who_wants_a_slice_that_it_holds_or_brings_soon() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, mut reader) = begin(&fills, coming(105, true));
    let response = Arc::clone(&writer.published().object.response);
    let found = |fills: &Fills| -> Vec<u32> {
        let key = |index| response.key.as_ref().slice(response.id, index);
        (0..12).filter(|index| fills.find(key(*index).as_ref()).is_some()).collect()
    };
    assert_eq!(found(&fills), [0, 1]);
    let taken = lead_slice(&fills, &response, 4);
    for (at, expected) in [
        (0, vec![0, 1]),
        (20, vec![0, 1, 2, 3]),
        (40, vec![2, 3, 5]),
        (60, vec![5, 6, 7]),
        (80, vec![6, 7, 8, 9]),
    ] {
        read(&mut reader, &waker, at);
        room(&mut writer, &waker);
        assert_eq!(found(&fills), expected, "{at}");
        writer.write(&body(at, 105));
        while writer.take_slice().is_some() {}
    }
    read(&mut reader, &waker, 100);
    room(&mut writer, &waker);
    assert_eq!(found(&fills), [8, 9, 10]);
    drop(taken);
    writer.write(&body(100, 105));
    drop(writer.finish().unwrap());
    assert_eq!(found(&fills), []);
    assert_idle(&fills);
}

fn lead_slice(fills: &Fills, response: &crate::object::Response, index: u32) -> Leader {
    match fills.join(response.key.as_ref().slice(response.id, index).as_ref()) {
        Joined::Leader(leader) => leader,
        other @ (Joined::Follower(_) | Joined::Full) => panic!("{other:?}"),
    }
}

#[test]
fn a_range_is_cut_where_slices_begin() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let part = Coming { first: 13, bytes: Some(12), total: Some(100), has_strong_validator: true, origin: 1 };
    assert_eq!(part.manner(&SMALL), Manner::Sliced);
    let (mut writer, mut reader) = begin(&fills, part);
    assert_eq!(read(&mut reader, &waker, 12), Some(Err(Gone::Behind)), "it never comes");
    assert_eq!(read(&mut reader, &waker, 25), Some(Err(Gone::End)));
    room(&mut writer, &waker);
    writer.write(&body(13, 25));
    assert_eq!(read(&mut reader, &waker, 19), ok(body(19, 20)));
    let mut finished = writer.finish().unwrap();
    let places: Vec<_> = std::iter::from_fn(|| finished.take_slice())
        .map(|(index, slice)| (index, slice.stretches[0].0, slice_bytes(&slice)))
        .collect();
    assert_eq!(places, [(1, 3, body(13, 20)), (2, 0, body(20, 25))]);
}

#[test]
fn what_kind_of_body_becomes_what() {
    let part =
        |first, bytes, total, strong| Coming { first, bytes, total, has_strong_validator: strong, origin: 1 };
    for (coming, manner) in [
        (coming(10, true), Manner::Whole),
        (coming(11, true), Manner::Sliced),
        (coming(11, false), Manner::Whole),
        (coming(40, false), Manner::Whole),
        (coming(41, false), Manner::Detached),
        (coming(None, true), Manner::Whole),
        (part(0, Some(5), Some(9), true), Manner::Sliced),
        (part(3, Some(5), None, true), Manner::Detached),
        (part(3, Some(5), Some(9), false), Manner::Detached),
    ] {
        assert_eq!(coming.manner(&SMALL), manner, "{coming:?}");
        let body = coming.bodies(&SMALL);
        assert_eq!(
            matches!(body.origin(), Some(Body::Sliced { .. })),
            manner == Manner::Sliced,
            "{coming:?}"
        );
    }
}

#[test]
fn for_nobody_only_a_little_is_fetched() {
    let fills = Fills::new(Bounds { whole_bytes_max: 100, ..SMALL });
    for (left, goes_on) in [(15, true), (16, false)] {
        let (bell, waker) = Bell::new();
        let (mut writer, reader) = begin(&fills, coming(20 + left, true));
        assert_eq!(room(&mut writer, &waker), Some(Room::Bytes(20)));
        writer.write(&body(0, 20));
        assert_eq!(room(&mut writer, &waker), None);
        drop(reader);
        assert!(bell.rang(), "the writer is told");
        let found = room(&mut writer, &waker);
        if goes_on {
            assert_eq!(found, Some(Room::Bytes(left)));
            assert_eq!(writer.write(&body(20, 20 + left)), 15);
            assert!(writer.finish().is_ok());
        } else {
            assert_eq!(found, Some(Room::Abandoned));
            assert!(fills.find(key("a")).is_none(), "nobody reads along any longer");
            drop(writer.abandon());
        }
    }
    assert_eq!(fills.counts().abandoned, 1);
    assert_idle(&fills);
}

#[test]
fn what_has_come_of_an_abandoned_slice_is_kept() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (mut writer, reader) = begin(&fills, coming(100, true));
    room(&mut writer, &waker);
    writer.write(&body(0, 13));
    drop(reader);
    assert_eq!(room(&mut writer, &waker), Some(Room::Abandoned));
    let mut finished = writer.abandon();
    let slices: Vec<_> = std::iter::from_fn(|| finished.take_slice()).collect();
    assert_eq!(slices.len(), 2);
    assert_eq!(slice_bytes(&slices[1].1), body(10, 13));
    // A new fetch may begin before the old one is gone, and keeps its key.
    let next = lead(&fills, "a");
    drop(finished);
    drop(follow(&fills, "a"));
    drop(next);
    assert_idle(&fills);
}

#[test]
fn what_is_too_large_to_be_stored_flows_at_the_pace_of_the_slowest() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let (writer_bell, writer_waker) = Bell::new();
    let leader = lead(&fills, "a");
    let mut slow = follow(&fills, "a");
    let large = coming(41, false);
    let (mut writer, mut fast) = leader.object(published("a", large.bodies(&SMALL)), large).unwrap();
    assert_eq!(fills.counts().detached, 1);
    let other = lead(&fills, "a");
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(20)));
    assert_eq!(writer.write(&body(0, 41)), 20);
    assert!(writer.take_slice().is_none());
    assert!(read(&mut fast, &waker, 0).unwrap().is_ok());
    assert_eq!(read(&mut fast, &waker, 20), None);
    assert_eq!(room(&mut writer, &writer_waker), None);
    read(&mut slow, &waker, 4);
    assert!(!writer_bell.rang());
    read(&mut slow, &waker, 5);
    assert!(writer_bell.rang());
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(5)));
    assert_eq!(writer.write(&body(20, 41)), 5);
    assert_eq!(room(&mut writer, &writer_waker), None);
    drop(slow);
    assert!(writer_bell.rang(), "who has left holds up nobody");
    read(&mut fast, &waker, 25);
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(16)));
    writer.write(&body(25, 41));
    let finished = writer.finish().unwrap();
    assert!(!finished.is_whole());
    drop(finished);
    assert_eq!(read(&mut fast, &waker, 30), ok(body(30, 40)));
    assert_eq!(read(&mut fast, &waker, 40), ok(body(40, 41)));
    assert_eq!(fills.counts().detached, 1, "what it holds for its readers counts");
    drop(fast);
    assert_eq!(fills.counts().detached, 0);
    drop(other);
    assert_idle(&fills);
}

#[test]
fn who_holds_up_all_others_is_left_behind() {
    let fills = Fills::new(SMALL);
    let (bell, waker) = Bell::new();
    let (writer_bell, writer_waker) = Bell::new();
    let leader = lead(&fills, "a");
    let (mut slow, mut fair) = (follow(&fills, "a"), follow(&fills, "a"));
    let large = coming(60, false);
    let (mut writer, mut fast) = leader.object(published("a", large.bodies(&SMALL)), large).unwrap();
    room(&mut writer, &writer_waker);
    writer.write(&body(0, 20));
    writer.leave_behind();
    read(&mut slow, &waker, 4);
    read(&mut fair, &waker, 5);
    assert_eq!(read(&mut fast, &waker, 20), None);
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(4)), "nobody was left behind without need");
    writer.write(&body(20, 24));
    assert_eq!(room(&mut writer, &writer_waker), None);
    read(&mut fair, &waker, 9);
    bell.rang();
    assert!(!writer_bell.rang());
    writer.leave_behind();
    assert!(writer_bell.rang());
    assert_eq!(room(&mut writer, &writer_waker), Some(Room::Bytes(5)));
    assert!(read(&mut slow, &waker, 4).unwrap().is_ok(), "what is still held for others");
    writer.write(&body(24, 29));
    assert_eq!(read(&mut fast, &waker, 24), ok(body(24, 29)));
    assert!(read(&mut fair, &waker, 12).unwrap().is_ok());
    room(&mut writer, &writer_waker);
    assert_eq!(read(&mut slow, &waker, 9), Some(Err(Gone::Behind)));
}

#[test]
fn a_detached_fetch_ends_with_its_readers_and_there_are_only_so_many_at_an_origin() {
    let fills = Fills::new(SMALL);
    let (_, waker) = Bell::new();
    let large = coming(41, false);
    let mut under_way = vec![begin(&fills, large), begin(&fills, large)];
    let third = lead(&fills, "a").object(published("a", large.bodies(&SMALL)), large).unwrap_err();
    third.alone();
    let elsewhere = Coming { origin: 2, ..large };
    let other = lead(&fills, "a").object(published("a", large.bodies(&SMALL)), elsewhere).unwrap();
    let (mut writer, reader) = under_way.pop().unwrap();
    drop(reader);
    assert_eq!(room(&mut writer, &waker), Some(Room::Abandoned));
    drop(writer.abandon());
    under_way.push(begin(&fills, large));
    drop((under_way, other));
    assert_idle(&fills);
}

#[test]
fn a_body_of_unknown_length_is_stored_up_to_its_bound_and_detached_one_byte_later() {
    let bounds = Bounds { whole_bytes_max: 100_000, slice_bytes: 1000, ..SMALL };
    for length in [100_000, 100_001] {
        let fills = Fills::new(bounds);
        let (_, waker) = Bell::new();
        let (mut writer, mut reader) = begin(&fills, coming(None, true));
        let mut at = 0;
        while at < length {
            let Some(Room::Bytes(room)) = room(&mut writer, &waker) else {
                assert!(read(&mut reader, &waker, at - 1).unwrap().is_ok());
                continue;
            };
            assert!(room > 0);
            let end = length.min(at + 777);
            at += writer.write(&body(at, end)) as u64;
        }
        let is_stored = length == 100_000;
        assert_eq!(writer.manner() == Manner::Whole, is_stored);
        assert_eq!(fills.find(key("a")).is_some(), is_stored);
        let object = Arc::clone(&writer.published().object);
        assert_eq!(writer.finish().unwrap().is_whole(), is_stored);
        assert_eq!(object.bodies.origin().map(Body::len), is_stored.then_some(length));
        drop(reader);
        assert_idle(&fills);
    }
}

#[test]
fn what_fills_hold_is_bounded_to_the_byte() {
    let fills = Fills::new(Bounds { bytes_max: 60, ..SMALL });
    let (first, second) = (begin(&fills, coming(30, false)), lead(&fills, "b"));
    let refused = second.object(published("b", Default::default()), coming(31, false)).unwrap_err();
    refused.alone();
    let third = lead(&fills, "b").object(published("b", Default::default()), coming(30, false)).unwrap();
    assert_eq!(fills.counts().bytes, 60);
    assert!(matches!(fills.join(key("c")), Joined::Full));
    let follower = follow(&fills, "a");
    drop(first);
    drop(lead(&fills, "c"));
    drop((follower, third));
    assert_idle(&fills);
    assert_eq!(fills.counts().full, 2);
}

#[test]
fn slow_readers_of_large_bodies_leave_half_to_others() {
    // Each of these reserves its window and two slices.
    let fills = Fills::new(Bounds { bytes_max: 240, ..SMALL });
    let begin = |name, coming: Coming| {
        lead(&fills, name).object(published(name, coming.bodies(fills.bounds())), coming)
    };
    let three: Vec<_> = ["a", "b", "c"].map(|name| begin(name, coming(1000, true)).unwrap()).into();
    assert_eq!(fills.counts().bytes, 120);
    assert!(fills.is_pressed());
    begin("d", coming(1000, true)).unwrap_err().alone();
    let whole: Vec<_> = ["e", "f", "g"].map(|name| begin(name, coming(40, false)).unwrap()).into();
    assert_eq!(fills.counts().bytes, 240);
    assert!(matches!(fills.join(key("h")), Joined::Full));
    drop(three);
    assert!(!fills.is_pressed());
    let more = begin("d", coming(1000, true)).unwrap();
    drop((whole, more));
    assert_idle(&fills);
}

#[test]
fn a_body_of_unknown_length_for_which_there_is_no_more_room_is_detached() {
    let bounds = Bounds {
        bytes_max: 150_000,
        whole_bytes_max: 1_000_000,
        window_bytes: 500_000,
        slice_bytes: 100_000,
        ..SMALL
    };
    let fills = Fills::new(bounds);
    let (_, waker) = Bell::new();
    let (mut writer, mut reader) = begin(&fills, coming(None, true));
    let mut at = 0;
    while at < 300_000 {
        match room(&mut writer, &waker) {
            Some(Room::Bytes(room)) => at += writer.write(&body(at, at + room.min(5000))) as u64,
            _ => assert!(read(&mut reader, &waker, at - 1).unwrap().is_ok()),
        }
        assert!(fills.counts().bytes <= 150_000);
    }
    assert_eq!(writer.manner(), Manner::Detached);
    drop((reader, writer));
    assert_idle(&fills);
}
