//! Whose fault it is that nothing goes on, and when that is heard.

use std::time::Duration;

use rempart_base::Now;

use crate::site::Site;
use crate::stand::{PATIENCE, logged};
use crate::visitor::{END_STREAM, NO_ERROR, SETTINGS, Visitor, WINDOW_UPDATE};

/// A visitor whose windows never end, and who takes bytes from the network only when it reads.
fn narrow(site: &Site) -> Visitor {
    let mut visitor = site.visit();
    visitor.narrow();
    visitor.takes = false;
    visitor.send(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    visitor.send(WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes());
    visitor
}

fn body(visitor: &Visitor, stream: u32) -> usize {
    visitor.answers.get(&stream).map_or(0, |answer| answer.body.len())
}

#[test]
fn a_stream_that_waits_for_its_turn_is_not_too_slow() {
    let site = Site::new("write_idle_timeout_ms: 1000");
    let mut visitor = narrow(&site);
    let urgent = visitor.ask_for("/flood", "u=0");
    visitor.until(|visitor| body(visitor, urgent) > 200_000);
    let patient = visitor.ask_for("/bytes/2000000", "u=7");
    visitor.until(|visitor| body(visitor, patient) > 0);
    // One turn of sixteen is the other's: meanwhile it stands still for longer than it might by its own fault.
    let begun = Now::mono();
    while begun.elapsed() < Duration::from_secs(5) {
        let goal = body(&visitor, urgent) + body(&visitor, patient) + 40_000;
        visitor.until(|visitor| body(visitor, urgent) + body(visitor, patient) >= goal);
        visitor.pause(Duration::from_millis(80));
    }
    let answer = &visitor.answers[&patient];
    assert_eq!((answer.status(), answer.reset), (200, None));
    visitor.reset(urgent);
    assert_eq!(visitor.answer(patient).body.len(), 2_000_000);
}

#[test]
fn a_connection_that_is_taken_too_slowly_is_ended() {
    let site = Site::new("send_rate_min_bytes_per_s: 100000000, rate_grace_ms: 300");
    let mut visitor = narrow(&site);
    let stream = visitor.ask("/flood");
    // It never stands still.
    let begun = Now::mono();
    while !visitor.is_closed {
        assert!(begun.elapsed() < PATIENCE);
        let goal = body(&visitor, stream) + 20_000;
        while !visitor.is_closed && body(&visitor, stream) < goal {
            visitor.read();
        }
        visitor.pause(Duration::from_millis(20));
    }
    assert_eq!(site.origin.gone(), "/flood");
    assert_eq!(site.visit().get("/after").status(), 200);
}

#[test]
fn the_end_of_an_answer_is_not_lost_in_the_close() {
    const BYTES: usize = 300_000;
    let site = Site::new("requests_per_connection_max: 1");
    // Some is in the network, some waits in TLS, some behind it. How much that is depends on the system: for one of them
    // all has left but what waits in TLS.
    let mut visitors: Vec<_> = (1..=8)
        .map(|number| {
            let mut visitor = narrow(&site);
            let stream = visitor.ask(&format!("/bytes/{BYTES}"));
            visitor.until(|visitor| body(visitor, stream) >= BYTES - number * 30_000);
            (visitor, stream)
        })
        .collect();
    // Longer than a close waits for what is still to be read.
    visitors[0].0.pause(Duration::from_millis(2500));
    for (visitor, stream) in &mut visitors {
        let answer = visitor.answer(*stream);
        assert_eq!((answer.body.len(), answer.is_ended, answer.reset), (BYTES, true, None));
        assert_eq!(visitor.goodbye(), NO_ERROR);
    }
}

#[test]
fn a_reset_is_heard_while_a_connection_to_the_origin_is_opened() {
    let site = Site::before_nobody();
    let mut visitor = site.visit();
    // Who asks with GET asks for all who may want it: that goes on.
    let stream = visitor.post("/never", &[]);
    visitor.data(stream, b"hello", END_STREAM);
    visitor.sync();
    visitor.reset(stream);
    let line = logged(&site.folder, |line| line["ClientRequestPath"] == "/never");
    assert_eq!((&line["EdgeResponseStatus"], &line["Fault"]), (&499.into(), &"client-gone".into()));
    visitor.sync();
    assert!(visitor.goaways.is_empty());
}
