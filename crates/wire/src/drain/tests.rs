//! The roll: who is told to go, and who is not.

use std::time::Duration;

use rempart_base::Now;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn is_told(guest: &Guest) -> bool {
    guest.poll_told(&Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn the_roll_counts_and_reuses_slots() {
    let drain = Rc::new(Drain::default());
    let (a, b) = (drain.enter(), drain.enter());
    assert_eq!(drain.guests(), 2);
    drop(a);
    let _c = drain.enter();
    assert_eq!((drain.guests(), drain.roll.borrow().entries.len()), (2, 2));
    drop(b);
    assert_eq!(drain.guests(), 1);
}

#[test]
fn beginning_wakes_who_waits_and_answers_who_asks_later() {
    let drain = Rc::new(Drain::default());
    let guest = drain.enter();
    let cx = Context::from_waker(Waker::noop());
    assert!(guest.poll_drained(&cx).is_pending() && !guest.is_draining());
    drain.begin();
    assert!(guest.poll_drained(&cx).is_ready() && guest.is_draining());
    assert!(guest.poll_told(&cx).is_pending());
}

#[test]
fn the_longest_idle_go_first_and_the_busy_never() {
    let drain = Rc::new(Drain::default());
    let now = Now::mono();
    let guests: Vec<Guest> = (0..4).map(|_| drain.enter()).collect();
    guests[0].rest(now + SECOND);
    guests[1].rest(now);
    guests[2].rest(now + SECOND * 2);
    assert_eq!(drain.idle(), 3);
    assert_eq!(drain.close_idle(2, now + SECOND * 2), 2);
    assert_eq!(guests.iter().map(is_told).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(guests[0].is_draining(), "a request that comes in the same moment is its last");
    guests[2].rise();
    assert_eq!((drain.close_idle(9, now + SECOND * 9), drain.idle()), (0, 0));
}

#[test]
fn who_has_moved_since_the_window_was_looked_through_stays() {
    let drain = Rc::new(Drain::default());
    let now = Now::mono();
    let (a, b) = (drain.enter(), drain.enter());
    a.rest(now);
    b.rest(now + SECOND);
    assert_eq!(drain.close_idle(0, now), 0);
    drain.roll.borrow_mut().look(now + SECOND);
    a.rise();
    a.rest(now + SECOND * 2);
    assert_eq!(drain.close_idle(1, now + SECOND * 2), 1);
    assert!(!is_told(&a) && is_told(&b));
}

#[test]
fn who_has_just_come_is_left_for_a_moment_and_is_promised_to_nobody() {
    let kept = Arc::new(AtomicUsize::new(0));
    let drain = Rc::new(Drain::counting(Arc::clone(&kept)));
    let now = Now::mono();
    let guest = drain.enter();
    guest.rest_fresh(now);
    assert_eq!((drain.idle(), kept.load(Ordering::Relaxed)), (1, 0));
    assert_eq!(drain.close_idle(1, now + FRESH - Duration::from_nanos(1)), 0);
    guest.rest(now);
    assert_eq!((drain.idle(), kept.load(Ordering::Relaxed)), (1, 1));
    guest.rest_fresh(now);
    assert_eq!(drain.close_idle(1, now + FRESH), 1);
    assert_eq!((drain.idle(), kept.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn a_long_roll_is_looked_through_window_by_window() {
    let drain = Rc::new(Drain::default());
    let now = Now::mono();
    let guests: Vec<Guest> = (0..ROLL_WINDOW + 1).map(|_| drain.enter()).collect();
    let last = guests.last().unwrap();
    last.rest(now);
    assert_eq!(drain.close_idle(1, now), 0, "it stands beyond the first window");
    assert_eq!(drain.close_idle(1, now), 1);
    assert!(is_told(last));
    guests.iter().for_each(|guest| guest.rest(now));
    let (mut told, mut calls) = (0, 0);
    while drain.idle() > 0 {
        told += drain.close_idle(IDLE_BATCH_MAX, now);
        calls += 1;
    }
    assert_eq!(told, ROLL_WINDOW);
    assert!(calls <= 2 * (ROLL_WINDOW / IDLE_BATCH_MAX + 2), "{calls} calls");
}

#[test]
fn a_slot_that_is_used_again_is_another_connection() {
    let drain = Rc::new(Drain::default());
    let now = Now::mono();
    let told = drain.enter();
    told.rest(now);
    assert_eq!(drain.close_idle(1, now), 1);
    drop(told);
    let next = drain.enter();
    assert!(!is_told(&next) && drain.idle() == 0);
    next.rest(now);
    drop(next);
    assert_eq!(drain.idle(), 0);
}
