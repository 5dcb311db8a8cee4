//! What the operator should learn without reading the log: the last notable events, for `status`.

use std::collections::VecDeque;

use parking_lot::Mutex;
use rempart_base::Now;
use serde_json::{Value, json};

use super::status::rfc3339;

/// How many are kept.
const KEPT: usize = 100;

/// The last notable events. Each has been logged too.
#[derive(Default)]
pub(crate) struct Events(Mutex<VecDeque<Event>>);

struct Event {
    at: Now,
    kind: &'static str,
    release: Option<u64>,
    text: String,
}

impl Events {
    /// Keeps one, and forgets the oldest if there are too many. `kind` is one word for programs.
    pub(crate) fn note(&self, kind: &'static str, release: Option<u64>, text: String) {
        let mut events = self.0.lock();
        if events.len() == KEPT {
            events.pop_front();
        }
        events.push_back(Event { at: Now::read(), kind, release, text });
    }

    /// The oldest first.
    pub(crate) fn json(&self) -> Vec<Value> {
        let one = |event: &Event| json!({"at": rfc3339(event.at), "kind": event.kind, "release": event.release, "text": event.text});
        self.0.lock().iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let events = Events::default();
        for number in 0..=KEPT {
            events.note("test", None, number.to_string());
        }
        let json = events.json();
        assert_eq!((json.len(), json[0]["text"].as_str()), (KEPT, Some("1")));
    }
}
