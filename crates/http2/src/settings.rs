//! SETTINGS (RFC 9113 section 6.5): what the peer said, and what we say.

use crate::config::Config;
use crate::connection::Violation;
use crate::flow_control::INITIAL_WINDOW_BYTES;
use crate::frame::{ErrorCode, MAX_31};

/// The parameters that are known.
pub(crate) mod id {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
    /// RFC 8441 section 3.
    pub(crate) const ENABLE_CONNECT_PROTOCOL: u16 = 8;
    /// RFC 9218 section 2.1.
    pub(crate) const NO_RFC7540_PRIORITIES: u16 = 9;
}

/// The smallest and the first bound of a frame's payload (section 6.5.2).
pub(crate) const FRAME_BYTES_MIN: u32 = 16_384;
/// The largest (section 6.5.2).
pub(crate) const FRAME_BYTES_MAX: u32 = (1 << 24) - 1;
/// The dynamic table before anybody said anything (section 6.5.2).
pub(crate) const TABLE_BYTES: u32 = 4096;
/// Streams toward a server that has not said how many it takes. It may allow any number; this many are no reason
/// to refuse them (section 6.5.2 recommends no less than 100).
const STREAMS_UNSAID: u32 = 100;

/// What the peer allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerSettings {
    pub(crate) table_bytes: u32,
    pub(crate) streams_max: u32,
    pub(crate) window_bytes: u32,
    pub(crate) frame_bytes_max: u32,
    pub(crate) has_connect_protocol: bool,
    pub(crate) no_old_priorities: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            table_bytes: TABLE_BYTES,
            streams_max: STREAMS_UNSAID,
            window_bytes: INITIAL_WINDOW_BYTES,
            frame_bytes_max: FRAME_BYTES_MIN,
            has_connect_protocol: false,
            no_old_priorities: false,
        }
    }
}

impl PeerSettings {
    /// Takes one parameter in. `from_server` says who sends it.
    pub(crate) fn take(&mut self, id: u16, value: u32, from_server: bool) -> Result<(), Violation> {
        match id {
            id::HEADER_TABLE_SIZE => self.table_bytes = value,
            id::ENABLE_PUSH if value > 1 || (from_server && value == 1) => {
                return Err(Violation::protocol("ENABLE_PUSH is no value that may be sent"));
            }
            id::MAX_CONCURRENT_STREAMS => self.streams_max = value,
            id::INITIAL_WINDOW_SIZE => {
                if value > MAX_31 {
                    let what = "INITIAL_WINDOW_SIZE above 2^31-1";
                    return Err(Violation { code: ErrorCode::FLOW_CONTROL_ERROR, what });
                }
                self.window_bytes = value;
            }
            id::MAX_FRAME_SIZE => {
                if !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&value) {
                    return Err(Violation::protocol("MAX_FRAME_SIZE out of range"));
                }
                self.frame_bytes_max = value;
            }
            id::ENABLE_CONNECT_PROTOCOL => {
                // RFC 8441 section 3: once granted, it stays. From a client it says nothing.
                if value > 1 || (value == 0 && self.has_connect_protocol) {
                    return Err(Violation::protocol("ENABLE_CONNECT_PROTOCOL taken back or not 0 or 1"));
                }
                self.has_connect_protocol = from_server && value == 1;
            }
            id::NO_RFC7540_PRIORITIES => {
                if value > 1 {
                    return Err(Violation::protocol("NO_RFC7540_PRIORITIES is not 0 or 1"));
                }
                self.no_old_priorities = value == 1;
            }
            // ENABLE_PUSH: we push nothing. MAX_HEADER_LIST_SIZE is advice; unknown ones are ignored (section 6.5.2).
            _ => {}
        }
        Ok(())
    }
}

/// The parameters of a SETTINGS payload whose length is right.
pub(crate) fn parameters(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload
        .as_chunks::<6>()
        .0
        .iter()
        .map(|&[i0, i1, v0, v1, v2, v3]| (u16::from_be_bytes([i0, i1]), u32::from_be_bytes([v0, v1, v2, v3])))
}

/// The payload of our SETTINGS. What is as it is without saying is not said, but for the bound of streams, which
/// is unlimited until then.
pub(crate) fn ours(config: &Config, is_server: bool) -> Vec<u8> {
    let mut payload = Vec::with_capacity(48);
    let mut say = |id: u16, value: u32, unsaid: Option<u32>| {
        if Some(value) != unsaid {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
    };
    say(id::HEADER_TABLE_SIZE, config.table_bytes_max, Some(TABLE_BYTES));
    if is_server {
        say(id::MAX_CONCURRENT_STREAMS, config.streams_max, None);
    } else {
        say(id::ENABLE_PUSH, 0, None);
    }
    say(id::INITIAL_WINDOW_SIZE, config.stream_window_bytes, Some(INITIAL_WINDOW_BYTES));
    say(id::MAX_FRAME_SIZE, config.frame_bytes_max, Some(FRAME_BYTES_MIN));
    say(id::MAX_HEADER_LIST_SIZE, u32::try_from(config.head.head_bytes_max).unwrap_or(u32::MAX), None);
    if is_server {
        say(id::ENABLE_CONNECT_PROTOCOL, u32::from(config.has_connect_protocol), Some(0));
    }
    say(id::NO_RFC7540_PRIORITIES, 1, None);
    payload
}
