//! What is held is bounded, and what is too large to be stored flows at its readers' pace.

use super::*;
use crate::object::Body;

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
