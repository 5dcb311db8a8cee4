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
