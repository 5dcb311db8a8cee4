//! An answer that the edge gives by itself because a rule says so.

use bytes::Bytes;

/// An answer that the edge gives by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status. 0: that of the error in whose place it is given.
    pub status: u16,
    /// Fields beside those of every answer.
    pub fields: Vec<(&'static str, Box<[u8]>)>,
    /// The body: shared, however many get it.
    pub body: Bytes,
    /// What kind of failure it shows (`cf.response.error_type`); empty if it shows none.
    pub error_type: &'static str,
    /// Cloudflare's number of that failure (`cf.response.1xxx_code`); 0 if it has none.
    pub error_code: u16,
    /// Whether the operator wrote it for this very rule: what custom errors say of other failures is not said then.
    pub is_custom: bool,
    /// The connection is closed without a word.
    pub is_closed: bool,
}

impl Reply {
    /// This body.
    #[must_use]
    pub fn of(status: u16, body: Bytes) -> Self {
        Self { status, body, ..Self::default() }
    }

    /// None at all.
    #[must_use]
    pub fn closed() -> Self {
        Self { is_closed: true, ..Self::default() }
    }
}
