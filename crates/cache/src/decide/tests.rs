//! What the tests of the decisions share, and those of the decisions as a whole.

mod anything;
mod conditional;
mod head;
mod request;
mod storing;

use rempart_base::date::imf_fixdate;
use rempart_flow::{Method, RequestHead, ResponseHead};
use rempart_http1::{HeadLimits, Parsed};

use super::*;
use crate::plan::{CachePlan, Level};

/// 2026-11-26.
pub(super) const NOW: u64 = 1_795_651_200;

pub(super) const TIMES: Times = Times { asked_unix_s: NOW, answered_unix_s: NOW };

/// `now`, `now+5`, `now-5` as a date.
fn value(text: &str) -> Vec<u8> {
    let moment = text.strip_prefix("now").map(|delta| NOW.saturating_add_signed(delta.parse().unwrap_or(0)));
    moment.map_or_else(|| text.as_bytes().to_vec(), |moment| imf_fixdate(moment).to_vec())
}

/// From `METHOD /target`.
pub(super) fn request(start: &str, lines: &[(&str, &str)]) -> RequestHead {
    let mut text = format!("{start} HTTP/1.1\r\nHost: www.example.com\r\n").into_bytes();
    append(&mut text, lines);
    let mut head = RequestHead::default();
    let parsed = rempart_http1::request::parse(&text, &HeadLimits::default(), &mut head);
    assert!(matches!(parsed, Ok(Parsed::Complete { .. })), "{parsed:?}");
    head
}

pub(super) fn response(status: u16, lines: &[(&str, &str)]) -> ResponseHead {
    let mut text = format!("HTTP/1.1 {status} X\r\n").into_bytes();
    append(&mut text, lines);
    let mut head = ResponseHead::default();
    let parsed = rempart_http1::response::parse(&text, &HeadLimits::default(), Method::Get, &mut head);
    assert!(matches!(parsed, Ok(Parsed::Complete { .. })), "{parsed:?}");
    head
}

fn append(text: &mut Vec<u8>, lines: &[(&str, &str)]) {
    for (name, line) in lines {
        rempart_http1::encode::field(text, name.as_bytes(), &value(line));
    }
    text.extend_from_slice(b"\r\n");
}

/// The settings of the public suite.
fn letter() -> CachePlan {
    CachePlan {
        level: Level::Everything,
        heuristic: true,
        store_set_cookie: true,
        ..CachePlan::of("example.com")
    }
}

fn look_up(request: &RequestHead, plan: &CachePlan) -> Lookup {
    match wants(request, plan) {
        Wants::Lookup(lookup) => lookup,
        Wants::Pass(reason) => panic!("passes: {reason:?}"),
    }
}
