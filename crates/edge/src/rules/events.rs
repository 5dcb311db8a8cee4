//! Security events: what rules have decided about visitors, each core's newest ones. Whoever writes them down takes them
//! from here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use rempart_base::{Now, RayId};

/// So many events a core keeps until somebody takes them; the oldest make room, and are counted.
pub const EVENTS_MAX: usize = 1024;
/// So much of a text that a visitor has sent is kept.
pub const TEXT_BYTES_MAX: usize = 512;

/// A rule has decided something about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the request came.
    pub at: Now,
    /// Its id.
    pub ray: RayId,
    /// The zone's name.
    pub zone: Arc<str>,
    /// The number of the release.
    pub release: u64,
    /// The rule's id.
    pub rule_id: Box<str>,
    /// What it is called: its `ref`, or its id.
    pub rule: Box<str>,
    /// What the operator says about it.
    pub description: Box<str>,
    /// The ruleset that it stands in: its name, or its id.
    pub ruleset: Box<str>,
    /// What it has seen: `http.request.uri.path = "/login"`, say.
    pub matched: Box<str>,
    /// What it does, in the log's words.
    pub action: &'static str,
    /// Which product it is of, in the log's words.
    pub source: &'static str,
    /// How many rules have matched after it: 0 is the last.
    pub match_index: u32,
    /// Who asked.
    pub client: IpAddr,
    /// How.
    pub method: Box<[u8]>,
    /// For which host.
    pub host: Box<[u8]>,
    /// For which path, as it came.
    pub path: Box<[u8]>,
    /// With which query, as it came.
    pub query: Box<[u8]>,
    /// `User-Agent`.
    pub user_agent: Box<[u8]>,
    /// `Referer`.
    pub referer: Box<[u8]>,
    /// `HTTP/2`, say.
    pub protocol: &'static str,
    /// `https`, say.
    pub scheme: &'static str,
    /// The status that the visitor got.
    pub status: u16,
    /// The status that the origin gave; 0 if it was not asked.
    pub origin_status: u16,
}

/// One core's events.
#[derive(Debug, Default)]
pub struct Events(RefCell<Kept>);

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    dropped: u64,
}

impl Events {
    /// One more.
    pub fn push(&self, event: Event) {
        let mut kept = self.0.borrow_mut();
        if kept.events.len() == EVENTS_MAX {
            kept.events.pop_front();
            kept.dropped += 1;
        }
        kept.events.push_back(event);
    }

    /// Takes all of them, the oldest first, and how many had to make room since the last time.
    pub fn take(&self) -> (Vec<Event>, u64) {
        let mut kept = self.0.borrow_mut();
        (kept.events.drain(..).collect(), std::mem::take(&mut kept.dropped))
    }
}

/// As much of a text as an event keeps.
#[must_use]
pub fn cut(text: &[u8]) -> Box<[u8]> {
    text.get(..TEXT_BYTES_MAX).unwrap_or(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u16) -> Event {
        Event {
            at: Now::read(),
            ray: RayId(number.into()),
            zone: "a.test".into(),
            release: 1,
            rule_id: "id".into(),
            rule: "name".into(),
            description: "".into(),
            ruleset: "".into(),
            matched: "".into(),
            action: "block",
            source: "firewallCustom",
            match_index: 0,
            client: IpAddr::from([192, 0, 2, 1]),
            method: Box::default(),
            host: Box::default(),
            path: Box::default(),
            query: Box::default(),
            user_agent: Box::default(),
            referer: Box::default(),
            protocol: "HTTP/2",
            scheme: "https",
            status: 403,
            origin_status: 0,
        }
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let events = Events::default();
        for number in 0..=u16::try_from(EVENTS_MAX).unwrap() {
            events.push(event(number));
        }
        let (taken, dropped) = events.take();
        assert_eq!((taken.len(), dropped, taken[0].ray), (EVENTS_MAX, 1, RayId(1)));
        assert_eq!(events.take(), (Vec::new(), 0));
    }
}
