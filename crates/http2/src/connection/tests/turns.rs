//! Who sends when (RFC 9218).

use super::kit::*;
use crate::event::{Event, StreamId};
use crate::frame::kind;
use crate::priority::{Priority, PriorityField};

const LARGE: &[u8] = &[b'L'; 200_000];

/// A server toward a client whose windows never matter.
fn wide() -> Rig {
    let mut rig = Rig::server();
    rig.feed(&[settings(&[(4, 0x7fff_ffff)]), window_update(0, 0x7000_0000)].concat());
    rig.events();
    rig.out();
    rig
}

/// `GET` with a `priority` field.
fn get(rig: &mut Rig, id: u32, priority: &str) -> StreamId {
    let field =
        [b"\0\x08priority", &[u8::try_from(priority.len()).unwrap()][..], priority.as_bytes()].concat();
    let field = if priority.is_empty() { vec![] } else { field };
    rig.feed(&headers(id, BOTH, &[GET, &field].concat()));
    let stream = rig.stream();
    rig.head(stream, OK, false);
    stream
}

/// Sends `len` bytes on each stream, in turns, reading the output 16 KiB at a time. Returns the order in which
/// streams ended, and in which they got DATA, repetitions left out.
fn race(rig: &mut Rig, streams: &[(StreamId, usize)]) -> (Vec<u32>, Vec<u32>) {
    let mut left: Vec<_> = streams.to_vec();
    let mut bytes = Vec::new();
    let mut send = |rig: &mut Rig, stream: StreamId| {
        let (_, left) = left.iter_mut().find(|(other, _)| *other == stream).unwrap();
        *left -= rig.c.send_data(stream, &LARGE[..*left], true);
    };
    streams.iter().for_each(|(stream, _)| send(rig, *stream));
    loop {
        while let Some(event) = rig.c.poll_event() {
            let Event::Room(stream) = event else { panic!("{event:?}") };
            send(rig, stream);
        }
        let output = rig.c.output();
        assert!(output.len() < 140_000);
        let count = output.len().min(16_384);
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&output[..count]);
        rig.c.wrote(count);
    }
    assert!(left.iter().all(|(_, left)| *left == 0), "{left:?}");
    let data: Vec<_> = frames(&bytes).into_iter().filter(|frame| frame.kind == kind::DATA).collect();
    let ended = data.iter().filter(|frame| frame.flags == END_STREAM).map(|frame| frame.stream).collect();
    let mut order: Vec<_> = data.iter().map(|frame| frame.stream).collect();
    order.dedup();
    (ended, order)
}

#[test]
fn the_more_urgent_is_sent_first() {
    let mut rig = wide();
    let streams = [(1, "u=5"), (3, "u=1"), (5, "u=3")].map(|(id, said)| (get(&mut rig, id, said), 150_000));
    let (ended, _) = race(&mut rig, &streams);
    assert_eq!(ended, [3, 5, 1]);
}

#[test]
fn what_is_not_incremental_is_sent_one_after_the_other() {
    let mut rig = wide();
    let streams = [1, 3, 5].map(|id| (get(&mut rig, id, "u=3"), 150_000));
    let (ended, order) = race(&mut rig, &streams);
    assert_eq!(ended, [1, 3, 5]);
    assert!(order.len() < 12, "{order:?}");
}

#[test]
fn what_is_incremental_takes_turns() {
    let mut rig = wide();
    let streams = [1, 3, 5].map(|id| (get(&mut rig, id, "i"), 200_000));
    let (_, order) = race(&mut rig, &streams);
    assert!(order.len() >= 15, "{order:?}");
}

#[test]
fn a_client_that_says_nothing_of_priorities_has_all_its_streams_take_turns() {
    let mut rig = wide();
    let streams = [1, 3, 5].map(|id| (get(&mut rig, id, ""), 200_000));
    let (_, order) = race(&mut rig, &streams);
    assert!(order.len() >= 15, "{order:?}");
}

#[test]
fn a_small_answer_does_not_wait_for_the_rest_of_a_large_one() {
    for said in ["", "u=3", "i"] {
        let mut rig = wide();
        let large = get(&mut rig, 1, said);
        let sent = rig.c.send_data(large, LARGE, true);
        assert!(sent < LARGE.len());
        // The output is full; what is small goes all the same, behind what is gathered.
        let small = get(&mut rig, 3, said);
        assert_eq!(rig.c.send_data(small, &LARGE[..10_000], true), 10_000, "{said}");
        let ends: Vec<_> =
            rig.out().iter().filter(|frame| frame.flags == END_STREAM).map(|f| f.stream).collect();
        assert_eq!(ends, [3]);
        assert_eq!(rig.c.poll_event(), Some(Event::Room(large)));
    }
}

#[test]
fn small_answers_do_not_grow_the_output_without_bound() {
    let mut rig = wide();
    let mut taken = 0;
    for n in 0..100 {
        let stream = get(&mut rig, 2 * n + 1, "");
        taken += rig.c.send_data(stream, &LARGE[..16_000], true);
    }
    assert!(taken <= 128 * 1024, "{taken}");
    let mut ended = 0;
    while !rig.c.output().is_empty() {
        ended += rig.out().iter().filter(|frame| frame.flags == END_STREAM).count();
        while let Some(Event::Room(stream)) = rig.c.poll_event() {
            if rig.c.send_data(stream, &LARGE[..16_000], true) < 16_000 {
                break;
            }
        }
    }
    assert!(ended >= 99, "{ended}");
}

#[test]
fn nobody_starves_behind_what_is_more_urgent() {
    let mut rig = wide();
    let low = get(&mut rig, 1, "u=7");
    let high = get(&mut rig, 3, "u=0");
    let mut sent = (0, 0);
    (0..2).for_each(|_| sent.1 += rig.c.send_data(high, LARGE, false));
    sent.0 += rig.c.send_data(low, LARGE, false);
    for _ in 0..400 {
        rig.c.wrote(usize::MAX);
        while let Some(Event::Room(stream)) = rig.c.poll_event() {
            let taken = rig.c.send_data(stream, LARGE, false);
            if stream == low { sent.0 += taken } else { sent.1 += taken }
        }
    }
    assert!(sent.0 > 400 * 64 * 1024 / 32 && sent.1 > 8 * sent.0, "{sent:?}");
}

#[test]
fn a_priority_can_be_said_before_its_stream_and_later() {
    let update = |of: u8, said: &str| frame(0x10, 0, 0, &[&[0, 0, 0, of], said.as_bytes()].concat());
    let mut rig = wide();
    rig.feed(&update(3, "u=0, i"));
    let (first, second) = (get(&mut rig, 1, "u=2"), get(&mut rig, 3, "u=6"));
    let said = |urgency, is_incremental| Priority { urgency, is_incremental };
    assert_eq!((rig.c.priority(first), rig.c.priority(second)), (said(2, false), said(0, true)));
    rig.feed(&update(1, "u=7"));
    rig.c.prioritise(second, PriorityField::of(b"u=3"));
    assert_eq!((rig.c.priority(first), rig.c.priority(second)), (said(7, false), said(3, true)));
    rig.c.release(first);
    rig.feed(&update(1, "u=7"));
    assert!(rig.c.failure().is_none());
}

#[test]
fn whoever_is_told_to_go_on_can() {
    // However the driver goes about it: each at once, or all of them first.
    for all_first in [false, true] {
        let mut rig = wide();
        let streams: Vec<_> = (0..20).map(|n| get(&mut rig, 2 * n + 1, "")).collect();
        let mut left = vec![100_000; streams.len()];
        for (stream, left) in streams.iter().zip(&mut left) {
            *left -= rig.c.send_data(*stream, &LARGE[..*left], true);
        }
        for _ in 0..10_000 {
            let output = rig.c.output().len();
            rig.c.wrote(output.min(5000));
            let mut woken = Vec::new();
            while let Some(Event::Room(stream)) = rig.c.poll_event() {
                woken.push(stream);
                if !all_first {
                    break;
                }
            }
            for stream in woken {
                let left = &mut left[stream.slot()];
                *left -= rig.c.send_data(stream, &LARGE[..*left], true);
            }
        }
        assert!(left.iter().all(|left| *left == 0), "{left:?}");
        assert!(rig.c.output().is_empty());
    }
}
