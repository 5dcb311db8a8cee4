//! Purges at each step of a fetch.

use serde_json::{Value, json};

use crate::site::{Asked, HEAD, Site, TARGET, Visitor, every_way};

/// Where a fetch stands when a purge comes.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeTheHead,
    BetweenHeadAndBody,
    DuringTheBody,
    /// All of it has come, but that it was all.
    BeforeTheInsert,
}

#[test]
fn a_purge_during_a_fetch_is_never_lost() {
    let site = Site::new();
    let steps = [Step::BeforeTheHead, Step::BetweenHeadAndBody, Step::DuringTheBody, Step::BeforeTheInsert];
    for step in steps {
        for (round, way) in every_way().iter().enumerate() {
            fetch_and_purge(&site, step, way, round);
        }
    }
}

fn fetch_and_purge(site: &Site, step: Step, way: &Value, round: usize) {
    let about = format!("{step:?} {way}");
    let purge = |now: bool| {
        if now {
            site.purge(way);
        }
    };
    let mut first = site.visit(TARGET);
    let mut fetch = site.origin.asked();
    purge(matches!(step, Step::BeforeTheHead));
    fetch.say(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"));
    let head = first.head();
    assert!(head.contains("CF-Cache-Status: MISS"), "{about}: {head}");
    purge(matches!(step, Step::BetweenHeadAndBody));
    fetch.say("2\r\nol\r\n");
    let mut body = first.bytes(if head.contains("chunked") { 7 } else { 2 });
    purge(matches!(step, Step::DuringTheBody));
    fetch.say("1\r\nd\r\n");
    body += &first.bytes(if head.contains("chunked") { 6 } else { 1 });
    purge(matches!(step, Step::BeforeTheInsert));
    // Who comes after the purge is not given what was fetched before it, though it is still on its way.
    let second = site.visit(TARGET);
    let mut anew = site.origin.asked();
    anew.say(&format!("{HEAD}Content-Length: 4\r\n\r\nnew{round}"));
    assert_eq!(second.answer().body, format!("new{round}"), "{about}");
    // Who was there before gets all of it.
    fetch.say("0\r\n\r\n");
    drop(fetch);
    let rest = first.answer_rest();
    assert!(body.contains("ol") && (body + &rest).contains('d'), "{about}");
    // And what comes to its end last does not take the place of what is newer.
    assert_eq!(site.hit(TARGET), format!("new{round}"), "{about}");
    site.purge(&json!({"purge_everything": true}));
}

#[test]
fn a_purge_while_visitors_wait_for_one_fetch_is_not_lost_on_those_who_come_later() {
    let site = Site::new();
    for way in every_way() {
        let before = [(); 3].map(|()| site.visit(TARGET));
        let fetch = site.origin.asked();
        site.purge(&way);
        let after = [(); 3].map(|()| site.visit(TARGET));
        fetch.answer("old");
        // Those who came after it share one fetch of their own; those who came before may do so too.
        site.origin.asked().answer("new");
        for visitor in after {
            assert_eq!(visitor.answer().body, "new", "{way}");
        }
        for visitor in before {
            let body = visitor.answer().body;
            assert!(body == "old" || body == "new", "{way}: {body}");
        }
        assert_eq!(site.hit(TARGET), "new", "{way}");
        site.purge(&json!({"purge_everything": true}));
    }
}

#[test]
fn a_purge_during_a_validation_is_never_lost() {
    let site = Site::new();
    for way in every_way() {
        let stale = "HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nCache-Tag: green\r\nETag: \"1\"\r\nConnection: close\r\n\
             Content-Length: 3\r\n\r\nold";
        let visitor = site.visit(TARGET);
        site.origin.asked().say(stale);
        assert_eq!(visitor.answer().body, "old");
        let visitor = site.visit(TARGET);
        let mut validation = site.origin.asked();
        assert!(validation.head.to_ascii_lowercase().contains("if-none-match"), "{way}: {}", validation.head);
        site.purge(&way);
        validation.say("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=1000\r\nConnection: close\r\n\r\n");
        drop(validation);
        assert_eq!(visitor.answer().body, "old", "{way}: it was asked for before the purge");
        let visitor = site.visit(TARGET);
        let fetch = site.origin.asked();
        assert!(!fetch.head.to_ascii_lowercase().contains("if-none-match"), "{way}: {}", fetch.head);
        fetch.answer("new");
        assert_eq!(visitor.answer().body, "new", "{way}");
        site.purge(&json!({"purge_everything": true}));
    }
}

#[test]
fn a_purge_before_the_request_goes_out_counts_as_before_it() {
    // One connection to the origin, so that the second visitor waits for it.
    let site =
        Site::with("admin: {listen: \"127.0.0.1:0\", token_file: token}\nupstream: {connections_max: 1}\n");
    for way in every_way() {
        let holds = site.visit("/held");
        let held = site.origin.asked();
        let visitor = site.visit(TARGET);
        site.purge(&way);
        held.answer("held");
        assert_eq!(holds.answer().body, "held");
        // Whatever it brings was asked for after the purge, or counts as purged.
        site.origin.asked().answer("1");
        assert_eq!(visitor.answer().body, "1");
        let again = site.visit(TARGET);
        site.origin.0.set_nonblocking(true).unwrap();
        // If it counts as purged it is asked for again; both are right, but nothing else.
        let answer = again_answer(&site, again);
        assert!(answer == "1" || answer == "2", "{way}: {answer}");
        site.purge(&json!({"purge_everything": true}));
    }
}

/// Answers a fetch if there is one.
fn again_answer(site: &Site, visitor: Visitor) -> String {
    let stream = visitor.stream.get_ref().try_clone().unwrap();
    loop {
        if let Ok((stream, _)) = site.origin.0.accept() {
            stream.set_nonblocking(false).unwrap();
            site.origin.0.set_nonblocking(false).unwrap();
            Asked { stream, head: String::new() }.answer("2");
            return visitor.answer().body;
        }
        let mut fds = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::IN)];
        let moment = rustix::event::Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        if rustix::event::poll(&mut fds, Some(&moment)).unwrap() == 1 {
            site.origin.0.set_nonblocking(false).unwrap();
            return visitor.answer().body;
        }
    }
}

/// HEAD goes to the origin by itself, so its answer may be older than what was stored meanwhile.
#[test]
fn an_answer_to_head_does_not_bring_back_what_was_fetched_anew_meanwhile() {
    let site = Site::new();
    let stale = "HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nETag: \"1\"\r\nConnection: close\r\n\
         Content-Length: 3\r\n\r\nold";
    let visitor = site.visit(TARGET);
    site.origin.asked().say(stale);
    assert_eq!(visitor.answer().body, "old");
    let head = Visitor::says(site.up.http, "HEAD", TARGET);
    let mut asked = site.origin.asked();
    let visitor = site.visit(TARGET);
    site.origin.asked().answer("new");
    assert_eq!(visitor.answer().body, "new");
    asked.say("HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\nETag: \"1\"\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(head.answer().body, "");
    assert_eq!(site.hit(TARGET), "new");
}
